"""`Sequential`: layers one after the other; itself a layer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, overload

from drypoint.autodiff import Tensor

from .._errors import ConfigError, PathError, ShapeError
from .._module.arrays import FrozenMapping
from .._module.context import Context
from .._module.layer import Layer
from .._module.module import Module
from .._module.ported import LayerShapes
from .._module.sizes import Shape, check_count, check_values, shape_hint
from .container import Container
from .fusing import Run, fuse
from .names import LayerLike, append_layers, inside, name_layers, split_paths
from .wiring import Wiring


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Sequential(Container, in_kernels=True, per_example=True, exportable="of such layers"):
    """Layers applied one after the other.

    Args:
        layers: name -> layer, or a list of layers, or layers one after the other, which are then
            named conv, relu, ..., with numbers from 1 if there are several of a kind. Containers
            nest. A word ("relu", "softmax", "flatten", or a name that `Function` knows) stands for
            its layer, an integer for a `Linear`.
        input_shape: the shape of one example. It determines every size in the net, and inputs of
            another shape are refused. None leaves the sizes to the first layer, or to `bind` or
            `initialize`.

    ``net["conv1"]``, ``net["block.conv"]``, ``net[0]`` and ``net[-1]`` are layers; ``net[:-1]`` and
    ``net + layer`` are nets, so ``net[:2] + layer + net[2:]`` inserts a layer. ``len`` and
    iteration go over the layers, `items` over (name, layer) pairs.

    Raises:
        ConfigError: no layers, a value that is no layer, a layer with several inputs or outputs,
            or a bad name.
        ShapeError: a layer does not take the output of the one before; the message has its path.
    """

    layers: Mapping[str, Layer]
    _shapes: tuple[Shape, ...] | None  # the input shape and the output shape of each layer
    _runs: tuple[Run, ...]  # the layers, with fused layers in one run

    @overload
    def __init__(
        self,
        layers: Iterable[LayerLike] | Mapping[str, LayerLike],
        input_shape: Iterable[int] | None = None,
        /,
    ) -> None: ...

    @overload
    def __init__(
        self,
        *layers: Iterable[LayerLike] | Mapping[str, LayerLike] | LayerLike,
        input_shape: Iterable[int] | None = None,
    ) -> None: ...

    def __init__(
        self, *arguments: Any, layers: Any = None, input_shape: Iterable[int] | None = None
    ) -> None:
        rows, input_shape = _arguments(
            arguments if layers is None else (layers, *arguments), input_shape
        )
        by_name = _in_a_row(name_layers(rows, "Sequential"))
        first = next(iter(by_name.values()))
        shape = first.input_shape if input_shape is None else tuple(input_shape)
        shapes = None
        if shape is not None:
            for size in shape:
                check_count("Sequential", "input size", size)
            check_values("Sequential", shape, "an input")
            shapes = [shape]
            for name, layer in by_name.items():
                with inside(name):
                    by_name[name] = layer.bind(shapes[-1])
                    shapes.append(layer.output_shape(shapes[-1]))
                    check_values(type(layer).__name__, shapes[-1])
        self.__dict__["_shapes"] = None if shapes is None else tuple(shapes)
        self.__dict__["_runs"] = fuse(by_name.items())
        self._hold(by_name)

    @property
    def example_rank(self) -> int | None:
        """The number of axes of one example, by the first layer that needs a fixed number."""
        if self.input_shape is not None:
            return len(self.input_shape)
        for layer in self:
            if layer.example_rank is not None or not layer.keeps_axes:
                return layer.example_rank
        return None

    @property
    def input_shape(self) -> Shape | None:
        """The shape of one example, or None while it is open."""
        return None if self._shapes is None else self._shapes[0]

    @property
    def wiring(self) -> Wiring:
        """The wiring of a chain: each layer reads the layer before."""
        feeds, end = {}, ("", "input")
        for name, layer in self.items():
            feeds[name] = FrozenMapping({layer.input_ports[0]: end})
            end = (name, layer.output_ports[0])
        outputs = FrozenMapping({"output": end})
        return Wiring(("input",), outputs, tuple(self.layers), FrozenMapping(feeds))

    def items(self) -> Iterator[tuple[str, Layer]]:
        """The (name, layer) pairs, in order; a container is one layer."""
        return iter(self.layers.items())

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers.values())

    @overload
    def __getitem__(self, key: int | str | tuple[str, ...]) -> Layer: ...

    @overload
    def __getitem__(self, key: slice) -> "Sequential": ...

    def __getitem__(self, key: int | str | tuple[str, ...] | slice) -> Module:
        """A layer by position, name or path; a net of some of the layers by slice."""
        if isinstance(key, str | tuple):
            return self._at(key if isinstance(key, str) else ".".join(key))
        if isinstance(key, slice):
            start, _, step = key.indices(len(self))
            shape = None
            if self._shapes is not None and step == 1 and start < len(self):
                shape = self._shapes[start]
            return Sequential(dict(list(self.items())[key]), shape)
        if not -len(self) <= key < len(self):
            raise PathError(f"no layer at index {key}; there are {len(self)} layers")
        return list(self)[key]

    def __add__(self, other: Layer) -> "Sequential":
        """The net followed by a layer, or by the layers of another net.

        A name that is taken gets the next free number.
        """
        if isinstance(other, Sequential):
            more: Mapping[str, Module] = other.layers
        elif isinstance(other, Layer):
            more = {other.short_name: other}
        else:
            raise ConfigError("Sequential", f"takes layers after its own, got {other!r}")
        return Sequential(append_layers(self.layers, more), self.input_shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The output shape of the last layer."""
        if self._shapes is not None:
            if input_shape != self._shapes[0]:
                hint = shape_hint(self._shapes[0], input_shape)
                raise ShapeError("Sequential", f"wants {self._shapes[0]}, got {input_shape}{hint}")
            return self._shapes[-1]
        for name, layer in self.items():
            with inside(name):
                input_shape = layer.output_shape(input_shape)
                check_values(type(layer).__name__, input_shape)
        return input_shape

    def bind(self, input_shape: Shape) -> Self:
        """The net with all sizes set."""
        if self._shapes is None:
            return type(self)(self.layers, input_shape)
        self.output_shape(input_shape)
        return self

    def layer_shapes(self, input_shapes: Mapping[str, Shape]) -> Iterator[LayerShapes]:
        """Every layer that is no container, with its shapes, in order."""
        shape = input_shapes.get("input", self.input_shape)
        for name, layer in self.items():
            with inside(name):
                reads = {} if shape is None else {layer.input_ports[0]: shape}
                for inner in layer.layer_shapes(reads):
                    path = f"{name}.{inner.path}" if inner.path else name
                    yield inner._replace(path=path)
                shape = None if shape is None else layer.output_shape(shape)

    def macs(self, input_shape: Shape) -> int:
        """Multiply-accumulate operations of all layers."""
        return self.operations({"input": input_shape})

    def flatten(self) -> "Sequential":
        """The net with the layers of its containers in their place; paths and output bytes stay.

        A graph that is no chain stays one layer.
        """
        layers: dict[str, Module] = {}
        for name, layer in self.items():
            inner = layer.flatten() if isinstance(layer, Container) else layer
            chain = inner.chain() if isinstance(inner, Container) else None
            if chain is None:
                layers[name] = inner
            else:
                layers |= {f"{name}.{path}": leaf for path, leaf in chain.items()}
        return Sequential(layers, self.input_shape)

    def chain(self) -> dict[str, Module]:
        """The layers."""
        return dict(self.layers)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The output of the last layer.

        Layers are fused, unless ``ctx.observe`` needs the output of each layer.
        """
        parts = split_paths(params, self.layers)
        watched = ctx.observe is not None
        for run in (Run(*item) for item in self.items()) if watched else self._runs:
            with inside(run.name):
                x = run.forward(x, parts.get(run.name, {}), ctx)
            if ctx.observe is not None:
                ctx.observe(ctx.path_of(run.name), x)
        return x

    def config(self) -> dict[str, object]:
        """The configs of the layers by name, and the input shape."""
        layers = self._each(lambda layer: layer.config())
        return {"type": "Sequential", "layers": layers, "input_shape": self.input_shape}

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """The uninitialized net that a ``config()`` describes."""
        shape = config.get("input_shape")
        if set(config) != {"type", "layers", "input_shape"} or config["type"] != "Sequential":
            raise ConfigError("Sequential", f"wants layers, input_shape, got {sorted(config)}")
        if not (shape is None or isinstance(shape, list | tuple)):
            raise ConfigError("Sequential", "wants a shape or null")
        return cls(cls._layers_of(config), shape)

    def __repr__(self) -> str:
        names = ", ".join(self.layers)
        shapes = f"; {self._shapes[0]} -> {self._shapes[-1]}" if self._shapes else ""
        mark = "" if self.initialized else "; uninitialized"
        return f"Sequential({names}{shapes}{mark})"

    def _with_layers(self, layers: Mapping[str, Module]) -> Self:
        return type(self)(layers, self.input_shape)

    def _with_names(self, layers: Mapping[str, Module], names: Mapping[str, str]) -> Self:  # noqa: ARG002
        return self._with_layers(layers)


def _arguments(
    arguments: tuple[Any, ...], shape: Iterable[int] | None
) -> tuple[Iterable[LayerLike] | Mapping[str, LayerLike], Iterable[int] | None]:
    """The layers, given as one list or dict or one after the other, and the input shape, which
    may be the last positional argument.
    """
    rows: Any = arguments
    if arguments and not isinstance(arguments[0], Module | str | int):
        if len(arguments) > 2 or (len(arguments) == 2 and shape is not None):
            raise ConfigError("Sequential", "wants one list of layers, or layers one after another")
        rows, shape = arguments[0], arguments[1] if len(arguments) == 2 else shape
    elif len(arguments) > 1 and isinstance(arguments[-1], tuple | list):
        rows, shape = arguments[:-1], arguments[-1]
    if not isinstance(rows, Iterable):
        raise ConfigError("Sequential", f"wants layers, got {rows!r}")
    if shape is not None and (isinstance(shape, str) or not isinstance(shape, Iterable)):
        raise ConfigError("Sequential", f"wants an input_shape (C, H, W) or (I,), got {shape!r}")
    return rows, shape


def _in_a_row(layers: Mapping[str, Module]) -> dict[str, Layer]:
    """The layers, checked to have one input and one output each."""
    row: dict[str, Layer] = {}
    for name, layer in layers.items():
        several = len(layer.input_ports) > 1 or len(layer.output_ports) > 1
        if several or not isinstance(layer, Layer):
            raise ConfigError(
                "Sequential",
                f"wants layers of one input and one output; '{name}' has the ports {layer.ports}: "
                "connect it in a Graph",
            )
        row[name] = layer
    return row
