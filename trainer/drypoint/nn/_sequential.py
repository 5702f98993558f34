"""`Sequential`: layers one after the other; itself a layer."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor

from ._context import Context
from ._errors import ConfigError, PathError, ShapeError
from ._frozen import FrozenMapping
from ._initializers import Draw
from ._inputs import as_batch
from ._layer import Layer
from ._leaves import LEAF_TYPES
from ._names import inside, joined, named, split
from ._sizes import Shape, check_count
from ._structure import Flatten

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Sequential(Layer):
    """Layers applied one after the other.

    Args:
        layers: by name, or a list: then they are called conv1, relu1, ..., with a number where
            there are several of a kind. Sequentials nest.
        input_shape: of one example. It sets every size inside, and other inputs are refused.
            None leaves the sizes to the first layer, or to `bind` or `initialize`.

    ``net["conv1"]``, ``net["block.conv"]``, ``net[0]`` and ``net[-1]`` are layers, ``net[:-1]``
    is a net, ``len`` and iteration go over the layers, `items` over names and layers.

    Raises:
        ConfigError: no layers, no layer, or a bad name.
        ShapeError: a layer does not take what the one before gives; the message has its path.
    """

    layers: Mapping[str, Layer]
    _shapes: tuple[Shape, ...] | None  # of the input, and after each layer

    short_name: ClassVar[str] = "block"

    def __init__(
        self,
        layers: Iterable[Layer] | Mapping[str, Layer],
        input_shape: Iterable[int] | None = None,
    ) -> None:
        by_name = named(layers, "Sequential")
        first = next(iter(by_name.values()))
        shape = first.input_shape if input_shape is None else tuple(input_shape)
        shapes = None
        if shape is not None:
            for size in shape:
                check_count("Sequential", "input size", size)
            shapes = [shape]
            for name, layer in by_name.items():
                with inside(name):
                    by_name[name] = layer.bind(shapes[-1])
                    shapes.append(layer.output_shape(shapes[-1]))
        values = {
            "layers": FrozenMapping(by_name),
            "params": FrozenMapping(joined({n: v.params for n, v in by_name.items()})),
            "buffers": FrozenMapping(joined({n: v.buffers for n, v in by_name.items()})),
            "_shapes": None if shapes is None else tuple(shapes),
        }
        self.__dict__.update(values)
        paths = [path for path, _ in self.leaves()]
        if len(set(paths)) < len(paths):
            raise ConfigError("Sequential", f"has two layers at one path among {sorted(paths)}")

    @property
    def example_rank(self) -> int | None:
        """That of the first layer that wants a certain one."""
        if self.input_shape is not None:
            return len(self.input_shape)
        for layer in self:
            if layer.example_rank is not None or isinstance(layer, Flatten | Sequential):
                return layer.example_rank
        return None

    @property
    def input_shape(self) -> Shape | None:
        """The shape of one example, once it is known."""
        return None if self._shapes is None else self._shapes[0]

    @property
    def param_names(self) -> tuple[str, ...]:
        """Paths, in the order of the layers."""
        return tuple(joined({n: dict.fromkeys(v.param_names) for n, v in self.items()}))

    @property
    def buffer_names(self) -> tuple[str, ...]:
        """Paths, in the order of the layers."""
        return tuple(joined({n: dict.fromkeys(v.buffer_names) for n, v in self.items()}))

    def items(self) -> Iterator[tuple[str, Layer]]:
        """Names and layers, in order; containers as they are."""
        return iter(self.layers.items())

    def leaves(self) -> Iterator[tuple[str, Layer]]:
        """Paths and layers, in order; containers opened."""
        for name, layer in self.items():
            for path, leaf in layer.leaves():
                yield f"{name}.{path}" if path else name, leaf

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers.values())

    def __len__(self) -> int:
        return len(self.layers)

    @overload
    def __getitem__(self, key: int | str) -> Layer: ...

    @overload
    def __getitem__(self, key: slice) -> "Sequential": ...

    def __getitem__(self, key: int | str | slice) -> Layer:
        """A layer by position, name or path; a net of some of the layers by slice.

        Raises:
            PathError: there is none.
            ConfigError: the slice is empty.
        """
        if isinstance(key, str):
            return self._at(key)
        if isinstance(key, slice):
            start, _, step = key.indices(len(self))
            follows = step == 1 and self._shapes is not None and start < len(self)
            shape = self._shapes[start] if follows and self._shapes else None
            return Sequential(dict(list(self.items())[key]), shape)
        if not -len(self) <= key < len(self):
            raise PathError(f"no layer {key} in a Sequential of {len(self)} layers")
        return list(self)[key]

    def output_shape(self, input_shape: Shape) -> Shape:
        """What comes out of the last layer."""
        if self._shapes is not None:
            if input_shape != self._shapes[0]:
                raise ShapeError("Sequential", f"wants {self._shapes[0]}, got {input_shape}")
            return self._shapes[-1]
        for name, layer in self.items():
            with inside(name):
                input_shape = layer.output_shape(input_shape)
        return input_shape

    def bind(self, input_shape: Shape) -> Self:
        """The net with all sizes set."""
        if self._shapes is None:
            return type(self)(self.layers, input_shape)
        self.output_shape(input_shape)
        return self

    def param_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """Path -> shape of every parameter."""
        net = self if input_shape is None else self.bind(input_shape)
        return joined(net._each(lambda layer: layer.param_shapes()))

    def buffer_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """Path -> shape of every buffer."""
        net = self if input_shape is None else self.bind(input_shape)
        return joined(net._each(lambda layer: layer.buffer_shapes()))

    def macs(self, input_shape: Shape) -> int:
        """The sum over all layers."""
        total = 0
        for name, layer in self.items():
            with inside(name):
                total += layer.macs(input_shape)
                input_shape = layer.output_shape(input_shape)
        return total

    def filled(self, draw: Draw, *, overwrite: bool) -> Self:
        """Every layer filled, in order."""
        return self._with_layers(self._each(lambda layer: layer.filled(draw, overwrite=overwrite)))

    def with_params(self, params: Mapping[str, ArrayLike]) -> Self:
        """The net with some parameters, by path, replaced."""
        self._check_paths("parameter", params, self.param_names)
        layers = dict(self.layers)
        for name, own in split(params, self.layers).items():
            with inside(name):
                layers[name] = layers[name].with_params(own)
        return self._with_layers(layers)

    def with_buffers(self, buffers: Mapping[str, ArrayLike]) -> Self:
        """The net with some buffers, by path, replaced."""
        self._check_paths("buffer", buffers, self.buffer_names)
        layers = dict(self.layers)
        for name, own in split(buffers, self.layers).items():
            with inside(name):
                layers[name] = layers[name].with_buffers(own)
        return self._with_layers(layers)

    def flatten(self) -> "Sequential":
        """The net without containers inside; paths and outputs stay the same to the bit."""
        return Sequential(dict(self.leaves()), self.input_shape)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """Every layer's output is the next one's input."""
        parts = split(params, self.layers)
        for name, layer in self.items():
            with inside(name):
                x = layer.forward(x, parts.get(name, {}), ctx.within(name))
            if ctx.observe is not None:
                ctx.observe(ctx.path_of(name), x)
        return x

    def activations(self, x: ArrayLike, layers: Iterable[str] | None = None) -> dict[str, Array]:
        """What comes out of the layers, not in training, for one example or a batch.

        Args:
            x: as for calling the net.
            layers: paths, of containers too; None means every layer that is no container.

        Returns:
            Path -> array, in the order of computation.

        Raises:
            PathError: there is no such layer. Otherwise as for calling the net.
        """
        wanted = {path for path, _ in self.leaves()} if layers is None else set(layers)
        for path in wanted:
            self._at(path)
        batch, single = as_batch(x, "Sequential", self.example_rank)
        seen: dict[str, Array] = {}

        def observe(path: str, y: Tensor) -> None:
            if path in wanted:
                seen[path] = np.ascontiguousarray(y.data[0] if single else y.data)

        self.apply(self.constants(batch.dtype), Tensor(batch), Context(observe=observe))
        return seen

    def config(self) -> dict[str, object]:
        """The layers' configurations by name, and the input shape."""
        layers = {name: layer.config() for name, layer in self.items()}
        return {"type": "Sequential", "layers": layers, "input_shape": self.input_shape}

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """The uninitialized net that gave `config`."""
        layers, shape = config.get("layers"), config.get("input_shape")
        if set(config) != {"type", "layers", "input_shape"} or config["type"] != "Sequential":
            raise ConfigError("Sequential", f"wants layers, input_shape, got {sorted(config)}")
        if not isinstance(layers, dict) or not (shape is None or isinstance(shape, list | tuple)):
            raise ConfigError("Sequential", "wants layers by name, and a shape or null")
        made: dict[str, Layer] = {}
        for name, layer in layers.items():
            with inside(name):
                made[name] = layer_from_config(layer)
        return cls(made, shape)

    def __repr__(self) -> str:
        names = ", ".join(self.layers)
        shapes = f"; {self._shapes[0]} -> {self._shapes[-1]}" if self._shapes else ""
        mark = "" if self.initialized else "; uninitialized"
        return f"Sequential({names}{shapes}{mark})"

    def _each(self, function: Callable[[Layer], Value]) -> dict[str, Value]:
        """Name -> what the function gives for the layer."""
        results: dict[str, Value] = {}
        for name, layer in self.items():
            with inside(name):
                results[name] = function(layer)
        return results

    def _with_layers(self, layers: Mapping[str, Layer]) -> Self:
        return type(self)(layers, self.input_shape)

    def _at(self, path: str) -> Layer:
        for name, layer in self.items():
            if path == name:
                return layer
            if isinstance(layer, Sequential) and path.startswith(f"{name}."):
                with contextlib.suppress(PathError):
                    return layer[path[len(name) + 1 :]]
        raise PathError.unknown("layer", path, (known for known, _ in self.leaves()))


def layer_from_config(config: object) -> Layer:
    """The uninitialized layer, of whatever type, that gave `config`.

    Raises:
        ConfigError: it names no known type, or fields do not fit.
        ShapeError: the layers of a container do not fit together.
    """
    kind = config.get("type") if isinstance(config, dict) else None
    known: tuple[type[Layer], ...] = (Sequential, *LEAF_TYPES)
    types = {t.__name__: t for t in known}
    if not isinstance(config, dict) or not isinstance(kind, str) or kind not in types:
        raise ConfigError("Layer", f"has one of the types {', '.join(types)}, got {kind!r}")
    return types[kind].from_config(config)
