// The drawing pad, and how drawings and pictures become the bytes that a net reads.

const PEN = 0.086; // the pen's width as a share of the net's picture: 2.4 of 28 pixels, as MNIST's
const BOX = 20 / 28; // MNIST: a digit lies in the middle box of 20 x 20 of 28 x 28 pixels
const LARGEST = 4; // a small drawing grows by no more: a dot stays a dot

// Strokes with mouse, finger or pen. A stroke is a list of points [x, y]; the pad is 1 wide.
class Pad {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.strokes = [];
    this.picture = null; // a canvas that is shown in place of strokes
    this.finish = null; // draws over the strokes or the picture
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    new ResizeObserver(() => this.show()).observe(canvas);
  }

  get empty() {
    return !this.strokes.length && !this.picture;
  }

  clear() {
    this.strokes = [];
    this.picture = null;
    this.show();
  }

  // Show a picture; the next stroke clears it.
  put(picture) {
    this.clear();
    this.picture = picture;
    this.show();
  }

  #begin(event) {
    if (event.button) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.picture = null;
    this.strokes.push([]);
    this.#add(event);
  }

  #move(event) {
    if (!this.canvas.hasPointerCapture(event.pointerId)) return;
    this.#add(event);
  }

  #add(event) {
    const begun = performance.now();
    const box = this.canvas.getBoundingClientRect();
    const seen = event.getCoalescedEvents?.() ?? [];
    const stroke = this.strokes[this.strokes.length - 1];
    for (const { clientX, clientY } of seen.length ? seen : [event]) {
      stroke.push([(clientX - box.left) / box.width, (clientY - box.top) / box.width]);
    }
    this.show();
    this.changed(begun);
  }

  show() {
    const { canvas } = this;
    const wide = Math.round(canvas.clientWidth * devicePixelRatio);
    const high = Math.round(canvas.clientHeight * devicePixelRatio);
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, wide, high);
    if (this.picture) {
      pen.imageSmoothingEnabled = this.picture.width > wide;
      pen.drawImage(this.picture, ...inside(this.picture, wide, high, Math.min));
    } else {
      pen.strokeStyle = getComputedStyle(canvas).color;
      trace(pen, this.strokes, { scale: wide, x: 0, y: 0, width: PEN * Math.min(wide, high) });
    }
    this.finish?.();
  }

  // Left, top, width and height on the canvas of what the net reads of the picture, by `resize`.
  frame({ w, h }, resize) {
    const { width, height } = this.canvas;
    if (!this.picture || resize === "fit") return [0, 0, width, height];
    const seen = inside(this.picture, width, height, Math.min);
    if (resize !== "fill") return seen;
    const [x, y, wide, high] = inside({ width: w, height: h }, seen[2], seen[3], Math.min);
    return [seen[0] + x, seen[1] + y, wide, high];
  }
}

function trace(pen, strokes, { scale, x, y, width }) {
  pen.lineWidth = width;
  pen.lineCap = pen.lineJoin = "round";
  for (const [first, ...rest] of strokes) {
    pen.beginPath();
    pen.moveTo(first[0] * scale + x, first[1] * scale + y);
    for (const point of rest.length ? rest : [first]) {
      pen.lineTo(point[0] * scale + x, point[1] * scale + y);
    }
    pen.stroke();
  }
}

// Left, top, width and height of a picture in the middle of a frame; Math.min: all of it is seen,
// Math.max: it covers the frame.
function inside({ width, height }, wide, high, choose) {
  const scale = choose(wide / width, high / height);
  const [w, h] = [width * scale, height * scale];
  return [(wide - w) / 2, (high - h) / 2, w, h];
}

function blackCanvas(width, height, canvas = document.createElement("canvas")) {
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillRect(0, 0, width, height);
  return { canvas, pen };
}

const scratch = document.createElement("canvas"); // one for all answers: a new one takes time

// Strokes, white on black, as a net of this input reads them. `centred` does what the makers of
// MNIST did: the drawing fills the box, then its centre of mass goes to the middle.
function drawingBytes(strokes, { w, h, c }, centred) {
  const { pen } = blackCanvas(w, h, scratch);
  const width = PEN * Math.min(w, h);
  pen.strokeStyle = "#fff";
  const render = (place) => {
    pen.fillRect(0, 0, w, h);
    trace(pen, strokes, { ...place, width });
    return toBytes(pen, w, h, c);
  };
  if (!centred) return render({ scale: w, x: 0, y: 0 });
  const xs = strokes.flat().map(([x]) => x);
  const ys = strokes.flat().map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const scale = Math.min((BOX * w - width) / (right - left), (BOX * h - width) / (bottom - top),
    LARGEST * w);
  const place = { scale, x: (w - (left + right) * scale) / 2, y: (h - (top + bottom) * scale) / 2 };
  const mass = centreOfMass(render(place), w, c);
  return render({ scale, x: place.x + w / 2 - mass.x, y: place.y + h / 2 - mass.y });
}

function centreOfMass(bytes, w, c) {
  let [sum, x, y] = [0, 0, 0];
  for (let i = 0; i < bytes.length; i += c) {
    const pixel = i / c;
    sum += bytes[i];
    x += bytes[i] * (pixel % w);
    y += bytes[i] * Math.floor(pixel / w);
  }
  return { x: x / sum, y: y / sum };
}

// A picture or a frame of a video as a net of this input reads it.
function pictureBytes(picture, { w, h, c }, resize, inverted) {
  const { pen } = blackCanvas(w, h, scratch);
  pen.imageSmoothingQuality = "high";
  const place = resize === "stretch" ? [0, 0, w, h]
    : inside(picture, w, h, resize === "fit" ? Math.min : Math.max);
  pen.drawImage(picture, ...place);
  const bytes = toBytes(pen, w, h, c);
  return inverted ? bytes.map((value) => 255 - value) : bytes;
}

// Gray is the luma of `ImageEncoder`, in integers.
function toBytes(pen, w, h, c) {
  const { data } = pen.getImageData(0, 0, w, h);
  const bytes = new Uint8Array(w * h * c);
  for (let i = 0; i < w * h; i++) {
    const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    if (c === 1) bytes[i] = Math.floor((299 * r + 587 * g + 114 * b + 500) / 1000);
    else bytes.set([r, g, b], 3 * i);
  }
  return bytes;
}

// A canvas, new or given, with the bytes of a net's input as a picture.
function canvasOf(bytes, { w, h, c }, given) {
  const { canvas, pen } = blackCanvas(w, h, given);
  const image = pen.createImageData(w, h);
  for (let i = 0; i < w * h; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = bytes[c * i + (c === 1 ? 0 : k)];
    image.data[4 * i + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}
