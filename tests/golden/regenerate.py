"""Writes the golden blobs of the current format: python tests/golden/regenerate.py

A folder for each format version. The folders of released versions never change: a newer reader
must load their blobs and give the recorded outputs. Only the current version's folder is written,
and the two files of `conformance`, which README.md beside this file describes.
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))

import nets  # noqa: E402
from blobs import ACCEPTED, BROKEN  # noqa: E402

from drypoint.program import NUMPY_TYPE, Program, blob, reference  # noqa: E402

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


STATUSES = {
    -4: "SIZE", -5: "MAGIC", -6: "VERSION", -7: "CRC", -9: "FIELD", -10: "SHAPE", -11: "TABLE",
    -12: "OVERFLOW", -13: "PLAN",
}  # fmt: skip
LARGEST = 2**16  # bytes of a blob in the conformance set
MANY_STEPS = 2**20  # values of a plane from which on a blob is to be loaded only


def conformance() -> dict[str, bytes]:
    """File name to content: JSON lines of blobs to take, with every layer, and blobs to refuse."""
    museum = sorted(HERE.glob("format-*/*.dpt"))
    taken = {f"{path.parent.name}/{path.stem}": path.read_bytes() for path in museum} | ACCEPTED
    refused = {
        name: (STATUSES[status], data) for name, (status, data) in BROKEN.items() if status != -8
    }
    accepted = [
        {"name": name, "blob": data.hex(), "runs": _runs(blob.loads(data))}
        for name, data in taken.items()
        if len(data) <= LARGEST
    ]
    broken = [
        {"name": name, "status": status, "blob": data.hex()}
        for name, (status, data) in refused.items()
        if len(data) <= LARGEST
    ]
    return {"accepted.jsonl": _lines(accepted), "refused.jsonl": _lines(broken)}


def _runs(program: Program) -> list[dict[str, object]]:
    """Two inputs, a random one and the highest values, with the output of every op."""
    if program.input_shape.size > MANY_STEPS:
        return []
    inputs = nets.random_inputs(program, 7, n=3)[[0, 2]]
    planes = [
        plane.astype(np.dtype(NUMPY_TYPE[op.out_type]).newbyteorder("<"))
        for op, plane in zip(program.ops, reference.trace(program, inputs), strict=True)
    ]
    return [
        {"input": x.tobytes().hex(), "layers": [plane[i].tobytes().hex() for plane in planes]}
        for i, x in enumerate(inputs)
    ]


def _lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


if __name__ == "__main__":
    for place, made in ((folder(), files()), (HERE / "conformance", conformance())):
        place.mkdir(exist_ok=True)
        for name, content in made.items():
            (place / name).write_bytes(content)
            print(f"{place.name}/{name}: {len(content)} bytes")
