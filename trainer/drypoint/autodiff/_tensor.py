"""`Tensor` with the operators of arrays, and `record`, from which every other op is built."""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import AutodiffError
from ._tape import Array, Node, Vjp, backpropagate, dense
from .kernels import choose as kernels


def sum_to(shape: tuple[int, ...]) -> Vjp:
    """The gradient of broadcasting from `shape`: a function that sums over the broadcast axes."""

    def vjp(gradient: Array) -> Array:
        if gradient.shape == shape:
            return gradient
        new = gradient.ndim - len(shape)
        stretched = tuple(
            new + axis for axis, size in enumerate(shape) if size == 1 != gradient.shape[new + axis]
        )
        return np.asarray(gradient.sum(axis=(*range(new), *stretched))).reshape(shape)

    return vjp


def spread(gradient: Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """The gradient of a sum over axes of an array of `shape`: repeated along the axes, a view."""
    return np.broadcast_to(np.expand_dims(gradient, axes), shape)


def normalize_axes(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """`axis` as NumPy's reductions take it (None: all), as distinct numbers in 0..ndim-1."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    inside = tuple(sorted({a % ndim for a in axes if -ndim <= a < ndim}))
    if len(inside) != len(axes):
        raise AutodiffError(f"axis {axis} of an array of {ndim} axes: out of range or named twice")
    return inside


def count(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    """The number of elements that a reduction over `axes` combines into one."""
    return math.prod(shape[axis] for axis in axes)


Operand: TypeAlias = "Tensor | ArrayLike"
IndexPart: TypeAlias = int | slice | NDArray[np.integer]
Index: TypeAlias = IndexPart | tuple[IndexPart, ...]


class Tensor:
    """An array of float32 or float64 that records its computation if it has a gradient.

    Args:
        data: a float32 or float64 array is referred to, not copied; lists, integers and booleans
            become float32.
        requires_grad: whether the tensor is a leaf of the tape: `backward` of anything computed
            from it adds to its `grad`. Results of constants are constants and keep no tape.

    Tensors and float arrays in one operation must have one dtype. Python numbers and arrays of
    integers take the tensor's dtype: a float32 net stays float32. Shapes broadcast as in NumPy.

    Raises:
        AutodiffError: `data` is complex, text, objects, or a float of another width.
    """

    __slots__ = ("_node", "data")
    __array_ufunc__ = None  # so that array + Tensor calls Tensor.__radd__ and not NumPy's loops

    data: Array
    _node: Node | None

    def __init__(self, data: ArrayLike, *, requires_grad: bool = False) -> None:
        array = np.asarray(data)
        if not isinstance(data, np.ndarray | np.floating) or array.dtype.kind in "biu":
            array = _as_float(array, np.dtype(np.float32))
        if array.dtype not in (np.float32, np.float64):
            raise AutodiffError(f"a tensor holds float32 or float64, not {array.dtype}: convert it")
        self.data = array
        self._node = Node(array.shape, array.dtype, ()) if requires_grad else None

    def __repr__(self) -> str:
        wanted = ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor(shape={self.shape}, dtype={self.dtype}{wanted})"

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each axis."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """float32 or float64."""
        return self.data.dtype

    @property
    def requires_grad(self) -> bool:
        """Whether the tensor is a leaf of the tape or was computed from one."""
        return self._node is not None

    @property
    def grad(self) -> Array | None:
        """The sum of the gradients of all `backward` calls; None before the first, and for tensors
        that are no leaves."""
        gradient = None if self._node is None else self._node.gradient
        return None if gradient is None else dense(gradient)

    def backward(self, gradient: ArrayLike | None = None, *, retain_graph: bool = True) -> None:
        """Add the gradient of this tensor with respect to each leaf to the leaf's `grad`.

        Args:
            gradient: the gradient of the final result with respect to this tensor, of its shape
                and dtype; None means 1 and needs a tensor of one element.
            retain_graph: whether a second `backward` may follow. False frees the arrays of each op
                as soon as its gradients are computed, so a step takes less memory.

        Raises:
            AutodiffError: the tensor is a constant; `gradient` is missing or does not fit; or an
                earlier `backward` freed the graph.
        """
        backpropagate([self._root(gradient)], kernels.add, retain_graph=retain_graph)

    def _root(self, gradient: ArrayLike | None) -> tuple[Node, Array]:
        """The node and its gradient, checked."""
        if self._node is None:
            raise AutodiffError(
                "backward() of a tensor without gradient: none of the tensors that it was computed "
                "from has requires_grad=True"
            )
        if gradient is not None:
            seed = np.asarray(gradient)
        elif self.data.size == 1:
            seed = np.ones(self.shape, self.dtype)
        else:
            raise AutodiffError(
                f"backward() of shape {self.shape}: give a gradient, or reduce to a scalar first"
            )
        return self._node, seed

    def __neg__(self) -> "Tensor":
        return record(-self.data, (self, np.negative))

    def __add__(self, other: Operand) -> "Tensor":
        x, y = self, self._operand(other)
        value = _broadcast(kernels.add, x, y)
        return record(value, (x, sum_to(x.shape)), (y, sum_to(y.shape)))

    def __sub__(self, other: Operand) -> "Tensor":
        x, y = self, self._operand(other)
        value = _broadcast(np.subtract, x, y)
        return record(value, (x, sum_to(x.shape)), (y, lambda g: -sum_to(y.shape)(g)))

    def __mul__(self, other: Operand) -> "Tensor":
        x, y = self, self._operand(other)
        return record(
            _broadcast(np.multiply, x, y),
            (x, lambda g: sum_to(x.shape)(g * y.data)),
            (y, lambda g: sum_to(y.shape)(g * x.data)),
        )

    def __truediv__(self, other: Operand) -> "Tensor":
        x, y = self, self._operand(other)
        value = _broadcast(np.divide, x, y)
        return record(
            value,
            (x, lambda g: sum_to(x.shape)(g / y.data)),
            (y, lambda g: sum_to(y.shape)(-g * value / y.data)),
        )

    def __pow__(self, exponent: float) -> "Tensor":
        """x ** exponent for a constant exponent; derivative exponent * x ** (exponent - 1)."""
        if not isinstance(exponent, int | float):
            raise AutodiffError("a power needs a Python number; write exp(y * log(x)) for tensors")
        p, p_less_1 = (np.asarray(n, self.dtype) for n in (exponent, exponent - 1))
        return record(self.data**p, (self, lambda g: g * p * self.data**p_less_1))

    def __matmul__(self, other: Operand) -> "Tensor":
        """Matrix product over the last two axes; the axes before them broadcast."""
        x, y = self, self._operand(other)
        if x.ndim < 2 or y.ndim < 2:
            raise AutodiffError(
                f"@ wants matrices, got shapes {x.shape} and {y.shape}: reshape vectors to (1, n)"
            )
        return record(
            _broadcast(np.matmul, x, y),
            (x, lambda g: sum_to(x.shape)(g @ y.data.swapaxes(-1, -2))),
            (y, lambda g: sum_to(y.shape)(x.data.swapaxes(-1, -2) @ g)),
        )

    def __radd__(self, other: ArrayLike) -> "Tensor":
        return self + other

    def __rsub__(self, other: ArrayLike) -> "Tensor":
        return self._operand(other) - self

    def __rmul__(self, other: ArrayLike) -> "Tensor":
        return self * other

    def __rtruediv__(self, other: ArrayLike) -> "Tensor":
        return self._operand(other) / self

    def __rmatmul__(self, other: ArrayLike) -> "Tensor":
        return self._operand(other) @ self

    def __getitem__(self, index: Index) -> "Tensor":
        """NumPy's basic and advanced indexing; gradients of an element indexed twice are added."""

        def vjp(g: Array) -> Array:
            gradient = np.zeros(self.shape, self.dtype)
            np.add.at(gradient, index, g)  # type: ignore[arg-type]  # the stubs know no slices
            return gradient

        return record(self.data[index], (self, vjp))

    def sum(self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False) -> "Tensor":
        """The sum over one axis, several, or all (None)."""
        axes = normalize_axes(axis, self.ndim)
        missing = () if keepdims else axes
        value = self.data.sum(axis=axes, keepdims=True) if keepdims else self.data.sum(axis=axes)
        return record(value, (self, lambda g: spread(g, self.shape, missing)))

    def mean(
        self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False
    ) -> "Tensor":
        """The arithmetic mean over one axis, several, or all (None)."""
        n = count(self.shape, normalize_axes(axis, self.ndim))
        return self.sum(axis, keepdims=keepdims) / n

    def max(self, axis: int | None = None, *, keepdims: bool = False) -> "Tensor":
        """The maximum over one axis or all (None); of equal elements the first has the gradient."""
        if axis is None:
            flat = self.reshape((-1,)).max(0)
            return flat.reshape((1,) * self.ndim) if keepdims else flat
        (along,) = normalize_axes(axis, self.ndim)
        first = np.expand_dims(self.data.argmax(axis=along), along)

        def vjp(g: Array) -> Array:
            gradient = np.zeros(self.shape, self.dtype)
            np.put_along_axis(gradient, first, g.reshape(first.shape), axis=along)
            return gradient

        value = np.take_along_axis(self.data, first, axis=along)
        return record(value if keepdims else value.squeeze(along), (self, vjp))

    def reshape(self, shape: tuple[int, ...]) -> "Tensor":
        """The elements in row-major order in another shape; one size may be -1.

        Raises:
            AutodiffError: the sizes do not multiply to the number of elements.
        """
        try:
            value = self.data.reshape(shape)
        except ValueError as error:
            raise AutodiffError(f"shape {self.shape} does not reshape to {shape}") from error
        return record(value, (self, lambda g: g.reshape(self.shape)))

    def flatten(self, start: int = 0) -> "Tensor":
        """The axes from `start` on combined into one, row-major."""
        return self.reshape((*self.shape[:start], math.prod(self.shape[start:])))

    def transpose(self, axes: tuple[int, ...] | None = None) -> "Tensor":
        """The axes in another order; None reverses them."""
        order = tuple(range(self.ndim))[::-1] if axes is None else axes
        if normalize_axes(order, self.ndim) != tuple(range(self.ndim)):
            raise AutodiffError(f"axes {axes} do not name each axis of shape {self.shape} once")
        back = tuple(int(axis) for axis in np.argsort(np.asarray(order) % max(self.ndim, 1)))
        return record(self.data.transpose(order), (self, lambda g: g.transpose(back)))

    def _operand(self, other: Operand) -> "Tensor":
        """`other` as a tensor of this tensor's dtype; conversions as the class describes."""
        tensor = other if isinstance(other, Tensor) else Tensor(_meeting(other, self.dtype))
        if tensor.dtype != self.dtype:
            raise AutodiffError(
                f"one operand is {self.dtype}, the other {tensor.dtype}: convert one of them"
            )
        return tensor


def record(value: ArrayLike, *parents: tuple[Tensor, Vjp]) -> Tensor:
    """The result of an op on the tape, with a vector-Jacobian product for each parent.

    Args:
        value: the result, an array of the parents' dtype.
        parents: pairs of a tensor and its vector-Jacobian product: a function from the gradient of
            the result to the gradient of the parent, of the parent's shape and dtype, that does
            not write into its argument. It is called only for parents with ``requires_grad``.

    An op of your own::

        def cube(x: Tensor) -> Tensor:
            return record(x.data**3, (x, lambda g: g * 3 * x.data**2))

        gradcheck(cube, np.random.default_rng(0).normal(size=(2, 3)))

    Raises:
        AutodiffError: the value has another dtype than the parents.
    """
    array = np.asarray(value)
    for parent, _ in parents:
        if array.dtype != parent.dtype:
            raise AutodiffError(
                f"an op of {parent.dtype} gave {array.dtype}: compute it in the parents' dtype"
            )
    result = Tensor.__new__(Tensor)
    result.data = array
    edges = tuple((p._node, vjp) for p, vjp in parents if p._node is not None)
    result._node = Node(array.shape, array.dtype, edges) if edges else None
    return result


def _broadcast(function: Callable[[Array, Array], Array], x: Tensor, y: Tensor) -> Array:
    """`function` of both arrays; shapes that do not broadcast raise `AutodiffError`."""
    try:
        return function(x.data, y.data)
    except ValueError as error:
        raise AutodiffError(f"shapes {x.shape} and {y.shape} cannot be broadcast") from error


def _meeting(other: ArrayLike, dtype: np.dtype[np.floating]) -> Array:
    """Numbers, lists and integers as `dtype`; float arrays unchanged."""
    array = np.asarray(other)
    keeps_width = isinstance(other, np.ndarray) and array.dtype.kind == "f"
    return array if keeps_width else _as_float(array, dtype)


def _as_float(array: np.ndarray, dtype: np.dtype[np.floating]) -> Array:
    """Integers, booleans and floats as `dtype`."""
    if array.dtype.kind not in "biuf":
        raise AutodiffError(f"wanted numbers, got {array.dtype}")
    return array.astype(dtype)
