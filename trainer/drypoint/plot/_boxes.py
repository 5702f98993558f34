"""Pictures with boxes around objects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.data import Dataset, FoundBox

from . import _look as look
from ._checks import PlotError, array, check
from ._grid import MOST_IMAGES, ImageGrid, image_grid
from ._picture import Panels, Placement, placement


@dataclass(frozen=True, eq=False, repr=False)
class BoxGrid(ImageGrid):
    """Images with boxes on them.

    Attributes:
        boxes: for each image its boxes, in pixels of the image.
        is_scored: whether the scores of boxes are probabilities; else boxes are labels.
    """

    boxes: tuple[tuple[FoundBox, ...], ...] = ()
    is_scored: bool = True

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """The images in characters with the edges of their boxes, and a line for each box."""
        images = [*map(_with_edges, self.images, self.boxes, self.limits)]
        grid = image_grid(images, [*self.titles], columns=self.columns, title=self.title)
        lines = [
            f"image {i}: {self._text(box)} at {_places(box)}"
            for i, boxes in enumerate(self.boxes)
            for box in boxes
        ]
        text = replace(grid, limits=self.limits).render(width, plain=plain)
        return "\n".join([text, *([""] if lines else []), *lines])

    def _text(self, box: FoundBox) -> str:
        return f"{box.label} {100 * box.score:.0f} %" if self.is_scored else str(box.label)

    def _draw(self, axes: Panels) -> None:
        from matplotlib.patches import Rectangle  # noqa: PLC0415

        super()._draw(axes)
        (ax,) = axes
        for i, boxes in enumerate(self.boxes):
            left, top = self.corner(i)
            pixel = 1 / self.images[i].shape[1]
            for box in boxes:
                x, y = left + box.left * pixel, top - box.bottom * pixel
                sides = (box.right - box.left) * pixel, (box.bottom - box.top) * pixel
                ax.add_patch(Rectangle((x, y), *sides, fill=False, edgecolor=look.ACCENT))
                ax.text(
                    x,
                    top - box.top * pixel,
                    look.shown(self._text(box)),
                    fontsize=look.SMALL_SIZE - 2,
                    color="white",
                    bbox={"facecolor": look.ACCENT, "linewidth": 0, "pad": 1},
                    verticalalignment="bottom",
                    parse_math=False,
                )


def boxes(
    shown: Dataset | Sequence[ArrayLike],
    found: Sequence[Sequence[FoundBox]] | None = None,
    *,
    columns: int | None = None,
    title: str = "",
    ax: Placement = None,
) -> BoxGrid:
    """Images with the boxes that a net found in them, or with the boxes of a data set.

    Args:
        shown: a data set, or images, each (H, W), (H, W, 3), (1, H, W) or (3, H, W). At most 256.
        found: for each image a list of `data.FoundBox`, as a model's or an engine's ``predict``
            gives it, in pixels of the image; None: the boxes of the data set.
        columns: the number of images side by side; None: by the number of images.
        title: the title of the picture.
        ax: one axes to draw on.

    Raises:
        PlotError: no images or too many; another number of lists than of images; no boxes.
    """
    wanted = "a Dataset with boxes, or images"
    check(shown, (Dataset, list, tuple, np.ndarray), name="shown", wanted=wanted)
    images = [*islice(shown.x if isinstance(shown, Dataset) else shown, MOST_IMAGES + 1)]
    lists = _boxes_of(shown) if found is None else found
    check(lists, (list, tuple), name="found", wanted="a list of boxes for each image")
    if len(images) <= MOST_IMAGES and len(lists) != len(images):
        raise PlotError(f"there are {len(images)} images and {len(lists)} lists of boxes")
    for given in lists:
        check(given, (list, tuple), name="one of the lists", wanted="a list of FoundBox")
        for box in given:
            check(box, FoundBox, name="one of the boxes", wanted="a FoundBox, as predict gives it")
    numbers = [array(image, "one of the images") for image in images]
    titles = [f"{len(given)} object{'s' * (len(given) != 1)}" for given in lists]
    grid = image_grid(numbers, titles[: len(images)], columns=columns, title=title)
    return BoxGrid(
        **{**vars(grid), "placed": placement(ax)},
        boxes=tuple(map(tuple, lists)),
        is_scored=found is not None,
    )


def _places(box: FoundBox) -> str:
    return ", ".join(f"{round(side, 1):g}" for side in box[2:])


def _boxes_of(shown: object) -> list[list[FoundBox]]:
    """The boxes of a data set's images, of the probability 1."""
    if not isinstance(shown, Dataset) or shown.boxes is None:
        raise PlotError("found is missing: only a data set with boxes has its own")
    given = shown.boxes
    rows = (given[i].tolist() for i in range(min(len(shown), MOST_IMAGES)))
    return [[FoundBox(shown.classes[int(c)], 1.0, *box) for c, *box in table] for table in rows]


def _with_edges(
    image: NDArray[np.generic], found: Sequence[FoundBox], limits: tuple[float, float]
) -> NDArray[np.generic]:
    """An image with the edges of boxes in its brightest value."""
    drawn = np.array(image)
    height, width = drawn.shape[:2]
    for box in found:
        left, right = (min(max(int(side), 0), width) for side in (box.left, np.ceil(box.right)))
        top, bottom = (min(max(int(side), 0), height) for side in (box.top, np.ceil(box.bottom)))
        inside = drawn[top:bottom, left:right]
        for edge in (inside[:1], inside[-1:], inside[:, :1], inside[:, -1:]):
            edge[...] = limits[1]
    return drawn
