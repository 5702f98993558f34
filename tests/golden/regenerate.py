"""Writes the golden blobs of the current format: python tests/golden/regenerate.py

A folder for each format version. Those of released versions stay as they are for ever: a newer
reader must load them and give the recorded outputs. Only the current version's folder is written.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))

import nets  # noqa: E402

from drypoint.program import blob, reference  # noqa: E402

# What format 1.0 could not say, convolutions in groups, some depthwise. Its folder has all else.
SEEDS = (19, 264, 304)


def folder() -> Path:
    """The folder of the format that this drypoint writes."""
    return HERE / f"format-{blob.VERSION[0]}.{blob.VERSION[1]}"


def files() -> dict[str, bytes]:
    """File name to content: a blob, raw inputs, and outputs as little-endian int32, by seed."""
    made = {}
    for seed in SEEDS:
        program = nets.random_program(seed)
        inputs = nets.random_inputs(program, seed)
        made[f"net{seed}.dpt"] = blob.dumps(program)
        made[f"net{seed}.in"] = inputs.tobytes()
        made[f"net{seed}.out"] = reference.run(program, inputs).astype("<i4").tobytes()
    return made


def read(path: Path) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A golden blob, its inputs (N, bytes) as uint8, and its outputs (N, outputs)."""
    outputs = np.frombuffer(path.with_suffix(".out").read_bytes(), "<i4").reshape(4, -1)
    inputs = np.frombuffer(path.with_suffix(".in").read_bytes(), np.uint8)
    return path.read_bytes(), inputs.reshape(4, -1), outputs


if __name__ == "__main__":
    folder().mkdir(exist_ok=True)
    for name, content in files().items():
        (folder() / name).write_bytes(content)
        print(f"{folder().name}/{name}: {len(content)} bytes")
