"""The layers of signals (C, L): conventions over the layers of images (C, H, W).

Time runs along H and the images have a width of 1, so that the engine needs no ops for signals.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal, TypeAlias

from drypoint.autodiff import AutodiffError, Pair, Tensor, Window

from .._errors import ConfigError, ShapeError
from .._module.context import Context
from .._module.sizes import Shape, check_count, check_padded, full_padding
from .convolution import Conv2d
from .pooling import GlobalAvgPool2d, Pool2d

EndPadding: TypeAlias = int | Pair
"""Zeros at both ends of a signal: one number for each end, or (before, after)."""


@dataclass(frozen=True, eq=False, repr=False)
class Conv1d(Conv2d, in_kernels=True, per_example=True, exportable="yes"):
    """One-dimensional cross-correlation along time: (C, L) to (O, L').

    Parameters: weight (O, C / groups, k) and, if `bias`, bias (O,).

    Args:
        out_channels: the number O of output channels.
        kernel_size: k, time steps of the window.
        stride: step of the window.
        padding: zeros at both ends: a number for each end, (before, after), "valid" for none,
            "same" for an output of ceil(L / stride) with the smaller half before, or "causal" for
            zeros before the signal only: an output reads no later step than its own.
        dilation: step between elements of the window.
        groups: the number of channel groups; an output channel reads the inputs of its group.
        bias: whether the layer adds a bias.
        in_channels: C; None takes it from the first shape the layer is bound to.

    Raises:
        ConfigError: a hyper-parameter is out of range, or groups do not divide the channels.
    """

    kernel_size: int
    _: KW_ONLY
    stride: int = 1
    padding: EndPadding | Literal["same", "valid", "causal"] = 0  # type: ignore[assignment]
    dilation: int = 1

    _example: ClassVar[str] = "signals (C, L)"
    example_rank = 2  # (C, L)

    def _check_window(self) -> None:
        for name in ("kernel_size", "stride", "dilation"):
            check_count("Conv1d", name, getattr(self, name))
        by_name = isinstance(self.padding, str) and self.padding in ("same", "valid", "causal")
        if not by_name:
            _check_ends("Conv1d", self.padding, names="'same', 'valid', 'causal' or ")

    @property
    def _taps(self) -> tuple[int, ...]:
        return (self.kernel_size,)

    def window(self, input_shape: Shape) -> Window:
        """The window of the convolution over the image (C, L, 1)."""
        kernel, stride, dilation = (self.kernel_size, 1), (self.stride, 1), (self.dilation, 1)
        bare = Window(kernel, dilation=dilation)
        match self.padding:
            case "causal":
                padding = ((bare.extent[0] - 1, 0), (0, 0))
            case "same" | "valid":
                size = (input_shape[1], 1)
                padding = full_padding(self.padding, size=size, extent=bare.extent, stride=stride)
            case _:
                padding = (_ends(self.padding), (0, 0))
        return Window(kernel, stride, padding, dilation)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(O, L'), the length rounded down."""
        self._check_input(input_shape)
        return self.out_channels, _length(self, input_shape)

    def forward_fused(
        self,
        x: Tensor,
        params: Mapping[str, Tensor],
        *,
        relu: bool = False,
        pool: Pair = (1, 1),
    ) -> Tensor:
        """The output of the layer, a ReLU and a max-pooling, computed in one operation."""
        planes = {**params, "weight": _image(self._param(params, "weight"))}
        return super().forward_fused(_image(x), planes, relu=relu, pool=pool).flatten(2)


@dataclass(frozen=True, eq=False, repr=False)
class Pool1d(Pool2d):
    """The base class of pooling along time: (C, L) to (C, L'), the length rounded down.

    Args:
        kernel_size: time steps of the window.
        stride: step of the window; None means the kernel size, so that windows neither overlap nor
            leave gaps.
        padding: steps at both ends: a number for each end, or (before, after); smaller than the
            kernel.

    Raises:
        ConfigError: a hyper-parameter is out of range.
    """

    kernel_size: int
    _: KW_ONLY
    stride: int | None = None
    padding: EndPadding = 0

    def _check_window(self) -> None:
        kind = type(self).__name__
        check_count(kind, "kernel_size", self.kernel_size)
        if self.stride is not None:
            check_count(kind, "stride", self.stride)
        _check_ends(kind, self.padding)

    example_rank = 2  # (C, L)

    def window(self, input_shape: Shape) -> Window:  # noqa: ARG002
        """The window over the image (C, L, 1)."""
        stride = self.kernel_size if self.stride is None else self.stride
        return Window((self.kernel_size, 1), (stride, 1), (_ends(self.padding), (0, 0)))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(C, L')."""
        if len(input_shape) != 2:
            raise ShapeError(type(self).__name__, f"wants signals (C, L), got {input_shape}")
        return input_shape[0], _length(self, input_shape)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The maximum or the mean of each window."""
        return super().forward(_image(x), params, ctx).flatten(2)


@dataclass(frozen=True, eq=False, repr=False)
class MaxPool1d(Pool1d, in_kernels=True, per_example=True, exportable="yes"):
    """The largest value of each window along time; padding is ignored. Arguments: see `Pool1d`.

    Of equal values the first gets the gradient.
    """

    largest = True


@dataclass(frozen=True, eq=False, repr=False)
class AvgPool1d(Pool1d, in_kernels=True, per_example=True, exportable="yes"):
    """The mean of each window along time; padding counts as zeros. Arguments: see `Pool1d`."""

    largest = False


@dataclass(frozen=True, eq=False, repr=False)
class GlobalAvgPool1d(GlobalAvgPool2d, in_kernels=True, per_example=True, exportable="yes"):
    """The mean of each channel over time: (C, L) to (C,), whatever the length."""

    example_rank = 2  # (C, L)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(C,)."""
        if len(input_shape) != 2 or 0 in input_shape:
            raise ShapeError("GlobalAvgPool1d", f"wants signals (C, L), got {input_shape}")
        return (input_shape[0],)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The mean over time."""
        return super().forward(_image(x), params, ctx)


def _image(x: Tensor) -> Tensor:
    """Signals (N, C, L) as images (N, C, L, 1), or a weight in this way."""
    return x.reshape((*x.shape, 1))


def _length(layer: Conv1d | Pool1d, input_shape: Shape) -> int:
    """L' of a layer for signals (C, L)."""
    window = layer.window(input_shape)
    check_padded(type(layer).__name__, (*input_shape, 1), window)
    try:
        return window.output_size(input_shape[1], 1)[0]
    except AutodiffError as error:
        raise ShapeError(type(layer).__name__, f"got {input_shape}: {error}") from error


def _ends(padding: EndPadding) -> Pair:
    return (padding, padding) if isinstance(padding, int) else padding


def _check_ends(kind: str, padding: object, *, names: str = "") -> None:
    ends = padding if isinstance(padding, tuple) else (padding,)
    if isinstance(padding, str) or (isinstance(padding, tuple) and len(ends) != 2):
        raise ConfigError(
            kind, f"wants {names}a number or (before, after) for padding, got {padding!r}"
        )
    for end in ends:
        check_count(kind, "padding", end, minimum=0)
