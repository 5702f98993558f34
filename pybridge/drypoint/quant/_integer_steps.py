"""A recurrent layer in a net that computes a program's integers: an operation of the tape for all
steps. Its loop holds what needs the step before; products with what lies outside of the loop,
slopes, and gradients of weights are computed for all steps at once.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor, record
from drypoint.autodiff.callback import host_callback
from drypoint.autodiff.kernels.numpy.quantization import requantize_integers
from drypoint.graph import Graph, Join, OpNode, State, Table

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

    def forward(*tensors: Tensor) -> Tensor:
        values = iter([tensor.data for tensor in tensors])
        read = {n: next(values) for n in outside}
        read = {n: rows.reshape(steps, -1, rows.shape[1]) for n, rows in read.items()}
        weights = {n: next(values)[:, :, 0, 0] for n in codes}
        loop = Loop(ops, read, weights, dict(zip(codes, values, strict=True)), arrays)
        memo: list[Any] = [None, ()]  # a gradient of the result, and the gradients of all tensors

        def vjp(g: Array, i: int) -> Array:
            if memo[0] is not g:
                memo[:] = g, loop.gradients(g)
            part: Array = memo[1][i].reshape(tensors[i].shape)
            return part

        return record(loop.run(), *((each, partial(vjp, i=i)) for i, each in enumerate(tensors)))

    tensors = (*outside.values(), *codes.values(), *biases.values())
    return host_callback(forward, *tensors, reads=[*arrays.values()])


class _Rounding(NamedTuple):
    """The requantization of an op, or of several side by side; each array is (1,) or (O,)."""

    bias: Array  # in units of the accumulator
    factor: Array  # the real multiplier
    mult: NDArray[np.int64]  # shifted
    half: NDArray[np.int64]  # the bias times the multiplier, and a half
    low: NDArray[np.int64]
    high: NDArray[np.int64]

    def slope(self, acc: Array) -> Array:
        """The factor where the real output lies within the clamp, else 0."""
        real = (acc + self.bias) * self.factor
        return np.where((real >= self.low) & (real <= self.high), self.factor, acc.dtype.type(0))

    def step(self, sums: Callable[[int], NDArray[np.integer]], y: Steps) -> OfStep:
        """What requantizes the accumulators of a step."""

        def step(t: int) -> None:
            code = sums(t) * self.mult
            code += self.half
            code >>= 32
            np.maximum(code, self.low, out=code)
            np.minimum(code, self.high, out=y[t], casting="unsafe")

        return step


class _Dense(NamedTuple):
    """The weighted ops of a loop that read one value of the loop, side by side."""

    source: int  # number of that value
    columns: dict[int, slice]  # op -> its outputs
    weight: Array  # (C, O)
    sums: Array  # (T, N, O), of the products with what lies outside of the loop
    rounding: _Rounding


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
        self._ops, self._outside, self._codes = ops, outside, codes
        self._steps, self._n, _ = next(iter(outside.values())).shape
        self._dtype = next(iter(outside.values())).dtype
        self._units, self._roundings = dict[int, Array](), dict[int, _Rounding]()
        for n, op in ops.items():
            if op.quantized.integers is not None:
                bias = biases.get(n, np.zeros(1, self._dtype))
                scales, c = op.scales(arrays, self._dtype), len(bias)
                scales = scales._replace(ratio=scales.ratio[:c], unit=scales.unit[:c])
                q = requantize_integers(bias, scales, wide=False)
                self._units[n] = q.unit.astype(self._dtype)
                ends = (np.full(c, end) for end in (op.range.low, op.range.high))
                bias, mult = q.bias.astype(self._dtype), q.mult << q.shift
                factor = (q.unit / q.out_step).astype(self._dtype)
                self._roundings[n] = _Rounding(bias, factor, mult, q.bias * mult + HALF, *ends)
        self._dense = {min(dense.columns): dense for dense in self._dense_ops()}
        self.values = self._zeros(np.int32)
        """Number -> (T, N, C), the integers of an op less the zero point."""

    def _zeros(self, dtype: Any) -> dict[int, Steps]:
        """Zeros (T, N, C) for each op: a state has what it carries, one step later; dense ops
        lie side by side.
        """
        found: dict[int, Steps] = {}
        for number, op in self._ops.items():
            zeros = np.zeros((self._steps + 1, self._n, op.node.shape.c), dtype)
            if isinstance(op.node, State):
                found[number], found[op.node.carries] = zeros[:-1], zeros[1:]
            elif number in self._dense:
                columns = self._dense[number].columns
                whole = np.zeros((*zeros.shape[:2], max(c.stop for c in columns.values())), dtype)
                found |= {n: whole[1:, :, part] for n, part in columns.items()}
            elif not isinstance(op.node, Join):  # dense ops read both of its inputs themselves
                found.setdefault(number, zeros[1:])
        return found

    def _parts(self, number: int) -> Iterator[tuple[int, Array]]:
        """The values that a weighted op reads, and the weights (O, C) of each."""
        (read,) = self._ops[number].node.reads
        node, first = self._ops[read].node, 0
        for source in node.reads if isinstance(node, Join) else (read,):
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
            ends = np.cumsum([0, *(len(self._codes[n]) for n in numbers)]).tolist()
            columns = {n: slice(*pair) for n, pair in zip(numbers, pairwise(ends), strict=True)}
            weight = np.concatenate([dict(self._parts(n))[source] for n in numbers]).T
            sums = np.zeros((self._steps, self._n, ends[-1]), self._dtype)
            for n, part in columns.items():
                for read, weights in self._parts(n):
                    if read != source:
                        sums[:, :, part] += self._outside[read] @ weights.T
            rows = zip(*(self._roundings[n] for n in numbers), strict=True)
            rounding = _Rounding(*map(np.concatenate, rows))
            yield _Dense(source, columns, np.ascontiguousarray(weight), sums, rounding)

    def run(self) -> Array:
        """The last op's integers less the zero point, (T N, C, 1, 1)."""
        parts = [*self._forward()]
        for t in range(self._steps):
            for part in parts:
                part(t)
        y: Array = self.values[max(self._ops)].astype(self._dtype)
        return y.reshape(-1, y.shape[2], 1, 1)

    def _forward(self) -> Iterator[OfStep]:
        """What computes a step, in order."""
        for number, op in self._ops.items():
            if isinstance(op.node, Join | State):
                continue
            y = self.values[number]
            if dense := self._dense.get(number):
                sums = _products(self.values[dense.source], dense, self._dtype)
                yield dense.rounding.step(sums, _whole(y))
            elif isinstance(op.node, Table):
                table = np.roll(op.table, -op.quantized.source.zero).astype(np.int32)
                yield _look_up(table, self.values[op.node.reads[0]], y)
            elif isinstance(op.node, OpNode):
                read = [self.values[n] for n in op.node.reads]
                yield self._roundings[number].step(_sums_of_step(op, read), y)

    def gradients(self, g: Array) -> list[Array]:
        """The gradients of what lies outside, of the codes and of the biases, straight through."""
        grads = self._zeros(self._dtype)
        grads[max(self._ops)] += g.reshape(self._steps, self._n, -1)
        parts = [*self._backward(grads)][::-1]
        for t in reversed(range(self._steps)):
            for part in parts:
                part(t)
        to_outside = {n: np.zeros_like(x) for n, x in self._outside.items()}
        to_codes, to_biases = [], []
        for number in self._codes:
            of_sums, blocks = grads[number], []
            for source, weight in self._parts(number):
                if source in to_outside:
                    to_outside[source] += of_sums @ weight
                x = self._outside[source] if source in to_outside else self.values[source]
                rows = x.reshape(-1, x.shape[2]).astype(self._dtype, copy=False)
                blocks.append(of_sums.reshape(-1, of_sums.shape[2]).T @ rows)
            to_codes.append(np.concatenate(blocks, axis=1))
            to_biases.append(of_sums.sum(axis=(0, 1)) / self._units[number])
        return [*to_outside.values(), *to_codes, *to_biases]

    def _backward(self, grads: Mapping[int, Array]) -> Iterator[OfStep]:
        """What passes the gradients of a step on, in the order of `_forward`. The gradients of
        weighted ops become the gradients of their accumulators.
        """
        for number, op in self._ops.items():
            read = [self.values[n] for n in op.node.reads if n in self.values]
            if dense := self._dense.get(number):
                x = self.values[dense.source].astype(self._dtype)
                slope = dense.rounding.slope(x @ dense.weight + dense.sums)
                yield _dense_back(_whole(grads[number]), slope, dense.weight, grads[dense.source])
            elif isinstance(op.node, Table):
                slopes = np.roll(op.slopes, -op.quantized.source.zero).astype(self._dtype)
                slope = slopes.take(read[0], mode="wrap")
                yield _pass_on(grads[number], slope, grads[op.node.reads[0]])
            elif isinstance(op.node, OpNode):
                reals = [x.astype(self._dtype) for x in read]
                slope = self._roundings[number].slope(_sums(op, reals))
                for source, share in zip(op.node.reads, _shares(op, reals), strict=True):
                    yield _pass_on(grads[number], slope * share, grads[source])


def _whole(part: Steps) -> Steps:
    """The array of dense ops side by side that the first of them has a part of."""
    assert part.base is not None
    return part.base[1:]


def _products(x: Steps, dense: _Dense, dtype: Any) -> Callable[[int], NDArray[np.int64]]:
    return lambda t: (x[t].astype(dtype) @ dense.weight + dense.sums[t]).astype(np.int64)


def _look_up(table: NDArray[np.int32], x: Steps, y: Steps) -> OfStep:
    """A table at integers less their zero point."""
    return lambda t: table.take(x[t], mode="wrap", out=y[t])


def _shares(op: IntegerOp, read: list[Steps]) -> list[Any]:
    """What an accumulator changes by with each value that is read: a sum has factors, a product the
    other value.
    """
    return [*op.chosen.get("factors", ())] or (read[::-1] if len(read) > 1 else [1])


def _sums(op: IntegerOp, read: list[Steps]) -> Steps:
    """The accumulators of a sum, a product or a value: below 2^31, as the format proves."""
    terms = [*map(np.multiply, read, _shares(op, read))]
    return np.asarray(terms[0] + terms[1] if "factors" in op.chosen else terms[0])


def _sums_of_step(op: IntegerOp, read: list[Steps]) -> Callable[[int], NDArray[np.integer]]:
    return lambda t: _sums(op, [x[t] for x in read])


def _dense_back(g: Array, slope: Array, weight: Array, to: Array) -> OfStep:
    def step(t: int) -> None:
        g[t] *= slope[t]
        to[t] += g[t] @ weight.T

    return step


def _pass_on(g: Array, slope: Array, to: Array) -> OfStep:
    """Add a step's gradient times the slope."""

    def step(t: int) -> None:
        to[t] += g[t] * slope[t]

    return step
