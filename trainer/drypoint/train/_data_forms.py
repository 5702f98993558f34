"""The forms that training data may come in, and what each becomes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from drypoint.data import Dataset, ImageEncoder, check_scaled, load, load_folder, plain_images

from ._errors import TrainError
from ._examples import Examples, examples_of

Given: TypeAlias = Dataset | tuple[Any, Any] | Sequence[Any] | Mapping[str, Any] | str | Path
"""Examples: a `Dataset`; a pair (x, y) of arrays; a list of pairs (x, y), one an example; a dict of
an array for each port; a folder of pictures (see `data.load_folder`) or the name of a data set."""

BatchFunction: TypeAlias = Callable[[int, int, np.random.Generator], Iterable[Any]]
"""(batch_size, epoch, rng) -> the batches of an epoch, each a `Dataset`, pair or dict. Epochs
count from 1; ``rng`` is the epoch's own, so an epoch comes out the same in a resumed run."""


def read_examples(
    given: object, *, what: str, ports: tuple[str, ...], encoder: object = None
) -> Examples:
    """Examples out of any form but a function.

    Args:
        given: the data.
        what: how messages call it.
        ports: of what is trained: inputs, then targets.
        encoder: of the model; a folder of pictures of several sizes is read in its size. With an
            `ImageEncoder`, or None, uint8 images at the first of two ports may have their channels
            first, and pixels of another type than uint8 are refused.

    Raises:
        TrainError: it is nothing of that, or see `examples_of`.
        DrypointError: files cannot be read, or pixels come as floats from 0 to 255.
    """
    classes = None
    if isinstance(given, str | Path):
        given = _from_disk(given, encoder)
    if isinstance(given, Dataset):
        classes, given = given.classes, (given.x, given.y)
    if isinstance(given, list) and given and all(isinstance(one, Mapping) for one in given):
        return examples_of(_joined(given, what), what=what)
    if isinstance(given, list):
        given = _pairs(given, what)
    if isinstance(given, Mapping):
        _check_ports(given, what=what, ports=ports)
        columns = {port: given[port] for port in ports}
        return _with_images(examples_of(columns, what=what), what, ports=ports, encoder=encoder)
    if not (isinstance(given, tuple) and len(given) == 2):
        raise TrainError(_no_data(given, what))
    if len(ports) != 2:
        raise TrainError(f"{what} is a pair; the net has the ports {', '.join(ports)}: give a dict")
    examples = examples_of(dict(zip(ports, given, strict=True)), what=what, classes=classes)
    return _with_images(examples, what, ports=ports, encoder=encoder)


def _with_images(
    examples: Examples, what: str, *, ports: tuple[str, ...], encoder: object
) -> Examples:
    """The same, images at the first of two ports as a `Dataset` holds them."""
    if len(ports) != 2 or not isinstance(encoder, ImageEncoder | None):
        return examples
    port = ports[0]
    column = examples.columns[port]
    check_scaled(column, name=f"{port} of {what}")
    if column.dtype != np.uint8:
        return examples
    return Examples({**examples.columns, port: plain_images(column)}, examples.classes)


def read_batch(
    given: object, *, ports: tuple[str, ...], epoch: int, encoder: object = None
) -> Examples:
    """One of the batches that a function gave.

    Raises:
        TrainError: it is no `Dataset`, pair or dict, or see `examples_of`.
    """
    what = f"a batch of epoch {epoch}"
    if isinstance(given, str | Path | list):
        raise TrainError(f"{what} is a {type(given).__name__}, not a Dataset, a pair or a dict")
    return read_examples(given, what=what, ports=ports, encoder=encoder)


def _from_disk(name: str | Path, encoder: object) -> Dataset:
    if not isinstance(name, Path) and not Path(name).is_dir() and "/" not in name:
        return load(name)
    if isinstance(encoder, ImageEncoder):
        size = {"width": encoder.width, "height": encoder.height}
        return load_folder(name, **size, color=encoder.color, resize=encoder.resize)
    return load_folder(name)


def _pairs(given: list[Any], what: str) -> tuple[list[Any], list[Any]]:
    for i, one in enumerate(given):
        if not (isinstance(one, tuple | list) and len(one) == 2):
            raise TrainError(
                f"item {i} of {what} is a {type(one).__name__}, not a pair (input, target); two "
                "arrays are given as a tuple (x, y)"
            )
    return [x for x, _ in given], [y for _, y in given]


def _joined(given: list[Mapping[str, Any]], what: str) -> dict[str, list[Any]]:
    """A dict for each example as a list for each port."""
    for i, one in enumerate(given):
        if set(one) != set(given[0]):
            raise TrainError(
                f"item {i} of {what} has the ports {', '.join(one)}, item 0 {', '.join(given[0])}"
            )
    return {port: [one[port] for one in given] for port in given[0]}


def _check_ports(given: Mapping[str, Any], *, what: str, ports: tuple[str, ...]) -> None:
    if set(given) != set(ports):
        raise TrainError(
            f"{what} has the ports {', '.join(map(str, given))}; {', '.join(ports)} are wanted"
        )


def _no_data(given: object, what: str) -> str:
    if isinstance(given, Iterator):
        return (
            f"{what} is a generator, which can be read once: give a function (batch_size, epoch, "
            "rng) that returns one for each epoch"
        )
    return (
        f"{what} is a {type(given).__name__}, not a Dataset, a pair of arrays (x, y), a list of "
        "pairs, a dict of ports, a folder or a function of batches"
    )
