"""``python -m drypoint.search [--nets N]``: records what estimates need, in files of the package.

``parts.json`` gets the sections of the engine, which takes a minute, ``instructions.json`` the
factors that fit recorded ops of N drawn nets, on Cortex-M0+ and M4: minutes of emulators. A change
of the engine's C code, or of the compiler, needs the first, a change of its speed the second.
"""

import argparse
import sys
from collections.abc import Iterator

import numpy as np

from drypoint import devices, nn, quant
from drypoint.common import DrypointError, show_progress
from drypoint.program import Program

from ._space import Ends, bound, build, draw

SHAPES = ((1, 40), (1, 28, 28), (3, 24, 24), (6, 64), (16, 49), (64,), (1, 16, 16), (2, 12, 20))
BITS = (8, 8, 8, 4, 2)
MOST_MACS, MOST_TABLES = 3_000_000, 200_000  # of a net that is emulated in seconds
FAMILIES = (
    *(("mlp:33,17", (1, 40)), ("mlp:100,50", (300,)), ("mlp:16", (1, 28, 28))),
    *(("tcn:6,9", (2, 40)), ("conv1d:7,12,20", (3, 60)), ("ds-conv1d:16", (8, 49))),
    *(("cnn:5,10", (3, 20, 20)), ("ds-cnn:12", (1, 16, 16)), ("resnet8:5", (3, 16, 16))),
    *(("lenet5:4,8,20,16", (1, 28, 28)), ("mobilenet:3", (3, 24, 24))),
)


def draw_programs(count: int, seed: int) -> Iterator[Program]:
    """Programs of drawn nets and of families, whose values say nothing."""
    rng = np.random.default_rng(seed)
    for name, shape in FAMILIES:
        yield quant.sketch(nn.create_net(name, input_shape=shape, classes=10))
    while count > 0:
        shape = SHAPES[int(rng.integers(len(SHAPES)))]
        bits = BITS[int(rng.integers(len(BITS)))]
        ends = Ends(shape, (10,))
        drawn = draw(rng, ends)
        least = bound(drawn, ends)
        if least.macs <= MOST_MACS and least.tables <= MOST_TABLES:
            count -= 1
            yield quant.sketch(build(drawn, ends), weights=bits)


def main() -> int:
    """Record both files; exit code 2: a tool is missing or fails."""
    parser = argparse.ArgumentParser(prog="python -m drypoint.search", description=__doc__)
    parser.add_argument(
        "--nets", type=int, default=260, help="nets whose ops are recorded; 0: parts alone"
    )
    args = parser.parse_args()
    try:
        with show_progress():
            devices.record_parts()
            if args.nets:
                devices.record_instructions(list(draw_programs(args.nets, seed=1)))
    except DrypointError as error:
        print(f"drypoint: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
