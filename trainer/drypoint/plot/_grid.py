"""Images in rows and columns, each with its title; images as characters."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.data import ascii_image

from . import _look as look
from ._blocks import fit_width, flow, number, shorten
from ._checks import PlotError
from ._picture import Layout, Panels, Picture

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


Scale: TypeAlias = Literal["pixels", "amount", "signed"]
"""The mapping of values to colours: brightness, amounts from 0 up, or values around 0."""

MOST_IMAGES = 256  # more are too small to see
_MAPS = {"pixels": look.GRAY_MAP, "amount": look.AMOUNT_MAP, "signed": look.SIGNED_MAP}
_MOST_SIGNS = 11  # pixels across; wider ones read better in shades
_CELL = 1.15  # inches
_LINE = 0.15  # of the height of a cell: one line of a title


@dataclass(frozen=True, eq=False, repr=False)
class ImageGrid(Picture):
    """Images with titles, on one pair of axes.

    Attributes:
        images: each (H, W) or (H, W, 3), uint8 or float64, read-only.
        titles: the title of each image, of one line or more; "" for none.
        marked: for each image whether its title is highlighted.
        limits: for each image the values at the two ends of the colour scale.
        columns: the number of images side by side in the figure.
        scale: the mapping of values to colours; all but "pixels" have a colour bar.
        title: the title of the picture.
    """

    images: tuple[NDArray[np.generic], ...]
    titles: tuple[str, ...]
    marked: tuple[bool, ...]
    limits: tuple[tuple[float, float], ...]
    columns: int
    scale: Scale
    title: str

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """The images in characters: shades, denser for higher values; signs for small kernels."""
        width = fit_width(width)
        widest = max(image.shape[1] for image in self.images)
        room = width if len(self.images) == 1 else (width - 2) // 2  # at least two side by side
        room = min(room, 40 if widest <= 20 else 28) if len(self.images) <= 4 else min(room, 18)
        signs = self.scale == "signed" and widest <= _MOST_SIGNS
        cells = []
        for image, title, marked, limits in zip(
            self.images, self.titles, self.marked, self.limits, strict=True
        ):
            if signs:
                picture = shade_signs(image, limit=limits[1])
            else:
                fine = plain or self.scale == "signed"  # ten steps: so that 0 is seen between
                picture = shade(image, limits=limits, columns=room, plain=fine)
            words = title.split("\n") if title else []
            words = [f"{words[0]} *", *words[1:]] if words and marked else words
            cells.append([shorten(line, width, plain=plain) for line in words] + picture)
        lines = [self.title] if self.title else []
        if self.scale != "pixels":
            low, high = self.limits[0]
            lines.append(f"{SIGNS if signs else 'shades'}: {number(low)} to {number(high)}")
        return "\n".join([*lines, *([""] if lines else []), *flow(cells, width=width)])

    @property
    def layout(self) -> Layout:
        """A little more than an inch an image; wider where titles are."""
        across, down = self._cell
        rows = -(-len(self.images) // self.columns)
        legend = 0.0 if self.scale == "pixels" else 0.8
        return Layout(
            width=max(2.2, 0.2 + self.columns * across * _CELL + legend),
            height=max(1.2, (0.4 if self.title else 0.15) + rows * down * _CELL),
        )

    @property
    def _cell(self) -> tuple[float, float]:
        """Width and height of a cell, in widths of an image."""
        lines = max(title.count("\n") + 1 if title else 0 for title in self.titles)
        longest = max(len(line) for title in self.titles for line in title.split("\n"))
        tallest = max(image.shape[0] / image.shape[1] for image in self.images)
        # A character of 8 points is about 0.07 inches wide.
        return max(1.08, longest * 0.07 / _CELL + 0.1), tallest + 0.08 + lines * _LINE

    def corner(self, i: int) -> tuple[float, float]:
        """Left and top of an image on the axes, in widths of an image."""
        across, down = self._cell
        row, column = divmod(i, self.columns)
        height, width = self.images[i].shape[:2]
        return column * across, height / width - (row + 1) * down

    def _draw(self, axes: Panels) -> None:
        (ax,) = axes
        across, down = self._cell
        shown = None
        for i, image in enumerate(self.images):
            left, top = self.corner(i)
            bottom = top - image.shape[0] / image.shape[1]
            low, high = self.limits[i]
            shown = ax.imshow(
                image,
                cmap=_MAPS[self.scale],
                vmin=low,
                vmax=high if high > low else low + 1,
                extent=(left, left + 1, bottom, top),
                interpolation="nearest",
            )
            ax.text(
                left,
                top + 0.03,
                look.shown(self.titles[i]),
                fontsize=look.SMALL_SIZE,
                color=look.ACCENT if self.marked[i] else look.INK,
                weight="bold" if self.marked[i] else "normal",
                verticalalignment="bottom",
                parse_math=False,
            )
        rows = -(-len(self.images) // self.columns)
        ax.set_xlim(-0.02, self.columns * across)
        ax.set_ylim(-rows * down - 0.02, 0)
        ax.set_aspect("equal")
        look.undress(ax, title=self.title)
        if self.scale != "pixels" and shown is not None:
            legend = ax.figure.colorbar(shown, ax=ax, shrink=0.8, aspect=25)
            legend.ax.tick_params(labelsize=look.SMALL_SIZE, color=look.MUTED)
            legend.outline.set_visible(False)


def image_grid(
    images: list[NDArray[np.generic]],
    titles: list[str],
    *,
    marked: list[bool] | None = None,
    shared: tuple[float, float] | None = None,
    columns: int | None = None,
    scale: Scale = "pixels",
    title: str = "",
    placed: Panels = (),
) -> ImageGrid:
    """The grid of checked images; ``shared`` limits, else 0 to 255 or each image's own."""
    if not 1 <= len(images) <= MOST_IMAGES:
        raise PlotError(
            f"from 1 to {MOST_IMAGES} images can be shown, not {len(images)}"
            + ("; take some of them" if images else "")
        )
    if columns is not None and columns < 1:
        raise PlotError(f"columns must be at least 1, not {columns}")
    frozen = tuple(as_image(image) for image in images)
    return ImageGrid(
        images=frozen,
        titles=tuple(titles),
        marked=tuple(marked or [False] * len(images)),
        limits=tuple(_limits(image) if shared is None else shared for image in frozen),
        columns=min(len(images), columns or _columns(len(images))),
        scale=scale,
        title=title,
        placed=placed,
    )


def as_image(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """A read-only copy (H, W) or (H, W, 3), uint8 or float64, channels last."""
    array = np.array(values)
    if array.ndim == 3 and array.shape[2] != 3 and array.shape[0] in (1, 3):
        array = np.moveaxis(array, 0, -1)  # as an encoder gives it
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise PlotError(
            "an image must be (H, W), (H, W, 3), (1, H, W) or (3, H, W), "
            f"not an array of shape {np.shape(values)}"
        )
    if array.dtype.kind not in "buif":
        raise PlotError(f"the pixels of an image must be numbers, not {array.dtype}")
    if array.dtype != np.uint8:
        array = array.astype(np.float64)
        if not np.isfinite(array).all():
            raise PlotError("the pixels of an image must be finite, these hold NaN or infinity")
        if array.ndim == 3:  # one scale for all channels: lowest 0, highest 1
            low, high = float(array.min()), float(array.max())
            array = (array - low) / (high - low) if high > low else np.zeros_like(array)
    array.flags.writeable = False
    return array


def _limits(image: NDArray[np.generic]) -> tuple[float, float]:
    """0 to 255 for uint8, else the lowest and the highest value."""
    return (0.0, 255.0) if image.dtype == np.uint8 else (float(image.min()), float(image.max()))


def _columns(n: int) -> int:
    """Side by side when few; else about twice as many columns as rows, at most ten."""
    return n if n <= 5 else min(10, math.ceil(math.sqrt(2 * n)))
