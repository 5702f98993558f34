"""The pooling layers."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from drypoint import program
from drypoint.autodiff import AutodiffError, Padding, Pair, Tensor, Window, avg_pool2d, max_pool2d
from drypoint.graph import Builder, Value

from .._errors import ConfigError, ShapeError
from .._module.context import Context
from .._module.layer import Layer
from .._module.sizes import (
    Shape,
    check_padded,
    check_padding,
    check_pair,
    fit_hint,
    full_padding,
    pair,
)


@dataclass(frozen=True, eq=False, repr=False)
class Pool2d(Layer):
    """The base class of max- and average-pooling: (C, H, W) to (C, H', W'), sizes rounded down.

    Args:
        kernel_size: height and width of the window, or (height, width).
        stride: step of the window, or (vertical, horizontal); None means the kernel size, so
            that windows neither overlap nor leave gaps.
        padding: rows and columns around the image: a number for all sides, (vertical, horizontal)
            or ((top, bottom), (left, right)); smaller than the kernel on each side.

    Raises:
        ConfigError: a hyper-parameter is out of range.
    """

    kernel_size: int | Pair
    _: KW_ONLY
    stride: int | Pair | None = None
    padding: int | Pair | Padding = 0

    short_name: ClassVar[str] = "pool"
    example_rank = 3  # (C, H, W)

    @property
    @abstractmethod
    def largest(self) -> bool:
        """Whether a window gives its largest value; else its mean."""

    def __post_init__(self) -> None:
        kind = type(self).__name__
        self._check_window()
        window = self.window((1, 1, 1))
        sides = zip(window.padding, window.kernel, strict=True)
        if any(max(both) >= size for both, size in sides):
            raise ConfigError(
                kind, f"wants padding below its kernel {window.kernel}, got {self.padding}"
            )

    def _check_window(self) -> None:
        kind = type(self).__name__
        check_pair(kind, "kernel_size", self.kernel_size)
        if self.stride is not None:
            check_pair(kind, "stride", self.stride)
        check_padding(kind, self.padding, by_name=False)

    def window(self, input_shape: Shape) -> Window:
        """Kernel, stride and the padding of all four sides."""
        kernel = pair(self.kernel_size)
        stride = kernel if self.stride is None else pair(self.stride)
        size = (input_shape[1], input_shape[2])
        padding = full_padding(self.padding, size=size, extent=kernel, stride=stride)
        return Window(kernel, stride, padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(C, H', W')."""
        kind = type(self).__name__
        if len(input_shape) != 3:
            raise ShapeError(kind, f"wants images (C, H, W), got {input_shape}")
        window = self.window(input_shape)
        check_padded(kind, input_shape, window)
        try:
            size = window.output_size(*input_shape[1:])
        except AutodiffError as error:
            raise ShapeError(kind, f"got {input_shape}: {error}{fit_hint(input_shape)}") from error
        return input_shape[0], *size

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A pooling."""
        (value,) = values
        window = self.window((value.shape.c, value.shape.h, value.shape.w))
        (top, bottom), (left, right) = window.padding
        sides = (top, left, bottom, right)
        pool = program.MaxPool if self.largest else program.AvgPool
        planned = pool.plan(value.shape, kernel=window.kernel, stride=window.stride, padding=sides)
        return graph.op(value, planned)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The maximum or the mean of each window."""
        window = self.window(x.shape[1:])
        pool = max_pool2d if self.largest else avg_pool2d
        return pool(x, window.kernel, stride=window.stride, padding=window.padding)


@dataclass(frozen=True, eq=False, repr=False)
class MaxPool2d(Pool2d, in_kernels=True, per_example=True, exportable="yes"):
    """The largest value of each window; padding is ignored. Arguments: see `Pool2d`.

    Of equal values the first, row by row, gets the gradient.
    """

    largest = True


@dataclass(frozen=True, eq=False, repr=False)
class AvgPool2d(Pool2d, in_kernels=True, per_example=True, exportable="yes"):
    """The mean of each window; padding counts as zeros. Arguments: see `Pool2d`."""

    largest = False


@dataclass(frozen=True, eq=False, repr=False)
class AdaptiveAvgPool2d(Layer, in_kernels=True, per_example=True, exportable="yes"):
    """The mean of each of (output height x output width) equal parts of an image.

    (C, H, W) to (C, *output_size); (C, 1, 1) by default. `GlobalAvgPool2d` gives (C,).

    Args:
        output_size: height and width of the output, or (height, width). It must divide the size of
            the image: parts of different sizes, which PyTorch allows, are not supported.

    Raises:
        ConfigError: the size is no integer of at least 1 and no pair of them.
    """

    output_size: int | Pair = 1

    short_name: ClassVar[str] = "pool"
    example_rank = 3  # (C, H, W)

    def __post_init__(self) -> None:
        check_pair("AdaptiveAvgPool2d", "output_size", self.output_size)

    def window(self, input_shape: Shape) -> Window:
        """The part of the image of one output: its size is kernel and stride."""
        (height, width), (rows, columns) = input_shape[1:], pair(self.output_size)
        part = (height // rows, width // columns)
        return Window(part, part)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(C, *output_size)."""
        size = pair(self.output_size)
        if len(input_shape) != 3 or 0 in input_shape:
            raise ShapeError("AdaptiveAvgPool2d", f"wants images (C, H, W), got {input_shape}")
        if any(n % parts for n, parts in zip(input_shape[1:], size, strict=True)):
            raise ShapeError(
                "AdaptiveAvgPool2d",
                f"to {size} wants a height and width that it divides, got {input_shape}; use "
                "AvgPool2d with a stride",
            )
        return input_shape[0], *size

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A mean of windows."""
        (value,) = values
        window = self.window((value.shape.c, value.shape.h, value.shape.w))
        mean = program.AvgPool.plan(value.shape, kernel=window.kernel, stride=window.stride)
        return graph.op(value, mean)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The mean of each part."""
        window = self.window(x.shape[1:])
        return avg_pool2d(x, window.kernel, stride=window.stride)


@dataclass(frozen=True, eq=False, repr=False)
class GlobalAvgPool2d(Layer, in_kernels=True, per_example=True, exportable="yes"):
    """The mean of each channel: (C, H, W) to (C,), whatever the size of the image."""

    short_name: ClassVar[str] = "pool"
    example_rank = 3  # (C, H, W)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(C,)."""
        if len(input_shape) != 3 or 0 in input_shape:
            raise ShapeError("GlobalAvgPool2d", f"wants images (C, H, W), got {input_shape}")
        return (input_shape[0],)

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A mean of the plane."""
        (value,) = values
        plane = value.shape.h, value.shape.w
        return graph.op(value, program.AvgPool.plan(value.shape, kernel=plane, stride=plane))

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The mean over both axes of the image."""
        size = (x.shape[2], x.shape[3])
        return avg_pool2d(x, size, stride=size).flatten(1)
