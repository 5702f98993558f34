// Runs a WebAssembly program whose streams are standard input and output.
import { readFileSync, writeSync } from "node:fs";

const [, , path] = process.argv;
const input = readFileSync(0);
let at = 0;
let memory;
const bytes = (pointer, size) => new Uint8Array(memory.buffer, pointer, size);
const port = {
  read(pointer, size) {
    if (at + size > input.length) return 0;
    bytes(pointer, size).set(input.subarray(at, at + size));
    at += size;
    return 1;
  },
  write(pointer, size) {
    for (let done = 0; done < size; ) done += writeSync(1, bytes(pointer + done, size - done));
    return 1;
  },
  mark() {}, // for what counts operations
  exit(code) {
    process.exit(code);
  },
};
const { instance } = await WebAssembly.instantiate(readFileSync(path), { port });
memory = instance.exports.memory;
process.exit(instance.exports.run());
