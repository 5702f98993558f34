"""How many bits the weights of each op have, and training with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from drypoint.common import hidden_pattern
from drypoint.graph import Graph, Weighted
from drypoint.nn import Layer, Model
from drypoint.program import LARGEST_WEIGHT

from ._calibration import Calibration, calibrate
from ._errors import QuantizationError
from ._fold import fold
from ._gate import as_model
from ._training import integer_model

if TYPE_CHECKING:
    from drypoint.train import TrainResult

Bits: TypeAlias = int | Mapping[str, int]
CALIBRATED_ON = 1000  # training examples: learned scales start from their activations
PERCENTILE = 99.95


@dataclass(frozen=True, kw_only=True, repr=False)
class Scheme:
    """The bits of a program's weights and activations.

    Attributes:
        weights: 8, 4 (integers from -7 to 7) or 2 (-1, 0, 1); or glob pattern of op names ("fc1",
            "block*", "*") -> bits, of which the first pattern that matches counts. Ops that no
            pattern matches have 8 bits.
        activations: 8.

    Raises:
        QuantizationError: bits that no program has.
    """

    weights: Bits = 8
    activations: int = 8

    def __post_init__(self) -> None:
        """Check the bits."""
        if isinstance(self.weights, Mapping):
            object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))
        for pattern, bits in self.patterns.items():
            if not isinstance(pattern, str) or type(bits) is not int or bits not in LARGEST_WEIGHT:
                raise QuantizationError(
                    f"weights of {pattern!r} have {bits!r} bits; wanted: 8, 4 or 2, or a dict such "
                    'as {"fc1": 2, "*": 4}'
                )
        if type(self.activations) is not int or self.activations != 8:
            raise QuantizationError(
                f"activations have {self.activations!r} bits; the engine has activations of 8 bits"
            )

    def __repr__(self) -> str:
        weights = dict(self.weights) if isinstance(self.weights, Mapping) else self.weights
        return f"Scheme(weights={weights})"

    @property
    def patterns(self) -> Mapping[str, int]:
        """Glob pattern of op names -> bits."""
        return self.weights if isinstance(self.weights, Mapping) else {"*": self.weights}

    def weight_bits(self, name: str) -> int:
        """The bits of the weights of an op."""
        return next((b for p, b in self.patterns.items() if fnmatchcase(name, p)), 8)

    def check_names(self, names: tuple[str, ...]) -> None:
        """Refuse a pattern that matches no op with weights, or only ops of patterns before it.

        Raises:
            QuantizationError: the pattern, and the names of the ops or the patterns before it.
        """
        for pattern in self.patterns:
            if pattern != "*" and not any(fnmatchcase(name, pattern) for name in names):
                raise QuantizationError(
                    f"no op with weights is named {pattern!r}; there are {', '.join(names)}"
                )
        if fault := hidden_pattern(self.patterns, names):
            raise QuantizationError(f"weights: {fault}")

    def check_equal(self, trained: "Scheme", names: tuple[str, ...]) -> None:
        """Refuse other bits than a model was trained with.

        Raises:
            QuantizationError: an op, its bits in training and here; or as `check_names`.
        """
        self.check_names(names)
        for name in names:
            own, wanted = trained.weight_bits(name), self.weight_bits(name)
            if own != wanted:
                raise QuantizationError(
                    f"the model was trained in integers, with weights of {own} bits in {name}, not "
                    f"{wanted}: leave the choice of bits out, or quantize the float model before"
                )

    def training_model(self, model: Model, inputs: object) -> Model:
        """The model that ``train.fit(quantization=scheme)`` trains: it computes in integers.

        Args:
            model: trained in floats.
            inputs: training examples (N, ...), which are calibrated on; or a `Calibration`.

        Raises:
            UnsupportedError: an op of the net cannot be trained in integers.
            QuantizationError: a pattern matches no op, or only ops of patterns before it; the net
                has no program.
        """
        self.check_names(weighted_names(fold(model)))
        if not isinstance(inputs, Calibration):
            x = inputs[:CALIBRATED_ON]  # type: ignore[index]
            inputs = calibrate(model, x, method="percentile", percentile=PERCENTILE)
        return self.restored_model(model, inputs)

    def restored_model(self, model: Model, calibration: Calibration) -> Model:
        """`training_model` of the scheme in a model's file; patterns without effect are taken."""
        weights = dict(self.weights) if isinstance(self.weights, Mapping) else self.weights
        return integer_model(model, calibration, self.weight_bits, weights)


def weighted_names(graph: Graph) -> tuple[str, ...]:
    """The names of the nodes with weights."""
    return tuple(node.name for node in graph.nodes.values() if isinstance(node, Weighted))


def as_scheme(weights: "Bits | Scheme") -> Scheme:
    """The scheme of an argument ``weights``."""
    return weights if isinstance(weights, Scheme) else Scheme(weights=weights)


def finetune(
    model: Model | Layer, data: Any, scheme: Scheme | Bits = 4, **options: Any
) -> "TrainResult":
    """Train a float model further in a program's integers: quantization-aware training.

        result = quant.finetune(model, digits, quant.Scheme(weights=4))
        program = quant.quantize(result.model)

    Args:
        model: trained in floats.
        data: as for `train.fit`.
        scheme: a `Scheme`, or the bits of its weights.
        options: more arguments of `train.fit`. Where they are left out, ``epochs`` is 5, and the
            optimizer `Adam` with a learning rate of 0.002.

    Raises:
        UnsupportedError: an op of the net cannot be trained in integers.
        TrainError: the settings or the data do not allow training.
    """
    from drypoint.train import Adam, fit  # noqa: PLC0415 - training knows schemes by a protocol

    options = {"epochs": 5, "optimizer": Adam(lr=2e-3), **options}
    return fit(as_model(model), data, quantization=as_scheme(scheme), **options)
