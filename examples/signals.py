"""Nets of sensors, from data to verified C: motions of a smart watch, digits as signals.

    python examples/signals.py
    python examples/signals.py --sets motions

trains a net of each set, quantizes it, exports it as C, compiles and runs the exported self-test,
compares every backend of this machine with the reference on all test signals, and prints a row of a
table. It needs a C compiler and the packages of the sets: `pip install --no-deps aeon`, whose files
have BasicMotions, and `pip install mnist1d`, which generates MNIST-1D. The exit code is 1 if a
byte differs, a self-test fails, or a goal is missed.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drypoint import data, engine, measure, nn, quant, train
from drypoint.common import DrypointError, read_bytes
from drypoint.nn import Layer
from drypoint.program import Program, blob

HEAD = "set | float | integers | program, bytes | arena, bytes | MACs | bytes that differ | seconds"
Parts = tuple[data.Dataset, data.Dataset]


def motions() -> Parts:
    """BasicMotions: accelerometer and gyroscope of a watch, 40 recordings to train, 40 to test."""
    spec = importlib.util.find_spec("aeon")  # the files alone: aeon itself is not imported
    if spec is None or spec.submodule_search_locations is None:
        raise DrypointError("the package aeon is missing: pip install --no-deps aeon")
    folder = Path(spec.submodule_search_locations[0], "datasets/data/BasicMotions")
    train_set, test_set = (
        recordings(folder / f"BasicMotions_{part}.ts") for part in ("TRAIN", "TEST")
    )
    return train_set, test_set


def recordings(path: Path) -> data.Dataset:
    """The data set of a .ts file: each line has a signal of each channel, and the label."""
    _, _, lines = read_bytes(path).decode("utf-8").partition("@data\n")
    signals, labels = [], []
    for line in lines.splitlines():
        *channels, label = line.split(":")
        signals.append([[float(word) for word in channel.split(",")] for channel in channels])
        labels.append(label)
    return data.Dataset(np.array(signals).transpose(0, 2, 1), labels)  # time first


def digits() -> Parts:
    """MNIST-1D: 4,000 and 1,000 signals of 40 steps; the package generates the published set."""
    try:
        from mnist1d.data import make_dataset  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        raise DrypointError("the package mnist1d is missing: pip install mnist1d") from error
    found = make_dataset()
    return data.Dataset(found["x"], found["y"]), data.Dataset(found["x_test"], found["y_test"])


def block(channels: int, steps: int) -> list[Layer]:
    """A convolution over so many steps, batch norm and ReLU."""
    return [nn.Conv1d(channels, steps, padding="same", bias=False), nn.BatchNorm1d(), nn.ReLU()]


def motions_net() -> Layer:
    """Two convolutions and the mean over time: 4 classes."""
    layers = [*block(16, 5), nn.MaxPool1d(4), *block(16, 5), nn.GlobalAvgPool1d()]
    return nn.Sequential([*layers, nn.Linear(4), nn.Softmax()])


def digits_net() -> Layer:
    """Four convolutions: 10 classes, below 8 KB of weights."""
    layers = [*block(16, 5), *block(16, 5), nn.MaxPool1d(2), *block(32, 3), nn.MaxPool1d(2)]
    layers += [*block(32, 3), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(10), nn.Softmax()]
    return nn.Sequential(layers)


@dataclass(frozen=True)
class Case:
    """A set, its net, how it is trained, and what it must reach.

    Attributes:
        load: gives the training and the test set.
        build: gives the net.
        epochs, batch_size, lr: of the training.
        augment: the augmentation, or None.
        clip: of the encoder, in deviations.
        goal: the least accuracy of the integers on the test set.
        most: the most bytes of the program's file.
    """

    load: Callable[[], Parts]
    build: Callable[[], Layer]
    epochs: int
    batch_size: int
    lr: float
    augment: data.augment.Signals | None
    clip: float
    goal: float
    most: int


CASES = {
    "motions": Case(
        load=motions,
        build=motions_net,
        epochs=60,
        batch_size=8,
        lr=0.01,
        augment=data.augment.Signals(shift=20, gain=0.2, noise=0.1),
        clip=6,
        goal=1.0,
        most=16 * 1024,
    ),
    "digits": Case(
        load=digits,
        build=digits_net,
        epochs=60,
        batch_size=64,
        lr=0.01,
        augment=data.augment.Signals(shift=6, gain=0.2, noise=0.05),
        clip=4,
        goal=0.95,
        most=16 * 1024,
    ),
}


@dataclass(frozen=True)
class Row:
    """What was measured of one set."""

    name: str
    float_accuracy: float
    accuracy: float
    program: Program
    program_bytes: int
    differing_bytes: int
    self_test: bool
    seconds: float

    @property
    def reached(self) -> bool:
        """Whether the goals are reached and every byte is right."""
        case = CASES[self.name]
        right = self.self_test and not self.differing_bytes
        return right and self.accuracy >= case.goal and self.program_bytes <= case.most

    def __str__(self) -> str:
        cells = [
            *(self.name, f"{100 * self.float_accuracy:.2f} %", f"{100 * self.accuracy:.2f} %"),
            *(f"{self.program_bytes:,}", f"{self.program.arena_size:,}", f"{self.program.macs:,}"),
            f"{self.differing_bytes:,}{'' if self.self_test else ', self-test FAILED'}",
            f"{self.seconds:.0f}",
        ]
        return f"| {' | '.join(cells)} |"


def row(name: str, *, seed: int) -> Row:
    """From data to verified C."""
    case, start = CASES[name], time.perf_counter()
    train_set, test_set = case.load()
    encoder = data.SignalEncoder.from_data(train_set, clip=case.clip)
    decoder = data.ClassDecoder(train_set.classes)
    model = train.fit(
        nn.Model(case.build(), encoder=encoder, decoder=decoder),
        train_set,
        epochs=case.epochs,
        batch_size=case.batch_size,
        optimizer=train.Adam(lr=case.lr),
        augment=case.augment,
        validation_split=0,
        seed=seed,
        progress="bar" if sys.stderr.isatty() else "none",
    ).model
    program = quant.quantize(model, quant.calibrate(model, train_set), name=name)
    runners = {b: engine.Engine(program, backend=b) for b in engine.Engine.backends()}
    found = engine.verify(program, runners, test_set.x)
    return Row(
        name=name,
        float_accuracy=measure.measure(model, test_set).accuracy,
        accuracy=measure.measure(engine.Engine(program), test_set).accuracy,
        program=program,
        program_bytes=len(blob.dumps(program)),
        differing_bytes=found.differing_bytes,
        self_test=passes_self_test(program, test_set.x[:4], name),
        seconds=time.perf_counter() - start,
    )


def passes_self_test(program: Program, signals: np.ndarray, name: str) -> bool:
    """Whether the exported C compiles without other files, and gives the outputs of the reference.

    Raises:
        CompilerError: there is no C compiler.
    """
    with tempfile.TemporaryDirectory(prefix="signals-") as folder:
        engine.export_c(program, signals, folder, name=name)
        sources = [Path(folder, "selftest.c"), Path(folder, f"{name}.c")]
        sources += sorted(Path(folder, "drypoint").glob("*.c"))
        binary = Path(folder, "selftest")
        command = [engine.find_compiler(), "-std=c99", "-O1", "-DDPT_PLAIN_C"]
        command += [f"-I{folder}/drypoint", *map(str, sources), "-o", str(binary)]
        subprocess.run(command, check=True)
        done = subprocess.run([binary], capture_output=True, text=True, check=False)
        print(f"  self-test: {done.stdout.strip()}", file=sys.stderr, flush=True)
        return done.returncode == 0


def main(arguments: list[str]) -> int:
    """Print a row for each set."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--sets", default=",".join(CASES), help=f"some of {','.join(CASES)}")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches; 0")
    args = parser.parse_args(arguments)
    names = args.sets.split(",")
    if unknown := sorted(set(names) - set(CASES)):
        parser.error(f"no set {', '.join(unknown)}; there are {', '.join(CASES)}")
    try:
        rows = []
        for name in names:
            print(f"{name}: train, quantize, export, verify", file=sys.stderr, flush=True)
            rows.append(row(name, seed=args.seed))
    except DrypointError as error:
        print(f"signals: {error}", file=sys.stderr)
        return 2
    print(f"| {HEAD} |\n|---{'|---:' * HEAD.count('|')}|", *rows, sep="\n")
    return 0 if all(r.reached for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
