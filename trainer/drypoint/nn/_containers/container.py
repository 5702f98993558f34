"""`Container`: the base class of nets made of named layers."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor

from .._errors import ConfigError, PathError
from .._module.arrays import FrozenMapping
from .._module.batch import as_batch_of, by_port
from .._module.context import Context
from .._module.initializers import Draw
from .._module.layer import Layer
from .._module.module import Module
from .._module.sizes import Shape
from .names import inside, join_paths, rename_layers, split_paths
from .wiring import Wiring

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Container(Layer):
    """A module of named modules, which it finds by path.

    ``net["conv1"]``, ``net["block.conv"]`` and ``net["block", "conv"]`` are layers.

    Attributes:
        layers: name -> module, in order.
    """

    layers: Mapping[str, Module]

    short_name: ClassVar[str] = "block"

    @property
    @abstractmethod
    def wiring(self) -> Wiring:
        """The source of each layer's inputs, and the order of computation."""

    @abstractmethod
    def _with_layers(self, layers: Mapping[str, Module]) -> Self:
        """The container with its layers replaced, name by name."""

    def _hold(self, layers: Mapping[str, Module]) -> None:
        """Set `layers`, for the constructor."""
        values = {
            "layers": FrozenMapping(layers),
            "params": FrozenMapping(join_paths({n: v.params for n, v in layers.items()})),
            "buffers": FrozenMapping(join_paths({n: v.buffers for n, v in layers.items()})),
        }
        self.__dict__.update(values)
        paths = [path for path, _ in self.leaves()]
        if len(set(paths)) < len(paths):
            kind = type(self).__name__
            raise ConfigError(kind, f"has two layers at one path among {sorted(paths)}")

    @cached_property
    def param_names(self) -> tuple[str, ...]:
        """Paths, in the order of the layers."""
        return tuple(join_paths({n: dict.fromkeys(v.param_names) for n, v in self.layers.items()}))

    @cached_property
    def buffer_names(self) -> tuple[str, ...]:
        """Paths, in the order of the layers."""
        return tuple(join_paths({n: dict.fromkeys(v.buffer_names) for n, v in self.layers.items()}))

    def leaves(self) -> Iterator[tuple[str, Module]]:
        """The (path, layer) pairs of all layers inside that are no containers, in order."""
        for name, layer in self.layers.items():
            for path, leaf in layer.leaves():
                yield f"{name}.{path}" if path else name, leaf

    @abstractmethod
    def flatten(self) -> "Container":
        """The net with the layers of its containers in their place; paths and output bytes stay."""

    @abstractmethod
    def chain(self) -> dict[str, Module] | None:
        """The layers in order if each reads the output of the one before alone, else None."""

    def operations(self, input_shapes: Mapping[str, Shape]) -> int:
        """Multiply-accumulate operations of all layers."""
        layers = self.layer_shapes(input_shapes)
        return sum(layer.module.operations(layer.input_shapes) for layer in layers)

    def __len__(self) -> int:
        return len(self.layers)

    def param_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """Path -> shape of every parameter."""
        net = self if input_shape is None else self.bind(input_shape)
        return join_paths(net._each(lambda layer: layer.param_shapes()))

    def buffer_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """Path -> shape of every buffer."""
        net = self if input_shape is None else self.bind(input_shape)
        return join_paths(net._each(lambda layer: layer.buffer_shapes()))

    def _fill(self, draw: Draw, *, overwrite: bool) -> Self:
        """The net with every layer filled, in order."""
        return self._with_layers(self._each(lambda layer: layer._fill(draw, overwrite=overwrite)))

    def with_params(self, params: Mapping[str, ArrayLike]) -> Self:
        """The net with the parameters at some paths replaced."""
        self._check_paths("parameter", params, self.param_names)
        layers = dict(self.layers)
        for name, own in split_paths(params, self.layers).items():
            with inside(name):
                layers[name] = layers[name].with_params(own)
        return self._with_layers(layers)

    def with_buffers(self, buffers: Mapping[str, ArrayLike]) -> Self:
        """The net with the buffers at some paths replaced."""
        self._check_paths("buffer", buffers, self.buffer_names)
        layers = dict(self.layers)
        for name, own in split_paths(buffers, self.layers).items():
            with inside(name):
                layers[name] = layers[name].with_buffers(own)
        return self._with_layers(layers)

    def with_layer(self, path: str | tuple[str, ...], layer: Module) -> Self:
        """The net with another layer at a path; the other layers keep their values.

        Raises:
            PathError: there is no layer at the path.
            ConfigError: ``layer`` is no layer.
            ShapeError: the layer does not fit between its neighbours.
        """
        path = ".".join(path) if isinstance(path, tuple) else path
        name, rest = self._split_path(path)
        holder = self.layers[name]
        if rest and isinstance(holder, Container):
            with inside(name):
                layer = holder.with_layer(rest, layer)
        return self._with_layers({**self.layers, name: layer})

    def rename(self, names: Mapping[str, str]) -> Self:
        """The net with other names, old -> new, for some of its layers.

        Raises:
            PathError: there is no layer of an old name.
            ConfigError: a new name is taken, or is not a valid name.
        """
        return self._with_names(rename_layers(self.layers, names, type(self).__name__), names)

    @abstractmethod
    def _with_names(self, layers: Mapping[str, Module], names: Mapping[str, str]) -> Self:
        """The container with renamed layers."""

    def activations(
        self, x: ArrayLike | Mapping[str, ArrayLike], layers: Iterable[str] | None = None
    ) -> dict[str, Array]:
        """The outputs of layers, not in training, for one example or a batch.

        Args:
            x: as for calling the net.
            layers: paths of layers and containers; None means every layer that is no container.
                A container with several outputs has one entry an output, "path.port".

        Returns:
            Path -> array, in the order of computation.

        Raises:
            PathError: there is no layer at a path. Otherwise as for calling the net.
        """
        wanted = {path for path, _ in self.leaves()} if layers is None else set(layers)
        for path in list(wanted):
            ports = self._at(path).output_ports
            wanted |= {f"{path}.{port}" for port in ports} if len(ports) > 1 else set()
        batch = as_batch_of(self, by_port(self, x))
        seen: dict[str, Array] = {}

        def observe(path: str, y: Tensor) -> None:
            if path in wanted:
                seen[path] = np.ascontiguousarray(y.data[0] if batch.single else y.data)

        self.output_shapes({port: value.shape[1:] for port, value in batch.inputs.items()})
        self.run(batch.inputs, self.constants(batch.dtype), Context(observe=observe))
        return seen

    @staticmethod
    def _layers_of(config: Mapping[str, object]) -> dict[str, Module]:
        """The layers in a container's config, after `module_from_config` has built each of them."""
        layers = config["layers"]
        if not isinstance(layers, dict):
            raise ConfigError("Container", "wants layers by name")
        return layers

    def _each(self, function: Callable[[Module], Value]) -> dict[str, Value]:
        """Name -> the function's value for the layer."""
        results: dict[str, Value] = {}
        for name, layer in self.layers.items():
            with inside(name):
                results[name] = function(layer)
        return results

    def _at(self, path: str) -> Module:
        """The layer at a path."""
        name, rest = self._split_path(path)
        layer = self.layers[name]
        return layer._at(rest) if rest and isinstance(layer, Container) else layer

    def _split_path(self, path: str) -> tuple[str, str]:
        """A path split into the name of a layer here and the path inside it ("" if none)."""
        if path in self.layers:
            return path, ""
        for name, layer in self.layers.items():
            rest = path.removeprefix(f"{name}.")
            if rest != path and isinstance(layer, Container) and layer._has(rest):
                return name, rest
        raise PathError.unknown("layer", path, (leaf for leaf, _ in self.leaves()))

    def _has(self, path: str) -> bool:
        return path in self.layers or any(
            isinstance(layer, Container)
            and path.startswith(f"{name}.")
            and layer._has(path.removeprefix(f"{name}."))
            for name, layer in self.layers.items()
        )
