"""The convolutional layer."""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from drypoint.autodiff import AutodiffError, Pair, Tensor, Window, conv2d
from drypoint.common import known_word
from drypoint.graph import Builder, Value

from .._errors import ConfigError, ShapeError
from .._module.context import Context
from .._module.sizes import (
    PaddingLike,
    Shape,
    check_count,
    check_flag,
    check_padded,
    check_padding,
    check_pair,
    fit_hint,
    full_padding,
    pair,
)
from .linear import Weighted


@dataclass(frozen=True, eq=False, repr=False)
class Conv2d(Weighted, in_kernels=True, per_example=True, exportable="yes"):
    """Two-dimensional cross-correlation (the kernel is not flipped): (C, H, W) to (O, H', W').

    Parameters: weight (O, C / groups, kh, kw) and, if `bias`, bias (O,).

    Args:
        out_channels: the number O of output channels.
        kernel_size: height and width of the window, or (height, width).
        stride: step of the window, or (vertical, horizontal).
        padding: zeros around the image: a number for all sides, (vertical, horizontal),
            ((top, bottom), (left, right)), "valid" for none, or "same" for an output of
            ceil(size / stride), with the smaller half above and left.
        dilation: step between elements of the window, or (vertical, horizontal).
        groups: the number of channel groups; an output channel reads the inputs of its group.
        bias: whether the layer adds a bias.
        in_channels: C; None takes it from the first shape the layer is bound to.

    Raises:
        ConfigError: a hyper-parameter is out of range, or groups do not divide the channels.
    """

    out_channels: int
    kernel_size: int | Pair
    _: KW_ONLY
    stride: int | Pair = 1
    padding: PaddingLike = 0
    dilation: int | Pair = 1
    groups: int = 1
    bias: bool = True
    in_channels: int | None = None

    short_name: ClassVar[str] = "conv"
    _example: ClassVar[str] = "images (C, H, W)"
    example_rank = 3  # (C, H, W)

    def __post_init__(self) -> None:
        kind = type(self).__name__
        check_count(kind, "out_channels", self.out_channels)
        self._check_window()
        check_count(kind, "groups", self.groups)
        check_flag(kind, "bias", self.bias)
        if self.in_channels is not None:
            check_count(kind, "in_channels", self.in_channels)
        if self.out_channels % self.groups or (self.in_channels or 0) % self.groups:
            raise ConfigError(
                kind,
                f"wants channels that its {self.groups} groups divide, got {self.in_channels} in "
                f"and {self.out_channels} out",
            )

    def _check_window(self) -> None:
        kind = type(self).__name__
        check_pair(kind, "kernel_size", self.kernel_size)
        check_pair(kind, "stride", self.stride)
        if isinstance(self.padding, str):  # "SAME" and "same" are one word
            word = known_word(self.padding, ("same", "valid"))
            object.__setattr__(self, "padding", word or self.padding)
        check_padding(kind, self.padding, by_name=True)
        check_pair(kind, "dilation", self.dilation)

    def window(self, input_shape: Shape) -> Window:
        """Kernel, stride, dilation and the padding of all four sides for this input."""
        stride, bare = (
            pair(self.stride),
            Window(pair(self.kernel_size), dilation=pair(self.dilation)),
        )
        size = (input_shape[1], input_shape[2])
        padding = full_padding(self.padding, size=size, extent=bare.extent, stride=stride)
        return Window(bare.kernel, stride, padding, bare.dilation)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(O, H', W'), sizes rounded down."""
        self._check_input(input_shape)
        window = self.window(input_shape)
        check_padded("Conv2d", input_shape, window)
        try:
            return self.out_channels, *window.output_size(*input_shape[1:])
        except AutodiffError as error:
            raise ShapeError(
                "Conv2d", f"got {input_shape}: {error}{fit_hint(input_shape)}"
            ) from error

    def _check_input(self, input_shape: Shape) -> None:
        kind, axes = type(self).__name__, self._example
        rank = self.example_rank
        if len(input_shape) != rank or input_shape[0] % self.groups or not input_shape[0]:
            groups = f" with C a multiple of {self.groups}" if self.groups > 1 else ""
            hint = "; put it before the Flatten" if len(input_shape) == 1 else ""
            raise ShapeError(kind, f"wants {axes}{groups}, got {input_shape}{hint}")
        if self.in_channels is not None and input_shape[0] != self.in_channels:
            _, _, axes = axes.partition(" ")
            raise ShapeError(
                kind,
                f"wants {self.in_channels} channels {axes}, got {input_shape}; in_channels may be "
                "left out",
            )

    @property
    def _weight_shape(self) -> Shape:
        return self.out_channels, (self.in_channels or 0) // self.groups, *self._taps

    @property
    def _taps(self) -> tuple[int, ...]:
        """The sizes of the window, as the last axes of the weight."""
        return pair(self.kernel_size)

    def macs(self, input_shape: Shape) -> int:
        """O H' W' * C / groups * kh kw."""
        taps = math.prod(self._taps)
        return math.prod(self.output_shape(input_shape)) * input_shape[0] // self.groups * taps

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A convolution."""
        (value,) = values
        window = self.window((value.shape.c, value.shape.h, value.shape.w))
        (top, bottom), (left, right) = window.padding
        weight = graph.array("weight")
        weight = weight.reshape(*weight.shape[:2], *window.kernel)  # a Conv1d's has no last axis
        return graph.conv(
            value,
            weight.transpose(0, 2, 3, 1),
            graph.array("bias") if self.bias else np.zeros(len(weight)),
            stride=window.stride,
            dilation=window.dilation,
            padding=(top, left, bottom, right),
            groups=self.groups,
        )

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The cross-correlation, plus the bias."""
        return self.forward_fused(x, params)

    def forward_fused(
        self,
        x: Tensor,
        params: Mapping[str, Tensor],
        *,
        relu: bool = False,
        pool: Pair = (1, 1),
    ) -> Tensor:
        """The output of the layer, a ReLU and a max-pooling, computed in one operation."""
        window = self.window(x.shape[1:])
        return conv2d(
            x,
            self._param(params, "weight"),
            self._param(params, "bias") if self.bias else None,
            stride=window.stride,
            padding=window.padding,
            dilation=window.dilation,
            groups=self.groups,
            relu=relu,
            pool=pool,
        )
