"""Variants of the test examples: whether a net decides better what is read in another way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.data import AudioEncoder, Dataset, ImageEncoder, SignalEncoder
from drypoint.measure import Measurement, measure
from drypoint.nn import Model
from drypoint.program import Program

_CHOOSING = 100  # test examples on which the best variant is chosen
_COMPARED = 1000  # test examples on which the best variant is compared with the examples as read
_PLAIN, _SIGNED, _BYTES = (0.0, 1.0), (0.5, 0.5), (0.0, 1 / 255)
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

Values = NDArray[Any]
Changes = dict[str, Callable[[Values], Values]]


@dataclass(frozen=True, kw_only=True)
class _Variant:
    """Another way to read examples: for an engine changed ones, for a model another encoder."""

    name: str
    advice: str
    decider: Any
    as_read: Measurement
    change: Callable[[Values], Values] = np.asarray


def variant_facts(
    reader: Model | Program,
    test: Dataset,
    train: Dataset | None,
    *,
    integers: Measurement,
    floats: Measurement | None,
    learned: Measurement | None,
    output: str | None,
) -> dict[str, Any] | None:
    """The best variant beside the examples as read; None of sounds and several inputs."""
    if reads_sound(reader) or test.input_shapes:
        return None
    chosen = np.random.default_rng(0).permutation(len(test))[:_COMPARED]
    asked = test.take(chosen)
    tried = list(_input_changes(asked, train, integers))
    if isinstance(reader, Model) and floats is not None:
        tried += _encoder_variants(reader, train or asked, floats)

    def compare(
        variant: _Variant, plain: Measurement, some: Dataset, places: Any = slice(None)
    ) -> tuple[int, int, float]:
        """How many examples only the variant decides right, only the other; the latter's share."""
        other = measure(variant.decider, replace(some, x=variant.change(some.x)), output=output)
        right, before = other.y == other.predicted, (plain.y == plain.predicted)[places]
        return int((right & ~before).sum()), int((before & ~right).sum()), float(before.mean())

    few, places = asked[:_CHOOSING], chosen[:_CHOOSING]
    won = [compare(variant, variant.as_read, few, places) for variant in tried]
    best = tried[max(range(len(tried)), key=lambda i: won[i][0] - won[i][1])]
    facts = {"examples": len(chosen), "tried": [variant.name for variant in tried], "best": None}
    if max(gained - lost for gained, lost, _ in won) <= 0:
        return facts
    if train is not None and learned is not None and isinstance(best.decider, Model):
        gained, lost, _ = compare(best, learned, train)
        if gained <= lost:  # the net has learned its training examples as they are encoded
            return facts
    gained, lost, share = compare(best, best.as_read, asked, chosen)
    found = {"variant": best.name, "advice": best.advice, "as_read": share}
    return facts | {"best": found | {"gained": gained, "lost": lost}}


def reads_sound(reader: Model | Program) -> bool:
    """Whether a model or program reads samples of sound."""
    if isinstance(reader, Program):
        return reader.front is not None
    return isinstance(reader.encoder, AudioEncoder)


def _input_changes(
    test: Dataset, train: Dataset | None, integers: Measurement
) -> Iterator[_Variant]:
    """The examples in another order, inverted, or scaled; the engine decides them."""
    what = "signals" if test.is_signals else "pictures"
    changes = _signal_changes(test) if test.is_signals else _picture_changes(test)
    if train is not None and train.x.shape[1:] == test.x.shape[1:]:
        changes["with the mean and deviation of the training examples"] = _match(test.x, train.x)
    for name, change in changes.items():
        advice = f"read {what} as in training: the net knows {what} {name}"
        decider = integers.model
        yield _Variant(name=name, advice=advice, decider=decider, as_read=integers, change=change)


def _encoder_variants(model: Model, known: Dataset, floats: Measurement) -> Iterator[_Variant]:
    """The model with usual means and deviations: none, known examples', of pixels three others."""
    encoder, unit = model.encoder, 1.0
    if isinstance(encoder, ImageEncoder):
        unit, others = 1 / 255, [_SIGNED, _BYTES, *[_IMAGENET] * (encoder.color == "rgb")]
    elif isinstance(encoder, SignalEncoder):
        unit, others = (encoder.count if known.x.dtype == np.int16 else 1.0), []
    else:
        return
    mean, deviation = _moments(known.x)
    own = (unit * mean, unit * deviation)
    for scaling in (_PLAIN, own, *others):
        parts = [np.broadcast_to(part, encoder.shape[0]).tolist() for part in scaling]
        m, s = (" ".join(f"{v:.4g}" for v in p[:3]) + " ..." * (len(p) > 3) for p in parts)
        yield _Variant(
            name=f"with mean {m} and deviation {s}",
            advice=f"encode inputs as in training: {_encoder_advice(model, m, s)}",
            decider=model.with_encoder(replace(encoder, mean=tuple(parts[0]), std=tuple(parts[1]))),
            as_read=floats,
        )


def _encoder_advice(model: Model, mean: str, std: str) -> str:
    """How to give a model an encoder: of another framework's file the options of commands."""
    if "imported" in model.provenance:
        return f"--mean {mean} --std {std}, beside the ONNX or TensorFlow Lite file"
    return f"model.with_encoder(...), of mean {mean} and deviation {std}"


def _picture_changes(test: Dataset) -> Changes:
    """Pictures (N, H, W) or (N, H, W, 3) read in another order, or inverted."""
    changes: Changes = {
        "inverted": lambda x: 255 - x,
        "mirrored": lambda x: x[:, :, ::-1],
        "upside down": lambda x: x[:, ::-1],
        "turned by 180 degrees": lambda x: x[:, ::-1, ::-1],
    }
    if test.x.ndim == 4:
        changes["with red and blue swapped"] = lambda x: x[..., ::-1]
    if test.x.shape[1] == test.x.shape[2]:
        changes["transposed"] = lambda x: x.swapaxes(1, 2)
        changes["turned by 90 degrees"] = lambda x: np.rot90(x, 1, axes=(1, 2))
        changes["turned by 270 degrees"] = lambda x: np.rot90(x, 3, axes=(1, 2))
    return changes


def _signal_changes(test: Dataset) -> Changes:
    """Signals (N, steps, channels) read in another order, or with another sign."""
    least = -np.iinfo(np.int16).max  # the largest count, negated
    changes: Changes = {
        "with the other sign": lambda x: -(x if x.dtype.kind == "f" else x.clip(min=least))
    }
    if test.x.shape[1] > 1:
        changes["backwards in time"] = lambda x: x[:, ::-1]
    if test.x.shape[2] > 1:
        changes["with the channels in reverse order"] = lambda x: x[..., ::-1]
    return changes


def _match(x: Values, known: Values) -> Callable[[Values], Values]:
    """The change of examples like x to the mean and deviation of known examples, by channel."""
    (m, s), (mean, std) = _moments(x), _moments(known)

    def change(some: Values) -> Values:
        values = (some - m) * (std / s) + mean
        if some.dtype.kind != "f":
            limits = np.iinfo(some.dtype)
            values = values.round().clip(limits.min, limits.max)
        return np.asarray(values, some.dtype)

    return change


def _moments(x: Values) -> tuple[Any, Any]:
    """Mean and deviation of examples, of signals and coloured pictures by channel."""
    axes = None if x.ndim == 3 and x.dtype == np.uint8 else tuple(range(x.ndim - 1))
    return x.mean(axis=axes, dtype=np.float64), np.maximum(x.std(axis=axes, dtype=np.float64), 1e-6)
