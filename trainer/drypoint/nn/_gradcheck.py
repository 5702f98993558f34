"""The gradients of a layer against finite differences."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Tensor, gradcheck

from ._batch import as_batch_of, by_port
from ._context import Context
from ._module import Module
from ._ports import PortValue


def gradcheck_layer(
    module: Module,
    data: ArrayLike | Mapping[str, ArrayLike],
    *,
    training: bool = False,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> float:
    """Compare the gradients of a layer, loss or net with central differences, in float64.

    All parameters and all inputs that are no integers are checked, by `autodiff.gradcheck`, on a
    random direction of the outputs. Keep the data away from corners: the 0 of a ReLU, equal values
    under a maximum.

    Args:
        module: initialized.
        data: as for calling it, one example or a batch.
        training: as in `Context`; dropout draws the same at every point.
        tolerance: the largest relative error that passes.
        seed: of the direction, and of dropout.

    Returns:
        The largest relative error.

    Raises:
        GradcheckError: an error is above the tolerance, or no gradient arrives.
        DrypointError: as for calling the module.
    """
    given: dict[str, ArrayLike] = by_port(module, data)
    given = {port: _wide(x) for port, x in given.items()}
    batch = as_batch_of(module, given)
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
    """Floats as float64; anything else as it is, to be judged by the module."""
    array = np.asarray(x)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
