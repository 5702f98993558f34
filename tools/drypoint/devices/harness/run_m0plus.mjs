// Runs a program for Cortex-M0+ on the core of rp2040js, whose package lies in FOLDER, and counts.
// At every call of the function at address MARK it writes how many instructions and cycles passed
// since the call before, a line each, to standard output; what the program writes by semihosting
// goes to the file `output`. Usage: node run_m0plus.mjs FOLDER PROGRAM MARK
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [, , folder, path, markText] = process.argv;
const { RP2040 } = createRequire(import.meta.url)(folder);
const MARK = Number(markText);
const SIZE = 1 << 22; // of flash, from address 0, and of RAM
const RAM = 0x20000000;
const SYSTEM = 0xe0000000; // control registers of larger cores, which the start-up code sets

const flash = new DataView(new ArrayBuffer(SIZE));
const ram = new DataView(new ArrayBuffer(SIZE));
const ignored = new DataView(new ArrayBuffer(4));

function at(address, size, use) {
  address >>>= 0;
  const view = address < SIZE ? flash : address >= SYSTEM ? ignored : ram;
  const offset = view === flash ? address : view === ram ? address - RAM : 0;
  if (address % size !== 0 || offset < 0 || offset + size > view.byteLength) {
    console.error(`error: an access of ${size} bytes at 0x${address.toString(16)}`);
    process.exit(92);
  }
  return use(view, offset);
}

const memory = {
  logger: { error: console.error, warn: console.error, info() {}, debug() {} },
  readUint32: (address) => at(address, 4, (view, offset) => view.getUint32(offset, true)),
  readUint16: (address) => at(address, 2, (view, offset) => view.getUint16(offset, true)),
  readUint8: (address) => at(address, 1, (view, offset) => view.getUint8(offset)),
  writeUint32: (address, value) => at(address, 4, (view, to) => view.setUint32(to, value, true)),
  writeUint16: (address, value) => at(address, 2, (view, to) => view.setUint16(to, value, true)),
  writeUint8: (address, value) => at(address, 1, (view, to) => view.setUint8(to, value)),
  onBreak: semihosting,
};
const core = new (new RP2040().core.constructor)(memory);

const elf = readFileSync(path);
for (let i = 0; i < elf.readUInt16LE(44); i++) {
  const header = elf.readUInt32LE(28) + i * elf.readUInt16LE(42);
  const [offset, , physical, size] = [4, 8, 12, 16].map((k) => elf.readUInt32LE(header + k));
  if (elf.readUInt32LE(header) === 1 && size > 0) {
    new Uint8Array(flash.buffer).set(elf.subarray(offset, offset + size), physical);
  }
}

const written = [];
function semihosting() {
  const [operation, block] = core.registers;
  const word = (k) => memory.readUint32(block + 4 * k);
  if (operation === 0x20) {
    writeFileSync("output", Buffer.concat(written));
    process.exitCode = word(1);
    running = false;
  } else if (operation === 5) {
    written.push(Buffer.from(ram.buffer.slice(word(1) - RAM, word(1) - RAM + word(2))));
    core.registers[0] = 0;
  } else {
    core.registers[0] = 1; // a handle of a file; nothing is read
  }
}

// The one error in the counts of rp2040js 1.4.1: PUSH does not count LR, nor POP the PC.
const STACKS = [0xb500, 0xbd00];
let running = true;
let instructions = 0;
let cycles = 0;
core.reset();
while (running) {
  const pc = core.PC;
  if (pc === MARK) {
    console.log(`${instructions} ${cycles}`);
    instructions = cycles = 0;
  }
  const opcode = memory.readUint16(pc);
  instructions++;
  cycles += core.executeInstruction() + (STACKS.includes(opcode & 0xff00) ? 1 : 0);
}
