"""The tape: nodes with vector-Jacobian products to their parents, and backpropagation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._errors import AutodiffError
from .workers import current_worker, worker

Array: TypeAlias = NDArray[np.floating]
"""A float32 or float64 array; all arrays of one computation have one dtype."""


class LazyArray(Protocol):
    """A gradient whose array is computed on demand."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def dense(self) -> Array:
        """The array."""
        ...


@dataclass(frozen=True, eq=False)
class Deferred:
    """A gradient that is computed when the tape comes to its node, or adds it to another one."""

    shape: tuple[int, ...]
    compute: Callable[[], Array]

    def dense(self) -> Array:
        """The array."""
        return self.compute()


@dataclass(frozen=True, eq=False)
class Terms:
    """A gradient as a sum of arrays of one shape, which several workers compute."""

    arrays: tuple[Array, ...]
    total: Callable[[tuple[Array, ...]], Array]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of each array."""
        return self.arrays[0].shape

    def dense(self) -> Array:
        """The sum."""
        return self.total(self.arrays)


Vjp: TypeAlias = Callable[[Array], Any]
"""A vector-Jacobian product: from the gradient of a result to the gradient of one parent, an array
or a `LazyArray`. The function must not write into its argument."""


def shared_vjps(gradients: Callable[[Array], tuple[Array, ...]], n: int) -> tuple[Vjp, ...]:
    """The Vjps of n parents that share one computation of all their gradients.

    `backpropagate` calls the Vjps of a node one after the other with one gradient array; the first
    call computes all gradients. A gradient is dropped once it is returned, so that its memory can
    be used again.
    """
    source: list[Array] = []
    rest: dict[int, Array] = {}

    def of(i: int) -> Vjp:
        def vjp(g: Array) -> Array:
            if i not in rest or source[0] is not g:
                source[:] = [g]
                rest.update(enumerate(gradients(g)))
            part = rest.pop(i)
            if not rest:
                source.clear()
            return part

        return vjp

    return tuple(map(of, range(n)))


class Node:
    """One value on the tape: its shape and dtype, and an edge to each parent with a gradient.

    A node without edges is a leaf; edges None: a backward pass freed them. `gradient` of a leaf is
    the sum over all backward passes; `gradient` of other nodes stays None, since their gradients
    are dropped once passed on. `worker` computed the value, and computes its gradient.
    """

    __slots__ = ("dtype", "edges", "gradient", "shape", "worker")

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[np.floating], edges: "tuple[Edge, ...]"
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.edges: tuple[Edge, ...] | None = edges
        self.gradient: Array | LazyArray | None = None
        self.worker = current_worker.get()


Edge: TypeAlias = tuple[Node, Vjp]


def backpropagate(
    roots: Sequence[tuple[Node, Array]],
    add: Callable[[Array, Array], Array],
    *,
    retain_graph: bool,
) -> None:
    """Backpropagate a gradient from each root; `add` adds the results to the gradients of leaves.

    A node passes its gradient on once, after all of its consumers have passed theirs (Kahn's
    topological order, on an explicit stack: a net may be deeper than Python's recursion limit).
    The order depends only on the tape, so equal computations give equal bytes. Unless
    ``retain_graph``, a node that has passed its gradient on frees its edges, and with them the
    arrays of its vector-Jacobian products.

    The worker of a node computes the gradients of its parents. A node without one joins several
    workers: the worker of each parent computes the gradient of that parent.
    """
    consumers = {root: 0 for root, _ in roots}
    stack = [*consumers]
    while stack:
        edges = stack.pop().edges
        if edges is None:
            raise AutodiffError(
                "backward() through a tape that backward(retain_graph=False) freed: compute the "
                "result again, or retain the graph"
            )
        for parent, _ in edges:
            if parent not in consumers:
                consumers[parent] = 0
                stack.append(parent)
            consumers[parent] += 1

    pending = {root: _check_gradient(gradient, root) for root, gradient in roots}
    ready = [root for root, _ in roots]
    while ready:
        node = ready.pop()
        passed = pending.pop(node)
        if not node.edges:
            if isinstance(passed, Deferred | Terms):
                with worker(node.worker):
                    passed = passed.dense()
            before = node.gradient
            node.gradient = passed if before is None else _sum(before, passed, add)
            continue
        with worker(node.worker):
            array, edges = dense(passed), node.edges
        if not retain_graph:
            node.edges = None
        for parent, vjp in edges:
            with worker(parent.worker if node.worker is None else node.worker):
                part = _check_gradient(vjp(array), parent)
            if parent in pending:
                with worker(parent.worker):
                    part = _sum(pending[parent], part, add)
            pending[parent] = part
            consumers[parent] -= 1
            if consumers[parent] == 0:
                ready.append(parent)


def dense(gradient: Array | LazyArray) -> Array:
    """A gradient as an array."""
    return gradient if isinstance(gradient, np.ndarray) else gradient.dense()


def _sum(
    a: Array | LazyArray, b: Array | LazyArray, add: Callable[[Array, Array], Array]
) -> Array | LazyArray:
    """The sum of two gradients; of two that are sums of terms, all terms."""
    if isinstance(a, Terms) and isinstance(b, Terms):
        return Terms(a.arrays + b.arrays, a.total)
    return add(dense(a), dense(b))


def _check_gradient(gradient: Any, node: Node) -> Array | LazyArray:
    """`gradient`, an array or lazy, checked to have the shape and dtype of the node's value."""
    if hasattr(gradient, "dense"):
        lazy: LazyArray = gradient
        return lazy
    array: Array = np.asarray(gradient)
    if array.shape != node.shape or array.dtype != node.dtype:
        raise AutodiffError(
            f"a gradient is {array.dtype}{array.shape}, its tensor is "
            f"{node.dtype}{node.shape}: return one value of the tensor's dtype for each element"
        )
    return array
