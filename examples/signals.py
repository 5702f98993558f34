"""Nets of sensors, from data to verified C: motions of a smart watch, digits as signals.

    python examples/signals.py
    python examples/signals.py --sets motions

trains a net of each set, quantizes it, exports it as C, compiles and runs the exported self-test,
compares every backend of this machine with the reference on all test signals, and prints a row of a
table. It needs a C compiler and the packages of the sets: `pip install --no-deps aeon` for
BasicMotions, `pip install mnist1d` for MNIST-1D. The exit code is 1 if a byte differs, a self-test
fails, or a goal is missed.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from exported import passes_self_test

from drypoint import data, engine, measure, nn, quant, train
from drypoint.common import DrypointError
from drypoint.nn import Layer
from drypoint.program import Program, blob

HEAD = "set | float | integers | program, bytes | arena, bytes | MACs | bytes that differ | seconds"


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
        data_set: the name of the data set, for `data.load`.
        build: gives the net.
        epochs, batch_size, lr: of the training.
        augment: the augmentation, or None.
        clip: of the encoder, in deviations.
        goal: the least accuracy of the integers on the test set.
        most: the most bytes of the program's file.
    """

    data_set: str
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
        data_set="basic-motions",
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
        data_set="mnist1d",
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
    train_set, test_set = (data.load(case.data_set, part) for part in ("train", "test"))
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
        engine.find_compiler()  # needed last; better missed first
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
