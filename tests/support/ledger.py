"""The programs of 8,000 random float nets, as hashes of 50 blobs each: a new lowering does not
change. `python tests/support/ledger.py` writes the file again; a change of a program that is
meant says so in its commit.
"""

import hashlib
from pathlib import Path

import numpy as np
from drawn_nets import drawn_case
from floatnets import Case, random_case
from newer_nets import newer_case

from drypoint.autodiff import Tensor
from drypoint.nn import Context
from drypoint.program import blob
from drypoint.quant import Calibration, quantize

FILE = Path(__file__).resolve().parents[1] / "golden/ledger.txt"
NETS = 50  # of a group
CASES = (
    *[random_case] * 100,
    *[newer_case] * 40,
    *[drawn_case] * 20,
)  # what draws each group's nets
GROUPS = len(CASES)
BITS = 12  # of the values that ranges are measured on


def rounded_ranges(case: Case) -> dict[str, tuple[float, float]]:
    """The ranges of a net's layers on any machine: each layer's output is rounded to 2^-12 of its
    largest value before the next layer reads it, since a BLAS sums in an order of its own and a
    sine of 10^8 shows the last bit of its argument.
    """
    net = case.model.net
    paths = {path for path, _ in net.leaves()}
    ranges = {"input": (float(case.real.min()), float(case.real.max()))}

    def round_output(path: str, y: Tensor) -> None:
        step = 2.0 ** (int(np.frexp(np.abs(y.data).max())[1]) - BITS)
        y.data[...] = np.rint(y.data / step) * step
        if path in paths:
            ranges[path] = (float(y.data.min()), float(y.data.max()))

    x = {net.input_ports[0]: Tensor(case.real.copy())}
    net.run(x, net.constants(case.real.dtype), Context(observe=round_output))
    return ranges


def group_hash(group: int) -> str:
    """The hash of the programs of one group of nets."""
    hashed = hashlib.sha256()
    for seed in range(group * NETS, (group + 1) * NETS):
        case = CASES[group](seed)
        calibration = Calibration(
            ranges=rounded_ranges(case),
            method="minmax",
            percentile=100.0,
            n_examples=len(case.real),
        )
        hashed.update(blob.dumps(quantize(case.model, calibration)))
    return hashed.hexdigest()[:16]


def read() -> list[str]:
    """The hashes of the file, by group."""
    return [line.split()[1] for line in FILE.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    lines = [f"{group * NETS:04} {group_hash(group)}\n" for group in range(GROUPS)]
    FILE.write_text("".join(lines), "utf-8")
