// The page of signals: rows of a CSV file go through the engine, and are shown as curves.

const COLUMNS = 600; // time steps in the picture, at most
const MOST_CURVES = 6;
const SPLIT = 0.68; // of the picture's height: the signal above, what the net says of it below
const GAP = 6; // pixels around curves
Object.assign(state, { window: [], count: 0 });

function timeOf(index) {
  const { rate } = state.engine.program.border;
  return rate ? `${((index + 1) / rate).toFixed(2)} s` : `step ${number(index + 1)}`;
}

const channelName = (k) => {
  const { columns } = state.engine.program.border;
  return printable(columns.length === state.engine.program.input.c ? columns[k] : `channel ${k + 1}`);
};

function show(program, own) {
  state.own = own;
  const { input: { h, c }, isStream, border } = program;
  const every = $("every");
  $("name").textContent = program.name;
  const channels = `${number(c)} channel${c > 1 ? "s" : ""}`;
  $("reads").textContent = isStream ? `The net reads one time step after the other, of ${channels}.`
    : `The net reads windows of ${number(h)} time step${h > 1 ? "s" : ""} of ${channels}.`;
  every.parentElement.hidden = isStream || h === 1;
  Object.assign(every, { max: h, value: isStream ? h : Math.min(h, border.every) });
  $("explain").textContent = "Times at which the decision changed. A time shows the decision again.";
  $("bytes").textContent = `${number(program.content.length)} bytes`;
  showRam(program, own);
  $("decision").setAttribute("aria-live", "off");
  $("examples").hidden = !own || !settings.examples.length;
  const caption = program.part ? part.caption : "Answer of";
  $("caption").textContent = `${caption} ${program.name}`;
  $("head").firstElementChild.textContent = program.part ? part.head : "class";
  $("legend").replaceChildren(...Array.from({ length: Math.min(c, MOST_CURVES) }, (_, k) => {
    const sign = element("span", { className: "swatch" });
    sign.style.background = colorOf(k);
    return element("li", {}, sign, channelName(k));
  }));
  if (c > MOST_CURVES) $("legend").append(element("li", { textContent: `and ${c - MOST_CURVES} more` }));
  clearAll();
}

// --- what is read ------------------------------------------------------------------------------

// The frames of rows: each with the row, and the answer to the window or stream that ends with it.
function * step(rows) {
  const { engine } = state;
  const { border, input: { h }, part: found } = engine.program;
  const every = Math.max(1, Math.min(h, Math.round($("every").value) || h));
  for (const values of rows) {
    state.window = [...state.window, rowBytes(border, values)].slice(-h);
    state.count++;
    const isDue = state.count >= h && (state.count - h) % every === 0;
    const bytes = isDue ? Uint8Array.from(state.window.flatMap((row) => [...row])) : null;
    const answer = bytes && engine.run(bytes);
    if (answer && found) part.judge(answer, bytes);
    yield { values, answer };
  }
}

// Another decision than before.
function follow(frame, before) {
  if (!frame.answer || frame.answer.decision === before?.latest?.decision) return null;
  return describe(frame.answer);
}

const describe = (answer) => (state.engine.program.part ? part.describe(answer)
  : `${label(answer.decision)}, ${valueText(answer, answer.decision)}`);

function stopSource() {
  Object.assign(state, { window: [], count: 0 });
}

function read(rows) {
  const some = 10;
  let at = 0;
  return readSlices(() => {
    if (at >= rows.length) return null;
    at += some;
    return step(rows.slice(at - some, at));
  });
}

async function open(file) {
  clearAll();
  const content = new Uint8Array(await file.arrayBuffer());
  if (openProgram(file, content)) return;
  try {
    const { program } = state.engine;
    const rows = readRows(content, program);
    if (rows.length < program.input.h) {
      throw new Error(`it has ${rows.length} time steps, and a window has ${program.input.h}`);
    }
    await read(rows);
  } catch (error) {
    problem(`${file.name}: ${error.message}`);
  }
}

// --- what is shown -----------------------------------------------------------------------------

function showFrame(frame) {
  const answer = frame?.latest ?? null;
  $("hint").hidden = total() > 0;
  if (state.engine.program.part) return part.show(answer);
  showClasses(answer);
  if (answer) showDecision(answer, answer.decision);
  else showNone("");
}

function momentText(frame) {
  const values = frame.values.slice(0, MOST_CURVES).map((value, k) => `${channelName(k)} ${Number(value.toPrecision(4))}`);
  return `${frame.latest ? describe(frame.latest) : "no decision yet"}; ${values.join(", ")}`;
}

// The last time steps up to the one shown, or, where all fit, all of them.
function drawPicture() {
  const canvas = $("features");
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * devicePixelRatio));
  Object.assign(canvas, { width: wide, height: high });
  if (!total()) return;
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.body);
  const color = (name) => style.getPropertyValue(name);
  const shown = state.shown - state.dropped;
  const end = Math.max(shown + 1, Math.min(COLUMNS, state.frames.length));
  const frames = state.frames.slice(Math.max(0, end - COLUMNS), end);
  const first = Math.max(0, end - COLUMNS);
  const x = (at) => GAP + ((wide - 2 * GAP) * at) / Math.max(1, Math.min(COLUMNS, Math.max(100, frames.length)) - 1);
  const split = Math.round(SPLIT * high);
  drawWindow(pen, x, shown - first, frames, split, color("--faint"));
  const { input: { c } } = state.engine.program;
  const signal = Array.from({ length: Math.min(c, MOST_CURVES) }, (_, k) => (
    { values: frames.map(({ values }) => values[k]), color: k }));
  drawCurves(pen, x, [GAP, split - GAP], signal);
  pen.fillStyle = color("--pale");
  pen.fillRect(0, split, wide, devicePixelRatio);
  drawCurves(pen, x, [split + 2 * GAP, high - GAP], answerCurves(frames), answerLimit(), color("--wrong"));
  pen.fillStyle = color("--ink");
  pen.fillRect(x(shown - first), 0, devicePixelRatio, high);
}

// The ground of the window whose decision is shown.
function drawWindow(pen, x, shown, frames, split, color) {
  let last = shown;
  while (last >= 0 && !frames[last].answer) last--;
  if (last < 0) return;
  const from = Math.max(0, last - state.engine.program.input.h + 1);
  pen.fillStyle = color;
  pen.fillRect(x(from), 0, Math.max(2, x(last) - x(from)), split);
}

// What the net says of each frame: {values, color} a curve, the values of classes or a task's own.
function answerCurves(frames) {
  const answers = frames.map(({ latest }) => latest);
  if (state.engine.program.part) return part.curves(answers);
  const all = answers.map((answer) => answer && shares(answer));
  const { outputs } = state.engine.program;
  return Array.from({ length: Math.min(outputs, MOST_CURVES) }, (_, i) => (
    { values: all.map((values) => values && values[i]), color: i }));
}

const answerLimit = () => (state.engine.program.part ? part.limit(state.engine.program.part) : null);

// Curves in a band of the picture, [top, bottom], on one scale; a dashed line where `limit` is.
function drawCurves(pen, x, [top, bottom], curves, limit = null, limitColor = "") {
  const numbers = curves.flatMap(({ values }) => values.filter((value) => value !== null));
  if (!numbers.length) return;
  const reduce = (choose, start) => numbers.reduce((a, b) => choose(a, b), start ?? numbers[0]);
  const [least, most] = [reduce(Math.min, limit), reduce(Math.max, limit)];
  const y = (value) => bottom - ((bottom - top) * (value - least)) / (most - least || 1);
  pen.lineWidth = 1.5 * devicePixelRatio;
  pen.lineJoin = "round";
  for (const { values, color } of curves) {
    pen.strokeStyle = colorOf(color);
    pen.beginPath();
    let isDown = false;
    values.forEach((value, at) => {
      if (value !== null) pen[isDown ? "lineTo" : "moveTo"](x(at), y(value));
      isDown = value !== null;
    });
    pen.stroke();
  }
  if (limit === null) return;
  pen.strokeStyle = limitColor;
  pen.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  pen.beginPath();
  pen.moveTo(0, y(limit));
  pen.lineTo(pen.canvas.width, y(limit));
  pen.stroke();
  pen.setLineDash([]);
}

new ResizeObserver(() => total() && draw()).observe($("features"));
$("every").addEventListener("change", clearAll);
takeFiles(open);
start((program) => {
  show(program, true);
  const { c } = program.input;
  showExamples((content) => {
    const values = [...new Float32Array(content)];
    read(Array.from({ length: values.length / c }, (_, i) => values.slice(i * c, (i + 1) * c)));
  });
});
