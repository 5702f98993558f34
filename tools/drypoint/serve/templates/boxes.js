// The boxes that the engine finds in a picture, on the drawing pad, and the sliders of its decoder.

const PARTS = 16; // of a pixel: the unit of boxes
const ONE = 2 ** 30; // a probability of 1

// The decoder of a program, or null; `conf` and `iou` are where the sliders begin.
function readDecoder({ decoder: config, out: { h, w, c } }) {
  if (config?.type !== "boxes") return null;
  const { classes, cell, conf, iou, most, cells, background = false } = config;
  const names = Array.isArray(classes) ? classes.map((name) => printable(String(name))) : [];
  const first = background ? 1 : 0;
  const fits = names.length && first + names.length + (cells ? 0 : 4) === c && cell >= 1
    && cell * Math.max(h, w) <= 4095 && conf > 0 && conf < 1 && iou >= 0 && iou <= 1
    && most >= 1 && most <= 1000;
  if (!fits) throw new Error("the decoder of boxes in the meta does not fit the output");
  return { classes: names, first, cell, conf, iou, most, cells };
}

// What the engine finds in an answer, best first: {value, score, probability, box: [left, top, right,
// bottom]}, in sixteenths of a pixel.
function findBoxes(answer) {
  const { engine: { exports, program: { part: decoder, scale } } } = state;
  const { cells, first, cell, most, conf } = decoder;
  const least = Math.ceil(first ? conf * ONE : Math.log(conf / (1 - conf)) / scale) - 1;
  const cutoff = Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, least));
  const iou = cells ? 0 : Math.round(1000 * decoder.iou);
  new Int32Array(exports.memory.buffer, exports.output(), answer.output.length).set(answer.output);
  const [mult, shift] = Object.values(fixedPoint(PARTS * cell * scale)).map(Number);
  const n = exports.find(cells, first, cutoff, cell, mult, shift, iou, most);
  const view = new DataView(exports.memory.buffer, exports.boxes(), 16 * n);
  return Array.from({ length: n }, (_, i) => {
    const [value, ...box] = [4, 6, 8, 10, 12].map((at) => view.getUint16(16 * i + at, true));
    const score = view.getInt32(16 * i, true);
    return { value, score, box, probability: first ? score / ONE : 1 / (1 + Math.exp(-score * scale)) };
  });
}

// Draw boxes over the picture on the pad.
function drawBoxes(pad, { input, resize, part: { classes, first } }, found) {
  const { canvas } = pad;
  const pen = canvas.getContext("2d");
  const [left, top, width, height] = pad.frame(input, resize);
  const style = getComputedStyle(canvas);
  const line = Math.max(2, Math.round(2 * devicePixelRatio));
  pen.font = `${Math.round(13 * devicePixelRatio)}px ${style.fontFamily}`;
  pen.textBaseline = "bottom";
  for (const { value, probability, box } of found) {
    const [x, y, right, bottom] = box.map((side, i) => (i % 2 ? top : left)
      + ((i % 2 ? height : width) * side) / (PARTS * (i % 2 ? input.h : input.w)));
    pen.lineWidth = line * 2; // a dark line around a light one is seen on any picture
    pen.strokeStyle = "#000";
    pen.strokeRect(x, y, right - x, bottom - y);
    pen.lineWidth = line;
    pen.strokeStyle = "#ffe14d";
    pen.strokeRect(x, y, right - x, bottom - y);
    const text = `${classes[value - first]} ${Math.round(100 * probability)} %`;
    const wide = pen.measureText(text).width + 2 * line;
    const high = Math.round(17 * devicePixelRatio);
    const base = y > high ? y : y + high;
    pen.fillStyle = "#000";
    pen.fillRect(x, base - high, wide, high);
    pen.fillStyle = "#ffe14d";
    pen.fillText(text, x + line, base - line / 2);
  }
}

// The boxes of an answer, by the sliders: on the pad, and how many of each class.
function showFound(answer) {
  const { part: decoder } = state.engine.program;
  for (const id of ["conf", "iou"]) {
    decoder[id] = Number($(id).value);
    $(`${id}-value`).textContent = decoder[id].toFixed(2);
  }
  state.found = answer && findBoxes(answer);
  const counts = decoder.classes.map((_, i) =>
    state.found?.filter(({ value }) => value === decoder.first + i).length);
  const most = Math.max(1, ...counts.map((n) => n ?? 0));
  showRows(decoder.classes.map((name, i) => (
    { name, share: (counts[i] ?? 0) / most, text: counts[i] ?? "\u2013" })));
  $("value").textContent = "found";
  $("decision").textContent = state.found ? state.found.length : "\u2013";
  $("decision").className = state.found ? "" : "none";
  $("certainty").textContent = state.found ? `object${state.found.length === 1 ? "" : "s"} found` : "";
  pad.show();
}

// The sliders of a program that finds objects.
function showThresholds(decoder) {
  $("thresholds").hidden = !decoder;
  $("iou").parentElement.hidden = Boolean(decoder?.cells);
  pad.finish = null;
  if (!decoder) return;
  Object.assign($("conf"), { value: decoder.conf });
  Object.assign($("iou"), { value: decoder.iou });
  pad.finish = () => {
    if (!state.found) return;
    drawBoxes(pad, state.engine.program, state.found);
  };
}

part = { caption: "Objects found by", read: readDecoder, begin: showThresholds, show: showFound };
for (const id of ["conf", "iou"]) $(id).addEventListener("input", () => showFound(state.answer));
