"""Training data: the forms that `fit` takes, held-out examples, and the batches of an epoch."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.common import check_arguments, warn
from drypoint.data import (
    Dataset,
    DatasetError,
    ImageEncoder,
    Splits,
    check_scaled,
    choose_validation,
    load,
    load_folder,
    plain_images,
)

from ._errors import TrainError, TrainWarning
from ._examples import Examples, LazyBatch, make_examples
from ._targets import Notify

DataLike: TypeAlias = Dataset | tuple[Any, Any] | Sequence[Any] | Mapping[str, Any] | str | Path
"""Examples: a `Dataset`; a pair (x, y) of arrays; a list of pairs (x, y), one an example; a dict of
an array for each port; a folder of pictures (see `data.load_folder`), a file (see `data.read`) or
the name of a data set."""

BatchFunction: TypeAlias = Callable[[int, int, np.random.Generator], Iterable[Any]]
"""(batch_size, epoch, rng) -> the batches of an epoch, each a `Dataset`, pair or dict. Epochs
count from 1; ``rng`` depends on seed and epoch alone, so that a resumed run gets equal batches."""


def read_examples(
    given: object, *, what: str, ports: tuple[str, ...], encoder: object = None
) -> Examples:
    """Examples from any form of data but a function of batches."""
    classes = None
    given = read_source(given, encoder)
    signals = given if isinstance(given, Dataset) and given.is_signals else None
    groups = given.groups if isinstance(given, Dataset) else None
    if isinstance(given, Dataset):
        classes, given = given.classes, (given.x, given.y)
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], Mapping):
        given = {ports[0]: given[0], **given[1]}
    if isinstance(given, list) and given and all(isinstance(item, Mapping) for item in given):
        return make_examples(_join_examples(given, what), what=what)
    if isinstance(given, list):
        given = _pairs(given, what)
    if isinstance(given, Mapping):
        _check_ports(given, what=what, ports=ports)
        columns = {port: given[port] for port in ports}
        return _with_images(make_examples(columns, what=what), what, ports=ports, encoder=encoder)
    if not (isinstance(given, tuple) and len(given) == 2):
        raise TrainError(_no_data(given, what))
    if len(ports) != 2:
        raise TrainError(f"{what} is a pair; the net has the ports {', '.join(ports)}: give a dict")
    examples = make_examples(dict(zip(ports, given, strict=True)), what=what, classes=classes)
    examples = replace(examples, groups=groups)
    if signals is not None:
        return replace(examples, names=signals.columns, sample_rate=signals.sample_rate)
    return _with_images(examples, what, ports=ports, encoder=encoder)


def _with_images(
    examples: Examples, what: str, *, ports: tuple[str, ...], encoder: object
) -> Examples:
    """The data, with images at the first of two ports brought to the form of a `Dataset`."""
    if len(ports) != 2 or not isinstance(encoder, ImageEncoder | None):
        return examples
    port = ports[0]
    column = examples.columns[port]
    check_scaled(column, name=f"{port} of {what}")
    if column.dtype != np.uint8:
        return examples
    return replace(examples, columns={**examples.columns, port: plain_images(column)})


def read_batch(
    given: object, *, ports: tuple[str, ...], epoch: int, encoder: object = None
) -> Examples:
    """One batch of a function of batches."""
    what = f"a batch of epoch {epoch}"
    if isinstance(given, str | Path | list):
        raise TrainError(f"{what} is a {type(given).__name__}, not a Dataset, a pair or a dict")
    return read_examples(given, what=what, ports=ports, encoder=encoder)


def read_source(name: object, encoder: object) -> object:
    """The data set of a name, folder or file; other data as they are."""
    if not isinstance(name, str | Path):
        return name
    is_name = not isinstance(name, Path) and not Path(name).is_dir() and "/" not in name
    if is_name or Path(name).is_file():
        return load(name)
    if isinstance(encoder, ImageEncoder):
        size = {"width": encoder.width, "height": encoder.height}
        return load_folder(name, **size, color=encoder.color, resize=encoder.resize)
    return load_folder(name)


def _pairs(items: list[Any], what: str) -> tuple[list[Any], list[Any]]:
    for i, item in enumerate(items):
        if not (isinstance(item, tuple | list) and len(item) == 2):
            raise TrainError(
                f"item {i} of {what} is a {type(item).__name__}, not a pair (input, target); two "
                "arrays are given as a tuple (x, y)"
            )
    return [x for x, _ in items], [y for _, y in items]


def _join_examples(items: list[Mapping[str, Any]], what: str) -> dict[str, list[Any]]:
    """Port -> list of values, from a dict for each example."""
    for i, item in enumerate(items):
        if set(item) != set(items[0]):
            raise TrainError(
                f"item {i} of {what} has the ports {', '.join(item)}, item 0 {', '.join(items[0])}"
            )
    return {port: [item[port] for item in items] for port in items[0]}


def _check_ports(columns: Mapping[str, Any], *, what: str, ports: tuple[str, ...]) -> None:
    if set(columns) != set(ports):
        raise TrainError(
            f"{what} has the ports {', '.join(map(str, columns))}; {', '.join(ports)} are wanted"
        )


def _no_data(given: object, what: str) -> str:
    if isinstance(given, Iterator):
        return (
            f"{what} is a generator, which can be read once: give a function (batch_size, epoch, "
            "rng) that returns one for each epoch"
        )
    if isinstance(given, Splits):
        parts = " or ".join(f"[{part!r}]" for part in given.parts)
        return f"{what} is all parts of {given.where}: give one of them, data{parts}"
    return (
        f"{what} is a {type(given).__name__}, not a Dataset, a pair of arrays (x, y), a list of "
        "pairs, a dict of ports, a folder or a function of batches"
    )


SHUFFLE, DROPOUT, BATCHES = 1, 2, 3
"""The uses of random numbers: each is an independent stream of the seed."""


class Source(Protocol):
    """A source of batches; every call for an epoch gives equal batches."""

    @property
    def n(self) -> int | None:
        """The number of examples of an epoch; None if it is not known before the epoch."""
        ...

    @property
    def steps(self) -> int | None:
        """The number of batches of an epoch; None if it is not known before the epoch."""
        ...

    def epoch(self, number: int) -> Iterator[tuple[LazyBatch, NDArray[np.int64]]]:
        """The batches of epoch ``number`` (from 1), each with its examples' indices (N,)."""
        ...


class ShuffledBatches:
    """Batches of examples, shuffled in each epoch; the last batch may be smaller."""

    def __init__(self, examples: Examples, *, batch_size: int, seed: int) -> None:
        self._examples, self._batch_size, self._seed = examples, batch_size, seed
        self.n = len(examples)
        self.steps = math.ceil(self.n / batch_size)

    def epoch(self, number: int) -> Iterator[tuple[LazyBatch, NDArray[np.int64]]]:
        """The batches of an epoch, with every example once."""
        order = np.random.default_rng([self._seed, SHUFFLE, number]).permutation(self.n)
        for start in range(0, self.n, self._batch_size):
            chosen = np.sort(order[start : start + self._batch_size])  # reads memory in its order
            yield self._examples.take_lazily(chosen), chosen


class GeneratedBatches:
    """Batches from a function of the user."""

    def __init__(
        self,
        function: BatchFunction,
        *,
        ports: tuple[str, ...],
        encoder: object,
        batch_size: int,
        seed: int,
    ) -> None:
        arguments = "batch_size, epoch, rng"
        check_arguments(function, arguments, name="the function of batches", error=TrainError)
        self._function, self._ports, self._encoder = function, ports, encoder
        self._encode_targets: Callable[[Examples], Examples] = lambda examples: examples
        self._batch_size, self._seed = batch_size, seed
        first = self._batches(1)
        self.n = None
        self.steps = len(first) if isinstance(first, Sized) else None
        if self.steps == 0:
            raise TrainError("the function of batches gave none for epoch 1")

    def epoch(self, number: int) -> Iterator[tuple[LazyBatch, NDArray[np.int64]]]:
        """The batches of the function; the indices of their examples count from 0."""
        n_read = 0
        for given in self._batches(number):
            examples = self._read(given, number)
            n = len(examples)
            yield dict(self._encode_targets(examples).columns), np.arange(n_read, n_read + n)
            n_read += n
        if n_read == 0:
            raise TrainError(f"the function of batches gave none for epoch {number}")

    def with_encoded_targets(self, encode: Callable[[Examples], Examples]) -> "GeneratedBatches":
        """The source with `encode` applied to each batch."""
        other = copy(self)
        other._encode_targets = encode
        return other

    def first(self) -> Examples:
        """The first batch of the first epoch, for its shapes."""
        for given in self._batches(1):
            return self._read(given, 1)
        raise TrainError("the function of batches gave none for epoch 1")

    def _read(self, given: object, epoch: int) -> Examples:
        return read_batch(given, ports=self._ports, epoch=epoch, encoder=self._encoder)

    def _batches(self, epoch: int) -> Iterable[object]:
        rng = np.random.default_rng([self._seed, BATCHES, epoch])
        batches = self._function(self._batch_size, epoch, rng)
        if not hasattr(batches, "__iter__"):
            raise TrainError(
                f"the function of batches returned a {type(batches).__name__}, not batches: it is "
                "called once an epoch, as (batch_size, epoch, rng)"
            )
        return batches


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingData:
    """Training and validation examples, before their targets are encoded.

    Attributes:
        train: the training examples; for a function of batches its first batch.
        val: the validation examples.
        function: the source of batches, if the data is a function of batches.
        facts: digests and numbers that identify the data, of JSON types.
    """

    train: Examples
    val: Examples | None
    function: GeneratedBatches | None
    facts: dict[str, object]


def training_data(
    data: object,
    validation_data: object,
    validation_split: float | None,
    *,
    ports: tuple[str, ...],
    encoder: object,
    batch_size: int,
    seed: int,
    notify: Notify,
) -> TrainingData:
    """Read the data, and hold out validation examples."""
    val = None
    if validation_data is not None:
        val = read_examples(validation_data, what="validation_data", ports=ports, encoder=encoder)
    if callable(data):
        function = GeneratedBatches(
            data,
            ports=ports,
            encoder=encoder,
            batch_size=batch_size,
            seed=seed,
        )
        if validation_split:
            raise TrainError(
                "nothing can be held out of a function of batches: give validation_data"
            )
        sha = None if val is None else val.digest()
        facts: dict[str, object] = {"data": "function", "validation": sha}
        train = function.first()
        return TrainingData(train=train, val=val, function=function, facts=facts)
    whole = read_examples(data, what="data", ports=ports, encoder=encoder)
    facts = {"data": whole.digest(), "validation": None}
    if val is not None:
        facts["validation"] = val.digest()
        if facts["validation"] == facts["data"]:
            warn(
                "validation_data is the training data: its figures say nothing about new examples",
                TrainWarning,
            )
        return TrainingData(train=whole, val=val, function=None, facts=facts)
    if validation_split == 0:
        return TrainingData(train=whole, val=None, function=None, facts=facts)
    train, val = whole, None
    y = groups = None
    if whole.classes is not None:
        _, labels = whole.columns.values()
        y = labels if labels.ndim == 1 else np.zeros(len(whole), np.int64)  # label maps
        groups = whole.groups
    try:
        held = choose_validation(len(whole), validation_split, seed=seed, y=y, groups=groups)
        train, val = whole.part(np.flatnonzero(~held)), whole.part(np.flatnonzero(held))
    except DatasetError as error:  # few examples, or few groups
        if validation_split is not None:
            raise TrainError(f"validation_split: {error}; 0 holds out none") from error
        notify(f"validation: none, {error}")
    if val is not None:
        facts["validation"] = f"{len(val)} held out"
        if validation_split is None:
            notify(f"validation: {len(val):,} of {len(whole):,} examples are held out for it")
    return TrainingData(train=train, val=val, function=None, facts=facts)
