// Decodes pictures and runs the model, so that the page stays responsive. Its data come from the page, once.
let session, facts, ort;

const LARGEST = 40e6; // pixels: more would not fit into the memory of WebAssembly

async function start({ runtime, wasm, model }) {
  const place = URL.createObjectURL(new Blob([runtime], { type: "text/javascript" }));
  ort = await import(place);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = wasm;
  session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  facts = metadata(model);
  return { backbone: facts.backbone, heads: facts.heads.length + facts.qualities.length, maps: mapped() };
}

// ONNX Runtime Web does not hand out the metadata of a model: they are entries (field 14) of its protocol buffer.
function metadata(model) {
  const bytes = new Uint8Array(model);
  let at = 0;
  const number = () => {
    let value = 0, scale = 1, byte;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  };
  const text = (from, to) => new TextDecoder().decode(bytes.subarray(from, to));
  while (at < bytes.length) {
    const tag = number();
    if ((tag & 7) === 0) { number(); continue; }
    const size = number(), end = at + size;
    if (tag >> 3 === 14) {
      const entry = {};
      while (at < end) {
        const field = number() >> 3, length = number();
        entry[field] = text(at, at + length);
        at += length;
      }
      if (entry[1] === "dheads") return JSON.parse(entry[2]);
    }
    at = end;
  }
  throw new Error("the model names no heads");
}

async function pixelsOf(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob); // upright, in sRGB
  } catch {
    throw new Error("this browser cannot read it as a picture");
  }
  const { width, height } = bitmap;
  if (width * height > LARGEST) throw new Error(`${width} x ${height} is too large for a page: use dheads predict`);
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white"; // what is transparent lies on white
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    pixels[to++] = data[from];
    pixels[to++] = data[from + 1];
    pixels[to++] = data[from + 2];
  }
  return { pixels, width, height };
}

const isMap = (output) => output.startsWith("heat");
const mapped = () => [...(facts.heat ?? []), ...(facts.heat_rough ?? [])];

function run({ pixels, width, height }, wanted) {
  return session.run({ pixels: new ort.Tensor("uint8", pixels, [height, width, 3]) }, session.outputNames.filter(wanted));
}

// By family: float `values` of `rows` x `columns` places of `down` x `right` pixels, affected from `level` on.
async function locate(blob) {
  const results = await run(await pixelsOf(blob), isMap), maps = {};
  for (const output of ["heat", "heat_rough"]) {
    for (const [i, family] of (facts[output] ?? []).entries()) {
      const [, rows, columns] = results[output].dims, [down, right] = results[`${output}_side`].data;
      const values = results[output].data.slice(i * rows * columns, (i + 1) * rows * columns);
      maps[family] = { rows, columns, down, right, values, level: results[`${output}_level`].data[i], rough: output !== "heat" };
    }
  }
  return maps;
}

// The answer has the keys of `dheads predict --json`.
async function judge({ name, blob }) {
  const picture = await pixelsOf(blob), { width, height } = picture;
  const results = await run(picture, (output) => !isMap(output));
  const out = Object.fromEntries(Object.entries(results).map(([key, tensor]) => [key, Array.from(tensor.data)]));
  const answer = { path: name, width, height, windows: Number(out.windows[0]), backbone: facts.backbone };
  if (!out.judged[0]) {
    const small = Math.min(width, height) < 48;
    const reason = `too little to judge: ${small ? `${width} x ${height} pixels` : "almost no structure"}`;
    return { ...answer, windows: 0, judged: false, reason, families: [], heads: [] };
  }
  const digits = (value, count) => (Number.isNaN(value) ? null : Number(value.toFixed(count)));
  const said = (prefix, i) => ({
    probability: digits(out[`${prefix}probability`][i], 6),
    threshold: digits(prefix ? out.family_threshold[i] : facts.heads[i].threshold, 6),
    present: Boolean(out[`${prefix}present`][i]),
    severity: digits(out[`${prefix}severity`][i], 2),
  });
  const heads = facts.heads.map((head, i) => ({
    label: head.label, family: head.family, ...said("", i), ...(head.scope === "family" ? { scope: "family" } : {}),
  }));
  const families = facts.families.map(({ family }, i) => {
    const kinds = facts.heads
      .map((head, row) => ({ label: head.label, share: out.share[row], belongs: head.family === family && head.scope !== "family" }))
      .filter((kind) => kind.belongs);
    kinds.push({ label: "other", share: out.family_other_share[i] });
    const shown = kinds.filter((kind) => kind.share >= 0.05).sort((a, b) => b.share - a.share);
    return { family, ...said("family_", i), kinds: shown.map(({ label, share }) => ({ label, share: digits(share, 6) })) };
  });
  const qualities = facts.qualities.map(({ label, low, high, target }, i) => ({
    label, value: digits(out.quality[i], 2), scale: [low, high], target, spread: digits(out.quality_spread[i], 2),
  }));
  return {
    ...answer, families, heads,
    ...(qualities.length ? { quality: qualities[0] } : {}), ...(qualities.length > 1 ? { qualities } : {}),
  };
}

onmessage = async ({ data: { id, start: parts, picture, place } }) => {
  try {
    postMessage({ id, value: await (parts ? start(parts) : place ? locate(place) : judge(picture)) });
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
};
