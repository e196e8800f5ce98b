"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const by = (id) => document.getElementById(id);
  const list = by("list"), space = by("space"), detail = by("detail"), canvas = by("canvas");
  const MOST_PRINTED = 2000, AHEAD = 3;
  let shown = [], active = 0, sort = "order", turned = false, grid = false, opened = null, picture = null;

  // Texts enter the page as text alone, never as HTML: names of files are not to be trusted.
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const svg = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const source = (row, place) => {
    const thumb = row.thumbs[place];
    if (thumb === undefined) return "";
    return data.folder === null ? "data:image/webp;base64," + thumb : encodeURIComponent(data.folder) + "/" + thumb;
  };
  const name = (row) => row.path.split(/[\\/]/).pop() || row.path;
  const percent = (value) => Math.round(100 * value) + " %";
  const time = (s) => Math.floor(s / 60) + ":" + (s % 60).toFixed(1).padStart(4, "0");
  const told = (row) => Object.entries(row.families).filter(([, f]) => f[2]).sort((a, b) => b[1][0] - a[1][0]);
  const quality = (row) => (row.qualities || []).find((q) => q.label === by("by").value);
  const inPart = (row) => Object.keys(row.maps).filter((family) => !row.families[family][2]);

  data.rows.forEach((row, i) => {
    row.order = i;
    row.lower = row.path.toLowerCase();
    row.told = told(row);
    row.part = inPart(row);
  });

  const key = {
    order: (row) => row.order,
    path: (row) => row.lower,
    found: (row, family) => -(family ? probability(row, family) : Math.max(-1, ...row.told.map(([, f]) => f[0]))),
    severity: (row, family) => -Math.max(-1, ...row.told.filter(([n]) => !family || n === family).map(([, f]) => f[1] || 0)),
    quality: (row) => (quality(row) ? quality(row).value : Infinity),
    size: (row) => -row.width * row.height,
  };
  const probability = (row, family) => (row.families[family] ? row.families[family][0] : -1);

  function choose() {
    const text = by("text").value.toLowerCase(), family = by("family").value, state = by("state").value;
    const least = Number(by("least").value) || 0;
    const states = { part: (row) => row.part.length > 0, video: (row) => row.video !== undefined };
    shown = data.rows.filter((row) => {
      if (text && !row.lower.includes(text)) return false;
      if (state && !(states[state] ? states[state](row) : row.state === state)) return false;
      if (least > 0) {
        const values = family ? [probability(row, family)] : Object.values(row.families).map((f) => f[0]);
        return Math.max(-1, ...values) >= least;
      }
      return !family || row.told.some(([n]) => n === family) || row.part.includes(family);
    });
    const value = key[sort], way = turned ? -1 : 1, keys = new Map(shown.map((row) => [row, value(row, family)]));
    shown.sort((a, b) => (keys.get(a) < keys.get(b) ? -way : keys.get(a) > keys.get(b) ? way : a.order - b.order));
    by("count").textContent = shown.length + " of " + data.rows.length;
    active = 0;
    list.scrollTop = 0;
    draw();
  }

  const columns = () => (grid ? Math.max(1, Math.floor(list.clientWidth / 194)) : 1);
  const step = () => (grid ? 192 : 72);

  function draw() {
    const across = columns(), height = step();
    space.style.height = Math.ceil(shown.length / across) * height + "px";
    const first = Math.max(0, Math.floor(list.scrollTop / height) - AHEAD);
    const last = Math.ceil((list.scrollTop + list.clientHeight) / height) + AHEAD;
    const nodes = [];
    for (let i = first * across; i < Math.min(shown.length, last * across); i++) nodes.push(line(shown[i], i, across, height));
    space.replaceChildren(...nodes);
    if (shown.length) list.setAttribute("aria-activedescendant", "row-" + active);
    else list.removeAttribute("aria-activedescendant");
  }

  function line(row, i, across, height) {
    const node = make("div", "row" + (i === active ? " active" : ""));
    node.id = "row-" + i;
    node.setAttribute("role", "option");
    node.setAttribute("aria-selected", String(i === active));
    node.setAttribute("aria-setsize", shown.length);
    node.setAttribute("aria-posinset", i + 1);
    node.style.top = Math.floor(i / across) * height + "px";
    if (grid) node.style.left = (i % across) * 194 + "px";
    const image = make(row.thumbs.length ? "img" : "span", "thumb");
    if (row.thumbs.length) Object.assign(image, { alt: "", src: source(row, 0) });
    const title = make("span", "name");
    const folder = row.path.slice(0, row.path.length - name(row).length);
    title.append(make("span", "folder", folder), name(row));
    title.title = row.path;
    const severity = row.told.map(([, f]) => f[1]).filter((s) => s !== null);
    node.append(image, title, chips(row));
    node.append(make("span", "number", severity.length ? Math.max(...severity).toFixed(1) : ""));
    node.append(make("span", "number", quality(row) ? quality(row).value.toFixed(2) : ""));
    node.append(make("span", "number", row.width ? row.width + " x " + row.height : ""));
    node.addEventListener("click", () => { active = i; open(row); });
    return node;
  }

  function chips(row) {
    const box = make("span", "chips");
    for (const [family, f] of row.told) box.append(make("span", "chip", family + " " + f[0].toFixed(2)));
    for (const family of row.part) box.append(make("span", "chip part", family + " in a part"));
    const words = { clean: "clean", unjudged: "not judged", error: "failed" };
    if (!box.childElementCount) box.append(make("span", "chip quiet", words[row.state] || ""));
    return box;
  }

  function move(to) {
    active = Math.min(Math.max(to, 0), shown.length - 1);
    const top = Math.floor(active / columns()) * step();
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + step() > list.scrollTop + list.clientHeight) list.scrollTop = top + step() - list.clientHeight;
    draw();
  }

  list.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(list.clientHeight / step())) * columns();
    const moves = { ArrowDown: columns(), ArrowUp: -columns(), PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (grid) Object.assign(moves, { ArrowRight: 1, ArrowLeft: -1 });
    if (event.key in moves) move(active + moves[event.key]);
    else if (event.key === "Enter" && shown[active]) open(shown[active]);
    else return;
    event.preventDefault();
  });

  function open(row) {
    opened = row;
    draw();
    by("detail-name").textContent = row.path;
    const rank = ([family, f]) => (f[2] ? 4 : row.part.includes(family) ? 2 : 0) + f[0];
    const facts = Object.entries(row.families).sort((a, b) => rank(b) - rank(a)).map(([family, f]) => {
      const node = make("tr"), head = make("th", "", family);
      head.scope = "row";
      const severity = f[2] && f[1] !== null ? "severity " + f[1].toFixed(1) : "";
      node.append(head, make("td", "number", f[0].toFixed(2)), make("td", "", f[2] ? severity || "present" : row.part.includes(family) ? "in a part" : ""), make("td", "", f[3]));
      return node;
    });
    for (const q of row.qualities || []) {
      const node = make("tr"), head = make("th", "", q.label), scale = "of " + q.low + " to " + q.high;
      head.scope = "row";
      const worst = q.worst === undefined ? "" : "worst second " + q.worst.toFixed(2) + " at " + time(q.time);
      node.append(head, make("td", "number", q.value.toFixed(2)), make("td", "", scale), make("td", "", worst));
      facts.push(node);
    }
    by("facts").replaceChildren(...facts);
    by("notes").replaceChildren(...row.notes.map((note) => make("li", "", note)));
    const buttons = [button("Picture", () => show(0, null))];
    for (const [family, map] of Object.entries(row.maps)) buttons.push(button(family, () => show(0, map)));
    (row.shots || []).forEach((shot, i) => buttons.push(button(shot.family + " at " + time(shot.time), () => show(i, shot.map))));
    by("maps").replaceChildren(...(row.thumbs.length ? buttons : []));
    by("timeline").replaceChildren(...(row.video ? timeline(row.video, row.qualities || []) : []));
    canvas.hidden = !row.thumbs.length;
    detail.showModal();
    if (row.thumbs.length) by("maps").firstChild.click();
    else by("place").textContent = "";
  }

  function button(text, action) {
    const node = make("button", "", text);
    node.type = "button";
    node.addEventListener("click", () => {
      for (const other of node.parentNode.children) other.setAttribute("aria-pressed", String(other === node));
      action();
    });
    return node;
  }

  function show(place, map) {
    const image = new Image(), row = opened;
    image.onload = () => { if (row === opened) { picture = image; paint(map); } };
    image.src = source(row, place);
    by("legend").toggleAttribute("hidden", map === null);
    const areas = map ? map.areas.map((a) => a[2] + " x " + a[3] + " at " + a[0] + ", " + a[1]).slice(0, 3).join("; ") : "";
    by("place").textContent = map === null ? "" : (map.rough ? "Rough: this is seen in the whole picture. " : "") + (areas ? "Affected (pixels): " + areas : "No part stands out");
  }

  function paint(map) {
    const factor = Math.max(1, 560 / Math.max(picture.width, picture.height));
    canvas.width = Math.round(picture.width * factor);
    canvas.height = Math.round(picture.height * factor);
    const pen = canvas.getContext("2d");
    pen.filter = map ? "grayscale(1)" : "none";
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    pen.filter = "none";
    canvas.dataset.heat = String(map !== null);
    if (map === null) return;
    const bytes = Uint8Array.from(atob(map.values), (letter) => letter.charCodeAt(0));
    const layer = new ImageData(map.columns, map.rows);
    bytes.forEach((value, i) => layer.data.set([...data.colours[value >> 2], Math.round(255 * (0.25 + 0.4 * value / 255))], 4 * i));
    const small = make("canvas");
    small.width = map.columns;
    small.height = map.rows;
    small.getContext("2d").putImageData(layer, 0, 0);
    const [left, top, right, bottom] = map.box.map((side, i) => side * (i % 2 ? canvas.height : canvas.width));
    pen.imageSmoothingQuality = "high";
    pen.drawImage(small, left, top, right - left, bottom - top);
    pen.strokeStyle = "#fff";
    for (const area of map.areas) pen.strokeRect(...[0, 1, 2, 3].map((i) => area[i] * (i % 2 ? canvas.height / opened.height : canvas.width / opened.width)));
    for (const [colour, width] of [["#000", 5], ["#fff", 2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.beginPath();
      pen.arc(map.worst[0] * canvas.width, map.worst[1] * canvas.height, 9, 0, 7);
      pen.stroke();
    }
  }

  function timeline(video, qualities) {
    const nodes = [], length = Math.max(video.end - video.start, 1e-6);
    const curve = (label, values, parts, ...more) => {
      const chart = svg("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "img", "aria-label": label + " over time" });
      chart.append(svg("rect", { class: "back", width: 1000, height: 100 }));
      for (const [onset, offset] of parts) chart.append(svg("rect", { class: "part", x: (1000 * (onset - video.start)) / length, y: 0, width: Math.max(2, (1000 * (offset - onset)) / length), height: 100 }));
      const points = values.map((value, i) => (value < 0 ? null : (1000 * (i + 0.5)) / values.length + "," + (100 - value))).filter(Boolean);
      chart.append(...more, svg("polyline", { class: "curve", points: points.join(" ") }));
      return chart;
    };
    for (const q of qualities)
      nodes.push(make("h3", "", q.label + ", mean " + q.value.toFixed(2)), curve(q.label, q.curve, [[q.time, q.time + 1]]), make("p", "muted", "The worst second, " + q.worst.toFixed(2) + ", from " + time(q.time) + "; the curve is from " + q.low + " to " + q.high + ", high is good"));
    for (const [family, f] of Object.entries(video.families)) {
      const limit = 100 - 100 * f.threshold;
      const chart = curve(family, f.curve, f.segments, svg("line", { class: "limit", x1: 0, x2: 1000, y1: limit, y2: limit }));
      const spans = f.segments.slice(0, 6).map(([on, off, , kind]) => time(on) + " to " + time(off) + (kind ? " " + kind : "")).join("; ");
      nodes.push(make("h3", "", family + ", " + percent(f.share) + " of frames"), chart, make("p", "muted", spans || "no segment"));
    }
    nodes.push(make("p", "muted", "From " + time(video.start) + " to " + time(video.end)));
    return nodes;
  }

  by("legend").append(...data.colours.map((colour, i) => svg("rect", { x: 10 * i, y: 0, width: i < 63 ? 11 : 10, height: 10, fill: "rgb(" + colour + ")" })));
  for (const [x, text, anchor] of [[0, "0", "start"], [640, "1", "end"], [320, "probability", "middle"]]) {
    const node = svg("text", { x, y: 24, "text-anchor": anchor });
    node.textContent = text;
    by("legend").append(node);
  }
  for (const id of ["text", "family", "state", "least", "by"]) by(id).addEventListener("input", choose);
  for (const node of document.querySelectorAll("#head button"))
    node.addEventListener("click", () => {
      turned = sort === node.dataset.sort && !turned;
      sort = node.dataset.sort;
      for (const other of document.querySelectorAll("#head button")) other.textContent = other.textContent.replace(/ [↑↓]$/, "");
      node.textContent += turned ? " ↑" : " ↓";
      choose();
    });
  for (const node of document.querySelectorAll("button.family"))
    node.addEventListener("click", () => { by("family").value = node.dataset.family; choose(); list.focus(); });
  by("view").addEventListener("click", () => {
    grid = !grid;
    list.classList.toggle("grid", grid);
    by("view").setAttribute("aria-pressed", String(grid));
    move(active);
  });
  by("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    document.documentElement.dataset.theme = dark === "dark" ? "light" : "dark";
    by("theme").setAttribute("aria-label", "Colours: " + document.documentElement.dataset.theme);
  });
  by("close").addEventListener("click", () => detail.close());
  detail.addEventListener("close", () => { opened = null; list.focus(); });
  list.addEventListener("scroll", draw, { passive: true });
  addEventListener("resize", draw);
  addEventListener("beforeprint", () => {
    by("paper").replaceChildren(...shown.slice(0, MOST_PRINTED).map((row) => {
      const node = make("tr"), cell = make("td"), image = make("img");
      if (row.thumbs.length) { image.src = source(row, 0); cell.append(image); }
      const words = row.told.map(([family, f]) => family + " " + f[0].toFixed(2) + (f[1] === null ? "" : ", severity " + f[1].toFixed(1)) + (f[3] ? " (" + f[3] + ")" : ""));
      node.append(cell, make("td", "", row.path), make("td", "", [...words, ...row.part.map((f) => f + " in a part"), ...row.notes].join("; ") || row.state));
      return node;
    }));
    if (shown.length > MOST_PRINTED) by("paper").append(make("caption", "", "The first " + MOST_PRINTED + " of " + shown.length));
  });
  addEventListener("afterprint", () => by("paper").replaceChildren());
  choose();
})();
