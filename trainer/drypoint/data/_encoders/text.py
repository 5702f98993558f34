"""Pictures as ASCII text."""

from .._dataset.picture import picture_pixels
from .._errors import CoderError
from .image_encoder import ImageEncoder

_RAMP = " .:-=+*#%@"  # from black to white, as on a dark terminal
_MAX_WIDTH = 200


def ascii_image(image: object, width: int | None = None) -> str:
    """An image in characters, ``width`` columns wide; lines joined by newlines, none at the end.

    Args:
        image: one image in any form that an `ImageEncoder` takes.
        width: columns, 1 to 200; None is the image's own width, at most 80.

    A character cell is about twice as high as wide, so there are half as many lines as the
    aspect would ask for. Brightness 0 to 255 is cut into ten equal steps, dark ones blank.

    Raises:
        CoderError: no image, or a width out of range.
    """
    pixels = picture_pixels(image)
    height, own_width = pixels.shape[:2]
    columns = min(own_width, 80) if width is None else width
    if not 1 <= columns <= _MAX_WIDTH:
        raise CoderError(f"width must be from 1 to {_MAX_WIDTH} columns, not {columns}")
    lines = max(1, round(height * columns / own_width / 2))
    gray = ImageEncoder(width=columns, height=lines).pixels(image)[..., 0].astype(int)
    return "\n".join("".join(_RAMP[v * len(_RAMP) // 256] for v in row).rstrip() for row in gray)
