"""Writes the golden blobs of the current format: python tests/golden/regenerate.py

A folder for each format version. The folders of released versions never change: a newer reader
must load their blobs and give the recorded outputs. Only the current version's folder is written,
and the files of `conformance`, which README.md beside this file describes.
"""

import functools
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))

import arithmetic_faults  # noqa: E402
import bits_faults  # noqa: E402
import broken_blobs  # noqa: E402
import delay_faults  # noqa: E402
import few_bits_nets  # noqa: E402
import graph_faults  # noqa: E402
import graph_features  # noqa: E402
import later_faults  # noqa: E402
import nets  # noqa: E402
import output_faults  # noqa: E402
import reader_faults  # noqa: E402
import recorded_maps  # noqa: E402
import recurrent_nets  # noqa: E402
import rows_faults  # noqa: E402
import sound_faults  # noqa: E402
import sound_nets  # noqa: E402
import stream_faults  # noqa: E402
import stream_nets  # noqa: E402
from spread import spread  # noqa: E402

from drypoint import sound  # noqa: E402
from drypoint.program import NUMPY_TYPE, Program, blob, reference, softmax  # noqa: E402


def seeds(first: Sequence[int], older: Iterable[Program] = ()) -> list[int]:
    """These seeds, and the first others whose graphs show what neither these nor older programs
    show of later kinds."""
    chosen, missing = list(first), graph_features.in_the_museum(graph_features.every_feature())
    missing -= graph_features.in_the_museum(graph_features.count(older))
    for seed in first:
        missing -= shown_features(seed)
    for seed in range(4000) if missing else ():
        if missing & shown_features(seed):
            missing -= shown_features(seed)
            chosen.append(seed)
    return chosen


def shown_features(seed: int) -> set[tuple[str, ...]]:
    """What a random graph shows of `graph_features.in_the_museum`."""
    return graph_features.in_the_museum(graph_features.features(random_program(seed)))


random_program = functools.cache(nets.random_program)
SPREAD_STREAM_SEEDS = (3, 109, 146, 160)  # of stream_nets.py
BITS_SEEDS = (1395, 1437)  # with weights of 4 and 2 bits, for every kind with weights
RECURRENT_SEEDS = (45,)  # of recurrent_nets.py
STEPS = 24  # inputs of a streaming program: the first steps after a reset


def folder() -> Path:
    """The folder of the format that this drypoint writes."""
    return HERE / f"format-{blob.VERSION[0]}.{blob.VERSION[1]}"


def files() -> dict[str, bytes]:
    """File name to content: a blob, raw inputs, and outputs as little-endian int32, by seed."""
    made = {}
    museum = (path for path in HERE.glob("format-*/*.dpt") if path.parent != folder())
    older = [blob.loads(path.read_bytes()) for path in museum]
    cases = [
        (f"net{seed}", random_program(seed), seed, 4)
        for seed in seeds(nets.SEVERAL_SEEDS + nets.LATER_SEEDS, older)
    ]
    cases.append(("stream", output_faults.DELAYED, 0, STEPS))
    cases += [
        (f"recurrent{seed}", recurrent_nets.random_recurrent(seed), seed, STEPS)
        for seed in RECURRENT_SEEDS
    ]
    cases += [(f"bits{seed}", few_bits_nets.random_few_bits(seed), seed, 4) for seed in BITS_SEEDS]
    for name, program, seed, n in cases:
        inputs = nets.random_inputs(program, seed, n=n)
        made[f"{name}.dpt"] = blob.dumps(program)
        made[f"{name}.in"] = inputs.tobytes()
        made[f"{name}.out"] = nets.values(reference.run(program, inputs)).astype("<i4").tobytes()
    return made


def read(path: Path) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A golden blob, its inputs (N, bytes) as uint8, and its outputs (M, values): M = N, but for
    the steps of a streaming program that have no output."""
    data = path.read_bytes()
    program = blob.loads(data)
    outputs = np.frombuffer(path.with_suffix(".out").read_bytes(), "<i4")
    inputs = np.frombuffer(path.with_suffix(".in").read_bytes(), np.uint8)
    return (
        data,
        inputs.reshape(-1, program.input_shape.size),
        outputs.reshape(-1, program.output_count),
    )


STATUSES = {
    -4: "SIZE", -5: "MAGIC", -6: "VERSION", -7: "CRC", -9: "FIELD", -10: "SHAPE", -11: "TABLE",
    -12: "OVERFLOW", -13: "PLAN",
}  # fmt: skip
LARGEST = 2**16  # bytes of a blob in the conformance set
LARGE_INPUT = 2**14  # values of an input, or bytes of a state, above which a blob is only loaded


def conformance() -> dict[str, bytes]:
    """File name to content, as JSON lines, which README.md beside this file describes."""
    return {
        "accepted.jsonl": _lines(_accepted_blobs()),
        "refused.jsonl": _lines(_refused_blobs()),
        "softmax.jsonl": _lines(_softmax()),
        "sound.jsonl": _lines(_sound()),
        "sound_refused.jsonl": _lines(_refused_records()),
        "detector.jsonl": _lines(_decisions()),
        "boxes.jsonl": _lines(recorded_maps.rows()),
    }


def _accepted_blobs() -> list[dict[str, object]]:
    museum = sorted(HERE.glob("format-*/*.dpt"))
    taken = {f"{path.parent.name}/{path.stem}": path.read_bytes() for path in museum}
    taken |= broken_blobs.ACCEPTED | reader_faults.ACCEPTED | arithmetic_faults.ACCEPTED
    taken |= output_faults.LOADED | bits_faults.ACCEPTED | later_faults.ACCEPTED
    taken |= delay_faults.ACCEPTED
    spread_ones = spread_programs()
    cases = [
        (name, data, blob.loads(data), True)
        for name, data in taken.items()
        if name not in spread_ones
    ]
    cases += [(name, *case, False) for name, case in reader_faults.FORMAT_ONLY.items()]
    found = [(*case, _inputs(case[2], HIGHEST)) for case in cases if len(case[1]) <= LARGEST]
    for name, program in spread_ones.items():
        found.append((name, blob.dumps(program), program, True, _inputs(program, RANDOM)))
    return [
        {
            "name": name,
            "tools": tools,
            "blob": data.hex(),
            "steps": program.work,
            "runs": _runs(program, inputs),
        }
        for name, data, program, tools, inputs in found
    ]


def spread_programs() -> dict[str, Program]:
    """The programs whose biases and multipliers follow from their runs, so that the outputs spread
    over the clamp: random ones, and programs whose graphs and memory plans just obey the rules."""
    plans = graph_faults.ACCEPTED | rows_faults.ACCEPTED | stream_faults.ACCEPTED
    plans |= reader_faults.PLANS | output_faults.ACCEPTED | later_faults.PLANS
    programs = {name: blob.loads(data) for name, data in plans.items()} | later_faults.SPREAD
    streams = stream_nets.streams(SPREAD_STREAM_SEEDS)
    made = [*map(random_program, seeds(nets.SPREAD_SEEDS + nets.LATER_SEEDS)), *streams]
    programs |= {f"outputs that spread, {program.name}": program for program in made}
    return {name: spread(program, _inputs(program, RANDOM)) for name, program in programs.items()}


def _refused_blobs() -> list[dict[str, object]]:
    refused = (
        broken_blobs.BROKEN
        | graph_faults.REFUSED
        | rows_faults.REFUSED
        | stream_faults.REFUSED
        | delay_faults.REFUSED
        | reader_faults.REFUSED
        | output_faults.REFUSED
        | bits_faults.REFUSED
        | later_faults.REFUSED
        | sound_faults.REFUSED_BY_ALL
    )
    return [
        {"name": name, "status": STATUSES[status], "blob": data.hex()}
        for name, (status, data) in refused.items()
        if status != -8 and len(data) <= LARGEST
    ]


def _refused_records() -> list[dict[str, object]]:
    """Blobs that a reader takes, whose records of sound it refuses."""
    return [
        {"name": name, "status": STATUSES[status], "blob": data.hex()}
        for name, (status, data) in sound_faults.REFUSED.items()
    ]


def _softmax() -> list[dict[str, object]]:
    """The page's example, the ends of every range, and random outputs."""
    ends = [[0], [2**31 - 1, -(2**31)], [-(2**31)] * 3, [2**31 - 1] * 5, [5, 4, 3, 2**30]]
    cases = [(softmax.scale(0.5), [4, 2])]
    cases += [
        (softmax.SoftmaxScale(mult, shift), outputs)
        for mult in (0, 1, 2**31, 2**32 - 1)
        for shift in (0, 24, 63)
        for outputs in ends
    ]
    # t is 31, 32, 63, 64 times 2^24 and one less: the least weight of 1, and shifts by 64 bits.
    for whole in (31, 32, 63, 64):
        below = -(whole << 24)
        cases += [(softmax.SoftmaxScale(1, 0), [0, *[y] * 4]) for y in (below, below + 1)]
    cases += [(softmax.SoftmaxScale(2**31, 7), [0] * 1000)]
    # S is 2^31 + 2^16 + 1. It divides the first share with the rest (S - 1) / 2: the half of S that
    # is added decides, rounded down or up.
    cases += [(softmax.SoftmaxScale(1, 0), [0, -(15 << 24), -(31 << 24)])]
    rng = np.random.default_rng(5)
    # Pairs show the last bits of the power, in which roundings differ.
    cases += [(softmax.SoftmaxScale(1, 0), [0, -y]) for y in rng.integers(0, 2**24, 150).tolist()]
    for real in (1e-9, 1e-4, 0.01, 0.3, 5.0, 1e3):
        spread = min(2**30, round(20 / real) + 2)
        cases.append((softmax.scale(real), rng.integers(-spread, spread, 10).tolist()))
    return [
        {
            "mult": scale.mult,
            "shift": scale.shift,
            "outputs": outputs,
            "probabilities": softmax.run(np.array([outputs], np.int32), scale)[0].tolist(),
        }
        for scale, outputs in cases
    ]


def _sound() -> list[dict[str, object]]:
    """Programs that listen to a signal: features, decisions and keywords."""
    signal = sound_nets.SIGNAL[: sound_nets.SHORT]
    programs = [sound_nets.programs()[3], *sound_nets.detecting_programs()]
    heard = [(f"{program.name} {i}", program, signal) for i, program in enumerate(programs)]
    heard += [(name, *case) for name, case in sound_faults.HEARD.items()]
    return [
        {
            "name": name,
            "blob": blob.dumps(program).hex(),
            "samples": samples.astype("<i2").tobytes().hex(),
            "features": sound.features(program.front, samples).astype("<u2").tobytes().hex(),
            "decisions": decisions.tolist(),
            "keywords": []
            if program.detector is None
            else program.detector.detect(decisions, program.outputs[-1]),
        }
        for name, program, samples in heard
        for inputs in [sound_nets.inputs_of(program, samples)]
        for decisions in [nets.values(reference.run(program, inputs))]
    ]


def _decisions() -> list[dict[str, object]]:
    """Values of a program's last output, one row a decision, and the keywords in them."""
    rows = []
    for name, (data, decisions) in sound_faults.DETECTED.items():
        program, values = blob.loads(data), np.array(decisions, np.int32)
        assert program.detector is not None
        keywords = program.detector.detect(values, program.outputs[-1])
        rows.append(
            {"name": name, "blob": data.hex(), "decisions": decisions, "keywords": keywords}
        )
    return rows


RANDOM, HIGHEST = 1, 3  # of four inputs of `nets.random_inputs`: the first two are random


def _inputs(program: Program, second: int) -> np.ndarray:
    """Two inputs, the first one random; of a streaming program the first steps of a signal; none
    where they or the state are large."""
    if max(program.input_shape.size, program.state_size) > LARGE_INPUT:
        return np.empty((0, *program.input_shape), NUMPY_TYPE[program.input_type])
    if program.is_streaming:
        return nets.random_inputs(program, 7, n=min(12, program.clocks[-1].first + 3))
    return nets.random_inputs(program, 7, n=4)[[0, second]]


def _runs(program: Program, inputs: np.ndarray) -> list[dict[str, object]]:
    """The inputs, each with the output of every op."""
    if len(inputs) == 0:
        return []
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
    # In this order: `conformance` holds the blobs of the folder, too.
    for place, make in ((folder(), files), (HERE / "conformance", conformance)):
        place.mkdir(exist_ok=True)
        for name, content in make().items():
            (place / name).write_bytes(content)
            print(f"{place.name}/{name}: {len(content)} bytes")
