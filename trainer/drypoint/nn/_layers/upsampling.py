"""The layers that make images larger: repeated pixels, pixel shuffle, transposed convolution."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from drypoint import program
from drypoint.autodiff import (
    Array,
    ChannelOrder,
    Padding,
    Pair,
    Tensor,
    conv_transpose2d,
    depth_to_space,
    resize2d,
    upsample2d,
)
from drypoint.common import known_word
from drypoint.graph import Builder, Value
from drypoint.program import ResizeAlignment

from .._errors import ConfigError, ShapeError
from .._module.context import Context
from .._module.initializers import Draw
from .._module.layer import Layer
from .._module.sizes import (
    PaddingLike,
    Shape,
    check_count,
    check_flag,
    check_padding,
    check_pair,
    check_values,
    full_padding,
    pair,
)
from .linear import Weighted


@dataclass(frozen=True, eq=False, repr=False)
class Upsample(Layer, in_kernels=True, per_example=True, exportable="yes"):
    """A larger image: (C, H, W) to (C, H * rows, W * columns).

    Args:
        scale_factor: how much larger along both axes, or (rows, columns).
        mode: "nearest": each pixel repeated; "bilinear": interpolated, as in PyTorch.
        align_corners: of "bilinear": whether the centres of the first and of the last pixel stay
            where they are, not the edges of the image.

    Raises:
        ConfigError: the factor is no integer of at least 1 and no pair of them, the mode is
            another one, or "nearest" aligns corners.
    """

    scale_factor: int | Pair
    _: KW_ONLY
    mode: Literal["nearest", "bilinear"] = "nearest"
    align_corners: bool = False

    short_name: ClassVar[str] = "upsample"
    example_rank = 3  # (C, H, W)

    def __post_init__(self) -> None:
        check_pair("Upsample", "scale_factor", self.scale_factor)
        check_flag("Upsample", "align_corners", self.align_corners)
        if self.mode not in ("nearest", "bilinear"):
            raise ConfigError(
                "Upsample", f"wants the mode 'nearest' or 'bilinear', got {self.mode!r}"
            )
        if self.align_corners and self.mode == "nearest":
            raise ConfigError("Upsample", "aligns corners only with the mode 'bilinear'")
        if self.mode == "bilinear":
            object.__setattr__(self, "in_kernels", False)  # NumPy interpolates

    @property
    def alignment(self) -> ResizeAlignment:
        """Which places of an interpolated image stay."""
        return "align_corners" if self.align_corners else "half_pixel"

    def output_shape(self, input_shape: Shape) -> Shape:
        """(C, H * rows, W * columns)."""
        (c, h, w), (rows, columns) = _image("Upsample", input_shape), pair(self.scale_factor)
        return c, h * rows, w * columns

    def lower(self, graph: Builder, *values: Value) -> Value:
        """An upsampling, none for a factor of 1; or an interpolation."""
        value, (rows, columns) = graph.in_memory(values[0]), pair(self.scale_factor)
        if self.mode == "nearest":
            return graph.op(value, program.Upsample.plan(value.shape, kernel=(rows, columns)))
        size = value.shape.h * rows, value.shape.w * columns
        larger = program.Resize.plan(value.shape, size=size, alignment=self.alignment)
        return graph.op(value, larger)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The larger image."""
        rows, columns = pair(self.scale_factor)
        if self.mode == "nearest":
            return upsample2d(x, (rows, columns))
        size = x.shape[2] * rows, x.shape[3] * columns
        return resize2d(x, size, alignment=self.alignment)


@dataclass(frozen=True, eq=False, repr=False)
class Resize(Layer, per_example=True, exportable="yes"):
    """An image of another size, interpolated (bilinear): (C, H, W) to (C, *size).

    A smaller image has the interpolated values at its pixels' centres, not means.

    Args:
        size: height and width, or one number for both.
        alignment: "half_pixel": the edges of the image stay, as in PyTorch; "align_corners": the
            centres of the first and of the last pixel; "asymmetric": the first edge.

    Raises:
        ConfigError: the size is no integer of at least 1 and no pair of them, or there is no such
            alignment.
    """

    size: int | Pair
    _: KW_ONLY
    alignment: ResizeAlignment = "half_pixel"

    short_name: ClassVar[str] = "resize"
    example_rank = 3  # (C, H, W)

    def __post_init__(self) -> None:
        check_pair("Resize", "size", self.size)
        if self.alignment not in get_args(ResizeAlignment):
            wanted = ", ".join(get_args(ResizeAlignment))
            raise ConfigError("Resize", f"wants an alignment of {wanted}, got {self.alignment!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """(C, *size)."""
        c, _, _ = _image("Resize", input_shape)
        return c, *pair(self.size)

    def lower(self, graph: Builder, *values: Value) -> Value:
        """An interpolation; none where the size stays."""
        value, size = graph.in_memory(values[0]), pair(self.size)
        if size == value.shape[:2]:
            return graph.requantize(value)
        other = program.Resize.plan(value.shape, size=size, alignment=self.alignment)
        return graph.op(value, other)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The image of the size."""
        return resize2d(x, pair(self.size), alignment=self.alignment)


@dataclass(frozen=True, eq=False, repr=False)
class PixelShuffle(Layer, in_kernels=True, per_example=True, exportable="yes"):
    """Channels become pixels: (O * r * r, H, W) to (O, H * r, W * r), for the factor r.

    Pixel (i, j) of a block of r x r pixels has the values of r * r groups of channels.

    Args:
        upscale_factor: r.
        mode: which channel is the value of channel o at (i, j), by ONNX's names: "CRD",
            (o * r + i) * r + j, as in PyTorch; or "DCR", (i * r + j) * O + o, as in TensorFlow.

    Raises:
        ConfigError: the factor is no integer of at least 1, or there is no such mode.
    """

    upscale_factor: int
    _: KW_ONLY
    mode: ChannelOrder = "CRD"

    short_name: ClassVar[str] = "shuffle"
    example_rank = 3  # (C, H, W)

    def __post_init__(self) -> None:
        check_count("PixelShuffle", "upscale_factor", self.upscale_factor)
        if self.mode not in ("CRD", "DCR"):
            raise ConfigError("PixelShuffle", f"wants the mode 'CRD' or 'DCR', got {self.mode!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """(C / r / r, H * r, W * r)."""
        (c, h, w), r = _image("PixelShuffle", input_shape), self.upscale_factor
        if c % (r * r):
            raise ShapeError(
                "PixelShuffle", f"by {r} wants {r * r} * O channels, got {input_shape}"
            )
        return c // (r * r), h * r, w * r

    def lower(self, graph: Builder, *values: Value) -> Value:
        """Depth to space, before which channels get the order "DCR"."""
        r, value = self.upscale_factor, graph.in_memory(values[0])
        order = np.arange(value.shape.c)
        if self.mode == "CRD":
            order = order.reshape(-1, r * r).T.reshape(-1)
        blocks = program.Upsample.plan(value.shape, kernel=(r, r), spreads=True)
        return graph.op(graph.permute(value, order), blocks)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The larger image."""
        return depth_to_space(x, (self.upscale_factor, self.upscale_factor), mode=self.mode)


class Blocks(NamedTuple):
    """A transposed convolution as a convolution of stride 1, whose output has all values of a block
    of stride x stride pixels as channels of one pixel.

    Attributes:
        padding: of the convolution.
        crop: rows and columns of the larger plane to leave out: ((top, bottom), (left, right)).
    """

    padding: Padding
    crop: Padding


@dataclass(frozen=True, eq=False, repr=False)
class ConvTranspose2d(Weighted, in_kernels=True, per_example=True, exportable="yes"):
    """Transposed convolution: (C, H, W) to (O, H', W'), larger by the stride.

    Each pixel adds its value times the kernel to the output, ``stride`` pixels from the next one's.
    H' = (H - 1) * stride - top - bottom + kernel + output_padding.

    Parameters: weight (C, O, kh, kw) and, if `bias`, bias (O,).

    Args:
        out_channels: the number O of output channels.
        kernel_size: height and width of the kernel, or (height, width).
        stride: distance of the pixels in the output, or (vertical, horizontal).
        padding: rows and columns that are left out of the output: a number for all sides,
            (vertical, horizontal), ((top, bottom), (left, right)), less than the kernel; "valid"
            for none, or "same" for an output of size * stride.
        output_padding: rows at the bottom and columns at the right that are added to the output, or
            (rows, columns), less than the stride.
        bias: whether the layer adds a bias.
        in_channels: C; None takes it from the first shape the layer is bound to.

    Raises:
        ConfigError: a hyper-parameter is out of range.
    """

    out_channels: int
    kernel_size: int | Pair
    _: KW_ONLY
    stride: int | Pair = 1
    padding: PaddingLike = 0
    output_padding: int | Pair = 0
    bias: bool = True
    in_channels: int | None = None

    short_name: ClassVar[str] = "deconv"
    example_rank = 3  # (C, H, W)

    def __post_init__(self) -> None:
        kind = "ConvTranspose2d"
        check_count(kind, "out_channels", self.out_channels)
        check_pair(kind, "kernel_size", self.kernel_size)
        check_pair(kind, "stride", self.stride)
        if isinstance(self.padding, str):  # "SAME" and "same" are one word
            word = known_word(self.padding, ("same", "valid"))
            object.__setattr__(self, "padding", word or self.padding)
        check_padding(kind, self.padding, by_name=True)
        check_pair(kind, "output_padding", self.output_padding, minimum=0)
        check_flag(kind, "bias", self.bias)
        if self.in_channels is not None:
            check_count(kind, "in_channels", self.in_channels)
        kernel, stride, more = map(pair, (self.kernel_size, self.stride, self.output_padding))
        if self.padding == "same" and any(more):
            raise ConfigError(kind, 'with padding "same" has no output_padding')
        left_out = [max(sides) for sides in self.left_out]
        if any(n >= k for n, k in zip(left_out, kernel, strict=True)):
            raise ConfigError(kind, f"wants padding below its kernel {kernel}, got {self.padding}")
        if any(n >= s for n, s in zip(more, stride, strict=True)):
            raise ConfigError(kind, f"wants output_padding below its stride {stride}, got {more}")

    @property
    def left_out(self) -> Padding:
        """((top, bottom), (left, right)): rows and columns by which the output is shorter than
        the pixels that the kernels reach; below 0: longer.
        """
        kernel, stride = pair(self.kernel_size), pair(self.stride)
        if self.padding == "same":
            beyond = [k - s for k, s in zip(kernel, stride, strict=True)]
            rows, columns = ((max(n, 0) // 2, n - max(n, 0) // 2) for n in beyond)
            return rows, columns
        (top, bottom), (left, right) = full_padding(
            self.padding, size=(1, 1), extent=kernel, stride=stride
        )
        rows_more, columns_more = pair(self.output_padding)
        return (top, bottom - rows_more), (left, right - columns_more)

    @property
    def block(self) -> Pair:
        """Height and width of a block of `blocks`: the stride."""
        return pair(self.stride)

    @property
    def taps(self) -> Pair:
        """Height and width of the kernel of the convolution of `blocks`."""
        (height, width), (rows, columns) = pair(self.kernel_size), pair(self.stride)
        return -(-height // rows), -(-width // columns)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(O, H', W')."""
        kind = "ConvTranspose2d"
        channels = _image(kind, input_shape)[0]
        if self.in_channels is not None and channels != self.in_channels:
            raise ShapeError(
                kind,
                f"wants {self.in_channels} channels (C, H, W), got {input_shape}; in_channels may "
                "be left out",
            )
        size = [
            (n - 1) * s + k - sum(left_out)
            for n, s, k, left_out in zip(
                input_shape[1:],
                pair(self.stride),
                pair(self.kernel_size),
                self.left_out,
                strict=True,
            )
        ]
        if min(size) < 1:
            raise ShapeError(kind, f"got {input_shape}: its padding leaves no pixel")
        reached = [n + 2 * s for n, s in zip(size, pair(self.stride), strict=True)]
        check_values(kind, (self.out_channels, *reached), "blocks of stride x stride pixels")
        return self.out_channels, size[0], size[1]

    def blocks(self, input_shape: Shape) -> Blocks:
        """The layer as a convolution of blocks, for this input.

        Row p of the convolution has the rows p * stride, p * stride + 1, ... of the output before
        ``padding`` is left out. It reads rows p - taps + 1 to p of the input.
        """
        padding, crop = [], []
        size = self.output_shape(input_shape)[1:]
        stride, left_out = pair(self.stride), self.left_out
        for n, m, s, taps, (before, _) in zip(
            input_shape[1:], size, stride, self.taps, left_out, strict=True
        ):
            first, last = before // s, (before + m - 1) // s
            padding.append((taps - 1 - first, last - n + 1))
            crop.append((before - first * s, (last + 1) * s - before - m))
        return Blocks((padding[0], padding[1]), (crop[0], crop[1]))

    def block_weight(self, weight: Array) -> NDArray[np.float64]:
        """The weight of the convolution of `blocks`, float64 (rows * columns * O, C, *taps), for a
        stride (rows, columns): channel (i * columns + j) * O + o is pixel (i, j) of a block.

        Args:
            weight: of the layer, (C, O, kh, kw).
        """
        weight = weight.astype(np.float64)
        (c, o, height, width), (rows, columns), (n, m) = weight.shape, pair(self.stride), self.taps
        whole = np.pad(weight, ((0, 0), (0, 0), (0, n * rows - height), (0, m * columns - width)))
        parts = whole.reshape(c, o, n, rows, m, columns).transpose(3, 5, 1, 0, 2, 4)
        return np.ascontiguousarray(parts.reshape(-1, c, n, m)[:, :, ::-1, ::-1])

    @property
    def _weight_shape(self) -> Shape:
        return self.in_channels or 0, self.out_channels, *pair(self.kernel_size)

    def initial_arrays(self, draw: Draw) -> dict[str, Array]:
        """A weight drawn as that of the convolution of `blocks`, a bias of 0."""
        (rows, columns), (n, m) = pair(self.stride), self.taps
        c, o, height, width = self.param_shapes()["weight"]
        drawn = draw((rows * columns * o, c, n, m)).reshape(rows, columns, o, c, n, m)
        whole = drawn[..., ::-1, ::-1].transpose(3, 2, 4, 0, 5, 1)
        weight = whole.reshape(c, o, n * rows, m * columns)[:, :, :height, :width]
        return {
            "weight": np.ascontiguousarray(weight),
            "bias": np.zeros(self.out_channels, np.float32),
        }

    def macs(self, input_shape: Shape) -> int:
        """C O kh kw for each pixel of the input."""
        (height, width), (c, h, w) = pair(self.kernel_size), input_shape
        return c * h * w * self.out_channels * height * width

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A convolution of blocks, and the larger plane that the blocks make."""
        (value,), (rows, columns) = values, self.block
        blocks = self.blocks((value.shape.c, value.shape.h, value.shape.w))
        bias = graph.array("bias") if self.bias else np.zeros(self.out_channels)
        (top, bottom), (left, right) = blocks.padding
        weight = self.block_weight(graph.array("weight")).transpose(0, 2, 3, 1)
        padding = (top, left, bottom, right)
        if self.block == (1, 1):
            return graph.conv(value, weight, bias, padding=padding)
        bias = np.tile(bias, rows * columns)
        part = graph.part("conv")
        value = graph.conv(value, weight, bias, padding=padding, **part)
        (top, bottom), (left, right) = blocks.crop
        sides = (top, left, bottom, right)
        plane = program.Upsample.plan(value.shape, kernel=self.block, padding=sides, spreads=True)
        return graph.op(value, plane)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The transposed convolution, plus the bias."""
        _, height, width = self.output_shape(x.shape[1:])
        (top, bottom), (left, right) = self.left_out
        return conv_transpose2d(
            x,
            self._param(params, "weight"),
            self._param(params, "bias") if self.bias else None,
            stride=pair(self.stride),
            # The output that is longer at its end has rows that no pixel of the input reaches.
            padding=((top, max(bottom, 0)), (left, max(right, 0))),
            size=(height, width),
        )


def _image(kind: str, input_shape: Shape) -> tuple[int, int, int]:
    """The shape, checked to be that of an image."""
    if len(input_shape) != 3 or 0 in input_shape:
        hint = "; put it before the Flatten" if len(input_shape) == 1 else ""
        raise ShapeError(kind, f"wants images (C, H, W), got {input_shape}{hint}")
    c, h, w = input_shape
    return c, h, w
