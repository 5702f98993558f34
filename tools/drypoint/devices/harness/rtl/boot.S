/* SPDX-License-Identifier: Apache-2.0 */
/* What a core runs before and between a Linux program for it: traps come to address 0, and a system
 * call is four words stored for the simulation, which leaves its answer (simulate.cpp). The core
 * starts at 0x80. */
    .section .text
    sw a0, 0x700(zero)
    sw a1, 0x704(zero)
    sw a2, 0x708(zero)
    sw a7, 0x70c(zero)
    lw a0, 0x710(zero)
    csrw mscratch, t0
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    csrr t0, mscratch
    mret

    .org 0x80
    lui sp, 0x80000
    lui t0, %hi(program)
    addi t0, t0, %lo(program)
    jr t0
