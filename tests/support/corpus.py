"""The corpus: programs that reach every branch of the engine's kernels.

Each executor runs it, and `equal_bytes.py` compares: backends of this machine, C by each compiler,
sanitized, with guard pages, by other table entries, generated for a program, on emulated
processors. A shape that needs care is one more program here, not a test.
"""

import depthwise_nets
import driver_nets
import few_bits_nets
import nets
import stream_nets

RANDOM = [nets.random_program(seed) for seed in range(83)]
SHAPES = [
    *nets.BROAD,
    *nets.DOUBLED,
    *nets.DEEP,
    *nets.GRAY,
    *nets.EIGHT,
    *nets.FULL,
    *nets.BANDED,
    *nets.POOLING,
    *depthwise_nets.PROGRAMS,
    *driver_nets.PROGRAMS,
    *map(nets.wide_program, (1100, 8000, 9000)),
    nets.skipping_program(),
    nets.padded_program(),
    *few_bits_nets.programs(6),
]
STREAMS = stream_nets.streams(range(24))
"""Programs whose runs are steps of a signal."""

CASES = [(p, nets.random_inputs(p, seed)) for seed, p in enumerate(RANDOM)]
CASES += [(p, nets.random_inputs(p, 1)) for p in SHAPES]
CASES += [(p, nets.random_inputs(p, 1, n=30)) for p in STREAMS]
