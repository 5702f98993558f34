// What the pages of sound and of signals share: frames as they come, the slider, the list of events.
//
// A frame is what a step brings, `answer` its decision or null. The page of sound or signals says of a
// frame `follow`, the text of an event or null; `timeOf` and `momentText`; it draws by `drawPicture`
// and `showFrame`, and `stopSource` ends what it reads live.

const MOST_FRAMES = 6000; // that are kept for the slider
const MOST_LINES = 50; // of the list of events
const SLICE_MS = 12; // of work on a file, between two pictures
Object.assign(state, { frames: [], dropped: 0, shown: -1, reading: 0, spent: 0 });

const total = () => state.dropped + state.frames.length;

// Take the frames that `steps` computes.
function take(steps) {
  const follows = state.shown === total() - 1;
  const begun = performance.now();
  const frames = [...steps];
  state.spent += performance.now() - begun;
  for (const frame of frames) {
    const before = state.frames[state.frames.length - 1];
    frame.latest = frame.answer ?? before?.latest ?? null;
    const event = follow(frame, before);
    state.frames.push(frame);
    if (event) note(event);
  }
  const surplus = Math.max(0, state.frames.length - MOST_FRAMES);
  state.frames.splice(0, surplus);
  state.dropped += surplus;
  state.answer = state.frames[state.frames.length - 1]?.latest ?? null;
  if (follows) state.shown = total() - 1;
  state.shown = Math.max(state.shown, state.dropped);
  draw();
}

// A line of the list, of the newest frame.
function note(event) {
  const index = total() - 1;
  const button = element("button", { type: "button", textContent: timeOf(index) });
  button.addEventListener("click", () => look(index));
  $("log").prepend(element("li", {}, button, ` ${event}`));
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
  drawPicture();
  const time = $("time");
  Object.assign(time, { min: state.dropped, max: Math.max(0, total() - 1), disabled: !total() });
  time.value = state.shown;
  $("seconds").textContent = total() ? timeOf(total() - 1) : "\u2013";
  $("microseconds").textContent = total()
    ? `${number(Math.round((1000 * state.spent) / total()))} \u00b5s` : "\u2013";
  showFrame(frame);
  const text = frame ? `${timeOf(state.shown)}: ${momentText(frame)}` : "Nothing is read yet.";
  time.setAttribute("aria-valuetext", text);
  $("moment").textContent = text;
}

function clearAll() {
  stopSource();
  problem("");
  state.reading++; // ends the reading of a file
  state.engine.reset();
  Object.assign(state, { frames: [], dropped: 0, shown: -1, answer: null, spent: 0 });
  $("log").replaceChildren();
  drawNow();
}

// Take what `next` gives, in slices, and draw after each one, until it gives null.
async function readSlices(next) {
  clearAll();
  const reading = state.reading;
  for (let more = true; more && state.reading === reading;) {
    const begun = performance.now();
    while (more && performance.now() - begun < SLICE_MS) {
      const steps = next();
      more = steps !== null;
      if (more) take(steps);
    }
    await new Promise(requestAnimationFrame);
  }
}

// Buttons of recordings, each of which is read by `read`.
function showExamples(read) {
  document.querySelector("#examples ul").replaceChildren(...settings.examples.map((example) => {
    const button = element("button", { type: "button", textContent: example.label });
    button.addEventListener("click", () => read(fromBase64(example.samples).buffer));
    return element("li", {}, button);
  }));
}

$("clear").addEventListener("click", clearAll);
$("time").addEventListener("input", () => look(Number($("time").value)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
