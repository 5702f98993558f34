"""Gradients of a module's outputs, by backpropagation."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor

from .._errors import ConfigError, PathError, PortError, ShapeError
from .arrays import as_real
from .batch import Batch, as_batch_of, by_port
from .context import Context
from .ported import Ported
from .ports import PortValue, as_tensor, check_lengths

DataLike: TypeAlias = ArrayLike | Mapping[str, ArrayLike]
"""An array for the only port, or port -> array."""

Reduction: TypeAlias = Literal["sum", "mean"]
"""How losses are reduced over the examples of a batch."""


def gradients(
    module: Ported,
    data: DataLike,
    *,
    wrt: str | list[str] | tuple[str, ...],
    reduction: Reduction = "sum",
    loss: Ported | None = None,
    cotangents: DataLike | None = None,
) -> Array | dict[str, Array]:
    """The gradients that `Module.gradient` and `Module.vjp` describe."""
    if reduction not in ("sum", "mean"):
        raise ConfigError(type(module).__name__, f"reduces by sum or mean, not by {reduction!r}")
    data_of_ports, target = (data, None) if loss is None else _split_target(module, data)
    batch = as_batch_of(module, by_port(module, data_of_ports))
    floats = [port for port, value in batch.inputs.items() if isinstance(value, Tensor)]
    differentiable = (*module.params, *floats)
    names = list(differentiable) if wrt == "all" else [wrt] if isinstance(wrt, str) else list(wrt)
    for name in names:
        if name not in differentiable:
            everything = (*module.param_names, *module.input_ports)
            if name in module.param_names:
                module.run(batch.inputs, {}, Context())  # says what has no values
            raise PathError.unknown("parameter or input of floats", name, everything)
    tensors = {
        name: Tensor(_value(module, batch, name), requires_grad=True)
        for name in dict.fromkeys(names)
    }
    params = {**module.constants(batch.dtype), **tensors}
    inputs: dict[str, PortValue] = {
        **batch.inputs,
        **{n: t for n, t in tensors.items() if n in batch.inputs},
    }
    module.output_shapes({p: v.shape[1:] for p, v in inputs.items()})
    outputs = module.run(inputs, params, Context())
    if loss is not None:
        outputs = _losses(outputs, loss, target=target, single=batch.single)
    _send_back(module, outputs, cotangents=cotangents, single=batch.single)
    scale = np.asarray(1 if reduction == "sum" else 1 / max(batch.size, 1), batch.dtype)
    results = {}
    for name, tensor in tensors.items():
        gradient = np.zeros(tensor.shape, tensor.dtype) if tensor.grad is None else tensor.grad
        row = gradient[0] if batch.single and name in batch.inputs else gradient
        results[name] = np.array(row * scale)
    return results[wrt] if isinstance(wrt, str) and wrt != "all" else results


def _split_target(module: Ported, data: DataLike) -> tuple[DataLike, ArrayLike]:
    """The data split into the inputs of the module and the target of the loss."""
    if not isinstance(data, Mapping) or "target" not in data:
        ports = ", ".join((*module.input_ports, "target"))
        raise PortError(f"a gradient of a loss wants data for the ports {ports}: give a dict")
    return {port: x for port, x in data.items() if port != "target"}, data["target"]


def _value(module: Ported, batch: Batch, name: str) -> Array:
    if name in batch.inputs:
        return as_tensor(batch.inputs[name], batch.dtype).data
    return module.params[name].astype(batch.dtype, copy=False)


def _losses(
    outputs: dict[str, Tensor], loss: Ported, *, target: ArrayLike | None, single: bool
) -> dict[str, Tensor]:
    """The losses (N,) of the only output."""
    if len(outputs) > 1 or loss.input_ports != ("input", "target"):
        raise PortError(f"{type(loss).__name__} is no loss for the outputs {', '.join(outputs)}")
    ((_, output),) = outputs.items()
    array = np.asarray(target)
    integers = array.dtype.kind in "iu"
    array = array if integers else as_real(array, type(loss).__name__, output.dtype)
    rows = array[np.newaxis] if single else array
    value: PortValue = rows if integers else Tensor(rows)  # type: ignore[assignment]  # no floats
    ports: dict[str, PortValue] = {"input": output, "target": value}
    check_lengths(type(loss).__name__, {port: value.shape for port, value in ports.items()})
    return loss.run(ports, {}, Context())


def _send_back(
    module: Ported, outputs: dict[str, Tensor], *, cotangents: DataLike | None, single: bool
) -> None:
    """Backpropagate from every output that depends on the requested parameters or inputs."""
    seeds: dict[str, Array] = {}
    if cotangents is not None:
        by_port = cotangents if isinstance(cotangents, Mapping) else None
        if by_port is None and len(outputs) == 1:
            by_port = dict.fromkeys(outputs, cotangents)  # type: ignore[arg-type]  # no mapping
        if by_port is None or set(by_port) != set(outputs):
            raise PortError(f"cotangents are wanted for the outputs {', '.join(outputs)}")
        kind = type(module).__name__
        for port, output in outputs.items():
            seed = as_real(by_port[port], kind, output.dtype)
            seeds[port] = seed[np.newaxis] if single else seed
            if seeds[port].shape != output.shape:
                shape = output.shape[1:] if single else output.shape
                raise ShapeError(kind, f"wants a cotangent {shape} for {port}, got {seed.shape}")
    for port, output in outputs.items():
        if output.requires_grad:
            output.backward(seeds.get(port, np.ones(output.shape, output.dtype)))
