// The page of sound: what a microphone or a file brings goes through the engine, and is shown.

const COLUMNS = 300; // frames in the picture of features
const MOST_FRAMES = 6000; // that are kept for the slider
const MOST_LINES = 50; // of the list of what was heard
const HOLD_SECONDS = 1; // that a keyword stands as the decision
const SLICE_MS = 12; // of work on a file, between two pictures
Object.assign(state, { frames: [], dropped: 0, shown: -1, microphone: null, reading: 0, spent: 0 });

const total = () => state.dropped + state.frames.length;

// Seconds from the begin to the end of a frame.
function seconds(frame) {
  const { rate, step, window } = state.engine.program.sound;
  return (frame * step + window) / rate;
}

function show(program, own) {
  state.own = own;
  const { rate, step, channels, detects } = program.sound;
  $("name").textContent = program.name;
  $("reads").textContent = `The net reads ${number(rate)} samples a second, as ${channels} features ` +
    `every ${Number((1000 * step / rate).toFixed(2))} ms: a column of the picture, low frequencies at its bottom.`;
  $("explain").textContent = detects
    ? "Keywords that the detector has detected. A time shows the decision again."
    : "Times at which the decision changed. A time shows the decision again.";
  $("bytes").textContent = `${number(program.content.length)} bytes`;
  showRam(program, own);
  $("features").height = channels;
  $("decision").setAttribute("aria-live", detects ? "polite" : "off");
  $("examples").hidden = !own || !settings.examples.length;
  $("caption").textContent = `Answer of ${program.name} for each class`;
  clearAll();
}

// --- what is heard -----------------------------------------------------------------------------

function hear(samples) {
  const follows = state.shown === total() - 1;
  const begun = performance.now();
  const frames = [...state.engine.listen(samples)];
  state.spent += performance.now() - begun;
  for (const frame of frames) {
    const before = state.frames[state.frames.length - 1];
    frame.latest = frame.answer ?? before?.latest ?? null;
    frame.from = frame.keyword === null ? before?.from ?? null : total(); // of the last keyword
    frame.named = frame.keyword ?? before?.named ?? null;
    state.frames.push(frame);
    note(frame, before);
  }
  const surplus = Math.max(0, state.frames.length - MOST_FRAMES);
  state.frames.splice(0, surplus);
  state.dropped += surplus;
  state.answer = state.frames[state.frames.length - 1]?.latest ?? null;
  if (follows) state.shown = total() - 1;
  state.shown = Math.max(state.shown, state.dropped);
  draw();
}

// A line of the list, where the frame brings a keyword, or another decision than before.
function note(frame, before) {
  const { detects } = state.engine.program.sound;
  const changed = frame.answer && frame.answer.decision !== before?.latest?.decision;
  if (detects ? frame.keyword === null : !changed) return;
  const index = total() - 1;
  const value = detects ? frame.keyword : frame.answer.decision;
  const button = element("button", { type: "button", textContent: `${seconds(index).toFixed(2)} s` });
  button.addEventListener("click", () => look(index));
  const text = ` ${label(value)}, ${valueText(frame.answer, value)}`;
  $("log").prepend(element("li", {}, button, text));
  while ($("log").children.length > MOST_LINES) $("log").lastChild.remove();
}

function valueText(answer, i) {
  const share = shares(answer)[i];
  return isProbability(answer) ? percentage(share) : share.toPrecision(4);
}

// Show the decision of a frame.
function look(index) {
  state.shown = Math.max(state.dropped, Math.min(total() - 1, index));
  draw();
}

// --- what is shown -----------------------------------------------------------------------------

let waiting = false;

// At the browser's next picture: what comes in between is drawn once.
function draw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    drawNow();
  });
}

function drawNow() {
  const frame = state.frames[state.shown - state.dropped];
  drawFeatures();
  $("hint").hidden = total() > 0 || Boolean(state.microphone);
  const time = $("time");
  Object.assign(time, { min: state.dropped, max: Math.max(0, total() - 1), disabled: !total() });
  time.value = state.shown;
  $("seconds").textContent = total() ? `${seconds(total() - 1).toFixed(1)} s` : "\u2013";
  $("microseconds").textContent = total()
    ? `${number(Math.round((1000 * state.spent) / total()))} \u00b5s` : "\u2013";
  showClasses(frame?.latest ?? null);
  if (!frame?.latest) showNone("");
  else if (state.engine.program.sound.detects) showKeyword(frame);
  else showDecision(frame.latest, frame.latest.decision);
  const text = frame ? momentText(frame) : "Nothing is heard yet.";
  time.setAttribute("aria-valuetext", text);
  $("moment").textContent = text;
}

// The decision of a program with a detector: the keyword of the last second.
function showKeyword(frame) {
  const recent = frame.from !== null && seconds(state.shown) - seconds(frame.from) < HOLD_SECONDS;
  if (recent) showDecision(state.frames[Math.max(0, frame.from - state.dropped)].latest, frame.named);
  else showNone("no keyword");
}

function momentText(frame) {
  let loudest = 0;
  frame.features.forEach((value, i) => { if (value > frame.features[loudest]) loudest = i; });
  const decided = frame.latest
    ? `${label(frame.latest.decision)} ${valueText(frame.latest, frame.latest.decision)}`
    : "no decision yet";
  return `${seconds(state.shown).toFixed(2)} s: ${decided}; largest feature: ` +
    `${number(frame.features[loudest])} in channel ${loudest + 1} of ${frame.features.length}`;
}

// The last frames up to the one shown, or, where all fit, all of them with a line at the one shown.
function drawFeatures() {
  const canvas = $("features");
  const pen = canvas.getContext("2d");
  const { channels } = state.engine.program.sound;
  canvas.width = COLUMNS;
  if (!total()) return;
  const style = getComputedStyle(document.body);
  const [color, ink, mark] = ["--accent", "--ink", "--wrong"].map((name) => rgb(style.getPropertyValue(name)));
  const end = Math.max(state.shown - state.dropped + 1, Math.min(COLUMNS, state.frames.length));
  const first = Math.max(0, end - COLUMNS);
  const frames = state.frames.slice(first, end);
  const [least, most] = [Math.min, Math.max].map((choose) =>
    choose(...frames.map(({ features }) => choose(...features))));
  const image = pen.createImageData(COLUMNS, channels);
  frames.forEach(({ features, keyword }, x) => {
    const line = first + x === state.shown - state.dropped ? ink : keyword === null ? null : mark;
    for (let k = 0; k < channels; k++) {
      const at = 4 * ((channels - 1 - k) * COLUMNS + x);
      image.data.set(line ?? color, at);
      image.data[at + 3] = line ? 255 : (255 * (features[k] - least)) / Math.max(1, most - least);
    }
  });
  pen.putImageData(image, 0, 0);
}

// --- what goes in ------------------------------------------------------------------------------

function clearAll() {
  stopMicrophone();
  problem("");
  state.reading++; // ends the reading of a file
  state.engine.reset();
  Object.assign(state, { frames: [], dropped: 0, shown: -1, answer: null, spent: 0 });
  $("log").replaceChildren();
  drawNow();
}

function stopMicrophone() {
  state.microphone?.stop();
  state.microphone = null;
  $("microphone").setAttribute("aria-pressed", "false");
}

async function startMicrophone() {
  clearAll();
  const reading = state.reading;
  try {
    const microphone = await Microphone.open(state.engine.program.sound.rate, (samples) => {
      if (state.reading === reading && state.microphone) hear(samples);
    });
    if (state.reading !== reading) return microphone.stop();
    state.microphone = microphone;
    $("microphone").setAttribute("aria-pressed", "true");
    draw();
  } catch (error) {
    problem(`no microphone: ${error.message || error.name}. A WAV file needs none: drop it here.`);
  }
}

// Hear samples in slices, and draw after each one.
async function read(samples) {
  clearAll();
  const reading = state.reading;
  const { step } = state.engine.program.sound;
  for (let at = 0; at < samples.length && state.reading === reading;) {
    const begun = performance.now();
    while (at < samples.length && performance.now() - begun < SLICE_MS) {
      hear(samples.subarray(at, at + 10 * step));
      at += 10 * step;
    }
    await new Promise(requestAnimationFrame);
  }
}

async function open(file) {
  clearAll();
  const content = new Uint8Array(await file.arrayBuffer());
  if (openProgram(file, content)) return;
  const { rate, window } = state.engine.program.sound;
  try {
    const samples = await fileSamples(content, rate);
    if (samples.length < window) {
      throw new Error(`it has ${samples.length} samples, and a frame has ${window}`);
    }
    await read(samples);
  } catch (error) {
    problem(`${file.name}: ${error.message || error.name}`);
  }
}

function showExamples() {
  document.querySelector("#examples ul").replaceChildren(...settings.examples.map((example) => {
    const samples = new Int16Array(fromBase64(example.samples).buffer);
    const button = element("button", { type: "button", textContent: example.label });
    button.addEventListener("click", () => read(samples));
    return element("li", {}, button);
  }));
}

$("clear").addEventListener("click", clearAll);
$("microphone").addEventListener("click", () => (state.microphone ? stopMicrophone() : startMicrophone()));
$("time").addEventListener("input", () => look(Number($("time").value)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
takeFiles(open);
start((program) => {
  show(program, true);
  showExamples();
});
