"""Small pictures of examples as HTML elements that hold their bytes."""

import io
from dataclasses import dataclass

from PIL import Image

from drypoint.common import html_image
from drypoint.measure import Example

_SIDE = 48  # pixels; larger images are made smaller
_MOST_BYTES = 900_000  # of all pictures of a page, as text


@dataclass(eq=False)
class Thumbnails:
    """Makes the pictures of a page, as long as there is room for them."""

    room: int = _MOST_BYTES

    def element(self, example: Example) -> str:
        """An ``<img>`` of an example; "" without an image or without room."""
        if example.image is None or self.room < 0:
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
