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
_IDENTITY, _SIGNED, _BYTES = (0.0, 1.0), (0.5, 0.5), (0.0, 1 / 255)
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

Values = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class _Variant:
    """Another way to read examples.

    Attributes:
        name: what is different, as it stands after "right".
        advice: what to do if the net decides this variant better.
        decider: the engine, or the float model with another encoder.
        as_read: the decisions on the test examples as they are, of this engine or float model.
        change: from examples to their variant.
        of_both: whether training examples are read in this way too, as by another encoder.
    """

    name: str
    advice: str
    decider: Any
    as_read: Measurement
    change: Callable[[Values], Values]
    of_both: bool = False


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
    """The variant that is decided best, against the examples as they are read; None for sounds and
    for several inputs, which have no variants.

    Args:
        reader: the float model, else the program.
        test: the test examples.
        train: some training examples, if they are known.
        integers: the engine's decisions on the test examples.
        floats: the float model's decisions on the test examples.
        learned: its decisions on the training examples.
        output: the name of the measured one of several outputs.
    """
    if reads_sound(reader) or test.input_shapes:
        return None
    chosen = np.random.default_rng(0).permutation(len(test))[:_COMPARED]
    asked = test.take(chosen)
    tried = list(_changed(asked, train, integers))
    if isinstance(reader, Model) and floats is not None:
        tried += _encoded(reader, train or asked, floats)

    def compare(
        variant: _Variant, plain: Measurement, some: Dataset, indices: Any = slice(None)
    ) -> tuple[int, int, float]:
        """How many examples only the variant decides right, and only the examples as read; and the
        accuracy of the latter."""
        other = measure(variant.decider, replace(some, x=variant.change(some.x)), output=output)
        right, before = other.y == other.predicted, (plain.y == plain.predicted)[indices]
        return int((right & ~before).sum()), int((before & ~right).sum()), float(before.mean())

    few, places = asked[:_CHOOSING], chosen[:_CHOOSING]
    won = [compare(variant, variant.as_read, few, places) for variant in tried]
    best = max(range(len(tried)), key=lambda i: won[i][0] - won[i][1])
    facts = {"examples": len(chosen), "tried": [variant.name for variant in tried], "best": None}
    if won[best][0] <= won[best][1]:
        return facts
    if tried[best].of_both and train is not None and learned is not None:
        known, unknown, _ = compare(tried[best], learned, train)
        if known <= unknown:  # the net has learned its training examples as they are encoded
            return facts
    gained, lost, accuracy = compare(tried[best], tried[best].as_read, asked, chosen)
    found = {"variant": tried[best].name, "advice": tried[best].advice}
    return facts | {"best": found | {"gained": gained, "lost": lost, "as_read": accuracy}}


def reads_sound(reader: Model | Program) -> bool:
    """Whether a model or program reads samples of sound."""
    if isinstance(reader, Program):
        return reader.front is not None
    return isinstance(reader.encoder, AudioEncoder)


def _changed(test: Dataset, train: Dataset | None, integers: Measurement) -> Iterator[_Variant]:
    """The examples in another order, inverted, or scaled; the engine decides them."""
    what = "signals" if test.is_signals else "pictures"
    changes = _signal_changes(test) if test.is_signals else _picture_changes(test)
    if train is not None and train.x.shape[1:] == test.x.shape[1:]:
        name = "with the mean and deviation of the training examples"
        changes[name] = _match(test.x, train.x)
    for name, change in changes.items():
        yield _Variant(
            name=name,
            advice=f"read {what} as in training: the net knows {what} {name}",
            decider=integers.model,
            as_read=integers,
            change=change,
        )


def _encoded(model: Model, known: Dataset, floats: Measurement) -> Iterator[_Variant]:
    """The model with usual means and deviations of its inputs: none, of the known examples, and of
    pixels -1 to 1, 0 to 255 and ImageNet's."""
    encoder = model.encoder
    if not isinstance(encoder, ImageEncoder | SignalEncoder):
        return
    pixels = isinstance(encoder, ImageEncoder)
    channels = encoder.shape[0]
    values = known.x.reshape(-1, channels if known.x.ndim == 4 or not pixels else 1)
    counts = 1.0 if pixels or known.x.dtype != np.int16 else encoder.count
    values = values / 255.0 if pixels else values * counts
    scalings = [_IDENTITY, (values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6))]
    scalings += [_SIGNED, _BYTES] if pixels else []
    scalings += [_IMAGENET] if pixels and channels == 3 else []
    for scaling in scalings:
        mean, std = (np.broadcast_to(part, channels).tolist() for part in scaling)
        shown = [_shorten(part) for part in (mean, std)]
        single = channels == 1
        other = replace(
            encoder,
            mean=mean[0] if single else tuple(mean),
            std=std[0] if single else tuple(std),
        )
        yield _Variant(
            name=f"with mean {shown[0]} and deviation {shown[1]}",
            advice=f"encode inputs as in training: --mean {shown[0]} --std {shown[1]}",
            decider=model.with_encoder(other),
            as_read=floats,
            change=np.asarray,
            of_both=True,
        )


def _shorten(values: list[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values[:3]) + " ..." * (len(values) > 3)


def _picture_changes(test: Dataset) -> dict[str, Callable[[Values], Values]]:
    """Pictures (N, H, W) or (N, H, W, 3) read in another order, or inverted."""
    changes: dict[str, Callable[[Values], Values]] = {
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


def _signal_changes(test: Dataset) -> dict[str, Callable[[Values], Values]]:
    """Signals (N, steps, channels) read in another order, or with another sign."""
    least = -np.iinfo(np.int16).max  # the largest count, negated
    changes: dict[str, Callable[[Values], Values]] = {
        "with the other sign": lambda x: -(x if x.dtype.kind == "f" else x.clip(min=least)),
    }
    if test.x.shape[1] > 1:
        changes["backwards in time"] = lambda x: x[:, ::-1]
    if test.x.shape[2] > 1:
        changes["with the channels in reverse order"] = lambda x: x[..., ::-1]
    return changes


def _match(x: Values, known: Values) -> Callable[[Values], Values]:
    """The change of examples like x to the mean and deviation of known examples, by channel."""
    (m, s), (mean, std) = (_moments(values) for values in (x, known))

    def change(some: Values) -> Values:
        values = (some - m) * (std / s) + mean
        if some.dtype.kind == "f":
            return np.asarray(values, some.dtype)
        limits = np.iinfo(some.dtype)
        return np.asarray(values.round().clip(limits.min, limits.max), some.dtype)

    return change


def _moments(x: Values) -> tuple[Any, Any]:
    """Mean and deviation of examples, of signals and coloured pictures by channel."""
    axes = tuple(range(x.ndim - 1)) if x.ndim == 4 or x.dtype != np.uint8 else None
    return x.mean(axis=axes, dtype=np.float64), np.maximum(x.std(axis=axes, dtype=np.float64), 1e-6)
