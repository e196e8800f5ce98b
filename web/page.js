"use strict";

const byId = (id) => document.getElementById(id);
const answers = []; // as `dheads predict --json` writes them
window.dheads = { answers, ready: false };

function make(tag, { text, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

async function unpacked(id) {
  const element = byId(id);
  const packed = Uint8Array.from(atob(element.textContent.trim()), (letter) => letter.charCodeAt(0));
  element.remove(); // or its text would be held as well
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

class Model {
  #worker = new Worker(URL.createObjectURL(new Blob([byId("worker").textContent], { type: "text/javascript" })));
  #waiting = new Map();
  #last = 0;

  constructor() {
    this.#worker.onmessage = ({ data: { id, value, error } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve(value);
      else reject(new Error(error));
    };
    this.#worker.onerror = (event) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message || "the model cannot be started"));
      this.#waiting.clear();
    };
  }

  #ask(message, transfer = []) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...message }, transfer);
    });
  }

  async start() {
    const [runtime, wasm, model] = await Promise.all(["runtime", "wasm", "model"].map(unpacked));
    return this.#ask({ start: { runtime, wasm, model } }, [runtime, wasm, model]);
  }

  judge(name, blob) {
    return this.#ask({ picture: { name, blob } });
  }

  locate(blob) {
    return this.#ask({ place: blob });
  }
}

const words = (label) => (label === "other" ? "another kind" : label.replaceAll("_", " "));
const percent = (share) => `${Math.round(100 * share)} %`;

function row(name, { probability, threshold, present, severity }, kinds = "", where = undefined) {
  const track = make("div", { className: "track" },
    Object.assign(make("div", { className: "fill" }), { style: `width: ${100 * probability}%` }),
    Object.assign(make("div", { className: "mark", title: `threshold ${threshold}` }), { style: `left: ${100 * threshold}%` }));
  const how = present && severity !== null ? `severity ${severity.toFixed(1)} of 5` : "";
  const element = make("div", { className: present ? "answer present" : "answer" },
    make("span", { className: "name", text: words(name) }), track,
    make("span", { className: "value", text: percent(probability) }), make("span", { className: "how", text: how }));
  if (where) element.append(where);
  if (kinds) element.append(make("p", { className: "kinds", text: kinds }));
  return element;
}

function described(answer, whereIs) {
  if (answer.error !== undefined) return [make("p", { className: "verdict", text: `Not judged: ${answer.error}` })];
  const size = make("p", { className: "size", text: `${answer.width} x ${answer.height} pixels` });
  if (answer.judged === false) return [size, make("p", { className: "verdict", text: `Not judged: ${answer.reason}` })];
  const families = [...answer.families].sort((a, b) => b.present - a.present || b.probability - a.probability);
  const found = families.filter((family) => family.present).map((family) => words(family.family));
  const verdict = make("p", { className: "verdict", text: found.length ? `Found: ${found.join(", ")}` : "Nothing found" });
  const rows = families.map((family) => row(family.family, family,
    family.present ? family.kinds.slice(0, 3).map((kind) => `${words(kind.label)} ${percent(kind.share)}`).join(", ") : "",
    mapped.has(family.family) ? whereIs(family.family) : undefined));
  const heads = answer.heads.filter((head) => head.scope !== "family").sort((a, b) => b.probability - a.probability);
  const all = make("details", { className: "all" }, make("summary", { text: `All ${heads.length} kinds` }),
    ...heads.map((head) => row(head.label, head)));
  const quality = (answer.qualities ?? (answer.quality ? [answer.quality] : [])).map(({ label, value, scale }) =>
    make("p", { className: "quality", text: `${words(label)} ${value.toFixed(1)} on a scale from ${scale[0]} (bad) to ${scale[1]} (good)` }));
  return [size, verdict, ...quality, ...rows, all];
}

const COLOURS = /* colours */; // sRGB of 0, 1/255 ... 1
const MAP_SIDE = 640; // pixels of the longer side of a map as it is drawn
const FAINT = 0.25, STRONG = 0.65; // opacity of the colours of 0 and of 1

// Draws a map over its picture in grey, with a line around what is affected.
function drawMap(canvas, bitmap, { rows, columns, down, right, values, level }) {
  const scale = Math.min(1, MAP_SIDE / Math.max(bitmap.width, bitmap.height));
  const width = canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  const height = canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  const picture = context.getImageData(0, 0, width, height), { data } = picture, smooth = new Float32Array(width * height);
  const between = (place, count) => {
    const at = Math.min(count - 1, Math.max(0, place)), low = Math.floor(at);
    return [low, Math.min(low + 1, count - 1), at - low];
  };
  for (let y = 0; y < height; y++) {
    const [top, bottom, below] = between((y + 0.5) / scale / down - 0.5, rows);
    for (let x = 0; x < width; x++) {
      const [left, next, beside] = between((x + 0.5) / scale / right - 0.5, columns);
      const across = (line) => values[line * columns + left] * (1 - beside) + values[line * columns + next] * beside;
      smooth[y * width + x] = across(top) * (1 - below) + across(bottom) * below;
    }
  }
  const isIn = (at) => smooth[at] >= level;
  for (let at = 0; at < smooth.length; at++) {
    const grey = 0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2];
    const opacity = FAINT + (STRONG - FAINT) * smooth[at], colour = COLOURS[Math.round(255 * smooth[at])];
    const isEdge = isIn(at) !== isIn(at % width ? at - 1 : at) || isIn(at) !== isIn(at >= width ? at - width : at);
    for (let i = 0; i < 3; i++) data[4 * at + i] = isEdge ? 255 : (1 - opacity) * grey + opacity * colour[i];
  }
  context.putImageData(picture, 0, 0);
}

function legend(family, { level, rough }) {
  const stops = [0, 63, 127, 191, 255].map((i) => `rgb(${COLOURS[i].join(" ")})`).join(", ");
  const bar = Object.assign(make("div", { className: "scale" },
    Object.assign(make("div", { className: "mark" }), { style: `left: ${100 * level}%` })), { style: `background: linear-gradient(to right, ${stops})` });
  const told = rough ? "rough: only the order of places counts" : `${words(family)} from the mark on, within the white line`;
  return [bar, make("p", { className: "size", text: `${words(family)}: dark is 0, light is 1; ${told}` })];
}

function show(blob, name) {
  const image = make("img", { src: URL.createObjectURL(blob), alt: "" });
  image.onload = image.onerror = () => URL.revokeObjectURL(image.src);
  const map = make("div", { className: "map", hidden: true }), picture = make("div", {}, image, map);
  const text = make("div", {}, make("h2", { text: name }), make("p", { className: "size", text: "waiting …" }));
  const article = make("article", {}, picture, text);
  byId("answers").prepend(article);
  const pressed = (button) => {
    for (const other of text.querySelectorAll("button.where")) other.setAttribute("aria-pressed", other === button);
    map.hidden = !button;
    image.hidden = Boolean(button);
  };
  const whereIs = (family) => {
    const button = make("button", { type: "button", className: "where", text: "Where?", title: `A map of ${words(family)}` });
    button.setAttribute("aria-pressed", false);
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-pressed") === "true") pressed(undefined);
      else drawing = drawing.then(() => drawn(family, button)); // one after another, the last one stays
    });
    return button;
  };
  let drawing = Promise.resolve();
  const drawn = async (family, button) => {
    try {
      article.maps ??= await after(() => {
        say(`Looking where in ${name} …`);
        return model.locate(blob);
      });
      const bitmap = await createImageBitmap(blob), canvas = make("canvas", { role: "img", ariaLabel: `Where there is ${words(family)}` });
      drawMap(canvas, bitmap, article.maps[family]);
      bitmap.close();
      map.replaceChildren(canvas, ...legend(family, article.maps[family]));
      pressed(button);
      say("");
    } catch (error) {
      say(`No map of ${name}: ${error.message}`);
    }
  };
  return (answer) => text.replaceChildren(make("h2", { text: name }), ...described(answer, whereIs));
}

const model = new Model();
let queue = Promise.resolve(), waiting = 0, mapped = new Set();

// The model does one thing after another.
function after(act) {
  const result = queue.then(act);
  queue = result.catch(() => {});
  return result;
}

function say(text) {
  byId("status").textContent = text;
}

function judgeAll(pictures) {
  for (const [name, blob] of pictures) {
    const finish = show(blob, name);
    waiting += 1;
    after(async () => {
      say(`Judging ${name} …`);
      const started = performance.now();
      let answer;
      try {
        answer = await model.judge(name, blob);
      } catch (error) {
        answer = { path: name, error: error.message };
      }
      finish(answer);
      answers.push(answer);
      waiting -= 1;
      byId("save").disabled = byId("clear").disabled = waiting > 0;
      say(waiting ? "" : `${answers.length} judged, the last one in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
    });
  }
}

const picturesIn = (list) => [...list].filter((file) => file.type.startsWith("image/")).map((file) => [file.name, file]);

function take(list) {
  const pictures = picturesIn(list);
  if (pictures.length) judgeAll(pictures);
  else if (list.length) say("That is no picture.");
}

const drop = byId("drop");
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop") take(event.dataTransfer.files);
  });
}
document.addEventListener("paste", (event) => take(event.clipboardData.files));
byId("files").addEventListener("change", (event) => {
  take(event.target.files);
  event.target.value = "";
});

let stream;
byId("camera").addEventListener("click", async () => {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
  } catch (error) {
    say(`No camera: ${error.message}`);
    return;
  }
  byId("viewfinder").hidden = false;
  byId("video").srcObject = stream;
  await byId("video").play();
  byId("shoot").focus();
});
byId("stop").addEventListener("click", () => {
  stream?.getTracks().forEach((track) => track.stop());
  byId("viewfinder").hidden = true;
});
byId("shoot").addEventListener("click", () => {
  const video = byId("video");
  const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => judgeAll([[`camera ${new Date().toLocaleTimeString()}`, blob]]), "image/png");
});

byId("save").addEventListener("click", () => {
  const lines = answers.map((answer) => `${JSON.stringify(answer)}\n`).join("");
  const link = make("a", { href: URL.createObjectURL(new Blob([lines], { type: "application/x-ndjson" })), download: "answers.jsonl" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
byId("clear").addEventListener("click", () => {
  answers.length = 0;
  byId("answers").replaceChildren();
  byId("save").disabled = byId("clear").disabled = true;
  say("Ready.");
});

queue = model.start().then(
  ({ backbone, heads, maps }) => {
    mapped = new Set(maps);
    byId("about").textContent = `${heads} heads of ${backbone}.`;
    window.dheads.ready = true;
    say("Ready.");
  },
  (error) => {
    say(`The model cannot be started: ${error.message}`);
    throw error;
  },
);
