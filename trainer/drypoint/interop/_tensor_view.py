"""A tensor of a file as a view of what a layer outputs.

Reshapes and transposes move no value of the net: a file may hold images with the channels last,
split, join and exchange axes. A `TensorView` says where each element of the file's tensor lies in
the layer's output, so such nodes become no layer.
"""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drypoint.graph import Pair, Unsupported

Array = NDArray[np.generic]
Shape = tuple[int, ...]
MAX_SIZE = 1 << 24  # elements of an activation of one example
STAND_IN = -1  # the number of the layer that a refused node stands for
Index = NDArray[np.intp]
Axes = tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class TensorView:
    """A tensor of the file, for one example (no batch axis)."""

    end: int  # number of the layer that computes it; 0 is the net's input
    layer_shape: Shape  # the shape of what the layer outputs
    shape: Shape  # the shape of the file's tensor
    # for each element of the file's tensor, its place in the raveled output of the layer; None
    # where both lie in one order
    index: Index | None = None

    @classmethod
    def of_layer(cls, end: int, shape: Shape) -> "TensorView":
        """All of what a layer outputs."""
        return cls(end=end, layer_shape=shape, shape=shape)

    @property
    def whole(self) -> "TensorView":
        """All of what the layer outputs."""
        return self.of_layer(self.end, self.layer_shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def image_size(self) -> Pair:
        """The rows and columns of the image that the layer outputs."""
        return self.layer_shape[1], self.layer_shape[2]

    @property
    def order(self) -> Index:
        """``index``, computed where it is None."""
        return np.arange(self.size).reshape(self.shape) if self.index is None else self.index

    def reshape(self, shape: Shape) -> "TensorView":
        """The elements, row-major, in another shape of one size."""
        index = None if self.index is None else self.index.reshape(shape)
        return replace(self, shape=shape, index=index)

    def transpose(self, axes: Axes) -> "TensorView":
        """The axes in another order."""
        index = self.order.transpose(axes)
        in_order = bool((index.ravel() == np.arange(index.size)).all())
        return replace(self, shape=index.shape, index=None if in_order else index)

    def in_layer(self, output: "TensorView") -> "TensorView":
        """The tensor, as it lies in the output of another layer in place of this layer's."""
        return replace(self, end=output.end, layer_shape=output.layer_shape)

    def same_view(self, other: "TensorView") -> bool:
        """Whether both lie in their layers' outputs in one way."""
        if (self.layer_shape, self.shape) != (other.layer_shape, other.shape):
            return False
        if self.index is None or other.index is None:
            return self.index is other.index
        return self.index is other.index or bool((self.index == other.index).all())


def arrange(end: int, layer_shape: Shape, axes: Axes, shape: Shape) -> TensorView:
    """What a layer outputs, with its axes in another order, as a tensor of the shape."""
    value = TensorView.of_layer(end, layer_shape)
    if axes != tuple(range(len(layer_shape))):
        value = value.transpose(axes)
    return value.reshape(shape)


def axes_of(value: TensorView) -> Axes | None:
    """For each axis of the file's tensor the axis (0, 1, 2) of the image (C, H, W) that it is.

    None where the layer outputs no image, or where an axis is none of the image's.
    """
    if len(value.layer_shape) != 3 or not 2 <= len(value.shape) <= 3:
        return None
    if value.index is None and value.shape == value.layer_shape:
        return (0, 1, 2)
    orders = [*itertools.permutations(range(3))]
    if len(value.shape) == 2:  # an axis of size 1 was dropped: another one than the channels if any
        dropped = [axis for axis in (1, 2, 0) if value.layer_shape[axis] == 1]
        orders = [order for axis in dropped for order in orders if order[2] == axis]
    for axes in orders:
        kept = axes[: len(value.shape)]
        sizes = tuple(value.layer_shape[axis] for axis in kept)
        if sizes == value.shape:
            view = arrange(value.end, value.layer_shape, axes, sizes)
            if view.same_view(value):
                return kept
    return None


def axis_of(axes: Axes, axis: int) -> int | None:
    """The axis of the file's tensor that is an axis of the image; None where it was dropped."""
    return axes.index(axis) if axis in axes else None


def check_size(shape: Shape) -> None:
    """Check that a tensor has a size that is read."""
    if not shape or min(shape) < 1 or math.prod(shape) > MAX_SIZE:
        raise Unsupported(f"makes a tensor {shape}; wanted 1 to {MAX_SIZE:,} values an example")
