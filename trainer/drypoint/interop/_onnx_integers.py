"""The draft of a quantized ONNX file as the operators of a quantized TensorFlow Lite file.

Both kinds of files say the same: integers, scales, zero points. So the draft's layers become
operators on planes (h, w, c), and `_tflite_integers` makes a program of these.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import nn
from drypoint.program import Program

from ._errors import OnnxError, Unsupported
from ._onnx_draft import Draft, Made, QuantParams, named
from ._onnx_file import Array, Shape
from ._onnx_functions import OfIntegers
from ._onnx_quantized import Requantized
from ._onnx_windows import Pad2d
from ._rounding import Requantization
from ._tflite_draft import Draft as ProgramDraft
from ._tflite_file import File, FileTensor, Operator
from ._tflite_integers import CONVERTERS
from ._tflite_walk import convert_all

PROBABILITIES = QuantParams(kind="INT8", scales=np.array([1 / 256]), zero=-128)
MOVING = (nn.Flatten, nn.Reshape, nn.ZeroPad2d, nn.Upsample, nn.PixelShuffle)
KEEPING = (nn.MaxPool2d, *MOVING)  # move or choose values
WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm)
FUSING = (*WEIGHTED, nn.Add, nn.Mul, nn.AvgPool2d)  # take in a clip
CLIPS: dict[type[nn.Module], str] = {nn.ReLU: "RELU", nn.ReLU6: "RELU6"}
UNITY = 127  # the weight of a factor for each channel: the channel's scale is the factor / 127


def program_of(
    draft: Draft, output: int, *, size: int, name: str
) -> tuple[Program, dict[int, Requantization]]:
    """The integer program of a quantized file's draft, and the real factors of its ops by position.

    Args:
        draft: the draft.
        output: number of the layer that computes the output.
        size: bytes of the file.
        name: the program's name.

    Raises:
        OnnxError: a tensor is not quantized, or a layer has no counterpart.
        TfliteError, ProgramError: of what `_tflite_integers` makes.
    """
    layers, output = draft.merged(output)
    lowering = _Lowering(draft, layers, output)
    file = lowering.file(size)
    made = ProgramDraft(file, "ONNX Runtime")
    convert_all(made.line, CONVERTERS, made, made.stand_in)
    return made.finished(name), made.requantizations


class _Lowering:
    """Operators and tensors so far."""

    def __init__(self, draft: Draft, layers: dict[int, Made], output: int) -> None:
        self.layers, self.output = layers, output
        self.names = named(layers)
        self.users = Counter([output, *(n for one in layers.values() for n in one.reads)])
        self.tensors: list[FileTensor] = []
        self.operators: list[Operator] = []
        self.at: dict[int, int] = {}  # layer -> tensor
        self.fused: dict[int, str] = {}  # a clip that the layer before computes
        self.steps = {n: one.output for n, one in layers.items() if one.output is not None}
        if draft.input_qparams is not None:
            self.steps[0] = draft.input_qparams
        self.shapes = {0: draft.input_shape} | {n: one.shape for n, one in layers.items()}
        self._spread_steps()
        self._choose_steps()
        if 0 not in self.steps:
            first = next(iter(layers.values())).title if layers else "nothing"
            raise OnnxError(
                f"its input is not quantized: {first} computes it in floats. Take that out of the "
                "net, and normalize before"
            )
        self.at[0] = self.tensor(draft.input_shape, self.steps[0])

    def file(self, size: int) -> File:
        """The operators of all layers.

        Raises:
            OnnxError: layers cannot be converted; the message has a line for each reason.
        """
        troubles, lost = [], set[int]()
        for number, one in self.layers.items():
            moves = one.keeps or isinstance(one.layer, KEEPING)
            try:
                self._layer(number, one)
            except Unsupported as reason:
                if not (moves and one.reads[0] in lost):
                    troubles.append((one.title, str(reason)))
                lost.add(number)
                self.end(number, one, self.steps.setdefault(number, PROBABILITIES))
        if troubles:
            raise OnnxError.of(troubles, len(self.layers), "layers")
        return File(
            tensors=tuple(self.tensors),
            operators=tuple(self.operators),
            input=0,
            output=self.at[self.output],
            size=size,
        )

    def _spread_steps(self) -> None:
        """A layer that moves or chooses values has the steps of what it reads, or the other way
        around: rounding keeps order, so a maximum may be taken before or after it.
        """
        for number, one in self.layers.items():
            keeps = one.keeps or isinstance(one.layer, (*KEEPING, nn.ReLU))
            if number not in self.steps and keeps:
                source = self.steps.get(one.reads[0])
                if source is not None:
                    self.steps[number] = source
        for number, one in reversed(self.layers.items()):
            source_number, clip = one.reads[0], CLIPS.get(type(one.layer))
            alone = self.users[source_number] == 1
            if source_number in self.steps or not alone or number not in self.steps:
                continue
            if one.keeps or clip or isinstance(one.layer, KEEPING):
                self.steps[source_number] = self.steps[number]
            before = self.layers.get(source_number)
            if clip and before is not None and isinstance(before.layer, FUSING):
                self.fused[source_number] = clip
                self.fused[number] = ""

    def _choose_steps(self) -> None:
        """A function of one value whose output the file leaves in floats, since only a mean or the
        like reads it, gets steps that span its 256 values.
        """
        for number, one in self.layers.items():
            source = self.steps.get(one.reads[0])
            if number not in self.steps and source is not None and is_function(one.layer):
                self.steps[number] = _spanning(values_of(one.layer, source))

    def tensor(self, shape: Shape, steps: QuantParams) -> int:
        """A tensor for (C, H, W) as (1, H, W, C), or for (n,) as (1, n)."""
        sizes = (1, *shape[1:], shape[0]) if len(shape) == 3 else (1, *shape)
        return self._put(sizes, steps.kind, None, steps.scales, np.array([steps.zero]))

    def constant(
        self, values: Array, scales: NDArray[np.float64] | None = None, axis: int = 0
    ) -> int:
        """A constant with zero point 0."""
        kind = values.dtype.name.upper()
        scales = np.zeros(0) if scales is None else scales
        return self._put(values.shape, kind, values, scales, np.zeros(len(scales)), axis)

    def _put(  # noqa: PLR0917 - the fields of a tensor
        self,
        shape: Shape,
        kind: str,
        values: Array | None,
        scales: NDArray[np.float64],
        zeros: NDArray[Any],
        axis: int = 0,
    ) -> int:
        """A tensor's number."""
        self.tensors.append(
            FileTensor(
                shape=shape,
                type=kind,
                constant=values,
                problem="",
                scales=scales,
                zeros=zeros.astype(np.int64),
                axis=axis,
            )
        )
        return len(self.tensors) - 1

    def then(
        self, number: int, kind: str, inputs: tuple[int, ...], output: int, **options: Any
    ) -> None:
        """An operator for a layer."""
        given = {"FusedActivationFunction": self.fused.get(number, "") or "NONE", **options}
        name = self.names[number] + (".pad" if kind.startswith("PAD") else "")
        self.operators.append(
            Operator(
                index=len(self.operators),
                kind=kind,
                inputs=inputs,
                outputs=(output,),
                options=given,
                name=name,
                title=self.layers[number].title,
            )
        )

    def _layer(self, number: int, one: Made) -> None:
        if self.fused.get(number) == "":
            self.at[number] = self.at[one.reads[0]]
            return
        last = number == self.output and isinstance(one.layer, nn.Softmax | nn.LogSoftmax)
        steps = PROBABILITIES if last else self.steps.get(number)
        if steps is None:
            raise Unsupported(
                "is computed in floats: no QuantizeLinear reads its output. Quantize it too, or "
                "export the float net"
            )
        for kinds, convert in _CONVERTERS:
            if isinstance(one.layer, kinds):
                convert(self, number, one, steps)
                return
        raise Unsupported("has no counterpart among a program's ops")

    def end(self, number: int, one: Made, steps: QuantParams) -> int:
        """The tensor that a layer writes."""
        self.at[number] = self.tensor(one.shape, steps)
        return self.at[number]

    def read(self, one: Made, position: int = 0) -> int:
        """The tensor that a layer reads, a vector where a plane was flattened in its own order.

        Raises:
            Unsupported: values of the flattened plane lie in another order.
        """
        source = one.reads[position]
        layer = self.layers[source].layer if source else None
        if isinstance(layer, nn.Flatten):
            c, h, w = self._plane(source)
            if c > 1 and h * w > 1:
                raise Unsupported("reads a flattened image; only a Linear does")
        return self.at[source]

    def read_steps(self, one: Made) -> QuantParams:
        """The steps of the tensor that a layer reads first; `Unsupported` if it has none."""
        if one.reads[0] not in self.steps:
            raise Unsupported("reads a tensor that is computed in floats: quantize that too")
        return self.steps[one.reads[0]]

    def _plane(self, number: int) -> Shape:
        """The image that a Flatten flattens, (n, 1, 1) of a vector."""
        shape = self.shapes[self.layers[number].reads[0]]
        return shape if len(shape) == 3 else (shape[0], 1, 1)

    def padded(self, number: int, one: Made, around: Any, fill: int | None = None) -> int:
        """What a layer reads, with its padding: real zeros, or a stored int8."""
        source = self.read(one)
        (top, bottom), (left, right) = around
        if not any((top, bottom, left, right)):
            return source
        c, h, w = self.shapes[one.reads[0]]
        given = self.tensors[source]
        steps = QuantParams(kind=given.type, scales=given.scales, zero=int(given.zeros[0]))
        made = self.tensor((c, h + top + bottom, w + left + right), steps)
        amounts = self.constant(np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32))
        if fill is None:
            self.then(number, "PAD", (source, amounts), made)
        else:
            number_of = self.constant(np.array([fill], np.int8), given.scales)
            self.then(number, "PADV2", (source, amounts, number_of), made)
        return made

    def integers(
        self, one: Made, weight: NDArray[np.float64], source: QuantParams
    ) -> tuple[NDArray[np.int8], NDArray[np.float64], Array]:
        """The integers of weights [out, ...], the scale of each channel, and the biases."""
        if one.weights is None:
            raise Unsupported("has float weights in a quantized net: quantize them too")
        scales = np.broadcast_to(one.weights.scales, len(weight))
        with np.errstate(all="ignore"):
            steps = np.rint(weight / scales.reshape(-1, *(1,) * (weight.ndim - 1)))
            bias = np.asarray(one.arrays.get("bias", np.zeros(len(weight))), np.float64)
            unit = scales * source.scales
            own = unit if one.bias_scales is None else one.bias_scales  # the product in float32
            bias = np.rint(bias / (own if np.allclose(own, unit, rtol=2.0**-20, atol=0) else unit))
        if not np.isfinite(steps).all() or np.abs(steps).max(initial=0) > 127:
            raise Unsupported(
                "has weights beyond -127 to 127 from their zero point: quantize with "
                "weight_type=QuantType.QInt8, symmetric"
            )
        if not np.isfinite(bias).all() or np.abs(bias).max(initial=0) >= 2**31:
            raise Unsupported("has a bias beyond 32 bits")
        return steps.astype(np.int8), scales, bias.astype(np.int32)


def is_function(layer: nn.Module) -> bool:
    """Whether a layer computes each value alone."""
    others = (
        *KEEPING,
        nn.Conv2d,
        nn.ConvTranspose2d,
        nn.Linear,
        nn.BatchNorm,
        nn.Pool2d,
        nn.GlobalAvgPool2d,
    )
    return isinstance(layer, nn.Layer) and not isinstance(
        layer, (*others, nn.Softmax, nn.LogSoftmax, Requantized)
    )


def values_of(layer: nn.Module, source: QuantParams) -> NDArray[np.float64]:
    """What a function makes of the 256 integers of a tensor."""
    first = -128 if source.kind == "INT8" else 0
    return _function_of(layer)(source.scales[0] * (np.arange(first, first + 256) - source.zero))


def _function_of(layer: nn.Module) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    if isinstance(layer, OfIntegers):
        return layer.function
    assert isinstance(layer, nn.Layer)
    return lambda x: np.asarray(layer(x))


def _spanning(values: NDArray[np.float64]) -> QuantParams:
    """QuantParams of int8 from the least to the largest value, and of 0."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    if not (np.isfinite(high - low) and high > low):
        raise OnnxError("a function of it is not finite, or the same for all values")
    scale = (high - low) / 255
    return QuantParams(kind="INT8", scales=np.array([scale]), zero=round(-128 - low / scale))


def _weighted(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    """A convolution, as CONV_2D or DEPTHWISE_CONV_2D."""
    layer, source = one.layer, lowering.read_steps(one)
    assert isinstance(layer, nn.Conv2d)
    weight = np.asarray(one.arrays["weight"], np.float64)
    values, scales, bias = lowering.integers(one, weight, source)
    window = layer.window(lowering.shapes[one.reads[0]])
    given = lowering.padded(number, one, window.padding)
    by_channel = layer.groups > 1 and values.shape[1] == 1
    values = values.transpose(1, 2, 3, 0) if by_channel else values.transpose(0, 2, 3, 1)
    inputs = (
        given,
        lowering.constant(values, scales, axis=3 if by_channel else 0),
        lowering.constant(bias, scales * source.scales),
    )
    lowering.then(
        number, "DEPTHWISE_CONV_2D" if by_channel else "CONV_2D", inputs,
        lowering.end(number, one, steps), Padding="VALID",
        StrideH=window.stride[0], StrideW=window.stride[1],
        DilationHFactor=window.dilation[0], DilationWFactor=window.dilation[1],
    )  # fmt: skip


def _transposed(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    """A transposed convolution, with the sides of its own padding."""
    layer, source = one.layer, lowering.read_steps(one)
    assert isinstance(layer, nn.ConvTranspose2d)
    weight = np.asarray(one.arrays["weight"], np.float64).transpose(1, 2, 3, 0)
    values, scales, bias = lowering.integers(one, weight, source)
    size = lowering.constant(np.array([1, *one.shape[1:], one.shape[0]], np.int32))
    weights = lowering.constant(values, scales), lowering.read(one)
    inputs = (size, *weights, lowering.constant(bias, scales * source.scales))
    (top, _), (left, _) = layer.left_out
    lowering.then(
        number, "TRANSPOSE_CONV", inputs, lowering.end(number, one, steps), Padding="LEFT_OUT",
        LeftOut=(top, left), StrideH=layer.block[0], StrideW=layer.block[1],
    )  # fmt: skip


def _upsample(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    """Repeated pixels, or a pixel shuffle."""
    layer, source = one.layer, lowering.read(one)
    end = lowering.end(number, one, steps)
    if isinstance(layer, nn.Upsample):
        size = lowering.constant(np.array(one.shape[1:], np.int32))
        more = {"AlignCorners": False, "HalfPixelCenters": False}
        lowering.then(number, "RESIZE_NEAREST_NEIGHBOR", (source, size), end, **more)
        return
    assert isinstance(layer, nn.PixelShuffle)
    lowering.then(number, "DEPTH_TO_SPACE", (source,), end, BlockSize=layer.upscale_factor,
                  Mode=layer.mode)  # fmt: skip


def _dense(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    """A Linear, its columns in the order of a plane (h, w, c)."""
    source = one.reads[0]
    weight = np.asarray(one.arrays["weight"], np.float64)
    if source and isinstance(lowering.layers[source].layer, nn.Flatten):
        c, h, w = lowering._plane(source)
        weight = weight.reshape(-1, c, h, w).transpose(0, 2, 3, 1).reshape(len(weight), -1)
    read_steps = lowering.read_steps(one)
    values, scales, bias = lowering.integers(one, weight, read_steps)
    inputs = (
        lowering.at[source],
        lowering.constant(values, scales),
        lowering.constant(bias, scales * read_steps.scales),
    )
    lowering.then(
        number, "FULLY_CONNECTED", inputs, lowering.end(number, one, steps), WeightsFormat="DEFAULT"
    )


def _scaling(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    """A batch norm: a depthwise convolution of 1x1 with weights of 127, 0 or -127."""
    layer, source = one.layer, lowering.read_steps(one)
    assert isinstance(layer, nn.BatchNorm)
    scale, shift, mean, variance = (
        np.asarray(one.arrays[name], np.float64)
        for name in ("scale", "shift", "running_mean", "running_variance")
    )
    factor = scale / np.sqrt(variance + layer.epsilon)
    term = shift - mean * factor
    unit = np.where(factor == 0, 1.0, np.abs(factor)) / UNITY
    weight = (unit * UNITY * np.sign(factor))[:, None, None, None]
    weights = QuantParams(kind="INT8", scales=unit, zero=0)
    made = replace(one, weights=weights, arrays={"bias": term})
    values, scales, bias = lowering.integers(made, weight, source)
    inputs = (
        lowering.read(one),
        lowering.constant(values.transpose(1, 2, 3, 0), scales, axis=3),
        lowering.constant(bias, scales * source.scales),
    )
    lowering.then(
        number, "DEPTHWISE_CONV_2D", inputs, lowering.end(number, one, steps), Padding="VALID",
        StrideH=1, StrideW=1, DilationHFactor=1, DilationWFactor=1,
    )  # fmt: skip


def _pool(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    layer = one.layer
    assert isinstance(layer, nn.Pool2d)
    window = layer.window(lowering.shapes[one.reads[0]])
    largest = isinstance(layer, nn.MaxPool2d)
    given = lowering.padded(number, one, window.padding, -128 if largest else None)
    lowering.then(
        number, "MAX_POOL_2D" if largest else "AVERAGE_POOL_2D", (given,),
        lowering.end(number, one, steps), Padding="VALID",
        FilterHeight=window.kernel[0], FilterWidth=window.kernel[1],
        StrideH=window.stride[0], StrideW=window.stride[1],
    )  # fmt: skip


def _mean(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    axes = lowering.constant(np.array([1, 2], np.int32))
    lowering.then(number, "MEAN", (lowering.read(one), axes), lowering.end(number, one, steps))


def _merge(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    inputs = tuple(lowering.read(one, i) for i in range(len(one.reads)))
    kind = {nn.Add: "ADD", nn.Mul: "MUL", nn.Concat: "CONCATENATION"}[type(one.layer)]  # type: ignore[index]
    lowering.then(number, kind, inputs, lowering.end(number, one, steps), Axis=-1)


def _flatten(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    """A Linear reads the plane; everything else a vector that lies in the plane's order."""
    c, h, w = lowering._plane(number)
    if (c > 1 and h * w > 1) or (
        all(isinstance(o.layer, nn.Linear) for o in lowering.layers.values() if number in o.reads)
        and number != lowering.output
    ):
        lowering.at[number] = lowering.read(one)
        if number == lowering.output:
            raise Unsupported("ends the net in a flattened image: leave it out")
    else:
        lowering.then(number, "RESHAPE", (lowering.read(one),), lowering.end(number, one, steps))


def _reshape(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    before, after = lowering.shapes[one.reads[0]], one.shape
    if not all(len(s) == 1 or s[0] == 1 or s[1:] == (1, 1) for s in (before, after)):
        raise Unsupported(f"makes {after} of {before}, whose values lie in another order")
    lowering.then(number, "RESHAPE", (lowering.read(one),), lowering.end(number, one, steps))


def _pad(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:  # noqa: ARG001
    layer = one.layer
    assert isinstance(layer, nn.ZeroPad2d)
    read = lowering.steps[one.reads[0]]
    fill = read.int8(layer.value) if isinstance(layer, Pad2d) else None
    lowering.at[number] = lowering.padded(number, one, layer.sides, fill)


def _softmax(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    lowering.then(
        number, "SOFTMAX", (lowering.read(one),), lowering.end(number, one, steps), Beta=1.0
    )


def _function(lowering: _Lowering, number: int, one: Made, steps: QuantParams) -> None:
    source = lowering.read(one)
    end = lowering.end(number, one, steps)
    if isinstance(one.layer, Requantized):
        lowering.then(number, "QUANTIZE", (source,), end)
    else:
        lowering.then(number, "FUNCTION", (source,), end, Function=_function_of(one.layer))


_Converter = Callable[[_Lowering, int, Made, QuantParams], None]
_CONVERTERS: tuple[tuple[type | tuple[type, ...], _Converter], ...] = (
    (nn.Conv2d, _weighted),
    (nn.ConvTranspose2d, _transposed),
    ((nn.Upsample, nn.PixelShuffle), _upsample),
    (nn.Linear, _dense),
    (nn.BatchNorm, _scaling),
    (nn.Pool2d, _pool),
    (nn.GlobalAvgPool2d, _mean),
    ((nn.Add, nn.Mul, nn.Concat), _merge),
    (nn.Flatten, _flatten),
    (nn.Reshape, _reshape),
    (nn.ZeroPad2d, _pad),
    ((nn.Softmax, nn.LogSoftmax), _softmax),
    (nn.Layer, _function),
)
