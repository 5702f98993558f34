// The class of each pixel, as a layer over the picture on the drawing pad.

const OPACITY = 0.55; // of the layer

// The classes of a program that decides pixels, or null.
function readMap({ out: { h, w, c }, labels, softmax }) {
  const decides = softmax === "channels" || (h * w > 1 && labels.length === c);
  if (!decides) return null;
  return { h, w, c, classes: labels.length === c ? labels : Array.from({ length: c }, (_, i) => String(i)) };
}

// The class of each pixel, row by row: the first one of the largest values.
function decidePixels(values, { h, w, c }) {
  return Array.from({ length: h * w }, (_, at) => {
    const pixel = values.subarray(at * c, (at + 1) * c);
    return pixel.indexOf(pixel.reduce((a, b) => Math.max(a, b)));
  });
}

// The map of an answer: on the pad, and each class's share of the pixels.
function showMap(answer) {
  const { part: map } = state.engine.program;
  state.found = answer && decidePixels(answer.output, map);
  const counts = map.classes.map(() => 0);
  for (const value of state.found ?? []) counts[value] += 1;
  const best = counts.indexOf(Math.max(...counts));
  const total = map.h * map.w;
  showRows(map.classes.map((name, i) => ({
    name, share: counts[i] / total, color: colorOf(i), best: answer && i === best,
    text: answer ? percentage(counts[i] / total) : "\u2013",
  })));
  $("value").textContent = "pixels";
  if (answer) {
    $("decision").textContent = map.classes[best];
    $("decision").className = map.classes[best].length > 3 ? "long" : "";
    $("certainty").textContent = `${percentage(counts[best] / total)} of the pixels`;
  }
  pad.show();
}

// The pad draws the layer over each picture.
function beginMap(map) {
  pad.finish = map && (() => {
    if (!state.found) return;
    const { canvas, pen } = blackCanvas(map.w, map.h);
    state.found.forEach((value, at) => {
      pen.fillStyle = colorOf(value);
      pen.fillRect(at % map.w, Math.floor(at / map.w), 1, 1);
    });
    const { input, resize } = state.engine.program;
    const layer = pad.canvas.getContext("2d");
    layer.save();
    layer.globalAlpha = OPACITY;
    layer.imageSmoothingEnabled = false;
    layer.drawImage(canvas, ...pad.frame(input, resize));
    layer.restore();
  });
}

part = { caption: "Pixels that", read: readMap, begin: beginMap, show: showMap };
