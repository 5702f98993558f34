"""`check`: an imported net beside the model that it comes from, on the same inputs."""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import nn
from drypoint.common import check_kind, kind_of
from drypoint.data import model_inputs

from .._errors import FrameworkError


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two models agree on the same inputs.

    Attributes:
        n: the number of inputs.
        largest_difference: the largest absolute difference of two values.
        equal_decisions: the number of inputs for which the largest value of each output has the
            same place.
    """

    n: int
    largest_difference: float
    equal_decisions: int

    def __str__(self) -> str:
        return (
            f"{self.n:,} inputs: largest difference {self.largest_difference:.2g}, "
            f"{self.equal_decisions:,} decisions equal"
        )


def check(
    model: nn.Model | nn.Layer, source: Any, inputs: Any, *, batch_size: int = 64
) -> Agreement:
    """Run a net and the model that it was imported from on the same inputs.

    Args:
        model: the imported net, or a `Model` with the encoder that the source was trained behind.
        source: a ``torch.nn.Module`` or a Keras model: it gets what the encoder gives, with the
            channels last for Keras. Or a function: it gets ``inputs`` as they are, with all
            preprocessing of the source, so that the encoder is checked too.
        inputs: images (N, ...) for the encoder. Without an encoder: a batch as ``source`` takes it;
            of a net of several inputs a dict of batches by name, which ``source`` gets as arguments
            in this order, Keras as a list.
        batch_size: inputs at a time.

    Raises:
        FrameworkError: an argument is of another kind, or the outputs have different sizes.
        DrypointError: the model does not take the inputs.
    """
    expected = "a Model or a net"
    check_kind(model, (nn.Model, nn.Layer), name="model", wanted=expected, error=FrameworkError)
    model = model if isinstance(model, nn.Model) else nn.Model(model)
    run, last = _runner(source)
    rows: Any
    if isinstance(inputs, Mapping):
        rows, pair = _by_name(model, inputs, last=last, arguments=run is not source)
    else:
        rows = model_inputs(inputs, name="inputs", error=FrameworkError)
        pair = partial(_pair, model, last=last, arguments=run is not source)
    difference, equal = 0.0, 0
    for start in range(0, len(rows), batch_size):
        part = rows[start : start + batch_size]
        x, batch = pair(part)
        ours, theirs = _outputs(model.net(x)), _outputs(run(batch))
        if len(ours) != len(theirs):
            raise FrameworkError(f"the source gives {len(theirs)} outputs, the net {len(ours)}")
        decisions = np.ones(len(part), bool)
        for values, source_values in zip(ours, theirs, strict=True):
            mine, other = _rows(values, source_values, last)
            # NaN stays, where max() drops it
            difference = float(np.maximum(difference, np.abs(mine - other).max()))
            decisions &= mine.argmax(axis=1) == other.argmax(axis=1)
        equal += int(decisions.sum())
    return Agreement(n=len(rows), largest_difference=difference, equal_decisions=equal)


def _pair(model: nn.Model, part: Any, *, last: bool, arguments: bool) -> tuple[Any, Any]:
    """A batch as the net takes it, and as the source does."""
    encoded = model.encoder is not None
    x = model.encode(part) if encoded else _first(np.asarray(part, np.float32), model, last)
    if not arguments:
        return x, part
    return x, (_last(x) if last else x) if encoded else np.asarray(part, np.float32)


def _by_name(
    model: nn.Model, inputs: Mapping[str, Any], *, last: bool, arguments: bool
) -> tuple[range, Callable[[range], tuple[Any, Any]]]:
    """The rows of inputs by name, and a function of some rows: these as the net takes them, and as
    the source does.
    """
    arrays = {name: np.atleast_1d(np.asarray(x, np.float32)) for name, x in inputs.items()}

    def pair(rows: range) -> tuple[Any, Any]:
        part = {name: values[rows.start : rows.stop] for name, values in arrays.items()}
        first = {n: np.moveaxis(x, -1, 1) if last and x.ndim > 2 else x for n, x in part.items()}
        return model.encode(first), [*part.values()] if arguments else part

    # Other names are refused by the model, with the first rows.
    return range(min(map(len, arrays.values()), default=1)), pair


def _outputs(values: Any) -> list[NDArray[Any]]:
    """The output, or the outputs that a dict or a tuple holds; PyTorch's without gradients."""
    if isinstance(values, dict):
        values = tuple(values.values())
    several = values if isinstance(values, tuple) else (values,)
    plain = (value.detach() if hasattr(value, "detach") else value for value in several)
    return [np.atleast_1d(np.asarray(value)) for value in plain]


def _rows(
    ours: NDArray[Any], theirs: NDArray[Any], last: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """An output of the net and of its source as (N, values), in the net's order."""
    theirs = np.moveaxis(theirs, -1, 1) if last and theirs.ndim == ours.ndim > 2 else theirs
    theirs = _by_channel(theirs, ours.shape[1:])
    if len(theirs) != len(ours) or theirs.size != ours.size:
        raise FrameworkError(f"the source gives {theirs.shape}, the net {ours.shape}")
    if theirs.dtype.kind not in "buif":
        raise FrameworkError(f"the source gives {theirs.dtype}; wanted numbers")
    return ours.reshape(len(ours), -1), theirs.reshape(len(ours), -1)


def _runner(source: Any) -> tuple[Callable[[Any], Any], bool]:
    """A function of arrays that runs the source, and whether it has the channels last."""
    torch, keras = sys.modules.get("torch"), sys.modules.get("keras")
    if torch is not None and isinstance(source, torch.nn.Module) and not _is_keras(source, keras):

        def run(x: Any) -> Any:
            several = x if isinstance(x, list) else [x]
            training = {part: part.training for part in source.modules()}
            source.eval()
            try:
                with torch.no_grad():
                    return source(*(torch.from_numpy(np.ascontiguousarray(x)) for x in several))
            finally:
                for part, was in training.items():
                    part.training = was

        return run, False
    if _is_keras(source, keras):
        return lambda x: _of_keras(source.predict(x, verbose=0)), True
    if callable(source) and not isinstance(source, type | nn.Layer):
        return source, False
    raise FrameworkError(
        f"source is {kind_of(source)}; wanted: a torch.nn.Module, a Keras model or a function of "
        "the inputs"
    )


def _of_keras(values: Any) -> Any:
    """What a Keras model gives, its several outputs as a tuple."""
    return tuple(values) if isinstance(values, list) else values


def _is_keras(source: Any, keras: Any) -> bool:
    return keras is not None and isinstance(source, keras.Layer)


def _first(x: NDArray[Any], model: nn.Model, last: bool) -> NDArray[Any]:
    """A batch of the source as the net takes it: channels first, signals as images (C, 1, L)."""
    shape = model.input_shape
    if last and x.ndim > 2:
        x = np.moveaxis(x, -1, 1)
    if shape is None:
        return x
    x = _by_channel(x, shape)
    if x[:1].size != math.prod(shape):
        raise FrameworkError(f"inputs are {x.shape}; wanted a batch of {shape}")
    return x.reshape(len(x), *shape)


def _by_channel(x: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Signals (N, T, C), as PyTorch's recurrent modules take and give them, as (N, C, T)."""
    return x.swapaxes(1, 2) if len(shape) == 2 and x.shape[1:] == shape[::-1] != shape else x


def _last(x: NDArray[Any]) -> NDArray[Any]:
    """Channels last."""
    return np.moveaxis(x, 1, -1) if x.ndim > 2 else x
