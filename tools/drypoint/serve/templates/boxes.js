// What a map of cells finds in a picture: the rule of BOXES.md, and the boxes on the drawing pad.

const PARTS = 16; // of a pixel: the unit of boxes

// The decoder of a program, or null; `conf` and `iou` are where the sliders begin.
function readDecoder({ decoder: config, out: { h, w, c } }) {
  if (config?.type !== "boxes") return null;
  const { classes, cell, conf, iou, most, cells } = config;
  const channels = Array.isArray(classes) ? classes.length + (cells ? 0 : 4) : 0;
  const fits = channels === c && cell >= 1 && conf > 0 && conf < 1 && iou >= 0 && iou <= 1 && most >= 1;
  if (!fits) throw new Error("the decoder of boxes in the meta does not fit the output");
  return { classes: classes.map((name) => printable(String(name))), cell, conf, iou, most, cells, h, w, c };
}

// Boxes, best first: {value, score, box: [left, top, right, bottom]} in sixteenths of a pixel.
function findBoxes(map, scale, decoder) {
  const { h, w, c, cell, most, cells, classes } = decoder;
  const cutoff = Math.ceil(Math.log(decoder.conf / (1 - decoder.conf)) / scale) - 1;
  const { mult, shift } = fixedPoint(PARTS * cell * scale);
  const edge = (value) => Number((BigInt(value) * mult + (1n << (shift - 1n))) >> shift);
  const side = PARTS * cell;
  const clamp = (value, limit) => Math.max(0, Math.min(limit, value));
  const found = [];
  for (let at = 0; at < h * w; at++) {
    const scores = map.subarray(at * c, at * c + classes.length);
    const score = scores.reduce((a, b) => Math.max(a, b));
    if (score <= cutoff) continue;
    const [x, y] = [at % w, Math.floor(at / w)];
    let box = [x * side, y * side, (x + 1) * side, (y + 1) * side];
    if (!cells) {
      const [left, top, right, bottom] = map.subarray(at * c + classes.length, (at + 1) * c);
      const [across, down] = [(side / 2) * (2 * x + 1), (side / 2) * (2 * y + 1)];
      box = [clamp(across - edge(left), w * side), clamp(down - edge(top), h * side),
        clamp(across + edge(right), w * side), clamp(down + edge(bottom), h * side)];
      if (box[0] >= box[2] || box[1] >= box[3]) continue;
    }
    found.push({ value: scores.indexOf(score), score, box });
  }
  found.sort((a, b) => b.score - a.score); // equal scores stay in the order of their cells
  const first = found.slice(0, most);
  return cells ? fuse(first) : suppress(first, Math.round(1000 * decoder.iou));
}

const area = ([left, top, right, bottom]) => Math.max(0, right - left) * Math.max(0, bottom - top);
const common = (a, b) => [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];

function suppress(found, iou) {
  const kept = [];
  for (const one of found) {
    const covers = ({ value, box }) => {
      const shared = area(common(box, one.box));
      return value === one.value && 1000 * shared > iou * (area(box) + area(one.box) - shared);
    };
    if (!kept.some(covers)) kept.push(one);
  }
  return kept;
}

function fuse(found) {
  const kept = [];
  for (let one of found) {
    let at = kept.length;
    for (let j = 0; j < kept.length;) {
      const shared = common(kept[j].box, one.box);
      if (kept[j].value !== one.value || shared[0] > shared[2] || shared[1] > shared[3]) {
        j++;
        continue;
      }
      const box = [0, 1, 2, 3].map((i) => Math[i < 2 ? "min" : "max"](kept[j].box[i], one.box[i]));
      one = { value: one.value, score: Math.max(kept[j].score, one.score), box };
      kept.splice(j, 1);
      [at, j] = [Math.min(at, j), 0];
    }
    kept.splice(at, 0, one);
  }
  return kept;
}

// Draw boxes over the picture on the pad.
function drawBoxes(pad, { input, resize, part: { classes } }, found) {
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
    const text = `${classes[value]} ${Math.round(100 * probability)} %`;
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
  const { part: decoder, scale } = state.engine.program;
  for (const id of ["conf", "iou"]) {
    decoder[id] = Number($(id).value);
    $(`${id}-value`).textContent = decoder[id].toFixed(2);
  }
  state.found = answer && findBoxes(answer.output, scale, decoder).map((one) =>
    ({ ...one, probability: 1 / (1 + Math.exp(-one.score * scale)) }));
  const counts = decoder.classes.map((_, i) => state.found?.filter(({ value }) => value === i).length);
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
