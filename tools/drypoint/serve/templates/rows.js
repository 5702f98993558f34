// Rows of numbers from a CSV file, and the integers that a net reads of them.

const MOST_BYTES = 1 << 26; // of a CSV file
const F = Math.fround;
const BEYOND = 256; // steps of the input: beyond all integers

// The border of a program of signals, of its encoder, whose numbers may be anything: `columns` and
// `integers`, which gives the bytes of an export's NAME_quantize().
function readBorder({ encoder, input, inputScale }) {
  const { window, channels, hop, columns, sample_rate: rate } = encoder;
  const row = (value, default_) => {
    const given = Array.isArray(value) ? value : [value ?? default_];
    const fits = given.every(Number.isFinite) && [1, input.c].includes(given.length);
    return fits && Array.from({ length: input.c }, (_, k) => given[given.length > 1 ? k : 0]);
  };
  const [mean, std] = [row(encoder.mean, 0), row(encoder.std, 1)];
  const clip = encoder.clip ?? Infinity;
  const sizes = window === input.h && channels === input.c && input.w === 1 && TYPES[input.type] !== "i32";
  const numbers = mean && std && std.every((value) => value > 0) && clip > 0 && inputScale > 0;
  if (!sizes || !numbers) throw new Error("the encoder of signals in the meta does not fit the input");
  const [least, most] = TYPES[input.type] === "u8" ? [0, 255] : [-128, 127];
  const reach = nearest(Math.min(BEYOND, clip / inputScale));
  const isClipped = clip / inputScale < BEYOND;
  return {
    mean: mean.map(F),
    gain: std.map((value) => F(1 / (value * inputScale))),
    low: isClipped ? Math.max(least, input.zero - reach) : least,
    high: isClipped ? Math.min(most, input.zero + reach) : most,
    zero: input.zero,
    every: Number.isInteger(hop) && hop > 0 ? hop : window,
    rate: Number.isInteger(rate) && rate > 0 ? rate : null,
    columns: Array.isArray(columns) ? columns.map(String) : [],
  };
}

// The bytes of a row of real numbers, one a channel.
function rowBytes({ mean, gain, low, high, zero }, row) {
  return Uint8Array.from(row, (value, k) => {
    const scaled = F(F(F(value) - mean[k]) * gain[k]);
    const steps = Math.max(-BEYOND, Math.min(BEYOND, nearest(scaled)));
    return Math.max(low, Math.min(high, steps + zero)) & 0xff;
  });
}

// The rows of a CSV file: the columns that the net knows by name, else all columns of numbers. A row
// with as many numbers as a window has gives its time steps.
function readRows(content, { input: { h, c }, border }) {
  if (content.length > MOST_BYTES) {
    throw new Error(`it has ${number(content.length)} bytes; the page reads at most ${number(MOST_BYTES)}`);
  }
  const lines = utf8(content, "it").replace(/^\ufeff/, "").split(/\r?\n/);
  const separator = [",", ";", "\t"].find((one) => lines[0].includes(one)) ?? ",";
  const cells = lines.map((line) => line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1")));
  const isNumber = (cell) => cell !== "" && Number.isFinite(Number(cell));
  const header = cells[0].every((cell) => !isNumber(cell)) ? cells.shift() : null;
  const first = header ? 2 : 1; // of the file's lines
  const table = cells.map((row, i) => ({ row, line: i + first })).filter(({ row }) => row.join("") !== "");
  if (!table.length) throw new Error("it has no rows");
  let chosen = header ? border.columns.map((name) => header.indexOf(name)) : [];
  if (!chosen.length || chosen.includes(-1)) {
    chosen = [...table[0].row.keys()].filter((at) => isNumber(table[0].row[at]));
  }
  if (chosen.length !== c && chosen.length !== h * c) {
    const names = border.columns.length ? `: ${border.columns.join(", ")}` : "";
    const has = header ? `the columns ${header.join(", ")}` : `${chosen.length} columns of numbers`;
    throw new Error(`it has ${has}; the net reads ${c}${names}`);
  }
  return table.flatMap(({ row, line }) => {
    const values = chosen.map((at) => {
      if (!isNumber(row[at] ?? "")) {
        throw new Error(`line ${number(line)}, column ${header?.[at] ?? at + 1}: "${row[at] ?? ""}" is no number`);
      }
      return Number(row[at]);
    });
    return Array.from({ length: values.length / c }, (_, i) => values.slice(i * c, (i + 1) * c));
  });
}
