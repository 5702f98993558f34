"""Layers that move or choose values: flattening, padding, one-hot vectors, dropout."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drypoint import program
from drypoint.autodiff import Padding, Tensor, dropout, zero_pad2d
from drypoint.graph import Builder, Value, plane_of
from drypoint.program import Shape as EngineShape

from .._errors import ConfigError, InputError, ShapeError
from .._module.context import Context
from .._module.layer import Layer
from .._module.sizes import Shape, check_count, check_fraction


@dataclass(frozen=True, eq=False, repr=False)
class Flatten(Layer, in_kernels=True, per_example=True, exportable="yes"):
    """Any shape to a vector, row-major: an image in the order channel, row, column.

    Called on its own, the layer takes an array as one example; in a net there is a batch axis.
    """

    short_name: ClassVar[str] = "flatten"
    in_place: ClassVar[bool] = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """(product of the sizes,)."""
        return (math.prod(input_shape),)

    def lower(self, graph: Builder, *values: Value) -> Value:
        """No node: the plane, as readers of a vector see it."""
        return graph.flatten(values[0])

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """All axes after the first as one."""
        return x.flatten(1)


@dataclass(frozen=True, eq=False, repr=False)
class Reshape(Layer, in_kernels=True, per_example=True, exportable="no value moves"):
    """The elements of the input, row-major, in another shape.

    Called on its own, the layer takes an array as one example; in a net there is a batch axis.

    Args:
        shape: the output shape for one example.

    Raises:
        ConfigError: ``shape`` is no tuple of positive integers.
    """

    shape: Shape

    short_name: ClassVar[str] = "reshape"
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.shape, tuple):
            raise ConfigError("Reshape", f"wants a tuple of sizes, got {self.shape!r}")
        for size in self.shape:
            check_count("Reshape", "size", size)

    def output_shape(self, input_shape: Shape) -> Shape:
        """``shape``, checked to have as many elements as the input."""
        if math.prod(input_shape) != math.prod(self.shape):
            raise ShapeError("Reshape", f"to {self.shape} does not fit {input_shape}")
        return self.shape

    def lower(self, graph: Builder, *values: Value) -> Value:
        """No node, where no value moves."""
        if len(self.shape) == 1:
            return graph.flatten(values[0])
        return graph.reshape(values[0], plane_of(self.shape))

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """x as (N, *shape)."""
        return x.reshape((len(x.data), *self.shape))


@dataclass(frozen=True, eq=False, repr=False)
class Slice(Layer, per_example=True, exportable="yes"):
    """A part along one axis of an example, as x[..., start:stop:step, ...] of NumPy.

    Args:
        axis: 0 for channels, 1 for rows (of a signal time steps), 2 for columns.
        start: the first place; counted from the end where it is negative.
        stop: the place behind the last one, counted like start; None: the axis' end.
        step: from a place to the next; 1 along the channels.

    Raises:
        ConfigError: axis is not 0, 1 or 2, start or stop no integer, or step below 1.
    """

    axis: int
    start: int = 0
    stop: int | None = None
    step: int = 1

    short_name: ClassVar[str] = "slice"

    def __post_init__(self) -> None:
        check_count("Slice", "step", self.step)
        if type(self.axis) is not int or self.axis not in (0, 1, 2):
            raise ConfigError("Slice", f"wants an axis 0, 1 or 2 of an example, got {self.axis!r}")
        if type(self.start) is not int or type(self.stop) not in (int, type(None)):
            raise ConfigError("Slice", f"wants integers, got {self.start!r} and {self.stop!r}")
        if self.axis == 0 and self.step != 1:
            raise ConfigError("Slice", f"takes channels in steps of 1, got {self.step}")

    def places(self, length: int) -> range:
        """The places along an axis of this length."""
        return range(length)[self.start : self.stop : self.step]

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input shape with fewer places along the axis."""
        wanted = f"{self.axis + 1} axes or more, and a place from {self.start} to {self.stop}"
        if len(input_shape) <= self.axis or not self.places(input_shape[self.axis]):
            raise ShapeError("Slice", f"wants {wanted}, got an example of shape {input_shape}")
        count = len(self.places(input_shape[self.axis]))
        return (*input_shape[: self.axis], count, *input_shape[self.axis + 1 :])

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A part of the plane."""
        value = graph.in_memory(values[0])
        first, shape, stride = [0, 0, 0], list(value.shape), [1, 1]
        at = (2, 0, 1)[self.axis]  # of height, width, channels
        places = self.places(shape[at])
        first[at], shape[at] = places.start, len(places)
        if at < 2:
            stride[at] = self.step
        row, column, channel = first
        part = program.Slice.plan(
            EngineShape(*shape), first=(row, column, channel), stride=(stride[0], stride[1])
        )
        return graph.op(value, part)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The part of each example."""
        return x[(slice(None),) * (self.axis + 1) + (slice(self.start, self.stop, self.step),)]


@dataclass(frozen=True, eq=False, repr=False)
class InputPart(Layer, per_example=True, exportable="reads the net's input"):
    """One of several inputs of a net, out of the vector that holds them one after the other.

    Args:
        first: the place of its first value in the vector.
        shape: of the input.

    Raises:
        ConfigError: ``first`` is below 0, or ``shape`` is no tuple of positive integers.
    """

    first: int
    shape: Shape

    short_name: ClassVar[str] = "part"
    example_rank = 1  # a vector

    def __post_init__(self) -> None:
        check_count("InputPart", "first", self.first, minimum=0)
        if not isinstance(self.shape, tuple) or not self.shape:
            raise ConfigError("InputPart", f"wants a tuple of sizes, got {self.shape!r}")
        for size in self.shape:
            check_count("InputPart", "size", size)

    @property
    def places(self) -> slice:
        """The places of the input in the vector."""
        return slice(self.first, self.first + math.prod(self.shape))

    def output_shape(self, input_shape: Shape) -> Shape:
        """``shape``; the input is a vector that reaches as far."""
        if len(input_shape) != 1 or input_shape[0] < self.places.stop:
            wanted = f"a vector of {self.places.stop} values or more"
            raise ShapeError("InputPart", f"wants {wanted}, got an example of shape {input_shape}")
        return self.shape

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A node that reads the net's input."""
        return graph.input_part(values[0], self.first, plane_of(self.shape))

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The values of the input, in its shape."""
        return x[:, self.places].reshape((len(x.data), *self.shape))


@dataclass(frozen=True, eq=False, repr=False)
class Permute(Layer, per_example=True, exportable="yes"):
    """The axes of an example in another order, as np.transpose(x, axes).

    Args:
        axes: the axis of the input that each axis of the output is: all of an example, up to 3.

    Raises:
        ConfigError: axes are not 0, 1, ... in some order.
    """

    axes: tuple[int, ...]

    short_name: ClassVar[str] = "permute"

    def __post_init__(self) -> None:
        axes = self.axes if isinstance(self.axes, tuple) else ()
        integers = all(type(axis) is int for axis in axes)
        if not integers or not 1 <= len(axes) <= 3 or sorted(axes) != list(range(len(axes))):
            raise ConfigError(
                "Permute", f"wants the axes 0 to 2 of an example in an order, got {self.axes!r}"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        """The sizes in the order of the axes."""
        if len(input_shape) != len(self.axes):
            wanted = f"an example of {len(self.axes)} axes"
            raise ShapeError("Permute", f"wants {wanted}, got one of shape {input_shape}")
        return tuple(input_shape[axis] for axis in self.axes)

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A transpose of the plane."""
        axes = (*self.axes, *range(len(self.axes), 3))
        channels, rows, columns = ((2, 0, 1)[axis] for axis in axes)  # of height, width, channels
        value = graph.in_memory(values[0])
        order = (rows, columns, channels)
        return graph.op(value, program.Transpose.plan(value.shape, order=order))

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """x with its axes in the order."""
        return x.transpose((0, *(axis + 1 for axis in self.axes)))


@dataclass(frozen=True, eq=False, repr=False)
class ChannelShuffle(Layer, per_example=True, exportable="yes"):
    """Channels of several groups in turn: channel i * groups + g is channel i of group g.

    Args:
        groups: how many; they divide the channels.

    Raises:
        ConfigError: groups is no count.
    """

    groups: int

    short_name: ClassVar[str] = "shuffle"

    def __post_init__(self) -> None:
        check_count("ChannelShuffle", "groups", self.groups)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input shape, checked to have channels for all groups."""
        if not input_shape or input_shape[0] % self.groups:
            wanted = f"a multiple of {self.groups} channels"
            raise ShapeError("ChannelShuffle", f"wants {wanted}, got {input_shape}")
        return input_shape

    def lower(self, graph: Builder, *values: Value) -> Value:
        """Channels in another order, which a convolution before takes in."""
        value = graph.plane(graph.in_memory(values[0]))
        order = np.arange(value.shape.c).reshape(self.groups, -1).T.reshape(-1)
        return graph.permute(value, order)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The channels in another order."""
        n, c, *rest = x.shape
        grouped = x.reshape((n, self.groups, c // self.groups, *rest))
        return grouped.transpose((0, 2, 1, *range(3, grouped.ndim))).reshape(x.shape)


@dataclass(frozen=True, eq=False, repr=False)
class ZeroPad2d(Layer, in_kernels=True, per_example=True, exportable="before a layer"):
    """Zeros around an image: (C, H, W) to (C, top + H + bottom, left + W + right).

    Args:
        padding: rows and columns of zeros: a number for all sides, or (left, right, top, bottom),
            in the order of PyTorch's ZeroPad2d.

    Raises:
        ConfigError: ``padding`` is not one integer or four, from 0 on.
    """

    padding: int | tuple[int, int, int, int]

    short_name: ClassVar[str] = "pad"
    example_rank = 3  # (C, H, W)

    def __post_init__(self) -> None:
        sides = self.padding if isinstance(self.padding, tuple) else (self.padding,) * 4
        if len(sides) != 4:
            raise ConfigError(
                "ZeroPad2d", f"wants one number or (left, right, top, bottom), got {self.padding!r}"
            )
        for side in sides:
            check_count("ZeroPad2d", "padding", side, minimum=0)

    @property
    def sides(self) -> Padding:
        """((top, bottom), (left, right))."""
        padding = self.padding
        left, right, top, bottom = padding if isinstance(padding, tuple) else (padding,) * 4
        return (top, bottom), (left, right)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(C, top + H + bottom, left + W + right)."""
        if len(input_shape) != 3 or 0 in input_shape:
            raise ShapeError("ZeroPad2d", f"wants images (C, H, W), got {input_shape}")
        channels, *size = input_shape
        height, width = (n + sum(ends) for n, ends in zip(size, self.sides, strict=True))
        return channels, height, width

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A padding, which windows that read it take in."""
        (top, bottom), (left, right) = self.sides
        return graph.pad(values[0], (top, left, bottom, right))

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """x with zeros around it."""
        return zero_pad2d(x, self.sides)


@dataclass(frozen=True, eq=False, repr=False)
class OneHot(Layer):
    """A class index, a whole number from 0, to a vector that is 1 there and 0 elsewhere.

    Its gradient is 0: layers before it do not learn.

    Args:
        classes: the length of the vector.

    Raises:
        ConfigError: ``classes`` is below 1.
    """

    classes: int

    short_name: ClassVar[str] = "onehot"
    use_instead: ClassVar[str] = "let the net read the one-hot vector"
    example_rank = 0  # a number
    input_shape = ()

    def __post_init__(self) -> None:
        check_count("OneHot", "classes", self.classes)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(classes,)."""
        if input_shape:
            raise ShapeError("OneHot", f"wants one index, got {input_shape}")
        return (self.classes,)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """A row for each index.

        Raises:
            InputError: a value is no class index.
        """
        wrong = x.data[(x.data < 0) | (x.data >= self.classes) | (x.data != np.floor(x.data))]
        if wrong.size:
            raise InputError(
                "OneHot", f"wants whole numbers in 0..{self.classes - 1}, got {wrong[0]}"
            )
        return Tensor((x.data[:, np.newaxis] == np.arange(self.classes)).astype(x.dtype))


@dataclass(frozen=True, eq=False, repr=False)
class Dropout(Layer, in_kernels=True, per_example=True, exportable="yes"):
    """Dropout: in training an element becomes 0 with probability p, else it is divided by 1 - p.

    Outside of training the output is the input.

    Args:
        probability: p, in [0, 1).

    Raises:
        ConfigError: ``probability`` is out of range.
    """

    probability: float

    short_name: ClassVar[str] = "dropout"
    in_place: ClassVar[bool] = True
    keeps_axes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_fraction("Dropout", "probability", self.probability, inclusive=False)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input shape."""
        return input_shape

    def lower(self, graph: Builder, *values: Value) -> Value:  # noqa: ARG002
        """No node."""
        return values[0]

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """x with elements dropped, or x."""
        if not ctx.training:
            return x
        if ctx.rng is None:
            raise ConfigError("Dropout", "wants a generator in training; set rng in the Context")
        return dropout(x, self.probability, rng=ctx.rng)
