"""Checks for layers of the user's own: the contract of a layer, and its gradients."""

import copy
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, GradcheckError, Tensor, gradcheck
from drypoint.autodiff.kernels import runtime
from drypoint.autodiff.trace import Trace, constant
from drypoint.common import check_kind

from ._errors import ContractError
from ._module.batch import as_batch_of, by_port
from ._module.context import Context
from ._module.layer import Layer
from ._module.module import Module
from ._module.ports import PortValue
from ._module.sizes import Shape

_BATCH = 3
_ROUNDING = 50 * 2.0**-23
"""Relative difference of float32 sums that add in another order."""


def check_layer(layer: Layer, input_shape: Shape | None = None) -> None:
    """Check that a layer keeps the contract that nets, training and model files build on.

    The checks, in this order: outputs have the shapes that `output_shape` announces; `initialize`
    returns another layer, and arrays are read-only; a copy of the layer gives identical outputs;
    float32 inputs give float32 and float64 inputs float64; a batch gives the outputs of its
    examples one by one; gradients equal finite differences, in training and out of it; a layer
    with ``in_kernels`` runs in compiled kernels alone.

        nn.check_layer(Scale(3), (3,))

    Args:
        layer: initialized or not.
        input_shape: the shape of one example; None: the shape that the layer is bound to.

    Raises:
        ContractError: a check fails; the message says which.
        DrypointError: the layer refuses the shape.
    """
    check_kind(layer, Layer, name="layer", wanted="a layer of nn")
    shape = layer.input_shape if input_shape is None else input_shape
    if shape is None:
        raise ContractError(type(layer).__name__, "is not bound to a shape: give input_shape")
    ready = layer if layer.initialized else layer.initialize(1, input_shape=shape)
    _check_shapes(layer, ready, shape)
    _check_value(layer, ready, shape)
    _check_dtypes(ready, shape)
    _check_batch(ready, shape)
    _check_gradients(ready, shape)
    if layer.in_kernels and runtime.compiled_kernels() is not None:
        _check_in_kernels(ready, shape)


def _check_shapes(layer: Layer, ready: Layer, shape: Shape) -> None:
    actual, announced = ready(_example(shape)).shape, layer.output_shape(shape)
    _promise(
        layer, actual == announced, f"gives {actual} for {shape}, but output_shape says {announced}"
    )
    for what, arrays, shapes in (
        ("param_shapes", ready.params, layer.param_shapes(shape)),
        ("buffer_shapes", ready.buffers, layer.buffer_shapes(shape)),
    ):
        own = {path: array.shape for path, array in arrays.items()}
        _promise(layer, own == shapes, f"starts with arrays {own}, but {what} says {shapes}")


def _check_value(layer: Layer, ready: Layer, shape: Shape) -> None:
    changed = not layer.initialized and bool(layer.params) and bool(ready.param_names)
    _promise(layer, not changed, "changes itself in initialize: it must give another layer")
    for path, array in {**ready.params, **ready.buffers}.items():
        _promise(layer, array.dtype == np.float32, f"has {path} in {array.dtype}, not float32")
        _promise(layer, not array.flags.writeable, f"has an array {path} that can be written to")
    x = _example(shape)
    same = np.array_equal(copy.deepcopy(ready)(x), ready(x))
    _promise(layer, same, "gives other numbers in a copy")
    _promise(layer, "\n" not in repr(layer), "has a repr of several lines")


def _check_dtypes(ready: Layer, shape: Shape) -> None:
    for dtype in (np.float32, np.float64):
        params = {path: Tensor(array.astype(dtype)) for path, array in ready.params.items()}
        x = np.stack([_example(shape)]).astype(dtype)
        result = ready.apply(params, Tensor(x)).dtype
        _promise(ready, result == dtype, f"gives {result} for {np.dtype(dtype)}")


def _check_batch(ready: Layer, shape: Shape) -> None:
    singles = [_example(shape, seed).astype(np.float32) for seed in range(_BATCH)]
    batch = ready.apply(ready.constants(np.dtype(np.float32)), Tensor(np.stack(singles))).data
    alone = np.stack([ready(x) for x in singles])
    same = batch.shape == alone.shape and np.allclose(batch, alone, rtol=_ROUNDING, atol=1e-6)
    _promise(ready, same, "gives other numbers for a batch than for its examples one by one")


def _check_gradients(ready: Layer, shape: Shape) -> None:
    """Gradients of the outputs times a random direction, in float64."""
    names = list(ready.params)
    arrays = [np.stack([_example(shape, seed) for seed in range(2)])]
    arrays += [a + _example(a.shape, 2) for a in ready.params.values()]
    for training in (False, True):

        def function(x: Tensor, *params: Tensor, training: bool = training) -> Tensor:
            ctx = Context(training=training, rng=np.random.default_rng(0))
            y = ready.apply(dict(zip(names, params, strict=True)), x, ctx)
            return y * np.random.default_rng(1).normal(size=y.shape)

        try:
            gradcheck(function, *arrays)
        except GradcheckError as error:
            mode = "in training" if training else "out of training"
            text = f"passes on a wrong gradient {mode}: {error}"
            raise ContractError(type(ready).__name__, text) from error


def _check_in_kernels(ready: Layer, shape: Shape) -> None:
    x = np.stack([_example(shape, seed) for seed in range(_BATCH)]).astype(np.float32)
    leaves = {path: Tensor(array, requires_grad=True) for path, array in ready.params.items()}
    with Trace(x, *ready.params.values(), *ready.buffers.values()) as trace:
        inputs = Tensor(x, requires_grad=True)
        y = ready.apply(leaves, inputs, Context(training=True, rng=np.random.default_rng(0)))
        y.backward(constant(np.ones_like(y.data)))
        gradients = [leaf.grad for leaf in (inputs, *leaves.values())]
        for array in (y.data, *(g for g in gradients if g is not None)):
            trace.note_access(array)
    text = "says in_kernels, but NumPy computes a part of it"
    _promise(ready, not trace.has_unknown_array, text)


def _example(shape: Shape, seed: int = 0) -> Array:
    """Distinct values 0.02 apart and at least 0.01 from 0, away from corners such as a ReLU's."""
    n = math.prod(shape)
    order = np.random.default_rng(seed).permutation(n)
    values: Array = ((order - n // 2) * 0.02 + 0.01).reshape(shape)
    return values


def _promise(layer: Layer, holds: bool, broken: str) -> None:
    if not holds:
        raise ContractError(type(layer).__name__, broken)


def gradcheck_layer(
    module: Module,
    data: ArrayLike | Mapping[str, ArrayLike],
    *,
    training: bool = False,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> float:
    """Compare the gradients of a layer, loss or net with central differences, in float64.

    `autodiff.gradcheck` checks all parameters and all float inputs on a random direction of the
    outputs. Keep the data away from corners: the 0 of a ReLU, equal values under a maximum.

    Args:
        module: an initialized module.
        data: as for calling the module, one example or a batch.
        training: as in `Context`; dropout uses one mask for all evaluations.
        tolerance: the largest relative error that passes.
        seed: the seed of the random direction and of dropout.

    Returns:
        The largest relative error.

    Raises:
        GradcheckError: an error is above the tolerance, or no gradient arrives.
        DrypointError: as for calling the module.
    """
    arrays_by_port: dict[str, ArrayLike] = by_port(module, data)
    arrays_by_port = {port: _wide(x) for port, x in arrays_by_port.items()}
    batch = as_batch_of(module, arrays_by_port)
    module.output_shapes({port: value.shape[1:] for port, value in batch.inputs.items()})
    points = {port: v.data for port, v in batch.inputs.items() if isinstance(v, Tensor)}
    names = [*points, *module.params]

    def function(*tensors: Tensor) -> Tensor:
        values = dict(zip(names, tensors, strict=True))
        inputs: dict[str, PortValue] = {p: values.get(p, v) for p, v in batch.inputs.items()}
        params = {path: values[path] for path in module.params}
        ctx = Context(training=training, rng=np.random.default_rng(seed))
        directions = np.random.default_rng([seed, 1])
        outputs = module.run(inputs, params, ctx).values()
        first, *others = ((y * directions.normal(size=y.shape)).sum() for y in outputs)
        return sum(others, start=first)

    arrays = [*points.values(), *module.params.values()]
    return gradcheck(function, *arrays, tolerance=tolerance, seed=seed)


def _wide(x: ArrayLike) -> np.ndarray:
    """Floats as float64; other dtypes unchanged, for the module to check."""
    array = np.asarray(x)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
