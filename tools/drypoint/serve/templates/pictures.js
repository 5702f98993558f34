// The page of pictures: what is drawn or dropped goes through the engine, the answer is shown.

const MOST_TILES = 64;
const MOST_PIXELS = 4e6; // of the picture of an op's output: of large planes fewer tiles are shown

// --- a program -------------------------------------------------------------------------------

function show(program, own) {
  state.own = own; // the program that the page was made for: it has examples and a float net
  Object.assign(state, { source: null, answer: null, float: null, times: [] });
  const { w, h, c } = program.input;
  const digits = program.labels.join() === "0,1,2,3,4,5,6,7,8,9";
  document.title = $("title").textContent = digits ? "Draw a digit" : "Show it a picture";
  $("name").textContent = program.name;
  $("reads").textContent = `The net reads ${w} x ${h} ${c === 1 ? "gray" : "RGB"} pixels:`;
  $("bytes").textContent = `${number(program.content.length)} bytes`;
  showRam(program, own);
  $("centre").checked = c === 1 && w === 28 && h === 28;
  part?.begin(program.part);
  $("pad").style.aspectRatio = `${w} / ${h}`;
  Object.assign($("read"), { width: w, height: h });
  $("examples").hidden = !own || !settings.examples.length;
  const each = program.part ? part.caption : "Answer of";
  $("caption").textContent = `${each} ${program.name} for each class`;
  showOps(program);
  // A dot for the browser, which compiles now what it would compile at the first stroke.
  state.engine.runPicture(drawingBytes([[[0.5, 0.5]]], program.input, true));
  pad.clear();
  blank();
}

const maps = new Map(); // canvas in sight -> index of its op
const inSight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) maps.set(target, Number(target.dataset.op));
    else maps.delete(target);
  }
  showMaps();
}, { rootMargin: "100%" });

function showOps(program) {
  inSight.disconnect();
  maps.clear();
  $("ops").replaceChildren(...program.ops.map(({ name, kind, out }, i) => {
    const canvas = element("canvas", { role: "img", ariaLabel: `Output of ${name}` });
    const { tiles, columns, rows } = tiling(out);
    canvas.dataset.op = i;
    const gap = out.h * out.w > 1 ? 1 : 0;
    canvas.width = columns * (out.w + gap) - gap;
    canvas.height = rows * (out.h + gap) - gap;
    canvas.style.setProperty("--wide", canvas.width);
    canvas.style.setProperty("--zoom", Math.max(1, Math.min(12, Math.floor(300 / canvas.width))));
    inSight.observe(canvas);
    const shape = `${TYPES[out.type]} ${out.h}x${out.w}x${out.c}`;
    const some = tiles < out.c ? `, ${tiles} of its ${number(out.c)} channels` : "";
    return element("li", {}, element("h3", { textContent: name }),
      element("p", { className: "note", textContent: `${kind}: ${shape}${some}` }), canvas);
  }));
}

// Tiles of an output: a channel each, or a value each where there is one position.
function tiling({ h, w, c }) {
  const flat = h * w === 1;
  const room = Math.max(1, Math.floor(MOST_PIXELS / (h * w)));
  const tiles = Math.min(c, flat ? 4096 : Math.min(MOST_TILES, room));
  const wanted = Math.ceil(Math.sqrt(tiles * (flat ? 2.5 : 1.6) * (h / w)));
  const columns = flat && c <= 24 ? c : Math.min(tiles, Math.max(1, wanted));
  return { tiles, columns, rows: Math.ceil(tiles / columns) };
}

// --- an answer -------------------------------------------------------------------------------

function blank() {
  state.answer = state.float = null;
  $("hint").hidden = !pad.empty;
  showNone("");
  for (const id of ["latency", "microseconds"]) $(id).textContent = "\u2013";
  $("read").getContext("2d").clearRect(0, 0, $("read").width, $("read").height);
  showAnswer(null);
  showMaps();
}

function showAnswer(answer) {
  if (state.engine.program.part) return part.show(answer);
  showClasses(answer);
  if (answer) showDecision(answer, answer.decision);
}

// Compute and show; `since`: when the event arrived that asks for it.
function update(since) {
  const { engine, source } = state;
  if (pad.empty && !source) return blank();
  const { input, resize } = engine.program;
  const bytes = source
    ? source.bytes ?? pictureBytes(source.picture, input, resize, $("invert").checked)
    : drawingBytes(pad.strokes, input, $("centre").checked);
  const answer = state.answer = engine.runPicture(bytes);
  state.float = source?.float ?? (settings.float === "live" ? state.float : null);
  state.times = [...state.times, answer.milliseconds].slice(-50);
  const mean = state.times.reduce((sum, one) => sum + one) / state.times.length;
  $("hint").hidden = true;
  $("microseconds").textContent = `${number(Math.round(1000 * mean))} \u00b5s`;
  canvasOf(bytes, input, $("read"));
  showAnswer(answer);
  showMaps();
  answer.latency = since ? performance.now() - since : null;
  $("latency").textContent = since ? `${answer.latency.toFixed(1)} ms` : "\u2013";
  if (settings.float === "live" && state.own) askFloat(answer);
  return answer;
}

function showMaps() {
  const style = getComputedStyle(document.body);
  const [positive, negative] = ["--accent", "--wrong"].map((name) => rgb(style.getPropertyValue(name)));
  for (const [canvas, op] of maps) {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (state.answer) {
      const image = pen.createImageData(canvas.width, canvas.height);
      paint(image, state.answer.ops[op], state.engine.program.ops[op].out, positive, negative);
      pen.putImageData(image, 0, 0);
    }
  }
}

function paint(image, values, { h, w, c, zero }, positive, negative) {
  const { tiles, columns } = tiling({ h, w, c });
  const gap = h * w > 1 ? 1 : 0;
  let most = 1;
  for (const value of values) most = Math.max(most, Math.abs(value - zero));
  for (let k = 0; k < tiles; k++) {
    const left = (k % columns) * (w + gap);
    const top = Math.floor(k / columns) * (h + gap);
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const value = values[(y * w + x) * c + k] - zero;
        const at = 4 * ((top + y) * image.width + left + x);
        image.data.set(value < 0 ? negative : positive, at);
        image.data[at + 3] = 20 + (235 * Math.abs(value)) / most;
      }
    }
  }
}

// The float net's answer, from the command that serves the page.
async function askFloat(answer) {
  if (state.asking) return;
  state.asking = true;
  try {
    const response = await fetch("float", { method: "POST", body: answer.pixels });
    const found = await response.json();
    state.float = found;
    if (state.answer === answer) showAnswer(answer);
  } catch {
    settings.float = "none"; // the command has ended
    state.float = null;
  }
  state.asking = false;
  if (state.answer && state.answer !== answer && settings.float === "live") askFloat(state.answer);
}

// --- what goes in ----------------------------------------------------------------------------

const pad = new Pad($("pad"), (since) => {
  state.source = null;
  stopCamera();
  update(since);
});

async function open(file) {
  problem("");
  stopCamera();
  const content = new Uint8Array(await file.arrayBuffer());
  if (openProgram(file, content)) return;
  try {
    const picture = await createImageBitmap(file, { colorSpaceConversion: "none" });
    state.source = { picture };
    pad.put(picture);
    update();
  } catch {
    problem(`${file.name} is neither a picture that this browser reads nor a program (.dpt)`);
  }
}

function stopCamera() {
  for (const track of state.video?.srcObject?.getTracks() ?? []) track.stop();
  state.video = null;
  $("camera").setAttribute("aria-pressed", "false");
}

async function startCamera() {
  problem("");
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    state.video = Object.assign(element("video"), { muted: true, srcObject: stream });
    await state.video.play();
    $("camera").setAttribute("aria-pressed", "true");
    frame(state.video);
  } catch (error) {
    stopCamera();
    problem(`no camera: ${error.message || error.name}`);
  }
}

// A frame of the camera: its middle, as large as the net's picture has its sides.
function frame(video) {
  if (state.video !== video) return;
  const { w, h } = state.engine.program.input;
  const scale = Math.min(video.videoWidth / w, video.videoHeight / h);
  const { canvas, pen } = blackCanvas(Math.round(w * scale), Math.round(h * scale));
  const whole = { width: video.videoWidth, height: video.videoHeight };
  pen.drawImage(video, ...inside(whole, canvas.width, canvas.height, Math.max));
  state.source = { picture: canvas };
  pad.put(canvas);
  update(performance.now());
  requestAnimationFrame(() => frame(video));
}

function showExamples() {
  const { input } = state.engine.program;
  document.querySelector("#examples ul").replaceChildren(...settings.examples.map((example) => {
    const source = { bytes: fromBase64(example.pixels), float: example.float };
    const picture = canvasOf(source.bytes, input);
    const button = element("button", { type: "button", ariaLabel: `Test picture of ${example.label}` },
      picture);
    button.addEventListener("click", () => {
      problem("");
      stopCamera();
      state.source = source;
      pad.put(picture);
      update(performance.now());
    });
    return element("li", {}, button);
  }));
}

function clearAll() {
  problem("");
  stopCamera();
  state.source = null;
  pad.clear();
  blank();
}

$("clear").addEventListener("click", clearAll);
$("camera").addEventListener("click", () => (state.video ? (stopCamera(), clearAll()) : startCamera()));
for (const id of ["centre", "invert"]) $(id).addEventListener("change", () => update());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  pad.show();
  showMaps();
});

takeFiles(open);
start((program) => {
  show(program, true);
  showExamples();
});
