"""The corpus: programs that reach every branch of the engine's kernels.

Each executor runs it, and `equal_bytes.py` compares: backends of this machine, C by each compiler,
sanitized, with guard pages, by other table entries, generated for a program, on emulated
processors. A shape that needs care is one more program here, not a test.
"""

import depthwise_nets
import driver_nets
import few_bits_nets
import nets
import recurrent_nets
import stream_nets
from window_nets import WINDOWS

RANDOM = [nets.random_program(seed) for seed in range(83)]
ON_DEVICES = [
    *nets.BROAD,
    *nets.GRAY,
    *nets.FULL,
    *nets.BANDED,
    *nets.POOLING,
    *depthwise_nets.PROGRAMS,
    *WINDOWS,
    *map(nets.wide_program, (1100, 9000)),
    nets.padded_program(),
]
"""Shapes that small devices have room for."""
SHAPES = [
    *ON_DEVICES,
    *nets.DOUBLED,
    *nets.DEEP,
    *nets.EIGHT,
    *driver_nets.PROGRAMS,
    nets.wide_program(8000),
    nets.skipping_program(),
    *few_bits_nets.programs(6),
]
STREAMS = [*stream_nets.streams(range(24)), *recurrent_nets.recurrent(range(12))]
"""Programs whose runs are steps of a signal."""

CASES = [(p, nets.random_inputs(p, seed)) for seed, p in enumerate(RANDOM)]
CASES += [(p, nets.random_inputs(p, 1)) for p in SHAPES]
CASES += [(p, nets.random_inputs(p, 1, n=30)) for p in STREAMS]
