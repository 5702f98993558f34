// The page of sound: what a microphone or a file brings goes through the engine, and is shown.

const COLUMNS = 300; // frames in the picture of features
const HOLD_SECONDS = 1; // that a keyword stands as the decision
state.microphone = null;

// Seconds from the begin to the end of a frame.
function seconds(frame) {
  const { rate, step, window } = state.engine.program.sound;
  return (frame * step + window) / rate;
}

const timeOf = (frame) => `${seconds(frame).toFixed(2)} s`;

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

const hear = (samples) => take(state.engine.listen(samples));

// A keyword, or, without a detector, another decision than before.
function follow(frame, before) {
  const { detects } = state.engine.program.sound;
  frame.from = frame.keyword === null ? before?.from ?? null : total(); // of the last keyword
  frame.named = frame.keyword ?? before?.named ?? null;
  const changed = frame.answer && frame.answer.decision !== before?.latest?.decision;
  if (detects ? frame.keyword === null : !changed) return null;
  const value = detects ? frame.keyword : frame.answer.decision;
  return `${label(value)}, ${valueText(frame.answer, value)}`;
}

// --- what is shown -----------------------------------------------------------------------------

function showFrame(frame) {
  $("hint").hidden = total() > 0 || Boolean(state.microphone);
  showClasses(frame?.latest ?? null);
  if (!frame?.latest) showNone("");
  else if (state.engine.program.sound.detects) showKeyword(frame);
  else showDecision(frame.latest, frame.latest.decision);
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
  return `${decided}; largest feature: ` +
    `${number(frame.features[loudest])} in channel ${loudest + 1} of ${frame.features.length}`;
}

// The last frames up to the one shown, or, where all fit, all of them with a line at the one shown.
function drawPicture() {
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

function stopSource() {
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

function read(samples) {
  const part = 10 * state.engine.program.sound.step;
  let at = 0;
  return readSlices(() => {
    if (at >= samples.length) return null;
    at += part;
    return state.engine.listen(samples.subarray(at - part, at));
  });
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

$("microphone").addEventListener("click", () => (state.microphone ? stopSource() : startMicrophone()));
takeFiles(open);
start((program) => {
  show(program, true);
  showExamples((content) => read(new Int16Array(content)));
});
