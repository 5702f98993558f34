"""What a training step in a program's integers costs, beside a step in floats."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import data, nn, quant, train
from drypoint.autodiff import set_threads
from drypoint.common import table_lines
from drypoint.nn import Model, Sequential

BATCH, STEPS = 128, 16
EPOCHS = 3  # the first one is not timed: it compiles the step
NETS: dict[str, Callable[[], Sequential]] = {
    "lenet": nn.lenet,
    "ds-cnn": nn.ds_cnn,
    "resnet8": nn.resnet8,
}
HEAD = ("net", "float ms", "4 bits ms", "ratio")


def integers_text(names: Sequence[str], *, rounds: int) -> str:
    """A row for each net: CPU milliseconds of a step of 128 examples on one thread, in floats and
    in integers with weights of 4 bits, and their ratio.

    A round times both, one after the other; a row has the least time of all epochs. The time holds
    what encodes the batch.
    """
    set_threads(1)
    rows: list[tuple[str, ...]] = [HEAD]
    for name in names:
        times = np.array([_step_times(NETS[name](), seed) for seed in range(rounds)])
        floats, integers = times.min(axis=(0, 2)).tolist()
        rows.append((name, f"{floats:.2f}", f"{integers:.2f}", f"{integers / floats:.2f}"))
    return "\n".join(table_lines(rows, left=(0,)))


def _step_times(net: Sequential, seed: int) -> list[NDArray[np.float64]]:
    """CPU milliseconds of a step in each epoch, in floats and in integers."""
    rng, shape = np.random.default_rng(seed), net.input_shape
    assert shape is not None  # a preset knows its shape
    (classes,) = net.output_shape(shape)
    y = rng.integers(0, classes, BATCH * STEPS)
    x: NDArray[Any] = rng.normal(size=(BATCH * STEPS, *shape)).astype(np.float32)
    model = Model(net)
    if shape == (1, 28, 28):
        x = rng.integers(0, 256, (BATCH * STEPS, 28, 28)).astype(np.uint8)
        model = Model(net, encoder=data.ImageEncoder(width=28, height=28, mean=0.13, std=0.3))
    trained = _train(model, (x, y), None)[0]
    schemes = None, quant.Scheme(weights=4)
    return [_train(trained, (x, y), scheme)[1] for scheme in schemes]


def _train(
    model: Model, examples: tuple[NDArray[Any], NDArray[Any]], scheme: quant.Scheme | None
) -> tuple[Model, NDArray[np.float64]]:
    """The trained model, and the CPU milliseconds of a step in each epoch after the first."""
    ends: list[float] = []
    result = train.fit(
        model,
        examples,
        epochs=EPOCHS,
        batch_size=BATCH,
        validation_split=0,
        callbacks=[lambda _: ends.append(time.process_time())],
        quantization=scheme,
        progress="none",
    )
    assert isinstance(result.model, Model)
    return result.model, np.diff(ends) * 1000 / STEPS
