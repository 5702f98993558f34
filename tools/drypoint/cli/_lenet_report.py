"""The main job's facts: gathered, timed, and put on one screen."""

import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from drypoint.common import percent
from drypoint.data import Dataset, class_places
from drypoint.engine import Verification
from drypoint.measure import Measurement
from drypoint.program import Program

from ._data import MNIST
from ._output import table
from ._verify import GENERATED


class Clock:
    """Seconds of each stage, by its name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the code inside the context."""
        begin = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - begin, 3)


def versions() -> dict[str, str]:
    """The versions of the software that made the figures."""
    found = {name: version(name) for name in ("drypoint", "numpy", "pillow")}
    return {**found, "python": platform.python_version(), "machine": platform.platform()}


def facts_of(
    program: Program,
    content: bytes,
    *,
    measured: Measurement,
    found: Verification,
    test_set: Dataset,
) -> dict[str, Any]:
    """The facts of the report on one verified program."""
    places = class_places(test_set.classes, program.labels)
    decisions = {name: y.argmax(axis=1) for name, y in found.outputs.items()}
    right = {name: int((d == places[test_set.y]).sum()) for name, d in decisions.items()}
    integers = right["reference"] / len(test_set)
    said = class_places(measured.classes, program.labels)[measured.predicted]
    differ = np.flatnonzero(decisions["reference"] != said)
    return {
        "float_accuracy": measured.accuracy,
        "integer_accuracy": integers,
        "integer_accuracy_c": right[GENERATED] / len(test_set),
        "disagreements": len(differ),
        "disagreeing_examples": differ.tolist(),
        "verified_examples": found.examples,
        "verified_bytes": found.examples * found.bytes_per_example * len(found.differing),
        "differing_bytes": found.differing_bytes,
        "differing": found.to_json()["differing"],
        "model_bytes": len(content),
        "weight_bytes": program.weight_bytes,
        "arena_bytes": program.arena_size,
        "macs": program.macs,
        "accumulator_bounds": {
            op.name: int(op.acc_bound.max()) for op in program.ops if hasattr(op, "acc_bound")
        },
        "data_sha256": {"test": test_set.digest()},
    }


def summary(facts: Mapping[str, Any], out: Path) -> str:
    """One screen."""
    verified = f"of {facts['verified_bytes']:,}: the output of every layer for every image, from"
    rows = [
        ("accuracy", percent(facts["float_accuracy"]), "float net"),
        ("", percent(facts["integer_accuracy"]), "integers, NumPy reference"),
        ("", percent(facts["integer_accuracy_c"]), "integers, generated C"),
        ("decisions that differ", f"{facts['disagreements']:,}", "between float net and integers"),
        ("bytes that differ", f"{facts['differing_bytes']:,}", verified),
        *(("", "", row) for row in _runners(facts["differing"])),
        ("model", f"{facts['model_bytes']:,}", f"bytes, {facts['weight_bytes']:,} of them weights"),
        ("RAM", f"{facts['arena_bytes']:,}", "bytes of working memory, exactly"),
        ("work", f"{facts['macs']:,}", "multiply-accumulates an image"),
        ("time", f"{sum(facts['seconds'].values()):.1f}", f"seconds: {_stages(facts)}"),
    ]
    width = max(len(value) for _, value, _ in rows)
    aligned = [(name, value.rjust(width), text) for name, value, text in rows]
    name = facts["data"]["name"]
    shown = "MNIST" if name == MNIST else name
    title = (
        f"{out}: LeNet on {shown}, seed {facts['seed']}, {facts['verified_examples']:,} test images"
    )
    return f"{title}\n\n{table(aligned)}"


def _runners(differing: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A line for each runner compared with the reference, with the layers that differ."""
    return [
        f"  {runner}" + "".join(f"; {n:,} in {op}" for op, n in ops.items())
        for runner, ops in differing.items()
    ]


def _stages(facts: Mapping[str, Any]) -> str:
    """Seconds by stage."""
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in facts["seconds"].items())
