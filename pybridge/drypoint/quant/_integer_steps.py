"""A recurrent layer in a net that computes a program's integers: an operation of the tape for all
steps. Its loop holds what needs the step before; products with what lies outside of the loop,
slopes, and gradients of weights are computed for all steps at once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint import program as kinds
from drypoint.autodiff import Array, Tensor, record
from drypoint.autodiff.callback import host_callback
from drypoint.autodiff.kernels.numpy.quantization import requantize_integers
from drypoint.graph import Graph, Join, OpNode, State, Table, Weighted

from ._integer_ops import IntegerOp

Steps: TypeAlias = NDArray[Any]  # (T, N, C)
OfStep: TypeAlias = Callable[[int], object]  # computes its part of a step
HALF = 2**31


def loops_of(graph: Graph) -> tuple[range, ...]:
    """The numbers of the nodes from a state to what it carries: of each recurrent layer."""
    loops: list[range] = []
    for number, node in graph.nodes.items():
        if isinstance(node, State):
            inside = bool(loops) and number in loops[-1]
            before = loops.pop() if inside else range(number, 0)
            loops.append(range(before.start, max(before.stop, node.carries + 1)))
    return tuple(loops)


def read_in_all_steps(graph: Graph, loops: tuple[range, ...], outputs: set[int]) -> set[int]:
    """The numbers of the nodes of which all steps are read, with these outputs; of others the last
    step counts.
    """
    found = outputs.union(*loops)
    for number in reversed([*graph.nodes]):
        if number in found:
            found |= {*graph.nodes[number].reads}
    return found


def step_rows(x: Tensor) -> Tensor:
    """(N, C, T) as (T N, C, 1, 1), the first step first."""
    c = x.shape[1]
    return host_callback(lambda x: x.transpose((2, 0, 1)).reshape((-1, c, 1, 1)), x)


def all_steps(y: Tensor, steps: int, shape: tuple[int, ...]) -> Tensor:
    """Back from rows of steps: (N, ...) of a shape that holds (C, T)."""
    c = y.shape[1]

    def by_example(y: Tensor) -> Tensor:
        return y.reshape((steps, -1, c)).transpose((1, 2, 0)).reshape((-1, *shape))

    return host_callback(by_example, y)


def last_step(y: Tensor, steps: int) -> Tensor:
    """The rows of the last step, (N, C, 1, 1)."""
    n = len(y.data) // steps
    return host_callback(lambda y: y[-n:], y)


def run_steps(
    ops: Mapping[int, IntegerOp],
    planes: Mapping[int, Tensor],
    codes: Mapping[int, Tensor],
    params: Mapping[str, Tensor],
    steps: int,
) -> Tensor:
    """What the last of a loop's ops writes in all steps, (T N, C, 1, 1), the first step first.

    Args:
        ops: number -> op of the loop.
        planes: the planes before the loop, (T N, C, 1, 1).
        codes: number -> integer weights (O, C, 1, 1).
        params: of the net.
        steps: T.
    """
    joined = {n for op in ops.values() if isinstance(op.node, Join) for n in op.node.reads}
    outside = {n: planes[n] for n in joined - ops.keys()}
    biases = {n: params[f"{ops[n].node.name}.bias"] for n in codes}
    arrays = {name: tensor.data for name, tensor in params.items()}
    tensors = (*outside.values(), *codes.values(), *biases.values())

    def forward(*given: Tensor) -> Tensor:
        values = iter([tensor.data for tensor in given])
        loop = Loop(
            ops,
            {n: next(values).reshape(steps, -1, c) for n, c in channels.items()},
            {n: next(values).reshape(len(codes[n].data), -1) for n in codes},
            {n: next(values) for n in codes},
            arrays,
        )
        memo: list[Any] = [None, ()]  # a gradient of the result, and the gradients of all parents

        def vjp(i: int) -> Callable[[Array], Array]:
            def of(g: Array) -> Array:
                if memo[0] is not g:
                    memo[:] = g, loop.gradients(g)
                part: Array = memo[1][i].reshape(given[i].shape)
                return part

            return of

        return record(loop.run(), *((tensor, vjp(i)) for i, tensor in enumerate(given)))

    channels = {n: plane.shape[1] for n, plane in outside.items()}
    return host_callback(forward, *tensors, reads=[*arrays.values()])


@dataclass(eq=False)
class _Dense:
    """The weighted ops of a loop that read one value of the loop, side by side."""

    source: int  # number of that value
    columns: dict[int, slice]  # op -> its outputs
    weight: Array  # (C, O)
    sums: Array  # (T, N, O), of the products with what lies outside of the loop
    bias: NDArray[np.int64]  # (O,), in units of the accumulator
    mult: NDArray[np.int64]  # (O,), shifted
    factor: Array  # (O,), the real multiplier
    ends: tuple[Array, Array]  # (O,), the smallest and the largest output

    @property
    def first(self) -> int:
        return min(self.columns)


class Loop:
    """The ops of a loop over all steps, and their gradients."""

    def __init__(
        self,
        ops: Mapping[int, IntegerOp],
        outside: Mapping[int, Array],
        codes: Mapping[int, Array],
        biases: Mapping[int, Array],
        arrays: Mapping[str, Array],
    ) -> None:
        self._ops, self._outside, self._codes, self._biases = ops, outside, codes, biases
        self._steps, self._n, _ = next(iter(outside.values())).shape
        self._dtype = next(iter(outside.values())).dtype
        self._requantizations = {}
        for number, op in ops.items():
            if op.quantized.integers is not None:
                bias = biases.get(number, np.zeros(1, self._dtype))
                scales = op.scales(arrays, self._dtype)
                if number not in codes:  # all channels share it
                    scales = scales._replace(ratio=scales.ratio[:1], unit=scales.unit[:1])
                self._requantizations[number] = requantize_integers(bias, scales, wide=False)
        self._dense = [*self._dense_ops()]
        self.values = self._empty(np.int32)
        """Number -> (T, N, C), the integers of an op less the zero point."""

    def _empty(self, dtype: Any) -> dict[int, Steps]:
        """Zeros (T, N, C) for each op: of a state the steps before those of what it carries; of
        dense ops in one array.
        """
        found: dict[int, Steps] = {}
        for number, op in self._ops.items():
            shape = self._n, op.node.shape.c
            if isinstance(op.node, State):
                both = np.zeros((self._steps + 1, *shape), dtype)
                found[number], found[op.node.carries] = both[:-1], both[1:]
            elif number not in found and not isinstance(op.node, Join | Weighted):
                found[number] = np.zeros((self._steps, *shape), dtype)
        for dense in self._dense:
            whole = np.zeros((self._steps, self._n, len(dense.bias)), dtype)
            found |= {n: whole[:, :, columns] for n, columns in dense.columns.items()}
        return found

    def _parts(self, number: int) -> Iterator[tuple[int, Array]]:
        """The values that a weighted op reads, and the weights (O, C) of each."""
        (read,) = self._ops[number].node.reads
        op, first = self._ops[read], 0
        for source in op.node.reads if isinstance(op.node, Join) else (read,):
            inside = source in self._ops
            c = self._ops[source].node.shape.c if inside else self._outside[source].shape[2]
            yield source, self._codes[number][:, first : first + c]
            first += c

    def _dense_ops(self) -> Iterator[_Dense]:
        """The weighted ops by what they read."""
        members: dict[int, list[int]] = {}
        for number in self._codes:
            (source,) = (n for n, _ in self._parts(number) if n in self._ops)
            members.setdefault(source, []).append(number)
        for source, numbers in members.items():
            sums, columns, weights, end = [], dict[int, slice](), [], 0
            for n in numbers:
                o = len(self._codes[n])
                columns[n], end = slice(end, end + o), end + o
                total = np.zeros((self._steps, self._n, o), self._dtype)
                for read, weight in self._parts(n):
                    if read == source:
                        weights.append(weight.T)
                    else:
                        total += self._outside[read] @ weight.T
                sums.append(total)
            found = [self._requantizations[n] for n in numbers]
            ends = [
                [np.full(len(self._codes[n]), getattr(self._ops[n].range, end)) for n in numbers]
                for end in ("low", "high")
            ]
            yield _Dense(
                source,
                columns,
                np.ascontiguousarray(np.concatenate(weights, axis=1)),
                np.concatenate(sums, axis=2),
                np.concatenate([q.bias for q in found]),
                np.concatenate([q.mult << q.shift for q in found]),
                np.concatenate([q.unit / q.out_step for q in found]).astype(self._dtype),
                (np.concatenate(ends[0]), np.concatenate(ends[1])),
            )

    @cached_property
    def _last(self) -> int:
        return max(self._ops)

    def run(self) -> Array:
        """The last op's integers less the zero point, (T N, C, 1, 1)."""
        parts = [*self._forward()]
        for t in range(self._steps):
            for part in parts:
                part(t)
        y: Array = self.values[self._last].astype(self._dtype)
        return y.reshape(-1, y.shape[2], 1, 1)

    def _forward(self) -> Iterator[OfStep]:
        """What computes a step, in order."""
        dense = {each.first: each for each in self._dense}
        for number, op in self._ops.items():
            if number in dense:
                yield self._dense_step(dense[number])
            elif isinstance(op.node, Table | OpNode):
                read, y = [self.values[n] for n in op.node.reads], self.values[number]
                if isinstance(op.node, Table):
                    table = np.roll(op.table, -op.quantized.source.zero).astype(np.int32)
                    yield _look_up(table, read[0], y)
                else:
                    q = self._requantizations[number]
                    yield _requantize(_combine(op, read), int(q.mult[0]) << q.shift, op, y)

    def _dense_step(self, dense: _Dense) -> OfStep:
        x, weight, sums, mult = self.values[dense.source], dense.weight, dense.sums, dense.mult
        half, (low, high), dtype = dense.bias * mult + HALF, dense.ends, self._dtype
        y = _whole(self.values[dense.first])

        def step(t: int) -> None:
            acc = x[t].astype(dtype) @ weight
            acc += sums[t]
            code = acc.astype(np.int64)
            code *= mult
            code += half
            code >>= 32
            np.maximum(code, low, out=code)
            np.minimum(code, high, out=y[t], casting="unsafe")

        return step

    def gradients(self, g: Array) -> list[Array]:
        """The gradients of what lies outside, of the codes and of the biases, straight through."""
        grads = self._empty(self._dtype)
        grads[self._last] += g.reshape(self._steps, self._n, -1)
        parts = [*self._backward(grads)][::-1]
        for t in reversed(range(self._steps)):
            for part in parts:
                part(t)
        to_outside = {n: np.zeros_like(x) for n, x in self._outside.items()}
        to_codes = {}
        for number in self._codes:
            of_sums, blocks = grads[number], []
            for source, weight in self._parts(number):
                if source in to_outside:
                    to_outside[source] += of_sums @ weight
                x = self._outside[source] if source in to_outside else self.values[source]
                rows = x.reshape(-1, x.shape[2]).astype(self._dtype, copy=False)
                blocks.append(of_sums.reshape(-1, of_sums.shape[2]).T @ rows)
            to_codes[number] = np.concatenate(blocks, axis=1)
        to_biases = [
            (grads[n].sum(axis=(0, 1)) / self._requantizations[n].unit).astype(self._dtype)
            for n in self._codes
        ]
        return [*to_outside.values(), *to_codes.values(), *to_biases]

    def _backward(self, grads: Mapping[int, Array]) -> Iterator[OfStep]:
        """What passes the gradients of a step on, in the order of `_forward`. The gradients of
        weighted ops become those of their accumulators.
        """
        dense = {each.first: each for each in self._dense}
        for number, op in self._ops.items():
            if number in dense:
                yield self._dense_back(dense[number], grads)
            elif isinstance(op.node, Table):
                (source,) = op.node.reads
                slopes = np.roll(op.slopes, -op.quantized.source.zero).astype(self._dtype)
                slope = slopes.take(self.values[source], mode="wrap")
                yield _pass_on(grads[number], slope, grads[source])
            elif isinstance(op.node, OpNode):
                read = [self.values[n].astype(self._dtype) for n in op.node.reads]
                shares = _shares(op, read)
                q = self._requantizations[number]
                acc = (
                    read[0] * read[1]
                    if op.node.op is kinds.Mul
                    else sum(x * share for x, share in zip(read, shares, strict=True))
                )
                factor = self._dtype.type(q.unit[0] / q.out_step)
                inside = _inside(acc * factor, op.range.low, op.range.high, factor)
                for source, share in zip(op.node.reads, shares, strict=True):
                    yield _pass_on(grads[number], inside * share, grads[source])

    def _dense_back(self, dense: _Dense, grads: Mapping[int, Array]) -> OfStep:
        x = self.values[dense.source].astype(self._dtype)
        real = (x @ dense.weight + dense.sums + dense.bias.astype(self._dtype)) * dense.factor
        slope = _inside(real, *dense.ends, dense.factor)
        g, to, weight = _whole(grads[dense.first]), grads[dense.source], dense.weight.T

        def step(t: int) -> None:
            g[t] *= slope[t]
            to[t] += g[t] @ weight

        return step


def _whole(part: Steps) -> Steps:
    """The array of dense ops that one of them has a part of."""
    assert part.base is not None
    return part.base


def _look_up(table: NDArray[np.int32], x: Steps, y: Steps) -> OfStep:
    """A table at integers less their zero point."""
    return lambda t: table.take(x[t], mode="wrap", out=y[t])


def _combine(op: IntegerOp, read: list[Any]) -> Callable[[int], NDArray[np.int64]]:
    """The accumulators of a product, a sum, or a value, below 2^31."""
    assert isinstance(op.node, OpNode)
    if op.node.op is kinds.Mul:
        a, b = read
        return lambda t: np.multiply(a[t], b[t], dtype=np.int64)
    if op.node.op is kinds.Add:
        (a, b), (p, q) = read, op.chosen["factors"]
        return lambda t: np.multiply(a[t], p, dtype=np.int64) + b[t] * q
    (a,) = read
    return lambda t: a[t].astype(np.int64)


def _shares(op: IntegerOp, read: list[Array]) -> list[Any]:
    """What the accumulators change by with each value that is read."""
    assert isinstance(op.node, OpNode)
    if op.node.op is kinds.Mul:
        return read[::-1]
    return [float(p) for p in op.chosen["factors"]] if op.node.op is kinds.Add else [1.0]


def _requantize(
    combine: Callable[[int], NDArray[np.int64]], mult: int, op: IntegerOp, y: Steps
) -> OfStep:
    low, high = op.range.low, op.range.high

    def step(t: int) -> None:
        code = combine(t)
        code *= mult
        code += HALF
        code >>= 32
        np.maximum(code, low, out=code)
        np.minimum(code, high, out=y[t], casting="unsafe")

    return step


def _inside(real: Array, low: Any, high: Any, factor: Any) -> Array:
    """The factor where a real output lies within the clamp, else 0."""
    return np.where((real >= low) & (real <= high), factor, real.dtype.type(0))


def _pass_on(g: Array, slope: Array, to: Array) -> OfStep:
    """Add a step's gradient times the slope."""

    def step(t: int) -> None:
        to[t] += g[t] * slope[t]

    return step
