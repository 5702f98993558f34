"""The conformance set, as a stranger's reader would use it: its rows, and the check of a row by
drypoint's Python reader and its reference."""

import functools
import json

import numpy as np

from drypoint import detection
from drypoint.program import NUMPY_TYPE, BlobError, blob, reference, softmax
from drypoint.sound import _reference as front_ends
from tools import ROOT

FOLDER = ROOT / "tests/golden/conformance"


@functools.cache
def rows(name):
    """Name -> row of a file of the set."""
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    found = {row["name"]: row for row in map(json.loads, lines)}
    for row in found.values():
        row["data"] = bytes.fromhex(row.get("blob", ""))
    return found


def passes(name, row):
    """Whether Python does with a row of a file what the file says."""
    check = {
        "accepted.jsonl": _computes, "refused.jsonl": _refuses, "sound_refused.jsonl": _refuses,
        "sound.jsonl": _hears, "detector.jsonl": _detects, "boxes.jsonl": _finds,
    }[name]  # fmt: skip
    try:
        return check(row)
    except Exception:  # a reader with a fault may end in any way
        return False


def _refuses(row):
    try:
        blob.loads(row["data"])
    except BlobError:
        return True
    return False


def _computes(row):
    program = blob.loads(row["data"])
    runs = row["runs"]
    if not runs:
        return True
    raw = b"".join(bytes.fromhex(run["input"]) for run in runs)
    inputs = np.frombuffer(raw, NUMPY_TYPE[program.input_type])
    planes = reference.trace(program, inputs.reshape(-1, *program.input_shape))
    stored = [plane.astype(plane.dtype.newbyteorder("<")) for plane in planes]
    return all(
        [plane[i].tobytes().hex() for plane in stored] == run["layers"]
        for i, run in enumerate(runs)
    )


def _hears(row):
    program = blob.loads(row["data"])
    samples = np.frombuffer(bytes.fromhex(row["samples"]), "<i2").astype(np.int16)
    found = front_ends.features(program.front, samples)
    border = program.sound_border
    n = len(found) // border.rows
    inputs = border.quantize(found)[: n * border.rows].reshape(n, *program.input_shape)
    decisions = reference.run(program, inputs)
    return (
        found.astype("<u2").tobytes().hex() == row["features"]
        and decisions.reshape(len(decisions), -1).tolist() == row["decisions"]
    )


def _detects(row):
    program = blob.loads(row["data"])
    decisions = np.array(row["decisions"], np.int32)
    found = program.detector.detect(decisions, program.outputs[-1])
    return [list(pair) for pair in found] == row["keywords"]


def decoder_of(row):
    """The decoder of a row of boxes."""
    return detection.Decoder(
        kind=row["kind"],
        cell=row["cell"],
        cutoffs=tuple(row["cutoffs"]),
        background=bool(row["first"]),
        iou=row["iou"],
        most=row["most"],
    )


def maps_of(row):
    """The maps of a row of boxes: int32 (N, height, width, channels)."""
    return np.array(row["maps"], np.int32).reshape(-1, *row["shape"])


def _finds(row):
    decoder, maps, scores = decoder_of(row), maps_of(row), None
    if row["softmax"] != [0, 0]:
        cells = softmax.run(maps.reshape(-1, maps.shape[-1]), softmax.scale(row["scale"]))
        scores = cells.reshape(maps.shape).astype(np.int32)
    found = detection.find(decoder, maps, row["scale"], scores)
    return [[list(box) for box in boxes] for boxes in found] == row["boxes"]
