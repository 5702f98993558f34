"""Choose the encoder of a net's inputs by its examples.

One rule: a net that is made for the data gets pixels with mean 0 and deviation 1, which it learns
in fewer steps. A net that is given gets them from 0 to 1, as other frameworks have them: it may be
trained, and the data that train it further must not change what it reads. Channels of signals have
units of their own, so both nets get mean and deviation.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import count_of

from .._dataset.pixels import is_signals
from .image_encoder import ImageEncoder
from .signal_encoder import SignalEncoder


def choose_encoder(
    x: NDArray[Any],
    notify: Callable[[str], None],
    *,
    port: str = "",
    shape: tuple[int, ...] | None = None,
    columns: tuple[str, ...] | None = None,
    sample_rate: int | None = None,
) -> ImageEncoder | SignalEncoder | None:
    """The encoder of inputs; None: they are no pictures or signals, or the net reads them as given.

    Args:
        x: the inputs of the training part: uint8 pictures (N, height, width) or (N, height, width,
            3), texts or objects (N,) that are pictures or their paths, or signals (N, steps,
            channels).
        notify: is called with a line that says the encoder.
        port: the port of a net that is given, which reads pixels from 0 to 1; "": the net is made
            for x.
        shape: of this net's input; None: it is open.
        columns: of signals the names of the channels, or (); None: floats are no signals.
        sample_rate: of signals, in Hz.
    """
    where = f"encoder for {port}" if port else "encoder"
    if columns is not None and is_signals(x):
        found = replace(SignalEncoder.from_data(x), columns=columns, sample_rate=sample_rate)
        size = f"{count_of(found.window, 'step')} x {count_of(found.channels, 'channel')}"
        notify(f"{where}: {size}; mean and deviation of each channel")
        return found
    picture = _picture_shape(x, shape)
    if picture is None:
        return None
    channels, height, width = picture
    encoder = ImageEncoder.from_shape(picture)
    said = f"{where}: {width} x {height}, {encoder.color}"
    if port:
        source = "the images' size" if shape is None else "the net's input"
        notify(f"{said}, pixels from 0 to 1, by {source}")
        return encoder
    pixels = x.reshape(-1, channels) / 255
    mean = tuple(round(value, 4) for value in pixels.mean(axis=0).tolist())
    std = tuple(max(round(value, 4), 0.01) for value in pixels.std(axis=0).tolist())
    texts = ", ".join(" ".join(map(str, values)) for values in (mean, std))
    notify(f"{said}; mean, deviation of the training part: {texts}")
    return replace(encoder, mean=mean, std=std)


def _picture_shape(x: NDArray[Any], shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """(channels, height, width) that a net reads of pictures by an encoder; None: it reads x."""
    if shape is not None and (len(shape) != 3 or shape[0] not in (1, 3)):
        return None
    is_rgb = x.ndim == 4 and x.shape[3] == 3
    if x.dtype == np.uint8 and (x.ndim == 3 or is_rgb) and x.shape[1:] != shape:
        return shape or (3 if is_rgb else 1, *x.shape[1:3])
    return shape if x.dtype.kind in "OU" else None
