"""A net that computes a program's integers, and is trained in them: docs/few-bits.md.

Its forward pass reads integers less their zero point, as floats, and computes what the program
computes: to the byte, while sums of products stay below 2^24.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor, record, requantize, weight_codes
from drypoint.autodiff.callback import host_callback
from drypoint.autodiff.kernels.numpy.quantization import Scales, requantize_integers
from drypoint.autodiff.kernels.numpy.quantization import weight_codes as weight_codes_of
from drypoint.autodiff.trace import constant
from drypoint.graph import (
    Graph,
    InputPart,
    Join,
    OpNode,
    QuantizedNode,
    QuantParams,
    State,
    Table,
    Weighted,
    raw_pixels,
)
from drypoint.nn import Context, Layer, Model, Shape

from ._errors import QuantizationError, UnsupportedError
from ._integer_ops import (
    IntegerOp,
    by_input,
    channels_first,
    channels_last,
    correlate,
    weight_units,
)
from ._integer_planes import FIXED_SCALES, FORMS, look_up, lookup_tables, real_values
from ._integer_steps import all_steps, last_step, loops_of, read_in_all_steps, run_steps, step_rows
from ._quantized_nodes import scale_groups

Params: TypeAlias = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class IntegerNet(Layer, in_kernels=True, per_example=True):
    """The net of a fused graph whose nodes have integers.

    Parameters, for an op NAME with weights: "NAME.weight" (O, I / groups, kh, kw), "NAME.bias"
    (O,), and "NAME.weight_step" (O,), the scale of each channel relative to its start. For an op
    that computes: "NAME.output_step" (1,), the scale of its output relative to its start.

    Attributes:
        graph: of the float net; its first plane holds integers.
        ops: of its nodes, in order.
        zeros: what the input's integers are less, for each channel: the pixel of real zero, or the
            zero point.
        shapes: of an example of each output, as the float net has it.
        float_model: the model that training in integers started from.
        settings: of JSON types: the ``weights`` of the scheme and the ``calibration``. With the
            float model they give this net before training.
    """

    graph: Graph = field(repr=False)
    ops: tuple[IntegerOp, ...] = field(repr=False)
    zeros: tuple[int, ...]
    shapes: tuple[Shape, ...]
    float_model: Model = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)

    short_name = "integers"

    def __repr__(self) -> str:
        return f"IntegerNet({len(self.ops)} ops, weights of {self.settings['weights']} bits)"

    def config(self) -> dict[str, object]:
        """Always raises: `Model.save` writes the float model and the trained arrays."""
        raise QuantizationError("a net trained in integers has no config: save its model")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(C, H, W); of a recurrent net (C, T)."""
        shape = self.graph.input.shape
        return (shape.c, self.steps) if self.loops else (shape.c, shape.h, shape.w)

    @property
    def example_rank(self) -> int:
        """3, or 2 of a recurrent net."""
        return len(self.input_shape)

    @cached_property
    def loops(self) -> tuple[range, ...]:
        """The numbers of the ops of each recurrent layer."""
        return loops_of(self.graph)

    @property
    def steps(self) -> int:
        """The steps of an example: 1, or T of a recurrent net."""
        shape = self.float_model.net.input_shape
        return shape[-1] if self.loops and shape is not None else 1

    @property
    def output_ports(self) -> tuple[str, ...]:
        """The names of the outputs; "output" of the only one."""
        outputs = self.graph.outputs
        return ("output",) if len(outputs) == 1 else tuple(output.name for output in outputs)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the last output."""
        return self.output_shapes({"input": input_shape})[self.output_ports[-1]]

    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """Port -> the shape of its output."""
        came = input_shapes.get("input", self.input_shape)
        if came != self.input_shape:
            raise QuantizationError(f"the net wants inputs {self.input_shape}, got {came}")
        return dict(zip(self.output_ports, self.shapes, strict=True))

    @property
    def param_names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(self.param_shapes())

    def param_shapes(self, input_shape: Any = None) -> dict[str, tuple[int, ...]]:  # noqa: ARG002
        """Name -> shape."""
        shapes: dict[str, tuple[int, ...]] = {}
        for op in self.ops:
            if isinstance(op.node, Weighted):
                out, h, w, c = op.node.weight.shape
                shapes[f"{op.node.name}.weight"] = (out, c, h, w)
                shapes[f"{op.node.name}.bias"] = shapes[f"{op.node.name}.weight_step"] = (out,)
            if op.target:
                shapes[op.target] = (1,)
        return shapes

    def initial_arrays(self, draw: Any) -> dict[str, Array]:  # noqa: ARG002
        """The float net's values, and ratios of 1; none is random."""
        arrays: dict[str, Array] = {
            name: np.ones(shape, np.float32) for name, shape in self.param_shapes().items()
        }
        for op in self.ops:
            if isinstance(op.node, Weighted):
                factor = (op.weight_unit / op.weight_scale)[:, None, None, None]
                weight = channels_first(op.node).astype(np.float32) * factor
                arrays[f"{op.node.name}.weight"] = weight
                arrays[f"{op.node.name}.bias"] = self._bias(op, op.node).astype(np.float32)
        return arrays

    def _bias(self, op: IntegerOp, node: Weighted) -> NDArray[np.float64]:
        """The real bias for inputs less `zeros`."""
        if node.reads != (0,):
            return node.bias
        zeros = by_input(self.zeros, node)
        scale = op.quantized.source.scale if self.graph.input.affine is not None else 0.0
        total: NDArray[np.float64] = (node.weight * zeros).sum(axis=(1, 2, 3))
        return node.bias + scale * total

    def macs(self, input_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        """The multiplications of all ops with weights."""
        weighted = [op.node for op in self.ops if isinstance(op.node, Weighted)]
        return self.steps * sum(
            n.shape.h * n.shape.w * n.weight.size * n.pool[0] * n.pool[1] for n in weighted
        )

    def forward(self, x: Tensor, params: Params, ctx: Context) -> Tensor:  # noqa: ARG002
        """The real values of the last output."""
        return self.values(x, params)[len(self.ops)]

    def run(
        self,
        inputs: Mapping[str, Any],
        params: Params,
        ctx: Context,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Port -> the real values of the output."""
        planes = self.values(inputs["input"], params)
        ends = zip(self.output_ports, self.graph.outputs, strict=True)
        return {port: planes[output.number] for port, output in ends}

    def values(self, x: Tensor, params: Params) -> dict[int, Tensor]:
        """Number -> the output of an op: integers less the zero point; of outputs real values. Of a
        recurrent layer there is the last op alone.
        """
        shapes = dict(zip((o.number for o in self.graph.outputs), self.shapes, strict=True))
        whole = {n for n, s in shapes.items() if math.prod(s) != self.graph.nodes[n].shape.size}
        stepped = read_in_all_steps(self.graph, self.loops, whole)
        planes = {0: step_rows(x) if self.loops else x}
        for number, op in enumerate(self.ops, start=1):
            if loop := next((loop for loop in self.loops if number in loop), None):
                if number == loop[-1]:
                    planes[number] = self._run_loop(loop, planes, params)
                continue
            sources = [planes[n] for n in op.node.reads]
            if number not in stepped and self.loops:
                sources = [
                    last_step(plane, self.steps) if n in stepped else plane
                    for n, plane in zip(op.node.reads, sources, strict=True)
                ]
            y = self._forward(op, sources, params)
            y = real_values(op, y) if op.wide else y
            if number in whole:
                y = all_steps(y, self.steps, shapes[number])
            shape = shapes.get(number) or (y.shape[1:] if y.ndim > 2 else (*y.shape[1:], 1, 1))
            planes[number] = y if y.shape[1:] == shape else y.reshape((len(y.data), *shape))
        del planes[0]
        return planes

    def _run_loop(self, loop: range, planes: Mapping[int, Tensor], params: Params) -> Tensor:
        ops = {n: self.ops[n - 1] for n in loop}
        weighted = {n: op for n, op in ops.items() if isinstance(op.node, Weighted)}
        codes = {n: self._codes(op, params) for n, op in weighted.items()}
        return run_steps(ops, planes, codes, params, self.steps)

    def _codes(self, op: IntegerOp, params: Params) -> Tensor:
        """The integer weights (O, C / groups, kh, kw)."""
        name = op.node.name
        weight = params[f"{name}.weight"]
        unit = constant(op.weight_unit.astype(weight.dtype, copy=False))
        return weight_codes(weight, params[f"{name}.weight_step"], unit, largest=op.largest)

    def _forward(self, op: IntegerOp, sources: list[Tensor], params: Params) -> Tensor:
        x, node, name = sources[0], op.node, op.node.name
        match node:
            case Weighted():
                acc = correlate(node, x, self._codes(op, params))
                return self._requantize(op, acc, params[f"{name}.bias"], params)
            case OpNode():
                y = FORMS[node.op](op, sources)
                return self._requantize_sums(op, y, params) if node.nature == "computes" else y
            case Table():
                return look_up(op, x)
            case _:
                raise AssertionError(node)  # `integer_net` refuses the node

    def _requantize_sums(self, op: IntegerOp, acc: Tensor, params: Params) -> Tensor:
        zero = Tensor(constant(np.zeros(op.node.shape.c, acc.dtype)))
        return self._requantize(op, acc, zero, params)

    def _requantize(self, op: IntegerOp, acc: Tensor, bias: Tensor, params: Params) -> Tensor:
        arrays = {name: tensor.data for name, tensor in params.items()}
        scales = op.scales(arrays, acc.dtype)
        y = requantize(
            acc,
            bias,
            params[op.target] if op.target else Tensor(scales.out_ratio),
            ratio=scales.ratio,
            unit=scales.unit,
            in_ratio=scales.in_ratio,
            units=op.units,
            to=op.range,
        )
        if not (op.wide and op.node.clips):
            return y

        def clip(y: Tensor) -> Tensor:
            low, high = op.real_ends(arrays, bias.data)
            inside = (y.data >= low) & (y.data <= high)
            return record(y.data.clip(low, high), (y, lambda g: g * inside))

        return host_callback(clip, y, reads=[*arrays.values()])

    def quantized_nodes(self) -> tuple[QuantizedNode, ...]:
        """The nodes with the integers of the trained parameters."""
        scales = {0: self.ops[0].quantized.source}
        nodes = []
        for number, op in enumerate(self.ops, start=1):
            sources = tuple(scales[n] for n in op.node.reads)
            nodes.append(self._quantize_op(op, sources))
            scales[number] = nodes[-1].target
        return tuple(nodes)

    def _quantize_op(self, op: IntegerOp, sources: tuple[QuantParams, ...]) -> QuantizedNode:
        node, arrays, before = op.node, self.params, op.quantized
        if isinstance(node, Table | Join | State):
            return replace(before, sources=sources)
        if before.integers is None:  # the op copies values
            target = QuantParams(before.target.dtype, sources[0].scale, before.target.zero)
            return replace(before, sources=sources, target=target)
        scales = op.scales(arrays)
        if not min(float(a.min()) for a in (scales.ratio, scales.in_ratio, scales.out_ratio)) > 0:
            raise QuantizationError(f"{node.name}: a trained scale is not above 0: train again")
        if not isinstance(node, Weighted):
            q = requantize_integers(np.zeros(1, np.float32), _first(scales), wide=op.wide)
            # Zero points do not change, nor do the factors of a sum and the slopes of a PReLU.
            bias, weight = before.integers.bias, before.integers.weight
        else:
            codes = weight_codes_of(
                arrays[f"{node.name}.weight"],
                scales.ratio,
                op.weight_unit,
                largest=op.largest,
            )
            q = requantize_integers(arrays[f"{node.name}.bias"], scales, wide=op.wide)
            codes = channels_last(node, codes)
            zeros = by_input(self.zeros, node) if node.reads == (0,) else sources[0].zero
            sums = (codes * zeros).sum(axis=(1, 2, 3)).astype(np.int64)
            bias = (q.bias - sums).astype(np.int32)
            weight = codes.astype(np.int8)
        mult = q.mult.astype(np.int32)
        integers = replace(
            before.integers, bias=bias, mult=mult, shift=q.shift, unit=q.unit, weight=weight
        )
        target = QuantParams(before.target.dtype, q.out_step, before.target.zero)
        clamp = op.clamp(target) if op.wide else before.clamp
        return replace(before, sources=sources, target=target, clamp=clamp, integers=integers)


def integer_net(
    graph: Graph,
    nodes: tuple[QuantizedNode, ...],
    float_model: Model,
    settings: Mapping[str, Any],
) -> IntegerNet:
    """The net of a fused graph, with the values of the float net."""
    raw = raw_pixels(graph)
    refused = [graph.nodes[number].name for number in raw - {0}]
    if any(isinstance(node, InputPart) for node in graph.nodes.values()):
        raise UnsupportedError("training in integers is for nets of one input; quantize this one")
    if refused:
        raise UnsupportedError(
            f"no training in integers for {', '.join(refused)}: it reads pixels and has no weights"
        )
    if kinds := {q.node.op for q in nodes if isinstance(q.node, OpNode)} - FORMS.keys():
        unknown = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise UnsupportedError(f"no training in integers for ops of the kind {unknown}")
    groups = scale_groups(graph)
    names = {0: ""} | {groups[n]: "" for n in _constant_scales(graph)}
    for number, q in enumerate(nodes, start=1):
        if q.node.nature == "computes" and groups[number] != 0 and q.target.dtype != "i32":
            names.setdefault(groups[number], f"{q.node.name}.output_step")
    ops = tuple(
        IntegerOp(
            quantized=q,
            source=names.get(groups[q.node.reads[0]], ""),
            target=names.get(groups[number], "") if q.node.nature == "computes" else "",
            units=(float(np.float32(q.source.scale)), float(np.float32(q.target.scale))),
            **weight_units(q),
            **lookup_tables(q),
        )
        for number, q in enumerate(nodes, start=1)
    )
    affine, source = graph.input.affine, nodes[0].source
    zeros = np.full(graph.input.shape.c, source.zero)
    if affine is not None:
        zeros = np.rint(-affine.offset / affine.scale).clip(0, 255).astype(int)
    shapes = float_model.net.output_shapes(float_model.net.input_shapes)
    return IntegerNet(
        graph=graph,
        ops=ops,
        zeros=tuple(zeros.tolist()),
        shapes=tuple(shapes[output.name] for output in graph.outputs),
        float_model=float_model,
        settings=settings,
    ).initialize()


def _constant_scales(graph: Graph) -> Iterator[int]:
    """The numbers of the nodes whose scales stay: a sum's factors, a product's unit or a table's
    bytes follow from them; an output that copies integers has the scale of its input.
    """
    for number, node in graph.nodes.items():
        if isinstance(node, OpNode):
            yield from node.reads[FIXED_SCALES.get(node.op, slice(0))]
        elif isinstance(node, Table | Join | State):
            yield from (number, *node.reads)
    for output in graph.outputs:
        if graph.nodes[output.number].nature != "computes":
            yield output.number


def _first(scales: Scales) -> Scales:
    """The scales of the first channel, which all channels share."""
    return scales._replace(ratio=scales.ratio[:1], unit=scales.unit[:1])
