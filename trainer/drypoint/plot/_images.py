"""Pictures of images: examples, anything side by side, kernels, activations."""

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.data import Dataset
from drypoint.measure import Example

from ._checks import PlotError, array, check
from ._grid import MOST_IMAGES, ImageGrid, image_grid
from ._picture import Placement, placement


def examples(
    shown: Dataset | Sequence[Example],
    *,
    columns: int | None = None,
    title: str = "",
    ax: Placement = None,
) -> ImageGrid:
    """Images with their labels, or with the predictions of a classifier.

    Args:
        shown: a data set (``digits.sample(10)``), with labels as titles; or examples of a
            measurement (``m.worst(10)``), with true class, predicted class and probability of the
            true class, wrong predictions highlighted. At most 256.
        columns: the number of images side by side; None: by the number of images.
        title: the title of the picture.
        ax: one axes to draw on.

    Raises:
        PlotError: no images or too many, signals, or examples measured without images.
    """
    wanted = "a Dataset, or a list of examples, as Measurement.worst gives it"
    check(shown, (Dataset, list, tuple), name="shown", wanted=wanted)
    if isinstance(shown, Dataset):
        if shown.is_signals:
            raise PlotError("the data are signals, which are no images: plot them as lines")
        # One more than can be shown is enough to be refused.
        pairs = list(islice(shown, MOST_IMAGES + 1))
        images: list[NDArray[np.generic]] = [image for image, _ in pairs]
        titles = [str(label) for _, label in pairs]
        marked = [False] * len(pairs)
    else:
        for example in shown:
            check(example, Example, name="one of the examples", wanted=wanted)
        images = [_image_of(example) for example in shown]
        titles = [_title(e) for e in shown]
        marked = [e.true != e.predicted for e in shown]
    return image_grid(
        images, titles, marked=marked, columns=columns, title=title, placed=placement(ax)
    )


def images(
    shown: Mapping[str, ArrayLike] | Sequence[ArrayLike],
    *,
    columns: int | None = None,
    title: str = "",
    ax: Placement = None,
) -> ImageGrid:
    """Images side by side, as before and after a step.

    Args:
        shown: images, or title -> image; each (H, W), (H, W, 3), (1, H, W) or (3, H, W). uint8
            is shown from 0 to 255, anything else from its lowest to its highest value, which
            the title then says. At most 256.
        columns: the number of images side by side; None: by the number of images.
        title: the title of the picture.
        ax: one axes to draw on.

    Raises:
        PlotError: no images or too many, or a value that is no image.
    """
    wanted = "images, or a mapping from titles to images"
    check(shown, (Mapping, list, tuple, np.ndarray), name="shown", wanted=wanted)
    if isinstance(shown, np.ndarray) and shown.ndim == 0:
        raise PlotError(f"shown is a single number; wanted: {wanted}")
    named = isinstance(shown, Mapping)
    names = list(shown) if isinstance(shown, Mapping) else [""] * len(shown)
    values = list(shown.values()) if isinstance(shown, Mapping) else list(shown)
    arrays = [array(pixels, "an image") for pixels in values]
    titles = [
        name if pixels.dtype == np.uint8 or not named else f"{name}\n{_range(pixels)}"
        for name, pixels in zip(names, arrays, strict=True)
    ]
    return image_grid(arrays, titles, columns=columns, title=title, placed=placement(ax))


def ports(
    arrays: Mapping[str, ArrayLike],
    *,
    columns: int | None = None,
    title: str = "",
    ax: Placement = None,
) -> ImageGrid:
    """Images from one port of a dict of arrays, each titled with the values of the other ports.

    Args:
        arrays: port -> array, all of one length: one holds images (N, H, W) or with channels,
            the others numbers (N,); ``data.take(digits.as_ports(), range(5))``.
        columns: the number of images side by side; None: by the number of images.
        title: the title of the picture.
        ax: one axes to draw on.

    Raises:
        PlotError: not exactly one port of images, or lengths that differ.
    """
    wanted = "a mapping from ports to arrays, as Dataset.as_ports gives it"
    check(arrays, Mapping, name="arrays", wanted=wanted)
    values = {name: array(pixels, name) for name, pixels in arrays.items()}
    pictured = [name for name, pixels in values.items() if pixels.ndim >= 3]
    plain = [name for name, pixels in values.items() if pixels.ndim == 1]
    if len(pictured) != 1 or len(pictured) + len(plain) != len(values):
        shapes = {name: pixels.shape for name, pixels in values.items()}
        raise PlotError(f"one port of images and others of shape (N,) are wanted, not {shapes}")
    lengths = {name: len(pixels) for name, pixels in values.items()}
    if len(set(lengths.values())) != 1:
        raise PlotError(f"ports must hold arrays of one length, not {lengths}")
    pictures = list(values[pictured[0]])
    return image_grid(
        pictures,
        ["\n".join(f"{name} {values[name][i]}" for name in plain) for i in range(len(pictures))],
        columns=columns,
        title=title,
        placed=placement(ax),
    )


def maps(
    activations: ArrayLike,
    *,
    columns: int | None = None,
    title: str = "mean activation of each filter",
    ax: Placement = None,
) -> ImageGrid:
    """The output of a layer, one image for each channel, all in one scale.

    Args:
        activations: (C, H, W), C at most 256: the output for one image, or the mean over many,
            ``measure.measure_activations(model, images, ["conv1"])["conv1"]["mean"]``. The scale
            starts at 0 if no value is negative, else it is symmetric around 0.
        columns: maps side by side; None suits their number.
        title: the title of the picture.
        ax: one axes to draw on.

    Raises:
        PlotError: another shape, too many, or NaN or infinity.
    """
    planes = array(activations, "activations")
    if planes.ndim != 3 or planes.size == 0:
        raise PlotError(f"maps are an array (C, H, W), not one of shape {planes.shape}")
    low, high = float(planes.min()), float(planes.max())
    bound = max(-low, high)
    return image_grid(
        list(planes),
        [str(i) for i in range(len(planes))],
        shared=(0.0, high) if low >= 0 else (-bound, bound),
        scale="amount" if low >= 0 else "signed",
        columns=columns,
        title=title,
        placed=placement(ax),
    )


def _image_of(example: Example) -> NDArray[np.uint8]:
    if example.image is None:
        raise PlotError(
            f"example {example.index} has no image; measure on a data set to have images"
        )
    return example.image


def _title(example: Example) -> str:
    """The title of an example: true class, predicted class, probability of the true class (small
    ones by exponent)."""
    p = example.p_true
    first = f"true {example.true}, said {example.predicted}"
    if p is None:
        return first
    return f"{first}\np(true) {p:.3f}" if p >= 0.001 or p == 0 else f"{first}\np(true) {p:.0e}"


def _range(array: NDArray[np.generic]) -> str:
    """The lowest and the highest value of an array as text."""
    usable = array.size and array.dtype.kind in "buif"
    return f"{float(array.min()):.3g} to {float(array.max()):.3g}" if usable else ""
