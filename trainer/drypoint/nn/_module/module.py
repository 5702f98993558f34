"""`Module`: the base class of layers, losses and containers, with its gradients."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor
from drypoint.common import DrypointError, attribute_hints, html_text
from drypoint.graph import Builder, Unsupported, Value

from .._aliases import NET_HINTS
from .._errors import ConfigError, PathError, PortError, ShapeError
from .arrays import as_real
from .batch import Batch, as_batch_of, by_port
from .context import Context
from .info import NetInfo, describe_module, net_info
from .initializers import Distribution, Method, drawer
from .ported import Ported
from .ports import PortValue, as_tensor, check_lengths
from .sizes import Shape

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


@attribute_hints(NET_HINTS)
@dataclass(frozen=True, eq=False, repr=False)
class Module(Ported):
    """A function with named ports for arrays, and with parameters: an immutable value.

    Shapes are without the batch axis; only the arrays of `run` have it.

    Attributes:
        in_kernels: compiled kernels compute the layer in training, forward and backward, with no
            Python that depends on values. A compiled training step runs other layers in a host
            callback each.
        per_example: the output of an example does not depend on the other examples of its batch.
        exportable: the condition under which quantization supports the class; "" for never.
        use_instead: what to use in place of a class that quantization does not support.

    A derived class does not inherit the first three, since it may override `forward`. It states
    them behind its base, ``class ReLU(Layer, in_kernels=True)``, or as attributes.
    """

    in_kernels: ClassVar[bool] = False
    per_example: ClassVar[bool] = False
    exportable: ClassVar[str] = ""
    use_instead: ClassVar[str] = (
        "build it of layers that nn.layers() marks as exportable; a function of one value is "
        "nn.Elementwise"
    )

    def __init_subclass__(
        cls, *, in_kernels: bool = False, per_example: bool = False, exportable: str = ""
    ) -> None:
        super().__init_subclass__()
        facts = {"in_kernels": in_kernels, "per_example": per_example, "exportable": exportable}
        for name, fact in facts.items():
            if name not in vars(cls):
                setattr(cls, name, fact)

    def leaves(self) -> Iterator[tuple[str, "Module"]]:
        """The (path, module) pairs inside that are no containers; itself at "" if it is none."""
        yield "", self

    def info(self, input_shape: Shape | Mapping[str, Shape] | None = None) -> NetInfo:
        """The module in numbers, for examples of `input_shape` (None: of its own).

        Raises:
            ShapeError: the module does not take the shape, or needs one and gets None.
            PortError: the shapes are for other ports than the module's.
        """
        if input_shape is None:
            return net_info(self, self.input_shapes)
        shapes = by_port(self, input_shape)
        return net_info(self.with_shapes(shapes), shapes)

    def summary(self, input_shape: Shape | Mapping[str, Shape] | None = None) -> str:
        """`info` as a table: name, type, output shape, parameters, MACs, bytes in int8."""
        return str(self.info(input_shape))

    def describe(self) -> str:
        """Type, hyper-parameters, ports with their shapes, and each array in a line."""
        return describe_module(self, dict(self.leaves()))

    def _repr_html_(self) -> str:
        """For notebooks: the table if shapes are known, else the description."""
        try:
            return f"<pre>{html_text(repr(self))}</pre>{self.info()._repr_html_()}"
        except DrypointError:
            return f"<pre>{html_text(self.describe())}</pre>"

    def lower(self, graph: Builder, *values: Value) -> Value:  # noqa: ARG002
        """Add the nodes of the layer to a graph; the value that it outputs.

        Args:
            graph: the nodes before, and the layer's arrays (`Builder.array`). Channels are the last
                axis of its planes.
            values: what the layer reads, in the order of its ports.

        Raises:
            Unsupported: the engine has no op for the layer, or not on such values.
        """
        raise Unsupported(f"the engine has no such op: {self.use_instead}")

    def check_export(self) -> None:
        """Check, before training, that `quant.quantize` can make the module an integer program.

        Raises:
            QuantizationError: it cannot: the message names each layer in the way, the reason and
                what to use instead.
        """
        from drypoint.quant import check_export  # noqa: PLC0415 - quant imports nn

        check_export(self)  # type: ignore[arg-type]  # check_export refuses all but a model or net

    def initialize(
        self,
        seed: int = 0,
        *,
        method: Method = "kaiming",
        distribution: Distribution = "normal",
        std: float | None = None,
        overwrite: bool = False,
        input_shape: Shape | Mapping[str, Shape] | None = None,
    ) -> Self:
        """The module with starting values: weights drawn by `method`, biases 0.

        Args:
            seed: a non-negative integer; equal seeds give equal bytes.
            method: "kaiming", "xavier", "orthogonal", "normal" or "identity"; see `Method`.
            distribution: "normal" or "uniform", with equal standard deviations; "orthogonal"
                allows "normal" only.
            std: standard deviation of "normal" (None: 1) and of the noise of "identity" (None:
                0.01).
            overwrite: replace parameters that have values; else only missing ones are drawn.
            input_shape: the shape of one example, by port if there are several; needed when sizes
                depend on it.

        Raises:
            ConfigError: an option is out of range, or `method` does not have it.
            ShapeError: sizes are not known, or `input_shape` does not fit.
            PortError: the shapes are for other ports than the module's.
        """
        kind = type(self).__name__
        if type(seed) is not int or seed < 0:
            raise ConfigError(kind, f"wants a non-negative seed, got {seed!r}")
        rng = np.random.default_rng(seed)
        draw = drawer(method, rng, kind=kind, distribution=distribution, std=std)
        shapes = None if input_shape is None else by_port(self, input_shape)
        bound = self if shapes is None else self.with_shapes(shapes)
        return bound._fill(draw, overwrite=overwrite)

    @overload
    def gradient(  # type: ignore[overload-overlap]  # the one word that is no path
        self,
        data: DataLike,
        wrt: Literal["all"] | list[str] | tuple[str, ...],
        *,
        reduction: Reduction = "sum",
        loss: "Module | None" = None,
    ) -> dict[str, Array]: ...

    @overload
    def gradient(
        self,
        data: DataLike,
        wrt: str,
        *,
        reduction: Reduction = "sum",
        loss: "Module | None" = None,
    ) -> Array: ...

    def gradient(
        self,
        data: DataLike,
        wrt: str | list[str] | tuple[str, ...],
        *,
        reduction: Reduction = "sum",
        loss: "Module | None" = None,
    ) -> Array | dict[str, Array]:
        """The gradient of the outputs with respect to parameters or inputs, not in training.

        It is the gradient of the sum of all elements of all outputs, or of all losses. For a
        batch, the gradient of a parameter is the sum over the examples; the gradient of an input
        has one row for each example. A small step against the gradient lowers a loss::

            net, data = nn.lenet(seed=0), {"input": image, "target": 7}
            graph = nn.TrainingGraph(net, nn.CrossEntropyLoss())
            bias = graph.param("net.conv1.bias")
            gradient = graph.gradient(data, "net.conv1.bias")
            moved = graph.with_params({"net.conv1.bias": bias - 0.01 * gradient})
            moved(data) < graph(data)  # graph itself is unchanged

        Args:
            data: as for calling the module.
            wrt: the path of a parameter, the name of an input port, or several; "all" means all
                parameters and all float inputs.
            reduction: "mean" divides by the number of examples.
            loss: a loss of the module's only output; ``data`` then has a "target" beside the
                inputs.

        Returns:
            An array of the parameter's or input's shape; a dict of arrays for several.

        Raises:
            PathError: there is no parameter or port of that name, or it holds integers.
            NotInitializedError: a parameter has no value.
            DrypointError: the data does not fit; as for calling the module.
        """
        return gradients(self, data, wrt=wrt, reduction=reduction, loss=loss)

    def vjp(
        self,
        data: DataLike,
        cotangents: DataLike,
        *,
        wrt: str | list[str] | tuple[str, ...],
    ) -> Array | dict[str, Array]:
        """The vector-Jacobian product: `gradient` of the sum of outputs times `cotangents`.

        Args:
            data: as for calling the module.
            cotangents: arrays of the outputs' shapes, by port if there are several.
            wrt: as for `gradient`.

        Raises:
            ShapeError: a cotangent has another shape than its output.
            PortError: the cotangents are for other ports than the module's outputs. Otherwise as
                for `gradient`.
        """
        return gradients(self, data, wrt=wrt, cotangents=cotangents)
