"""`Dataset`: images or signals with labels and classes; the inputs of a model in any form."""

import hashlib
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from drypoint.common import (
    DrypointError,
    attribute_hints,
    check_kind,
    count_of,
    html_image,
    html_table,
    kind_of,
)

from .._aliases import DATASET_HINTS
from .._errors import DatasetError
from .boxes import Boxes
from .classes import Class
from .labels import (
    NO_LABEL,
    as_array,
    is_label_map,
    label_indices,
    map_indices,
    plain_groups,
)
from .pixels import check_scaled, is_signals, plain_images, plain_signals

_Scalar = TypeVar("_Scalar", bound=np.generic)
_PICTURE = 8  # steps and channels from which floats can be a picture's pixels by mistake
_NAMED = 10  # the most classes that the repr of a data set names
_ROWS = 20  # the most classes that a notebook lists
_HEIGHT = 48  # CSS pixels: the least height of an image in a notebook


@attribute_hints(DATASET_HINTS)
@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images or signals, checked in the constructor and read-only.

    Attributes:
        x: uint8 images, (N, H, W) for gray or (N, H, W, 3) for RGB; N, H, W at least 1. The
            constructor also takes channels first, or an axis for one channel. Or signals
            (N, steps, channels), float32 or the int16 counts of a sensor: the samples in the order
            of time, the channels of one time step side by side. The constructor also takes
            (N, steps) for one channel, and other floats. A table of N rows with n columns is
            (N, 1, n).
        y: int64 class indices, (N,), each in [0, len(classes)). The constructor also takes names
            of classes or one-hot rows: see `label_indices`.
            Of images also label maps, (N, height, width): a class index for each pixel of the
            net's output, `NO_LABEL` where there is none.
        classes: the distinct labels, str or int; ``classes[y[i]]`` is the label of example i. The
            default is the sorted names in ``y``, or 0, 1, ... to the highest index.
        columns: of signals from CSV files the names of the columns that were read, in this order;
            else empty.
        sample_rate: of signals from WAV files the time steps a second; else None.
        input_shapes: of examples of several inputs the name and shape of each; ``x``, (N, 1,
            values), has their values one after another. Else empty.
        groups: of examples that depend on one another, as the rows of one person, copies, or the
            windows of one recording, the group of each: int64 (N,) from 0. The constructor takes
            integers or texts. No group is split into two parts, and intervals count groups. None:
            each example is a group of its own.
        boxes: of pictures with boxes around objects: these boxes, whose labels are indices of
            ``classes``; ``y`` is 0 then. None: the label of an example is ``y``.

    Writable arrays are copied. Iteration gives (image, label) or (signal, label) pairs.

    Raises:
        DatasetError: wrong dtype, shape, length or label; the message says which.
        UnknownClassError: ``y`` has a name that is none of ``classes``.
    """

    x: NDArray[Any]
    y: NDArray[np.int64]
    classes: tuple[Class, ...] = ()
    columns: tuple[str, ...] = ()
    sample_rate: int | None = None
    input_shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    groups: NDArray[np.int64] | None = None
    boxes: Boxes | None = None

    def __post_init__(self) -> None:
        if self.boxes is not None:
            check_kind(self.boxes, Boxes, name="boxes", wanted="data.Boxes", error=DatasetError)
        if isinstance(self.y, Boxes):
            object.__setattr__(self, "boxes", self.y)
            object.__setattr__(self, "y", np.zeros(self.y.n, int))
        inputs = as_array(self.x, "inputs")
        signals = is_signals(inputs) and inputs.ndim != 4  # (N, C, H, W) are images
        what = "signals" if signals else "images"
        x = _check_signals(inputs) if signals else _check_images(inputs)
        if x.size == 0:
            raise DatasetError(f"no {what}: their shape is {x.shape}")
        # The default () means "from y"; other empty lists of classes are refused.
        left_out = isinstance(self.classes, tuple) and not self.classes
        if signals and is_label_map(self.y):
            raise DatasetError("label maps (N, height, width) are of images, and these are signals")
        indices = map_indices if is_label_map(self.y) else label_indices
        y, classes = indices(self.y, None if left_out else self.classes)
        if len(x) != len(y):
            raise DatasetError(f"{len(x)} {what} but {len(y)} labels: one label each is wanted")
        if self.boxes is not None:
            self._check_boxes(len(x), len(classes))
        groups = plain_groups(self.groups, len(x))
        object.__setattr__(self, "groups", None if groups is None else _frozen(groups))
        object.__setattr__(self, "x", _frozen(x))
        object.__setattr__(self, "y", _frozen(y))
        object.__setattr__(self, "classes", classes)

    def _check_boxes(self, n: int, n_classes: int) -> None:
        """Refuse boxes of other pictures or of other classes."""
        assert self.boxes is not None
        highest = int(self.boxes.labels.max(initial=0))
        if self.boxes.n != n or highest >= n_classes:
            raise DatasetError(
                f"there are {n} images and {n_classes} classes, and boxes of {self.boxes.n} "
                f"images and classes to {highest}"
            )

    def __len__(self) -> int:
        """The number of images or signals."""
        return len(self.x)

    def __iter__(self) -> Iterator[tuple[NDArray[Any], Class]]:
        """The (image, label) or (signal, label) pairs in order."""
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> tuple[NDArray[Any], Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Dataset": ...
    def __getitem__(self, index: int | slice) -> "tuple[NDArray[Any], Any] | Dataset":
        """Image (H, W) or (H, W, 3), or signal (steps, channels), and label at ``index``; or the
        data set of a slice. A label map is int64 (height, width).
        """
        if isinstance(index, slice):
            return self._select(index)
        if self.has_maps:
            return self.x[index], self.y[index]
        return self.x[index], self.classes[int(self.y[index])]

    @property
    def inputs(self) -> Any:
        """What a model takes: ``x``; of examples of several inputs a dict of arrays by name."""
        if not self.input_shapes:
            return self.x
        ends = np.cumsum([math.prod(shape) for _, shape in self.input_shapes])[:-1]
        columns = np.split(self.x[:, 0], ends, axis=1)
        pairs = zip(self.input_shapes, columns, strict=True)
        return {name: part.reshape(len(self), *shape) for (name, shape), part in pairs}

    @property
    def is_signals(self) -> bool:
        """Whether the examples are signals, not images."""
        return is_signals(self.x)

    @property
    def has_maps(self) -> bool:
        """Whether the labels are maps: a class for each pixel."""
        return self.y.ndim == 3

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) in pixels; arrays have (height, width).

        Raises:
            DatasetError: the examples are signals, whose size is `signal_size`.
        """
        if self.is_signals:
            raise DatasetError("the data are signals, which have a signal_size, not an image_size")
        return int(self.x.shape[2]), int(self.x.shape[1])

    @property
    def signal_size(self) -> tuple[int, int]:
        """(steps, channels) of a signal.

        Raises:
            DatasetError: the examples are images, whose size is `image_size`.
        """
        if not self.is_signals:
            raise DatasetError("the data are images, which have an image_size, not a signal_size")
        return int(self.x.shape[1]), int(self.x.shape[2])

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The labels of a regression as numbers, (N,): its classes are their distinct texts.

        Raises:
            DatasetError: a label is no finite number.
        """
        try:
            values = np.array([float(name) for name in self.classes])
        except ValueError as error:
            raise DatasetError(f"a label is no number: {error}") from error
        if not np.isfinite(values).all():
            raise DatasetError("a label is NaN or infinite")
        return values[self.y]

    def take(self, indices: ArrayLike) -> "Dataset":
        """The examples at ``indices``, in that order; negative indices count from the end.

        Raises:
            DatasetError: no list of integers, an empty list, or an index outside [-N, N).
        """
        return self._select(check_indices(indices, len(self)))

    def sample(self, n: int, seed: int = 0) -> "Dataset":
        """``n`` distinct random examples, in the order drawn; equal seeds give equal samples.

        Raises:
            DatasetError: ``n`` is not in [1, N].
        """
        if not 1 <= n <= len(self):
            raise DatasetError(f"a sample of {n} was asked for, from 1 to {len(self)} can be drawn")
        return self.take(np.random.default_rng(seed).choice(len(self), size=n, replace=False))

    def balance(self) -> "Dataset":
        """The examples by class; a rarer class repeats its examples, in their order, until it has
        as many as the commonest.

        Raises:
            DatasetError: each pixel has a label of its own.
        """
        if self.has_maps:
            raise DatasetError("examples with label maps are of no single class")
        places = [np.flatnonzero(self.y == label) for label in np.unique(self.y)]
        most = max(map(len, places))
        return self.take(np.concatenate([np.resize(place, most) for place in places]))

    def class_counts(self) -> dict[Class, int]:
        """Class -> number of its examples, in the order of ``classes``, zeros included; of label
        maps the number of its pixels.
        """
        known = self.y[self.y != NO_LABEL]
        counts = np.bincount(known, minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.classes[:_NAMED])) + (
            ", ..." * (len(self.classes) > _NAMED)
        )
        classes = count_of(len(self.classes), "class", "classes")
        return f"Dataset({self._summary}; {classes}: {names})"

    def _repr_html_(self) -> str:
        """For notebooks: the examples of each class, with the first image of the first classes."""
        rows = [(name, f"{n:,}") for name, n in self.class_counts().items()]
        shown, more = rows[:_ROWS], len(rows) - _ROWS
        shown += [("...", f"{more} more classes")] if more > 0 else []
        counted = "pixels" if self.has_maps else "examples"
        table = html_table(("class", counted), shown, caption=self._summary)
        return table if self.is_signals else f"{self._strip()}\n{table}"

    def _strip(self) -> str:
        """The first image of each of the first classes side by side, as an ``<img>``."""
        present = [c for c, n in enumerate(self.class_counts().values()) if n][:_NAMED]
        has = [(self.y == c).reshape(len(self), -1).any(axis=1) for c in present]
        images = np.concatenate([self.x[np.argmax(rows)] for rows in has], axis=1)
        content = io.BytesIO()
        Image.fromarray(images).save(content, "png")
        names = ", ".join(str(self.classes[c]) for c in present)
        height = max(_HEIGHT, min(self.image_size[1], 2 * _HEIGHT))
        width = round(images.shape[1] * height / images.shape[0])
        return html_image(
            content.getvalue(), alt=f"an example each of {names}", width=width, height=height
        )

    def _select(self, chosen: NDArray[np.int64] | slice) -> "Dataset":
        """The examples at indices that are checked."""
        groups = None if self.groups is None else self.groups[chosen]
        boxes = None if self.boxes is None else self.boxes.take(chosen)
        return replace(self, x=self.x[chosen], y=self.y[chosen], groups=groups, boxes=boxes)

    @property
    def _summary(self) -> str:
        """The examples in words: their number, size and type."""
        n = len(self)
        if self.input_shapes:
            shown = (f"{name} {'x'.join(map(str, shape))}" for name, shape in self.input_shapes)
            return f"{count_of(n, 'example')} of the inputs {', '.join(shown)}"
        if self.is_signals:
            steps, channels = self.signal_size
            size = f"{count_of(steps, 'step')} x {count_of(channels, 'channel')}"
            rate = f", {self.sample_rate:,} steps a second" if self.sample_rate else ""
            return f"{count_of(n, 'signal')} of {size}, {self.x.dtype}{rate}"
        size = "{} x {}".format(*self.image_size)
        color = "rgb" if self.x.ndim == 4 else "gray"
        text = f"{count_of(n, 'image')} of {size}, {color}"
        if not self.has_maps:
            return text
        height, width = self.y.shape[1:]
        return f"{text}, with label maps of {width} x {height}"

    def as_ports(self, *, images: str = "input", labels: str = "target") -> dict[str, NDArray[Any]]:
        """The two arrays under the names of a net's ports: ``{images: x, labels: y}``."""
        return {images: self.x, labels: self.y}

    def digest(self) -> str:
        """SHA-256 (64 hexadecimal digits) of shape, pixels or samples, labels, classes, groups.

        Data sets with equal content have equal digests, on every machine.
        """
        kind: tuple[object, ...] = (self.x.dtype.name,) if self.is_signals else ()
        kind += (self.input_shapes,) if self.input_shapes else ()
        kind += () if self.groups is None else (self.groups.tolist(),)
        content = hashlib.sha256(repr((*kind, self.x.shape, self.classes)).encode())
        content.update(self.x.astype(self.x.dtype.newbyteorder("<"), copy=False).tobytes())
        content.update(self.y.astype("<i8").tobytes())
        if self.boxes is not None:
            for array in (self.boxes.pictures, self.boxes.edges, self.boxes.labels):
                content.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return content.hexdigest()


def take(ports: dict[str, NDArray[Any]], indices: ArrayLike) -> dict[str, NDArray[Any]]:
    """Port -> the examples at ``indices``, in that order.

    Raises:
        DatasetError: no ports, arrays of different lengths, or indices as in `Dataset.take`.
    """
    lengths = {name: len(values) for name, values in ports.items()}
    if len(set(lengths.values())) != 1:
        raise DatasetError(f"ports must hold arrays of one length, not {lengths}")
    chosen = check_indices(indices, next(iter(lengths.values())))
    return {name: values[chosen] for name, values in ports.items()}


def check_indices(indices: ArrayLike, length: int) -> NDArray[np.int64]:
    """``indices`` as int64, checked as for `Dataset.take`."""
    chosen = np.asarray(indices)
    if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu":
        raise DatasetError(
            "indices must be a non-empty list of integers, "
            f"not {chosen.dtype} of shape {chosen.shape}"
        )
    low, high = int(chosen.min()), int(chosen.max())
    if low < -length or high >= length:
        wrong = low if low < -length else high
        raise DatasetError(f"index {wrong} is outside [-{length}, {length})")
    return chosen.astype(np.int64)


def _check_signals(signals: NDArray[Any]) -> NDArray[Any]:
    """Signals in the form of a `Dataset`; floats that are pixels of pictures are refused."""
    if signals.dtype.kind == "f" and signals.ndim > 2 and min(signals.shape[1:]) >= _PICTURE:
        check_scaled(signals, name="images")
    return plain_signals(signals)


def _check_images(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Images in the form of a `Dataset`, uint8 (N, H, W) or (N, H, W, 3)."""
    x = plain_images(images)
    gray, rgb = x.ndim == 3, x.ndim == 4 and x.shape[3] == 3
    check_scaled(x, name="images")
    if x.dtype != np.uint8 or not (gray or rgb):
        scaled = x.dtype.kind == "f" and x.size and 0 <= x.min() <= x.max() <= 1
        hint = ": of values in [0, 1] it is (255 * x).round().astype('uint8')" if scaled else ""
        if x.dtype.kind == "f" and not scaled:
            hint = ": give the pixels as they were before mean and deviation"
        if x.dtype == np.uint8 and x.ndim == 2:
            hint = ": of rows of pixels it is x.reshape(-1, height, width)"
        raise DatasetError(
            "images must be uint8 of shape (N, H, W) or (N, H, W, 3), signals int16 or floats, "
            f"not {x.dtype} of shape {images.shape}{hint}"
        )
    return x


def _frozen(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """``array`` itself if its memory is not writable, else a read-only copy."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            copy = np.array(array, order="C")
            copy.flags.writeable = False
            return copy
        owner = owner.base
    return array


def model_inputs(
    inputs: object, *, name: str, error: type[DrypointError]
) -> NDArray[Any] | Sequence[Any]:
    """A batch of inputs of a model.

    Args:
        inputs: an array (N, ...) of numbers; a list of arrays, pictures or paths; a `Dataset` or a
            pair (x, y), of which only the inputs are used.
        name: the name of the argument, for the message.
        error: the class of the error to raise.

    Raises:
        DrypointError: an instance of ``error``: ``inputs`` have none of the forms.
        DatasetError: pixels from 0 to 255 that are not uint8.
    """
    if isinstance(inputs, Dataset):
        return inputs.x
    if isinstance(inputs, tuple) and len(inputs) == 2 and all(map(_is_array, inputs)):
        inputs = inputs[0]
    if isinstance(inputs, list | tuple) and inputs:
        if all(isinstance(item, np.ndarray | Image.Image | Path | str) for item in inputs):
            return inputs
        inputs = _array(inputs)
    if isinstance(inputs, np.ndarray) and inputs.ndim > 0 and inputs.dtype.kind in "buif":
        check_scaled(inputs, name=name)
        return inputs
    raise error(
        f"{name} is {kind_of(inputs)}; wanted: an array (N, ...) of numbers, a list of pictures "
        "or a Dataset"
    )


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray | list) and len(value) > 0 and not np.isscalar(value)


def _array(rows: Sequence[Any]) -> object:
    try:
        return np.asarray(rows)
    except ValueError:  # rows of different lengths
        return rows
