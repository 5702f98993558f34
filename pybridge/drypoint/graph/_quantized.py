"""Nodes with integers, and the op of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import program
from drypoint.program import NUMPY_TYPE, ONLY_OUTPUT, Op, Output, Program, Shape
from drypoint.program.lowering import Given, Lowered, QuantParams

from ._graph import Graph
from ._integers import Integers
from ._nodes import InputPart, Join, Node, OpNode, State, Table, Weighted


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantizedNode:
    """A node, the parameters of its inputs and output, and its integers.

    Attributes:
        node: the node.
        sources: of its inputs.
        target: of its output.
        integers: None where the node computes no accumulators.
        clamp: the smallest and the largest integer that it writes.
        table: of a `Table`: the output of each of the 256 bytes, in the bytes' order.
    """

    node: Node
    sources: tuple[QuantParams, ...]
    target: QuantParams
    integers: Integers | None = None
    clamp: tuple[int, int] = (0, 0)
    table: NDArray[np.integer] | None = None

    @property
    def source(self) -> QuantParams:
        """The parameters of the first input."""
        return self.sources[0]

    @property
    def lowering_inputs(self) -> Given:
        """What the integers of an `OpNode` are chosen from."""
        assert isinstance(self.node, OpNode)
        return Given(fields=self.node.fields, sources=self.sources)

    def lower(self) -> Lowered | None:
        """The numbers of an `OpNode` that computes; None of any other node."""
        return self.node.op.lower(self.lowering_inputs) if isinstance(self.node, OpNode) else None

    @property
    def has_op(self) -> bool:
        """Whether the node becomes an op: an input of the type and zero point of the vector that it
        lies in is none.
        """
        source, target = self.source, self.target
        same = (source.dtype, source.zero) == (target.dtype, target.zero)
        return not (same and isinstance(self.node, InputPart))

    @property
    def unit(self) -> NDArray[np.float64]:
        """The real value of the accumulator 1 of each channel, or of all."""
        assert self.integers is not None  # the node computes accumulators
        return self.integers.unit

    @property
    def real_weight(self) -> NDArray[np.float64]:
        """The real values of a weighted node's integer weights, float64 [out, h, w, in]."""
        assert self.integers is not None  # a weighted node has integers
        scale = self.integers.unit / self.source.scale
        values: NDArray[np.float64] = self.integers.weight * scale[:, None, None, None]
        return values


def to_program(
    graph: Graph,
    nodes: Sequence[QuantizedNode],
    *,
    decoders: Mapping[str, Mapping[str, Any]] | None = None,
    factors: Mapping[str, float] | None = None,
    **fields: Any,
) -> Program:
    """The program of a fused graph.

    Args:
        graph: numbered, without nodes that a pass replaces.
        nodes: its nodes but the input, in order, with their integers; nodes of outputs write
            int32.
        decoders: output -> the config of its decoder.
        factors: output -> what a softmax multiplies its real values by; 1 where it is left out.
        fields: more fields of `Program`.

    Raises:
        ProgramError: a rule of the format is broken.
    """
    shapes = [node.shape for node in graph.nodes.values()]
    decoders, factors = decoders or {}, factors or {}
    numbers, parts = _op_numbers(nodes), _input_parts(graph, nodes)
    written = [quantized for quantized in nodes if quantized.has_op]
    return Program(
        ops=tuple(
            _op(quantized, tuple(shapes[n] for n in quantized.node.reads), numbers)
            for quantized in written
        ),
        reads=tuple(tuple(numbers[n] for n in quantized.node.reads) for quantized in written),
        input_scale=parts[0].scale if parts else nodes[0].source.scale,
        input_parts=parts,
        outputs=tuple(
            Output(
                name=output.name if len(graph.outputs) > 1 else ONLY_OUTPUT,
                scale=nodes[output.number - 1].target.scale * factors.get(output.name, 1.0),
                softmax=output.softmax,
                decoder=decoders.get(output.name),
            )
            for output in graph.outputs
        ),
        **fields,
    )


def _op_numbers(nodes: Sequence[QuantizedNode]) -> list[int]:
    """The number of the tensor of each node of the graph, the input first."""
    numbers, ops = [0], 0
    for quantized in nodes:
        ops += quantized.has_op
        numbers.append(ops if quantized.has_op else numbers[quantized.node.reads[0]])
    return numbers


def _input_parts(graph: Graph, nodes: Sequence[QuantizedNode]) -> tuple[program.InputPart, ...]:
    """The inputs of a net of several, in their order in the vector."""
    found = [(q.node, q.target) for q in nodes if isinstance(q.node, InputPart)]
    if not found:
        return ()
    found.sort(key=lambda part: part[0].first)
    names, end = program.input_names([node.name for node, _ in found]), 0
    for node, _ in found:
        end += node.shape.size if node.first == end else 0
    if end != graph.input.shape.size:
        raise program.ProgramError(
            f"no output depends on the input at value {end}: leave that input out of the net"
        )
    return tuple(
        program.InputPart(name=name, tensor=target.tensor(node.shape), scale=target.scale)
        for name, (node, target) in zip(names, found, strict=True)
    )


def _op(quantized: QuantizedNode, shapes: tuple[Shape, ...], numbers: Sequence[int]) -> Op:
    """The op of a node that reads planes of these shapes; ``numbers``: the tensors of all nodes."""
    node, q, target = quantized.node, quantized.integers, quantized.target
    inputs = tuple(
        source.tensor(shape) for shape, source in zip(shapes, quantized.sources, strict=True)
    )
    base: dict[str, Any] = {"name": node.name, "inputs": inputs}
    base["output"] = target.tensor(node.shape)
    if q is not None:
        base |= {"bias": q.bias, "mult": q.mult, "shift": q.shift}
        base |= {"lo": quantized.clamp[0], "hi": quantized.clamp[1]}
    match node:
        case Weighted():
            assert q is not None  # a weighted node has integers
            return _weighted_op(quantized, node, q, base)
        case OpNode():
            fields = node.op.stored_fields(quantized.lowering_inputs, shapes[0].c)
            more = {} if q is None else q.fields
            return node.op(**base, **fields, **more)
        case Join():
            return program.Concat(**base)
        case State():
            zero = np.full(node.shape.c, target.zero, NUMPY_TYPE[target.dtype])
            pad = zero if target.zero else None
            return program.Delay(**base, carries=numbers[node.carries], pad=pad)
        case InputPart():  # the stored bytes, read as the input's own type
            bytes_read = np.arange(256, dtype=np.uint8)
            return program.Lookup(**base, table=bytes_read.view(NUMPY_TYPE[target.dtype]))
        case Table():
            assert quantized.table is not None  # of the node
            return program.Lookup(**base, table=quantized.table)
        case _:
            raise AssertionError(node)  # a pass replaces the node


def _weighted_op(quantized: QuantizedNode, node: Weighted, q: Integers, base: dict[str, Any]) -> Op:
    base["weight_bits"] = q.weight_bits
    if node.dense:
        return program.Dense(**base, weight=q.weight.reshape(len(q.weight), -1))
    base |= {"kernel": node.kernel, "stride": node.stride, "padding": node.padding}
    base |= {"dilation": node.dilation, "pool": node.pool}
    pad, channels = 0.0 if node.pad is None else node.pad, node.weight.shape[3] * node.groups
    base["pad"] = quantized.source.pad(pad, channels, node.padding)
    if node.groups == 1:
        return program.Conv(**base, weight=q.weight)
    if q.weight.shape[3] == 1:
        weight = np.ascontiguousarray(q.weight[..., 0].transpose(1, 2, 0))
        return program.DepthwiseConv(**base, weight=weight)
    return program.GroupedConv(**base, weight=q.weight, groups=node.groups)
