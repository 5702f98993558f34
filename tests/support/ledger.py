"""The programs of 5,000 random float nets, as hashes of 50 blobs each: a new lowering does not
change. `python tests/support/ledger.py` writes the file again; a change of a program that is
meant says so in its commit.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from floatnets import random_case

from drypoint.program import blob
from drypoint.quant import quantize

FILE = Path(__file__).resolve().parents[1] / "golden/ledger.txt"
GROUPS, NETS = 100, 50


def group_hash(group: int) -> str:
    """The hash of the programs of one group of nets, or of the errors in their place."""
    hashed = hashlib.sha256()
    for seed in range(group * NETS, (group + 1) * NETS):
        case = random_case(seed)
        calibration = case.calibration()
        # A range as float32 does not depend on the order in which a machine sums.
        ranges = {
            path: (float(np.float32(low)), float(np.float32(high)))
            for path, (low, high) in calibration.ranges.items()
        }
        try:
            hashed.update(blob.dumps(quantize(case.model, replace(calibration, ranges=ranges))))
        except ValueError as error:  # a QuantizationError is one
            hashed.update(str(error).encode())
    return hashed.hexdigest()[:16]


def read() -> list[str]:
    """The hashes of the file, by group."""
    return [line.split()[1] for line in FILE.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    lines = [f"{group * NETS:04} {group_hash(group)}\n" for group in range(GROUPS)]
    FILE.write_text("".join(lines), "utf-8")
