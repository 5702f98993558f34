"""Images in characters."""

import numpy as np
from numpy.typing import NDArray

from drypoint.data import ascii_image

_SHADES = str.maketrans(" .:-=+*#%@", "  ░░▒▒▓▓██")
SIGNS = "= - . + #"
_SIGNED = (" =", " -", " .", " +", " #")


def shade(
    image: NDArray[np.generic],
    *,
    limits: tuple[float, float],
    columns: int,
    plain: bool,
) -> list[str]:
    """Lines of an image (H, W) or (H, W, 3) in shades, bright pixels dense, in ``columns``.

    Values are cut to ``limits``; both ends equal is black. An image of at most half the columns
    gets two characters a pixel, so that it keeps its shape and every pixel; any other is scaled,
    as `data.ascii_image` does it.
    """
    low, high = limits
    span = high - low
    shares = (image.astype(np.float64) - low) / span if span > 0 else np.zeros(image.shape)
    pixels = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    width = pixels.shape[1]
    if 2 * width <= columns:
        across = 2 * width  # row by row, so that no scaling mixes them
        shown = [ascii_image(row[None].repeat(2, axis=1), across) for row in pixels]
    else:
        across = min(columns, width)
        shown = ascii_image(pixels, across).split("\n")
    lines = [line.ljust(across) for line in shown]
    return lines if plain else [line.translate(_SHADES) for line in lines]


def shade_signs(image: NDArray[np.generic], *, limit: float) -> list[str]:
    """Lines of values (H, W) by sign and size, two characters each: ``=`` ``-`` ``.`` ``+`` ``#``.

    The five steps are equal and reach from ``-limit`` to ``limit``; "." is around 0.
    """
    shares = image.astype(np.float64) / limit if limit > 0 else np.zeros(image.shape)
    steps = np.clip(np.floor((shares + 1) * 2.5), 0, 4).astype(int)
    return ["".join(_SIGNED[step] for step in row) for row in steps.tolist()]
