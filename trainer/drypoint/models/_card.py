"""Model cards: the facts of a trained model."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from textwrap import wrap
from typing import Any

from drypoint.common import DrypointError, parse_json

_LARGEST_JSON = 1 << 16  # bytes; a card has some kilobytes


@dataclass(frozen=True, kw_only=True)
class Score:
    """Decisions on a test set.

    Attributes:
        correct: the number of right decisions.
        n: the number of test examples.
        interval: the Wilson 95 % interval (low, high) of the accuracy.
    """

    correct: int
    n: int
    interval: tuple[float, float]

    @property
    def accuracy(self) -> float:
        """The share of right decisions, in [0, 1]."""
        return self.correct / self.n

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{100 * self.accuracy:.2f} % ({self.correct:,} of {self.n:,} right; "
            f"95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
        )


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The facts of a trained model and its integer program; `str` gives them as text.

    Attributes:
        name: the name for `load`.
        task: the task of the model, in a sentence.
        reads: its inputs, in words.
        classes: its classes.
        licence: the SPDX identifier of its licence.
        layers: the kinds of the net's layers, in order.
        parameters: the number of learned values.
        macs: multiply-accumulate operations for one example.
        float_bytes: size of the float model's file, whose weights are float16.
        program_bytes: size of the integer program's file, which a device stores.
        arena_bytes: bytes of working memory of the integer engine.
        float_score: the score of the float model on the test set.
        integer_score: the score of the integer program on the test set.
        disagreements: the number of test examples with different decisions of the two.
        data: the data set: name, numbers of examples, SHA-256 of both parts.
        recipe: the settings and seed that decide the trained net.
        calibration: how the ranges of activations were measured.
        versions: the versions of the software that made the model.
        command: the command that makes the model again.
        sha256: file suffix (".npz", ".dpt") -> SHA-256 of the file.
    """

    name: str
    task: str
    reads: str
    classes: tuple[str, ...]
    licence: str
    layers: tuple[str, ...]
    parameters: int
    macs: int
    float_bytes: int
    program_bytes: int
    arena_bytes: int
    float_score: Score
    integer_score: Score
    disagreements: int
    data: Mapping[str, Any]
    recipe: Mapping[str, Any]
    calibration: Mapping[str, Any]
    versions: Mapping[str, str]
    command: str
    sha256: Mapping[str, str]

    def to_json(self) -> str:
        """The card as JSON text, from which `from_json` makes an equal card."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """The card in the JSON text of `to_json`.

        Raises:
            DrypointError: the text is no card: no JSON, or a field is missing, unknown or of
                another type.
        """
        try:
            given: Any = parse_json(text, largest=_LARGEST_JSON)
            for score in ("float_score", "integer_score"):
                facts = given[score]
                given[score] = Score(**facts | {"interval": tuple(facts["interval"])})
            for row in ("classes", "layers"):
                given[row] = tuple(given[row])
            card = cls(**given)
            card._check()
            return card
        except (DrypointError, TypeError, ValueError, KeyError) as error:
            raise DrypointError(f"not a model card in JSON: {error}") from error

    def _check(self) -> None:
        """Check the types of all fields, and the facts that `str` names."""
        facts = {field.name: getattr(self, field.name) for field in fields(self)}
        scores = [facts.pop("float_score"), facts.pop("integer_score")]
        for score in scores:
            ends = score.interval
            _check_type("a score", [score.correct, score.n], int)
            _check_type("an interval", [*ends], int | float)
            if len(ends) != 2 or score.n < 1:
                raise TypeError("a score of no examples, or an interval without two ends")
        for name in ("classes", "layers"):
            _check_type(name, facts.pop(name), str)
        for name in ("data", "recipe", "calibration", "versions", "sha256"):
            _check_type(name, [facts.pop(name)], dict)
        data, calibration = self.data, self.calibration
        _check_type("data", [data["train"], data["test"], calibration["examples"]], int)
        _check_type("data", [data[k] for k in ("name", "train_sha256", "test_sha256")], str)
        _check_type("calibration", [calibration["method"]], str)
        for name, value in facts.items():
            text = name in ("name", "task", "reads", "licence", "command")
            _check_type(name, [value], str if text else int)

    def __str__(self) -> str:
        recipe = ", ".join(f"{key} {_short(value)}" for key, value in self.recipe.items())
        data, calibration = self.data, self.calibration
        rows = [
            ("task", self.task),
            ("reads", self.reads),
            ("answers", f"one of {', '.join(self.classes)}"),
            ("layers", " > ".join(self.layers)),
            ("size", f"{self.parameters:,} parameters, {self.macs:,} MACs an image"),
            ("float model", f"{self.float_bytes:,} bytes (float16 weights, float32 arithmetic)"),
            ("", str(self.float_score)),
            (
                "integer program",
                f"{self.program_bytes:,} bytes, {self.arena_bytes:,} bytes of working memory",
            ),
            ("", str(self.integer_score)),
            ("disagreements", f"{self.disagreements:,} of {self.float_score.n:,} decisions differ"),
            (
                "data",
                f"{data['name']}: {data['train']:,} images to train and choose by, "
                f"{data['test']:,} only to report on",
            ),
            ("", f"train {_short(data['train_sha256'])}, test {_short(data['test_sha256'])}"),
            ("recipe", recipe),
            (
                "calibration",
                f"{calibration['method']} on {calibration['examples']:,} training images",
            ),
            ("made with", ", ".join(f"{k} {v}" for k, v in self.versions.items())),
            ("made by", self.command),
            ("licence", self.licence),
        ]
        width = max(len(key) for key, _ in rows)
        lines = [
            f"  {key if i == 0 else '':<{width}}  {line}"
            for key, text in rows
            for i, line in enumerate(wrap(text, 100 - width - 4, break_long_words=False))
        ]
        return "\n".join([self.name, *lines])


def _check_type(name: str, values: Iterable[object], kind: Any) -> None:
    for value in values:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"{name} holds {value!r:.40}, of another type")


def _short(value: object) -> str:
    """The first digits of a digest; other values unchanged."""
    text = str(value)
    return f"{text[:12]}..." if len(text) == 64 else text
