// How far the output of an autoencoder is from its input: above a threshold the input is an anomaly.

const FRACTION = 16; // a difference is in sixteenths of the input's step
const REACH = 1n << 17n; // of a reconstructed value, in these

// The error's scale and threshold of a program that repeats its input, or null.
function readError({ out, input, hasLabels, softmax, isStream, scale, inputScale, threshold }) {
  const size = input.h * input.w * input.c;
  const isPlane = out.h === input.h && out.w === input.w && out.c === input.c;
  const isFlat = out.h * out.w === 1 && out.c === size;
  if (isStream || hasLabels || softmax || !(isPlane || isFlat)) return null;
  const { mult, shift } = fixedPoint((FRACTION * scale) / inputScale);
  if (shift < 1n || shift > 62n) throw new Error("the scales of output and input are too far apart");
  return { mult, shift, isPlane, unit: (inputScale / FRACTION) ** 2 / size,
    threshold: threshold === null ? null : BigInt(threshold) };
}

// The sum of squares, by section 10 of NUMERICS.md. A flat output has the channels one after the other.
function errorOf(bytes, output, { mult, shift, isPlane }, { h, w, c, type, zero }) {
  const half = 1n << (shift - 1n);
  let sum = 0n;
  new ARRAYS[type](bytes.buffer, bytes.byteOffset, bytes.length).forEach((value, at) => {
    const from = isPlane ? at : (at % c) * h * w + Math.floor(at / c);
    const scaled = (BigInt(output[from]) * mult + half) >> shift;
    const clamped = scaled < -REACH ? -REACH : scaled >= REACH ? REACH - 1n : scaled;
    const off = clamped - BigInt(FRACTION * (value - zero));
    sum += off * off;
  });
  return sum;
}

// What a frame says of an answer: its error, and whether it is an anomaly.
function judge(answer, bytes) {
  const { part: found, input } = state.engine.program;
  answer.error = errorOf(bytes, answer.output, found, input);
  answer.value = Number(answer.error) * found.unit;
  answer.decision = found.threshold === null ? 0 : Number(answer.error > found.threshold);
}

const limit = ({ threshold, unit }) => (threshold === null ? null : Number(threshold) * unit);

function showError(answer) {
  const { part: found } = state.engine.program;
  const most = 2 * (limit(found) ?? answer?.value ?? 1);
  const row = (name, value, best) => ({ name, share: (value ?? 0) / most, best,
    text: value === null ? "\u2013" : value.toPrecision(4) });
  const rows = [row("error", answer?.value ?? null, answer?.decision === 1)];
  if (found.threshold !== null) rows.push(row("threshold", limit(found)));
  showRows(rows);
  $("value").textContent = "mean square";
  if (!answer) return showNone("");
  $("decision").textContent = describeError(answer);
  $("decision").className = "long";
  $("certainty").textContent = found.threshold === null ? "the program has no threshold"
    : `the error is ${(answer.value / limit(found)).toPrecision(3)} times the threshold`;
}

function describeError({ value, decision }) {
  if (state.engine.program.part.threshold === null) return `error ${value.toPrecision(4)}`;
  return decision ? "anomaly" : "no anomaly";
}

part = {
  caption: "Error of", head: "figure", read: readError, begin: () => {}, show: showError, judge, describe: describeError,
  // Curves below the trace: [{name, values of frames, color}], and a line across them.
  curves: (answers) => [{ name: "error", values: answers.map((one) => one?.value ?? null), color: 0 }],
  limit,
};
