// What the pages of pictures and of sound share: their state, the answer, files.

const $ = (id) => document.getElementById(id);
const MOST_CLASSES = 12; // more: the likeliest are shown
const state = { engine: null, answer: null, source: null, float: null, times: [] };
window.drypoint = state; // for a console, and for tests

const fromBase64 = (text) => Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
const number = (value) => value.toLocaleString("en-US");
const percentage = (share) => `${(100 * share).toFixed(1)} %`;

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

// RAM on a device: the page has the account of its own program.
const ramText = (program, own) => own ? settings.ram
  : `${number(program.arenaBytes)} bytes of working memory here; drypoint info knows a device's`;

// Show the RAM: the sum, and its parts in small letters.
function showRam(program, own) {
  const text = ramText(program, own);
  const parts = text.indexOf(":") + 1 || text.length;
  const small = element("span", { textContent: text.slice(parts) });
  $("arena").replaceChildren(text.slice(0, parts), small);
}

// Whether there is a column for the float net: always where it answers live.
const hasFloat = () => state.own && (settings.float === "live" || state.float !== null);
const floatHead = element("th", { scope: "col", textContent: "float net" });

// --- an answer -------------------------------------------------------------------------------

const label = (i) => state.engine.program.labels[i] || String(i);

// Whether the shares of an answer are probabilities: of a detector they are, whatever made them.
const isProbability = (answer) => Boolean(answer.probability || state.engine.program.sound?.detects);

// Whether an answer is one real number, as of a regression, and neither a class nor its share.
const isNumber = (answer) => {
  const { outputs, hasLabels } = state.engine.program;
  return outputs === 1 && !hasLabels && !isProbability(answer);
};

// The last output's values as real numbers.
function shares(answer) {
  const { scale } = state.engine.program;
  if (answer.probability) return Array.from(answer.probability, (p) => p / 2 ** 30);
  return Array.from(answer.output, (value) => value * scale);
}

// The rows of the table: {name, share of a bar, text}, the best one marked, and the float net's text.
function showRows(rows) {
  $("classes").replaceChildren(...rows.map(({ name, share, text, float, best, color }) => {
    const bar = element("span");
    bar.style.setProperty("--share", `${100 * Math.min(1, Math.max(0, share))}%`);
    if (color) bar.style.background = color;
    const row = element("tr", {}, element("th", { scope: "row", className: "left", textContent: name }),
      element("td", { className: "bar" }, bar), element("td", { textContent: text }));
    if (typeof float === "string") row.append(element("td", { textContent: float }));
    row.classList.toggle("best", Boolean(best));
    return row;
  }));
}

// The color of class or channel i, on light and dark ground.
const colorOf = (i) => `hsl(${(205 + 137.5 * i) % 360} 65% 40%)`;

// The table of classes; null: without numbers.
function showClasses(answer) {
  const { outputs } = state.engine.program;
  const values = answer ? shares(answer) : null;
  const percent = !answer || isProbability(answer);
  const text = (value) => (percent ? percentage(value) : value.toPrecision(4));
  let order = Array.from({ length: outputs }, (_, i) => i);
  if (outputs > MOST_CLASSES) {
    if (values) order.sort((a, b) => values[b] - values[a] || a - b);
    order = order.slice(0, MOST_CLASSES);
  }
  const most = values ? Math.max(1e-9, ...values.map(Math.abs)) : 1;
  showRows(order.map((i) => ({
    name: label(i),
    share: values ? (percent ? values[i] : values[i] / most) : 0,
    text: values ? text(values[i]) : "\u2013",
    float: hasFloat() ? (state.float ? text(state.float[i]) : "\u2013") : null,
    best: answer !== null && i === answer.decision,
  })));
  if (hasFloat()) $("head").append(floatHead);
  else floatHead.remove();
  $("value").textContent = percent ? "integers" : "output";
}

// Show value `index` of an answer as the decision.
function showDecision(answer, index) {
  const value = shares(answer)[index];
  const percent = isProbability(answer);
  const { rejectBelow } = state.engine.program;
  const rejected = percent && value < rejectBelow;
  const decided = rejected ? "\u2013" : isNumber(answer) ? value.toPrecision(4) : label(index);
  if ($("decision").textContent !== decided) $("decision").textContent = decided;
  $("decision").className = rejected ? "none" : decided.length > 3 ? "long" : "";
  const reason = rejected ? `, below ${rejectBelow}: no decision` : "";
  $("certainty").textContent = percent ? `${percentage(value)} probability${reason}`
    : isNumber(answer) ? "the number that the net gives" : "the largest output";
}

// Show that there is no decision.
function showNone(reason) {
  if ($("decision").textContent !== "\u2013") $("decision").textContent = "\u2013";
  $("decision").className = "none";
  $("certainty").textContent = reason;
}

// --- what goes in ----------------------------------------------------------------------------

function rgb(color) {
  const digits = color.trim().slice(1);
  return [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16));
}

function problem(text) {
  $("problem").textContent = printable(text);
}

// Call `open` with each file that is chosen or dropped.
function takeFiles(open) {
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    const [file] = $("file").files;
    $("file").value = "";
    if (file) open(file);
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragged");
  });
  document.addEventListener("dragleave", () => document.body.classList.remove("dragged"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragged");
    const [file] = event.dataTransfer.files;
    if (file) open(file);
  });
}

// Load the page's program, and call `show` with it.
function start(show) {
  Engine.start(fromBase64($("engine").textContent)).then((engine) => {
    state.engine = engine;
    show(engine.load(fromBase64($("program").textContent)));
    document.body.dataset.ready = "yes";
  }).catch((error) => problem(`this browser cannot run the engine: ${error.message}`));
}

// Whether a file is a program: then the page shows it, or a line why it is refused.
function openProgram(file, content) {
  if (!isProgram(content) && !file.name.endsWith(".dpt")) return false;
  try {
    show(state.engine.load(content), false);
  } catch (error) {
    problem(`${file.name} is refused: ${error.message}`);
  }
  return true;
}
