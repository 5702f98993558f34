// SPDX-License-Identifier: Apache-2.0
// Runs a Linux program for RISC-V on the RTL of a core. At every call of the function at address
// MARK it writes how many instructions and cycles passed since the call before, a line each, to the
// file OUT. Usage: simulate BOOT PROGRAM MARK WAIT OUT <input >output
//
// The memory answers a request in the next cycle, and takes another one in each cycle, from
// instructions and data at a time. A read of what the program does not write (its code and
// constants, in flash) takes WAIT cycles more, in which its bus takes no other request.
#include <verilated.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <unordered_map>
#include <vector>

#include "Vcore.h"

namespace {

using Bytes = std::vector<uint8_t>;

class Memory {
  public:
    uint8_t &byte(uint32_t address) {
        if (page == nullptr || address >> 16 != number) {
            number = address >> 16;
            Bytes &bytes = pages[number];
            bytes.resize(1u << 16);
            page = bytes.data();
        }
        return page[address & 0xFFFF];
    }

    uint32_t word(uint32_t address) {
        uint32_t value;
        std::memcpy(&value, &byte(address & ~3u), sizeof value);
        return value;
    }

    bool is_flash(uint32_t address) const {
        return address - flash < flash_size;
    }

    // An ELF file of 32 bits in little-endian order, as the linker wrote it.
    void load(const char *path) {
        std::ifstream file(path, std::ios::binary);
        const Bytes elf((std::istreambuf_iterator<char>(file)), {});
        const uint32_t table = number_at<uint32_t>(elf, 28);
        for (uint32_t i = 0; i < number_at<uint16_t>(elf, 44); i++) {
            const uint32_t at = table + i * number_at<uint16_t>(elf, 42);
            const uint32_t offset = number_at<uint32_t>(elf, at + 4);
            const uint32_t address = number_at<uint32_t>(elf, at + 8);
            const uint32_t size = number_at<uint32_t>(elf, at + 16);
            if (number_at<uint32_t>(elf, at) != LOAD) {
                continue;
            }
            for (uint32_t k = 0; k < size; k++) {
                byte(address + k) = elf.at(offset + k);
            }
            if ((number_at<uint32_t>(elf, at + 24) & WRITABLE) == 0) {
                flash = address;
                flash_size = size;
            }
        }
    }

  private:
    enum : uint32_t { LOAD = 1, WRITABLE = 2 };

    template <typename T> static T number_at(const Bytes &bytes, size_t at) {
        T value;
        std::memcpy(&value, &bytes.at(at + sizeof value - 1) - (sizeof value - 1), sizeof value);
        return value;
    }

    std::unordered_map<uint32_t, Bytes> pages;
    uint32_t number = 0, flash = 0, flash_size = 0;
    uint8_t *page = nullptr;
};

// The words through which boot.S hands on a system call of Linux: read, write and exit.
class Linux {
  public:
    enum : uint32_t { FIRST = 0x700, LAST = 0x70C, ANSWER = 0x710 };

    explicit Linux(Memory &of) : memory(of) {
    }

    void store(uint32_t address, uint32_t value) {
        words[(address - FIRST) / 4] = value;
        if (address == LAST) {
            call();
        }
    }

    bool ended = false;
    int code = 0;
    uint32_t answer = 0;

  private:
    void call() {
        const uint32_t to = words[1], size = words[2];
        answer = 0;
        if (words[3] == 93) {
            ended = true;
            code = static_cast<int>(words[0]);
        } else if (words[3] == 63) {
            for (int c; answer < size && (c = std::getchar()) != EOF; answer++) {
                memory.byte(to + answer) = static_cast<uint8_t>(c);
            }
        } else if (words[3] == 64) {
            for (; answer < size; answer++) {
                std::putchar(memory.byte(to + answer));
            }
        }
    }

    Memory &memory;
    uint32_t words[4] = {};
};

// One bus of the core: at most one request waits for its answer.
struct Bus {
    bool busy = false;
    int cycles_left = 0;
    uint32_t data = 0;

    bool answers() const {
        return busy && cycles_left == 0;
    }
    bool is_free() const {
        return !busy || cycles_left == 0;
    }
    void step() {
        busy = busy && cycles_left > 0;
        cycles_left -= busy;
    }
    void start(int wait, uint32_t value) {
        busy = true;
        cycles_left = wait;
        data = value;
    }
};

} // namespace

int main(int argc, char **argv) {
    if (argc != 6) {
        return 2;
    }
    Memory memory;
    Linux linux_calls(memory);
    memory.load(argv[1]);
    memory.load(argv[2]);
    const auto mark = static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 0));
    const int wait = std::atoi(argv[4]);
    std::FILE *out = std::fopen(argv[5], "w");
    if (out == nullptr) {
        return 2;
    }
    Vcore core;
    for (int i = 0; i < 10; i++) {
        core.clk = i & 1;
        core.eval();
    }
    core.rst_n = 1;
    Bus instructions, data;
    uint64_t cycles = 0, retired = 0;
    while (!linux_calls.ended) {
        core.clk = 0;
        core.instr_gnt = instructions.is_free();
        core.instr_rvalid = instructions.answers();
        core.instr_rdata = instructions.data;
        core.data_gnt = data.is_free();
        core.data_rvalid = data.answers();
        core.data_rdata = data.data;
        core.eval();
        if (core.retires) {
            if (core.pc == mark) {
                std::fprintf(out, "%llu %llu\n", static_cast<unsigned long long>(retired),
                             static_cast<unsigned long long>(cycles));
                retired = cycles = 0;
            }
            retired++;
        }
        instructions.step();
        data.step();
        if (core.instr_req && core.instr_gnt) {
            const uint32_t at = core.instr_addr;
            instructions.start(memory.is_flash(at) ? wait : 0, memory.word(at));
        }
        if (core.data_req && core.data_gnt) {
            const uint32_t at = core.data_addr;
            const bool is_call = at >= Linux::FIRST && at <= Linux::LAST;
            uint32_t value = 0;
            if (core.data_we && is_call) {
                linux_calls.store(at, core.data_wdata);
            } else if (core.data_we) {
                for (uint32_t k = 0; k < 4; k++) {
                    if (core.data_be >> k & 1) {
                        memory.byte((at & ~3u) + k) =
                            static_cast<uint8_t>(core.data_wdata >> 8 * k);
                    }
                }
            } else {
                value = at == Linux::ANSWER ? linux_calls.answer : memory.word(at);
            }
            data.start(!core.data_we && memory.is_flash(at) ? wait : 0, value);
        }
        core.clk = 1;
        core.eval();
        cycles++;
    }
    std::fclose(out);
    return std::fflush(stdout) == 0 ? linux_calls.code : 2;
}
