"""What each layer's weights lose at few bits, and the bits of layers that fit a size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import count_of, json_of, kind_of, progress, table_lines
from drypoint.data import NO_LABEL, Dataset, is_label_map
from drypoint.graph import Graph, Weighted
from drypoint.nn import Layer, Model
from drypoint.program import (
    LARGEST_WEIGHT,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    Program,
    reference,
)

from ._calibration import Calibration, calibrate, check_calibration
from ._errors import QuantizationError
from ._fold import fold, program_of
from ._gate import as_inputs, as_model
from ._quantized_nodes import quantize_nodes
from ._scheme import Scheme
from ._training import integers_read

Labelled = Dataset | tuple[Any, Any]
WEIGHT_BITS = tuple(LARGEST_WEIGHT)  # 8, 4, 2


@dataclass(frozen=True, kw_only=True)
class LayerSensitivity:
    """What a program loses when one op's weights have few bits, and all others 8.

    Attributes:
        op: its name.
        n_weights: of the op.
        n_bytes: bits -> bytes of its weights, biases and multipliers.
        loss: bits -> mean cross-entropy of the program, in nats; without labels the mean squared
            difference of its real outputs from the float model's.
        accuracy: bits -> share of right decisions; empty without labels.
    """

    op: str
    n_weights: int
    n_bytes: dict[int, int]
    loss: dict[int, float]
    accuracy: dict[int, float]


@dataclass(frozen=True, kw_only=True)
class Sensitivity(Sequence[LayerSensitivity]):
    """What each op with weights loses at 8, 4 and 2 bits.

    Attributes:
        n_examples: the number of examples that the programs ran over.
        ops: in the order of the program.
    """

    n_examples: int
    ops: tuple[LayerSensitivity, ...]

    def __getitem__(self, index: Any) -> Any:
        return self.ops[index]

    def __len__(self) -> int:
        return len(self.ops)

    def __iter__(self) -> Iterator[LayerSensitivity]:
        return iter(self.ops)

    def __str__(self) -> str:
        rows = [
            (row.op, f"{row.n_weights:,}", *(_cell(row, bits) for bits in WEIGHT_BITS))
            for row in self
        ]
        head = ("op", "weights", *(f"{bits} bits" for bits in WEIGHT_BITS))
        figures = "accuracy and loss" if self.ops and self.ops[0].accuracy else "squared error"
        title = f"{figures} on {count_of(self.n_examples, 'example')}, all other ops at 8 bits"
        return "\n".join([title, *table_lines([head, *rows])])

    def allocate(self, flash: int) -> Scheme:
        """`allocate` by these figures."""
        _check_fits(flash, least=sum(row.n_bytes[WEIGHT_BITS[-1]] for row in self))
        bits = {row.op: WEIGHT_BITS[0] for row in self}
        while sum(row.n_bytes[bits[row.op]] for row in self) > flash:
            choices = [
                ((row.loss[fewer] - row.loss[bits[row.op]]) / saved, row.op, fewer)
                for row in self
                for fewer in WEIGHT_BITS
                if fewer < bits[row.op]
                and (saved := row.n_bytes[bits[row.op]] - row.n_bytes[fewer]) > 0
            ]
            _, name, fewer = min(choices)
            bits[name] = fewer
        return Scheme(weights=bits)

    def to_json(self) -> dict[str, object]:
        """The rows, of JSON types: the numbers of bits are texts."""
        return json_of(self, "n_examples", "ops")


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """The figures of one program; ``n_bytes`` by op."""

    loss: float
    accuracy: float | None
    n_bytes: dict[str, int]


def _bytes_of(program: Program) -> dict[str, int]:
    """Op -> the bytes of its weights, biases and multipliers."""
    weighted = (Conv, GroupedConv, DepthwiseConv, Dense)
    ops = [op for op in program.ops if isinstance(op, weighted)]
    return {op.name: op.weight_bytes + op.bias.nbytes + op.mult.nbytes for op in ops}


def _check_fits(flash: int, *, least: int) -> None:
    """Refuse a size that the ops exceed with weights of 2 bits."""
    if type(flash) is not int:
        raise QuantizationError(f"flash is {kind_of(flash)}; wanted: a number of bytes")
    if least > flash:
        raise QuantizationError(
            f"the net takes {least:,} bytes with 2 bits a weight, flash={flash:,} is less: "
            "make its layers narrower"
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Prepared:
    """A model, what its programs need, and examples with class indices, or with None."""

    model: Model
    graph: Graph
    calibration: Calibration
    x: Any
    y: NDArray[np.int64] | None

    def program(self, scheme: Scheme) -> Program:
        """The program of a scheme."""
        nodes = quantize_nodes(self.graph, self.calibration, scheme.weight_bits)
        ends = self.model.encoder, self.model.decoder
        return program_of(*ends, self.graph, nodes, name="model", provenance=None)

    def trial(self, scheme: Scheme) -> _Trial:
        """The figures of the program of a scheme."""
        program = self.program(scheme)
        traced = reference.trace_last(program, integers_read(program, self.model.encoder, self.x))
        outputs: Any = program.output_values(traced)
        if self.y is None:
            planes = program.output_shape.channels_first(program.real(outputs))
            off = planes.reshape(self.floats.shape) - self.floats
            loss, accuracy = float(np.square(off).mean()), None
        else:
            loss, accuracy = _class_figures(program, outputs, self.y)
        return _Trial(loss=loss, accuracy=accuracy, n_bytes=_bytes_of(program))

    @cached_property
    def floats(self) -> NDArray[np.float64]:
        """What the float model gives for the examples, (N, ...)."""
        return np.asarray(self.model.predict_proba(self.x), np.float64)


def _class_figures(
    program: Program, outputs: NDArray[np.int32], y: NDArray[np.int64]
) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of integer outputs (N, values) for labels (N, ...)."""
    if is_label_map(y):  # a row for each pixel
        height, width, channels = program.output_shape
        if y.shape[1:] != (height, width):
            raise QuantizationError(
                f"label maps are {y.shape[1:]}; the model gives {(height, width)}"
            )
        outputs = outputs.reshape(-1, channels)[y.reshape(-1) != NO_LABEL]
    y = y[y != NO_LABEL]
    if y.max() >= outputs.shape[1]:
        raise QuantizationError(
            f"a class index is {y.max()}; the model has {outputs.shape[1]} outputs"
        )
    scores = (outputs - outputs.max(axis=1, keepdims=True)) * program.output_scale
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    right = scores.argmax(axis=1) == y
    return float(-logs[np.arange(len(y)), y].mean()), float(right.mean())


def sensitivity(
    model: Model | Layer,
    data: Labelled,
    *,
    calibration: Calibration | None = None,
    examples: int = 500,
    flash: int | None = None,
) -> Sensitivity:
    """What each op's weights lose at 8, 4 and 2 bits, rounded without training.

    A program is made and run for each op and number of bits.

    Args:
        model: trained; of one output.
        data: examples that were not trained on: a `Dataset` of classes, or a pair of inputs
            (N, ...) and class indices (N,); of a net whose outputs are no classes inputs and None.
        calibration: of the model; None: on the examples.
        examples: the first of the data that programs run over, at least 1.
        flash: bytes into which `allocate` is to fit the ops; None: the size does not matter.

    Raises:
        QuantizationError: the data have no class indices, or one that the model lacks; the model
            has several outputs; before a program runs, the ops do not fit ``flash`` with 2 bits
            each; otherwise as `quantize`.
    """
    model = as_model(model)
    x, y = _inputs_and_labels(model, data, examples)
    calibration = calibrate(model, x) if calibration is None else calibration
    check_calibration(calibration)
    graph = fold(model)
    if len(graph.outputs) > 1:
        raise QuantizationError(
            f"the model has the outputs {', '.join(output.name for output in graph.outputs)}; "
            "sensitivity needs a model of one"
        )
    ops = [node for node in graph.nodes.values() if isinstance(node, Weighted)]
    prepared = _Prepared(model=model, graph=graph, calibration=calibration, x=x, y=y)
    if flash is not None:
        least = _bytes_of(prepared.program(Scheme(weights=WEIGHT_BITS[-1])))
        _check_fits(flash, least=sum(least.values()))
    whole = prepared.trial(Scheme())
    rows = []
    with progress("sensitivity", total=2 * len(ops), unit="programs") as done:
        for node in ops:
            trials = {8: whole}
            for bits in WEIGHT_BITS[1:]:
                scheme = Scheme(weights={node.name: bits})
                trials[bits] = prepared.trial(scheme)
                done(1)
            row = LayerSensitivity(
                op=node.name,
                n_weights=node.weight.size,
                n_bytes={bits: trial.n_bytes[node.name] for bits, trial in trials.items()},
                loss={bits: trial.loss for bits, trial in trials.items()},
                accuracy={
                    bits: trial.accuracy
                    for bits, trial in trials.items()
                    if trial.accuracy is not None
                },
            )
            rows.append(row)
    return Sensitivity(n_examples=len(x), ops=tuple(rows))


def allocate(
    model: Model | Layer,
    data: Labelled,
    *,
    flash: int,
    calibration: Calibration | None = None,
    examples: int = 500,
) -> Scheme:
    """The bits of each op whose weights, biases and multipliers fit into ``flash`` bytes.

    All ops begin with 8 bits. The op that loses least for each byte that it saves gets fewer bits,
    until all fit. The losses of `sensitivity` are taken to add up.

    Args:
        model, data, calibration, examples: as for `sensitivity`.
        flash: bytes, without code and op records.

    Returns:
        A scheme for `quantize` and `finetune`.

    Raises:
        QuantizationError: the ops do not fit with 2 bits each; otherwise as `sensitivity`.
    """
    found = sensitivity(model, data, calibration=calibration, examples=examples, flash=flash)
    return found.allocate(flash)


def _inputs_and_labels(
    model: Model, data: Labelled, examples: int
) -> tuple[Any, NDArray[np.int64] | None]:
    """Inputs and class indices of the first examples; None of examples without labels."""
    if type(examples) is not int or examples < 1:
        raise QuantizationError(f"examples is {examples!r:.40}; wanted: a number, at least 1")
    wanted = "a Dataset, or a pair of inputs (N, ...) and class indices (N,) or label maps"
    if not isinstance(data, Dataset) and not (isinstance(data, list | tuple) and len(data) == 2):
        raise QuantizationError(f"data is {kind_of(data)}; wanted: {wanted}")
    x, y = (data.inputs, data.y) if isinstance(data, Dataset) else data
    x = as_inputs(x, model)
    if y is None:
        return x[:examples], None
    try:
        labels = np.atleast_1d(np.asarray(y))[:examples]
    except ValueError:  # lists of several lengths
        labels = np.empty(0)
    is_map = is_label_map(labels)
    least = NO_LABEL if is_map else 0
    is_index = (labels.ndim == 1 or is_map) and labels.dtype.kind in "iu" and labels.size
    if not is_index or labels.min() < least or not (labels >= 0).any() or len(x) < len(labels):
        raise QuantizationError(
            f"data have no class indices for at least one example; wanted: {wanted}"
        )
    return x[: len(labels)], labels.astype(np.int64)


def _cell(row: LayerSensitivity, bits: int) -> str:
    if not row.accuracy:
        return f"{row.loss[bits]:.4g}"
    return f"{100 * row.accuracy[bits]:.2f} %, {row.loss[bits]:.4f}"
