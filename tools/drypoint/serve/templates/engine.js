// The C engine in WebAssembly: checks a program (.dpt), runs it, and gives each op's output.

const settings = JSON.parse(document.getElementById("settings").textContent);
const TYPES = ["u8", "i8", "i32"];
const ARRAYS = [Uint8Array, Int8Array, Int32Array];
const LACKING = "the meta lacks a name, the ops' names, the input or the output's scale";
const MAGIC = [0x44, 0x50, 0x54, 0x1a];
const READS = { pictures: "pictures", sound: "samples", signals: "signals" };
const READS_NONE = "it reads no samples, no signals of an encoder and no whole 8-bit pictures of 1 or 3 channels";

// What a task adds to the page, of another file: {caption, read(program), begin(found), show(answer)}.
// `read` gives what the page knows of a program's output (`program.part`), or null where it is no
// such output; `begin` and `show` show a program and an answer.
let part = null;

class Engine {
  constructor(exports) {
    this.exports = exports;
    this.program = null;
  }

  static async start(module) {
    const { instance } = await WebAssembly.instantiate(module, {});
    return new Engine(instance.exports);
  }

  // Load a program; the engine's loader checks every byte. A refused one leaves the one before.
  load(content) {
    try {
      this.program = this.#checked(content);
    } catch (error) {
      if (this.program) this.#checked(this.program.content);
      throw error;
    }
    return this.program;
  }

  #checked(content) {
    const { exports } = this;
    const at = exports.blob(content.length);
    if (!at) throw new Error(this.#text(-100));
    this.#bytes(at, content.length).set(content);
    const status = exports.load(content.length);
    if (status) throw new Error(this.#text(status));
    const sound = exports.rate() > 0 ? {
      rate: exports.rate(), step: exports.step(), window: exports.window(),
      channels: exports.channels(), detects: exports.detects() !== 0,
    } : null;
    const isStream = exports.is_stream() !== 0;
    const program = { ...readProgram(content), sound, isStream, arenaBytes: exports.arena_size() };
    const reads = whatIsRead(program);
    if (!reads) throw new Error(READS_NONE);
    if (reads !== settings.page) {
      throw new Error(`it reads ${READS[reads]}: drypoint serve makes a page for it`);
    }
    program.border = reads === "signals" ? readBorder(program) : null;
    program.part = part?.read(program) ?? null;
    return program;
  }

  // Begin a signal.
  reset() {
    this.exports.reset();
  }

  // Hear the next samples, int16: each frame's features, and the decision and the keyword, an index,
  // that it brings, or null.
  * listen(samples) {
    const { exports } = this;
    const { step, channels } = this.program.sound;
    for (let at = 0; at < samples.length; at += step) {
      const part = samples.subarray(at, at + step);
      this.#numbers(Int16Array, exports.samples(), part.length).set(part);
      const found = exports.listen(part.length);
      if (found & 1) {
        yield {
          features: this.#numbers(Uint16Array, exports.features(), channels).slice(),
          answer: found & 2 ? this.#decision() : null,
          keyword: found & 4 ? exports.keyword() : null,
        };
      }
    }
  }

  #decision() {
    const { exports, program } = this;
    const probability = program.softmax === true && exports.probability();
    const values = (at) => this.#numbers(Int32Array, at, program.outputs).slice();
    return {
      decision: exports.decision(),
      output: values(exports.output()),
      probability: probability ? values(probability) : null,
    };
  }

  // Run the program on one picture: bytes, row by row, the channels of a pixel together.
  runPicture(pixels) {
    const { exports, program } = this;
    const begun = performance.now();
    const flip = TYPES[program.input.type] === "i8" ? 0x80 : 0; // it reads pixels less 128
    const answer = this.run(pixels.map((value) => value ^ flip), true);
    const milliseconds = performance.now() - begun;
    let at = exports.trace();
    const ops = program.ops.map(({ out }) => {
      const values = this.#bytes(at, out.bytes).slice();
      at += out.bytes;
      return new ARRAYS[out.type](values.buffer);
    });
    return { pixels, ops, milliseconds, ...answer };
  }

  // Run the program on what it reads, 8-bit integers; of a stream the next time step. Null: there
  // is no output yet.
  run(integers, traced = false) {
    const { exports } = this;
    this.#bytes(exports.input(), integers.length).set(integers);
    return exports.run(traced ? 1 : 0) ? this.#decision() : null;
  }

  #numbers(type, at, length) {
    return new type(this.exports.memory.buffer, at, length);
  }

  #bytes(at, length) {
    return this.#numbers(Uint8Array, at, length);
  }

  #text(status) {
    const from = this.exports.text(status);
    const all = new Uint8Array(this.exports.memory.buffer);
    return new TextDecoder().decode(all.slice(from, all.indexOf(0, from)));
  }
}

function isProgram(content) {
  return MAGIC.every((byte, i) => content[i] === byte);
}

// What the page shows of a program that the loader has checked. BLOB.md has the bytes; the engine
// does not look at the meta and the letters of labels, so they are checked here.
function readProgram(content) {
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const u16 = (at) => view.getUint16(at, true);
  const u32 = (at) => view.getUint32(at, true);
  const part = (at) => content.subarray(u32(at), u32(at) + u32(at + 4));
  const tensor = (at) => {
    const [h, w, c] = [u16(at), u16(at + 2), u16(at + 4)];
    const type = content[at + 6];
    const bytes = h * w * c * ARRAYS[type].BYTES_PER_ELEMENT;
    return { h, w, c, type, zero: view.getInt8(at + 7), bytes };
  };
  const meta = readMeta(part(40), u16(20));
  const ops = meta.ops.map((name, i) => {
    const at = 64 + 128 * i;
    return { name: printable(name), kind: kindOf(content[at], u16, at), out: tensor(at + 24) };
  });
  const { out } = ops[ops.length - 1]; // the last output: the labels are of its values
  const border = lastOutput(meta, ops);
  const outputs = out.h * out.w * out.c;
  const encoder = meta.input.encoder ?? null;
  const labels = u16(22)
    ? utf8(part(32), "the labels").split("\0").slice(0, -1).map(printable)
    : Array.from({ length: outputs }, (_, i) => (outputs === 1 ? printable(meta.name) : String(i)));
  return { content, name: printable(meta.name), ops, outputs, labels, hasLabels: u16(22) > 0,
    input: tensor(24), out, encoder, inputScale: meta.input.scale, resize: encoder?.resize ?? "stretch",
    scale: border.scale, softmax: border.softmax, decoder: border.decoder ?? null,
    rejectBelow: border.decoder?.reject_below ?? 0, threshold: border.threshold ?? null };
}

// What a program reads: the page that shows it; null of one that no page shows.
function whatIsRead({ sound, isStream, input, encoder }) {
  if (sound) return "sound";
  if (encoder?.type === "signal") return "signals";
  const type = TYPES[input.type];
  const pixels = type === "u8" || (type === "i8" && input.zero === -128);
  return !isStream && pixels && (input.c === 1 || input.c === 3) ? "pictures" : null;
}

// The border of the last output in the meta.
function lastOutput(meta, ops) {
  const several = ops.filter(({ out }) => TYPES[out.type] === "i32").length > 1;
  const border = several ? meta.outputs?.[meta.outputs.length - 1] : meta.output;
  if (!(border?.scale > 0)) throw new Error(LACKING);
  return border;
}

// A text as the page may show it: control characters, marks of direction, invisible characters and
// spaces but the ASCII one are escaped.
function printable(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu,
    (one) => `\\u{${one.codePointAt(0).toString(16)}}`);
}

function kindOf(kind, u16, at) {
  const [high, wide, poolHigh, poolWide] = [u16(at + 32), u16(at + 34), u16(at + 52), u16(at + 54)];
  const window = high ? ` ${high}x${wide}` : "";
  const pool = poolHigh * poolWide > 1 ? ` + max ${poolHigh}x${poolWide}` : "";
  return settings.kinds[kind] + window + pool;
}

function readMeta(bytes, ops) {
  let meta;
  try {
    // a threshold may have 64 bits, more than a number of JavaScript: its digits are kept
    meta = JSON.parse(utf8(bytes, "the meta"), (key, value, context) =>
      key === "threshold" ? context?.source ?? value : value);
  } catch (error) {
    throw new Error(`the meta is no JSON: ${error.message}`);
  }
  const named = Array.isArray(meta?.ops) && meta.ops.length === ops &&
    meta.ops.every((name) => typeof name === "string");
  if (!named || typeof meta.name !== "string" || typeof meta.input !== "object" ||
      meta.input === null) {
    throw new Error(LACKING);
  }
  return meta;
}

function utf8(bytes, what) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${what}: not UTF-8`);
  }
}

// A real factor as mult / 2^shift, with mult from 2^30 to 2^31 - 1.
function fixedPoint(factor) {
  let [fraction, shift] = [factor, 31];
  while (fraction >= 1) [fraction, shift] = [fraction / 2, shift - 1];
  while (fraction < 0.5) [fraction, shift] = [fraction * 2, shift + 1];
  let mult = nearest(fraction * 2 ** 31);
  if (mult === 2 ** 31) [mult, shift] = [2 ** 30, shift - 1];
  return { mult: BigInt(mult), shift: BigInt(shift) };
}

// The nearest whole number; halves go to the even one.
function nearest(value) {
  const down = Math.floor(value);
  const rest = value - down;
  return rest > 0.5 || (rest === 0.5 && down % 2) ? down + 1 : down;
}
