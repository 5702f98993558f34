"""Ten epochs of each family of nets, by two threads: how long a training takes."""

import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import NamedTuple

import numpy as np

from drypoint import autodiff, nn, train
from drypoint.bench import markdown_table

from ._trainer import LR

EXAMPLES, EPOCHS, BATCH, THREADS = 10_000, 10, 64, 2
SHAPES: Mapping[str, tuple[tuple[int, ...], int]] = {
    "lenet": ((1, 28, 28), 10),
    "lenet5": ((1, 28, 28), 10),
    "cnn": ((3, 32, 32), 10),
    "mlp": ((1, 28, 28), 10),
    "resnet8": ((3, 32, 32), 10),
    "mobilenet": ((1, 28, 28), 10),
    "mobilenet-v1": ((3, 96, 96), 2),
    "squeezenet": ((1, 28, 28), 10),
    "ds-cnn": ((1, 49, 10), 12),
    "dilated": ((1, 28, 28), 10),
    "conv1d": ((3, 128), 6),
    "tcn": ((3, 128), 6),
    "mixednet": ((40, 49), 12),
    "ds-conv1d": ((40, 98), 12),
    "gru": ((3, 128), 6),
    "lstm": ((3, 128), 6),
    "autoencoder": ((640,), 0),
}
"""Family -> the shape of its examples and its number of classes; 0: it repeats its input."""


class FamilyTimes(NamedTuple):
    """The training of a net of a family.

    Attributes:
        name: the family, with the sizes of a net that is named without sizes.
        shape: of an example.
        n_params: weights and biases.
        epoch: seconds of an epoch, the median.
        run: seconds of the whole run.
    """

    name: str
    shape: tuple[int, ...]
    n_params: int
    epoch: float
    run: float


def time_families() -> Iterator[FamilyTimes]:
    """The training of each family on `EXAMPLES` random examples, `EPOCHS` epochs by Adam."""
    autodiff.set_threads(THREADS)
    rng = np.random.default_rng(0)
    for name in nn.families():
        shape, classes = SHAPES[name.split(":")[0]]
        net = nn.create_net(name, input_shape=shape, classes=classes or shape[0]).initialize(0)
        x = rng.normal(size=(EXAMPLES, *shape)).astype(np.float32)
        y = rng.integers(0, classes, EXAMPLES) if classes else x
        softmax, begin = isinstance(net[-1], nn.Softmax), time.perf_counter()
        result = train.fit(
            net,
            (x, y),
            epochs=EPOCHS,
            batch_size=BATCH,
            optimizer=train.Adam(lr=LR),
            schedule=train.Constant(),
            loss=nn.CrossEntropyLoss(from_logits=not softmax) if classes else nn.MSELoss(),
            validation_split=0,
            progress="none",
        )
        seconds = time.perf_counter() - begin
        epoch = median(result.history["seconds"])
        yield FamilyTimes(name, shape, net.info().n_params, epoch, seconds)


def families_markdown() -> str:
    """The table of `time_families`."""
    head = ("family", "example", "parameters", "seconds an epoch", f"{EPOCHS} epochs")
    rows: list[tuple[str, ...]] = [
        (
            f"`{times.name}`",
            " x ".join(map(str, times.shape)),
            f"{times.n_params:,}",
            f"{times.epoch:.2f}",
            f"{times.run:.1f}",
        )
        for times in time_families()
    ]
    return "\n".join(markdown_table(head, rows))
