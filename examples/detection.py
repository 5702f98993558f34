"""How well a net of some kilobytes finds digits in pictures of 96 x 96, and what it costs.

    python examples/detection.py
    python examples/detection.py --nets one --seeds 0 --epochs 6

trains each net as ``drypoint train --data scenes`` does, on one core, and prints a row of a table:
the CPU seconds of the training; average precision of all points (mAP50 and mAP50-95) and F1, at the
threshold that validation pictures chose, of the float net, of its integers, and of the integers on
pictures whose clutter the training never had; on a Cortex-M4 bytes of flash, tables and code with
the decoder at -Os, and of RAM in all: arena, input, output, boxes and stack. Figures are medians of
the seeds. Test pictures have other digits than training pictures.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

from drypoint import data, devices, quant, tasks, train
from drypoint.autodiff import set_threads
from drypoint.data import Dataset
from drypoint.engine import Engine
from drypoint.nn import Model
from drypoint.program import Program, simplify, to_export

TARGET = "cortex-m4"


class Net(NamedTuple):
    """A row of the table."""

    title: str
    source: str
    cells: bool


NETS = {
    "one": Net("boxes, one class", "scenes", cells=False),
    "ten": Net("boxes, ten classes", "scenes-digits", cells=False),
    "one-cells": Net("cells, one class", "scenes", cells=True),
    "ten-cells": Net("cells, ten classes", "scenes-digits", cells=True),
}
HEAD = (
    *("net", "CPU s", "float: mAP50, mAP50-95, F1", "integers", "other clutter"),
    *("float F1 less integers'", "flash", "RAM"),
)


class Figures(NamedTuple):
    """What a trained net is worth; of cells F1 alone."""

    map50: float | None
    map50_95: float | None
    f1: float


class Run(NamedTuple):
    """A training, and what it made."""

    seconds: float
    floats: Figures
    integers: Figures
    other: Figures
    flash: int | None
    ram: int | None


def train_net(net: Net, seed: int, epochs: int | None) -> tuple[Model, float]:
    """A net of a row, and the CPU seconds of its training."""
    study = train.make_study(
        train.StudyData(train=data.load(net.source, "train"), name=net.source),
        task=tasks.Detect(cells=net.cells),
        seed=seed,
        epochs=epochs,
    )
    begin = time.process_time()
    return study.fit(progress="none").model, time.process_time() - begin


def measure_run(net: Net, model: Model, seconds: float) -> Run:
    """What a trained net is worth, and what it costs."""
    calibration = data.load(net.source, "train").x[:500]
    program = quant.quantize(model, quant.calibrate(model, calibration))
    flash, ram = measure_cost(program)
    test, other = data.load(net.source, "test"), other_clutter(net)
    return Run(
        seconds,
        measure_net(model, test),
        measure_net(program, test),
        measure_net(program, other),
        flash,
        ram,
    )


def other_clutter(net: Net) -> Dataset:
    """Test pictures with clutter that no training picture has."""
    classes = 10 if net.source == "scenes-digits" else 1
    return data.scenes(1000, seed=3, classes=classes, part="test", clutter="discs")


def measure_net(net: Model | Program, test: Dataset) -> Figures:
    """The figures of a model, or of a program."""
    runner = net if isinstance(net, Model) else Engine(net)
    facts = tasks.task_of(net).measure(tasks.Trial(runner, test)).facts
    return Figures(facts.get("mAP50"), facts.get("mAP50-95"), facts["F1"])


def measure_cost(program: Program) -> tuple[int | None, int | None]:
    """Bytes of flash and of RAM; None without the compiler of the target."""
    target = devices.target(TARGET)
    try:
        devices.check_tools(target)
    except devices.DeviceError:
        return None, None
    exported = to_export(simplify(program))
    cost = devices.measure_cost(target, exported, optimize="-Os", count=False)
    return cost.account.flash_bytes, cost.account.ram_bytes


def row_of(net: Net, runs: Sequence[Run]) -> str:
    """The row of a net, of the medians of its runs."""
    shown = [net.title, f"{statistics.median(run.seconds for run in runs):.0f}"]
    for part in ("floats", "integers", "other"):
        figures = zip(*(getattr(run, part) for run in runs), strict=True)
        medians = (None if None in column else statistics.median(column) for column in figures)
        shown.append(", ".join("-" if value is None else f"{value:.3f}" for value in medians))
    lost = statistics.median(run.floats.f1 - run.integers.f1 for run in runs)
    sizes = (
        None if None in each else max(each) for each in zip(*(run[4:] for run in runs), strict=True)
    )
    shown += [f"{lost:+.4f}", *("-" if size is None else f"{size:,}" for size in sizes)]
    return f"| {' | '.join(shown)} |"


def main() -> None:
    """Train the nets and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", nargs="+", choices=NETS, default=[*NETS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="as drypoint train chooses if left out")
    args = parser.parse_args()
    set_threads(1)
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for name in args.nets:
        net = NETS[name]
        trained = (train_net(net, seed, args.epochs) for seed in args.seeds)
        print(row_of(net, [measure_run(net, *each) for each in trained]), flush=True)


if __name__ == "__main__":
    main()
