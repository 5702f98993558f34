"""Small pictures of examples as HTML elements that hold their bytes."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drypoint.common import html_image
from drypoint.measure import Example

from ._drawings import draw_signal

_SIDE = 48  # pixels; larger images are made smaller
_MOST_BYTES = 900_000  # of all pictures of a page, as text


@dataclass(eq=False)
class Thumbnails:
    """Makes the pictures of a page, as long as there is room for them.

    Attributes:
        room: bytes that are left.
        signals: (N, steps, channels), if the examples are signals of several steps.
    """

    room: int = _MOST_BYTES
    signals: NDArray[np.generic] | None = None

    def element(self, example: Example) -> str:
        """A picture of an example: an ``<img>``, or an ``<svg>`` of a signal; "" without an image
        and without a signal, or without room."""
        if self.room < 0:
            return ""
        if self.signals is not None:
            label = f"signal {example.index}"
            element = draw_signal(self.signals[example.index], label=label)
            self.room -= len(element)
            return element if self.room >= 0 else ""
        if example.image is None:
            return ""
        image = Image.fromarray(example.image)
        image.thumbnail((_SIDE, _SIDE))
        content = io.BytesIO()
        image.save(content, "png", optimize=True)
        element = html_image(
            content.getvalue(), alt=f"image {example.index}", width=image.width, height=image.height
        )
        self.room -= len(element)
        return element if self.room >= 0 else ""
