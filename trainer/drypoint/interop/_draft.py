"""The net of a file while its nodes are converted: layers that read layers.

Float nets and quantized files of ONNX and of TensorFlow Lite become such layers. A float net is
made of them here (`Draft.net`), an integer program by `_program`.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from drypoint import nn
from drypoint.common import number_words
from drypoint.graph import Unsupported

from ._errors import ImportFileError
from ._integer_layers import FileQuantParams, Floats
from ._signals import flat, signal_layer
from ._tensor_view import Array, Shape, TensorView, check_size

INPUT = "input"
OWN_WEIGHTS = 1 << 25  # bytes of weights that no file holds: of a batch norm for a constant, ...
GROWTH = 16  # and for each byte of the file
NO_CLIP = (-math.inf, math.inf)
ROUNDING = 1e-12  # the epsilon of a batch norm that only scales and adds


WHOLE = FileQuantParams(kind="INT8", scales=np.ones(1), zero=0)  # of weights of 0 and 1


@dataclass(frozen=True, eq=False, kw_only=True)
class DraftLayer:
    """A layer of the draft."""

    module: nn.Module
    reads: tuple[int, ...]  # numbers of the layers that it reads; 0 is the net's input
    shape: Shape  # what it outputs for an example
    title: str  # the node, for messages
    # name -> values of parameters and buffers
    arrays: Mapping[str, Array] = field(default_factory=dict)
    # whether the layer is a batch norm that stands for a constant that a file adds or multiplies by
    scaling: bool = False
    weights: FileQuantParams | None = None  # the steps of a quantized file's weights
    bias_scales: Floats | None = None  # of a quantized file's integer biases
    output: FileQuantParams | None = None  # the steps of a quantized file's output
    keeps: bool = False  # whether the layer's weights of 0 and 1 choose values and compute none
    name: str = ""  # the file's; "": as `nn.Sequential` names the layers of a list
    # bounds of its output, of an activation that a quantized file's operator has in it
    clip: tuple[float, float] = NO_CLIP
    beta: float = 1.0  # the factor of a softmax at the end


class Read(Protocol):
    """A tensor of the file that a layer reads: ``end`` is the number of the layer that computes it,
    ``layer_shape`` the shape of what that layer outputs.
    """

    @property
    def end(self) -> int: ...
    @property
    def layer_shape(self) -> Shape: ...


class Draft:
    """Layers so far, by number from 1, in order of computation."""

    def __init__(self, input_shape: Shape, size: int, error: type[ImportFileError]) -> None:
        self.layers: dict[int, DraftLayer] = {}  # number -> layer
        self.input_shape = input_shape  # what the net's input is for an example
        self.input_qparams: FileQuantParams | None = None  # the steps of a quantized file's input
        self.title = self.name = ""  # of the node that is converted
        self.error = error
        self._left = OWN_WEIGHTS + GROWTH * size
        self._reshapes: dict[tuple[int, Shape], int] = {}
        self._names = set[str]()
        # number of a recurrent layer -> of the one that gives its last output alone
        self._last_steps: dict[int, int] = {}

    @classmethod
    def of_inputs(
        cls, shapes: Sequence[Shape], names: Sequence[str], size: int, error: type[ImportFileError]
    ) -> "Draft":
        """The draft of a net of these inputs. Several inputs lie in one vector, of which the first
        layers take them.
        """
        if len(shapes) == 1:
            return cls(shapes[0], size, error)
        counts = [math.prod(shape) for shape in shapes]
        check_size((sum(counts),))
        draft = cls((sum(counts),), size, error)
        vector = TensorView.of_layer(0, draft.input_shape)
        for i, (shape, name) in enumerate(zip(shapes, names, strict=True)):
            draft.title = f"input {name}"
            draft.add(nn.InputPart(sum(counts[:i]), shape), (vector,), name=name)
        return draft

    @property
    def input_ends(self) -> tuple[int, ...]:
        """The numbers of the inputs: 0, or the layers that take several of the net's vector."""
        parts = [n for n, layer in self.layers.items() if isinstance(layer.module, nn.InputPart)]
        return tuple(parts) or (0,)

    def add(
        self,
        layer: nn.Module,
        sources: Sequence[Read],
        arrays: Mapping[str, Array] | None = None,
        *,
        shape: Shape | None = None,
        weights: FileQuantParams | None = None,
        keeps: bool = False,
        name: str | None = None,
        **facts: Any,
    ) -> TensorView:
        """Add a layer; what it outputs."""
        if shape is None:
            shapes = dict(
                zip(layer.input_ports, (source.layer_shape for source in sources), strict=True)
            )
            try:
                (shape,) = layer.output_shapes(shapes).values()
            except nn.ShapeError as error:
                raise Unsupported(f"does not fit what it reads: {error}") from error
            check_size(shape)
        number = len(self.layers) + 1
        self.layers[number] = DraftLayer(
            module=layer,
            reads=tuple(source.end for source in sources),
            shape=shape,
            title=self.title,
            arrays=dict(arrays or {}),
            weights=WHOLE if keeps else weights,
            keeps=keeps,
            name=self._free_name(layer) if name is None else name,
            **facts,
        )
        return TensorView.of_layer(number, shape)

    def _free_name(self, layer: nn.Module) -> str:
        """The node's name for its first layer; others have what they do behind it."""
        if not self.name:
            return ""
        suffix = "flatten" if isinstance(layer, nn.Flatten | nn.Reshape) else ""
        if not suffix and self.name in self._names:
            suffix = layer.short_name
        name = f"{self.name}_{suffix}" if suffix else self.name
        names = (name, *(f"{name}_{i}" for i in range(2, len(self._names) + 3)))
        self._names.add(free := next(name for name in names if name not in self._names))
        return free

    def claim(self, count: int) -> None:
        """Take weights that no file holds from the budget, before they are made."""
        self._left -= 8 * count
        if self._left < 0:
            raise self.error("its nodes choose and scale more values than a net of its size would")

    def reshape(self, value: TensorView, shape: Shape) -> int:
        """The number of a layer that outputs a layer's output in another shape."""
        if value.layer_shape == shape:
            return value.end
        key = value.end, shape
        if key not in self._reshapes:
            layer: nn.Module = nn.Flatten() if len(shape) == 1 else nn.Reshape(shape)
            self._reshapes[key] = self.add(layer, (value,)).end
        return self._reshapes[key]

    def last_step(self, end: int) -> TensorView | None:
        """The last output of a recurrent layer, or of the one that a layer reshapes; None of other
        layers.
        """
        layer = self.layers.get(end)
        if layer is not None and isinstance(layer.module, nn.Reshape):
            end = layer.reads[0]
            layer = self.layers.get(end)
        if layer is None or not isinstance(layer.module, nn.Recurrent):
            return None
        if end not in self._last_steps:
            self._last_steps[end] = number = len(self.layers) + 1
            module = replace(layer.module, return_sequences=False)
            self.layers[number] = replace(layer, module=module, shape=layer.shape[:1])
        return TensorView.of_layer(self._last_steps[end], layer.shape[:1])

    def drop_unread_steps(self, outputs: Mapping[str, int]) -> list[tuple[str, str, str]]:
        """Leave out recurrent layers and their reshaped outputs that nothing reads; what to say of
        layers whose last output and all outputs are read.
        """
        for number, layer in reversed([*self.layers.items()]):
            read = {*outputs.values(), *(n for other in self.layers.values() for n in other.reads)}
            if isinstance(layer.module, nn.Reshape | nn.Recurrent) and number not in read:
                del self.layers[number]
        return [
            (type(layer.module).__name__, layer.title, "gives its last output and all; wanted: one")
            for number, layer in self.layers.items()
            if number in self._last_steps and self._last_steps[number] in self.layers
        ]

    def repeat(self, value: Read, shape: Shape) -> TensorView:
        """A plane (C, H, W) of a shape, each axis of which is the value's or repeats its only
        place: a channel by weights of 1, rows and columns as an upsampling.
        """
        view = TensorView.of_layer(value.end, value.layer_shape)
        pairs = [*zip(view.shape, shape, strict=False)]
        if len(view.shape) != 3 or any(n not in (1, m) for n, m in pairs):
            raise Unsupported(
                f"joins {view.shape} and {shape}; wanted one shape, or 1 in its place"
            )
        channels, *factor = (m if n == 1 else 1 for n, m in pairs)
        if channels > 1:
            self.claim(channels)
            layer = nn.Conv2d(channels, 1, in_channels=1, bias=False)
            weight = np.ones((channels, 1, 1, 1))
            view = self.add(layer, (view,), {"weight": weight}, keeps=True, name="")
        if max(factor) > 1:
            view = self.add(nn.Upsample((factor[0], factor[1])), (view,), name="")
        return view

    def qparams_of(self, end: int) -> FileQuantParams | None:
        """The steps of what a layer outputs."""
        return self.layers[end].output if end else self.input_qparams

    def set_qparams(self, end: int, qparams: FileQuantParams) -> None:
        """Set the steps of what a layer outputs."""
        if end:
            self.layers[end] = replace(self.layers[end], output=qparams)
        else:
            self.input_qparams = qparams

    def set_keeps(self, end: int) -> None:
        """Say of a layer that its weights of 0 and 1 choose values and compute none."""
        self.layers[end] = replace(self.layers[end], keeps=True)

    def choose(self, value: TensorView, places: list[int]) -> TensorView:
        """Some of the channels of an image: channels beside each other, a shuffle, or a convolution
        of 1x1 with weights of 0 and 1.
        """
        count = value.layer_shape[0]
        if places == [*range(places[0], places[0] + len(places))]:
            return self.add(nn.Slice(0, places[0], places[-1] + 1), (value,))
        groups = _shuffled_groups(places, count)
        if groups:
            return self.add(nn.ChannelShuffle(groups), (value,))
        self.claim(len(places) * value.layer_shape[0])
        matrix = np.zeros((len(places), value.layer_shape[0], 1, 1))
        matrix[np.arange(len(places)), places] = 1.0
        layer = nn.Conv2d(len(places), 1, in_channels=value.layer_shape[0], bias=False)
        return self.add(layer, (value,), {"weight": matrix}, keeps=True)

    def scale(self, value: TensorView, factor: Floats, term: Floats) -> TensorView:
        """factor * x + term for each channel of an image, or each element of a vector.

        It becomes part of a convolution or Linear before it that nothing else reads (`merge`), or
        a batch norm.
        """
        rank = len(value.layer_shape)
        if rank not in (1, 3):
            raise Unsupported(f"scales a tensor {value.layer_shape}; wanted (C, H, W) or (n,)")
        self.claim(4 * value.layer_shape[0])
        kind = nn.BatchNorm1d if rank == 1 else nn.BatchNorm2d
        ones = np.ones(value.layer_shape[0])
        arrays = {
            "scale": factor * ones,
            "shift": term * ones,
            "running_mean": 0 * ones,
            "running_variance": ones,
        }
        layer = kind(epsilon=ROUNDING, channels=value.layer_shape[0])
        output = self.add(layer, (value,), arrays, scaling=True)
        return replace(value, end=output.end)

    def merge_scalings(
        self, outputs: Mapping[str, int]
    ) -> tuple[dict[int, DraftLayer], dict[str, int]]:
        """The layers with each scaling merged into the layer before where only it reads that, and
        the number of the layer that computes each output, by the output's name.
        """
        layers = dict(self.layers)
        readers = Counter(
            [*outputs.values(), *(n for layer in layers.values() for n in layer.reads)]
        )
        moved: dict[int, int] = {}
        for number, original in self.layers.items():
            reads = tuple(moved.get(n, n) for n in original.reads)
            scaling = layers[number] = replace(original, reads=reads)
            before = layers.get(reads[0])
            if not scaling.scaling or before is None or readers[original.reads[0]] > 1:
                continue
            arrays = _scale_arrays(before, scaling)
            if arrays is not None and before.output is None:
                layer = before.module
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    layer = replace(layer, bias=True)
                layers[reads[0]] = replace(
                    before, module=layer, arrays=arrays, output=scaling.output, weights=None
                    if (np.asarray(scaling.arrays["scale"]) != 1).any() else before.weights,
                )  # fmt: skip
                del layers[number]
                moved[number] = reads[0]
        return layers, {name: moved.get(number, number) for name, number in outputs.items()}

    def net(self, outputs: Mapping[str, int]) -> nn.Sequential | nn.Graph:
        """The net with its arrays: a `Sequential` where it is a chain of one output, else a
        `Graph`; names of several outputs are its output ports.
        """
        layers, outputs = self.merge_scalings(outputs)
        layers, outputs, input_shape = _as_signals(layers, outputs, self.input_shape)
        if 0 in outputs.values():
            raise self.error("has no layers: its output is its input")
        names, parts = layer_names(layers), self.input_ends if self.input_ends != (0,) else ()
        if set(parts).intersection(outputs.values()):
            raise self.error("has an output that is an input")
        params: dict[str, Array] = {}
        buffers: dict[str, Array] = {}
        for number, layer in layers.items():
            for key, array in layer.arrays.items():
                path = f"{names[number]}.{key}"
                into = buffers if key in layer.module.buffer_names else params
                into[path] = self._as_float32(array, path)
        numbers = [number for number in layers if number not in parts]
        net: nn.Sequential | nn.Graph
        chain = [(n,) for n in [0, *numbers[:-1]]]
        is_chain = [layers[n].reads for n in numbers] == chain and not parts
        if is_chain and len(outputs) == 1:
            net = nn.Sequential({names[n]: layers[n].module for n in numbers}, input_shape)
        else:
            edges = _edges(layers, names, parts)
            if len(outputs) > 1:
                edges += [(names[number], f".{port}") for port, number in outputs.items()]
            net = nn.Graph(
                {names[n]: layers[n].module for n in numbers},
                edges,
                {names[n]: layers[n].shape for n in parts} or {INPUT: input_shape},
            )
        return net.with_params(params).with_buffers(buffers)

    def _as_float32(self, array: Array, path: str) -> Array:
        if array.dtype.kind in "bcOSU":
            raise self.error(f"{path} holds {array.dtype}, not real numbers")
        with np.errstate(over="ignore"):
            values = array.astype(np.float32)
        if not np.isfinite(values).all():
            raise self.error(f"{path} holds values that are not finite in float32")
        return values


def _as_signals(
    layers: dict[int, DraftLayer], outputs: dict[str, int], input_shape: Shape
) -> tuple[dict[int, DraftLayer], dict[str, int], Shape]:
    """The layers, outputs and input of a net as layers of signals (C, T), where one layer is
    recurrent and all have such a form; else as they are.
    """
    if not any(isinstance(layer.module, nn.Recurrent) for layer in layers.values()):
        return layers, outputs, input_shape
    shapes = {0: input_shape, **{number: layer.shape for number, layer in layers.items()}}
    found: dict[int, DraftLayer] = {}
    moved: dict[int, int] = {}  # number of a layer that only reshapes -> of the one that it reads
    for number, layer in layers.items():
        reads = tuple(moved.get(n, n) for n in layer.reads)
        if isinstance(layer.module, nn.Reshape) and flat(layer.shape) == flat(
            shapes[layer.reads[0]]
        ):
            moved[number] = reads[0]
            continue
        module = signal_layer(layer.module, [shapes[n] for n in layer.reads])
        if module is None:
            return layers, outputs, input_shape
        arrays = layer.arrays
        if isinstance(module, nn.Conv1d):
            arrays = {**arrays, "weight": arrays["weight"][:, :, 0]}
        found[number] = replace(
            layer, module=module, reads=reads, shape=flat(layer.shape), arrays=arrays
        )
    outputs = {name: moved.get(number, number) for name, number in outputs.items()}
    return found, outputs, flat(input_shape)


def _shuffled_groups(places: list[int], count: int) -> int:
    """The groups of the channel shuffle that makes this order of so many channels; 0: none does."""
    groups = places.index(1) if len(places) == count and 1 in places else 0
    if not groups or count % groups:
        return 0
    order = np.arange(count).reshape(groups, -1).T.reshape(-1)
    return groups if order.tolist() == places else 0


def layer_names(layers: Mapping[int, DraftLayer]) -> dict[int, str]:
    """Number -> name of each layer: the file's, or as `nn.Sequential` names a list's layers."""
    words = number_words([layer.module.short_name for layer in layers.values()])
    pairs = zip(layers.items(), words, strict=True)
    return {0: INPUT, **{number: layer.name or word for (number, layer), word in pairs}}


def _edges(
    layers: Mapping[int, DraftLayer], names: Mapping[int, str], parts: Sequence[int]
) -> list[tuple[str, str]]:
    """The edges between layers, the edges from several inputs first, in the order of these."""
    edges: dict[int, list[tuple[str, str]]] = {number: [] for number in (*parts, -1)}
    for number, layer in layers.items():
        ports = layer.module.input_ports
        for port, source in zip(ports, layer.reads, strict=True):
            end = names[number] if len(ports) == 1 else f"{names[number]}.{port}"
            if source in parts:
                edges[source].append((f".{names[source]}", end))
            elif number not in parts:
                edges[-1].append((names[source], end))
    return [edge for group in edges.values() for edge in group]


def _scale_arrays(before: DraftLayer, scaling: DraftLayer) -> dict[str, Array] | None:
    """The arrays of a layer whose output is scaled; None of a layer that has no weights."""
    factor, term = (np.asarray(scaling.arrays[k], np.float64) for k in ("scale", "shift"))
    arrays = {key: np.asarray(array, np.float64) for key, array in before.arrays.items()}
    if before.keeps:
        return None
    if before.scaling:
        scale, shift = arrays["scale"] * factor, arrays["shift"] * factor + term
        return {**arrays, "scale": scale, "shift": shift}
    if not isinstance(before.module, nn.Conv2d | nn.Linear):
        return None
    weight = arrays["weight"]
    if (factor != 1).any():
        weight = weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
    bias = arrays.get("bias", np.zeros(len(weight)))
    return {**arrays, "weight": weight, "bias": bias * factor + term}
