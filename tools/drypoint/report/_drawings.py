"""Small drawings and pictures as elements of the page: a signal, a curve, points, an image."""

import io
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drypoint.common import html_image, html_text
from drypoint.measure import Example
from drypoint.tasks import MarkedPicture

_CHANNELS = 3  # of a signal that are drawn
_STEPS = 96  # of a signal that are drawn
_POINTS = 400  # of a curve or of a cloud
_SIDE = 48  # pixels; larger images are made smaller
_MOST_BYTES = 900_000  # of all pictures of a page, as text


def draw_signal(signal: NDArray[np.generic], *, label: str) -> str:
    """A signal (steps, channels), each channel between its least and its largest value."""
    values = np.asarray(signal, np.float64)
    values = values[np.linspace(0, len(values) - 1, min(len(values), _STEPS)).astype(int)]
    across = np.linspace(2, 94, len(values))
    lines = []
    for channel in values.T[:_CHANNELS]:
        low, high = channel.min(), channel.max()
        down = 44 - 40 * (channel - low) / (high - low if high > low else 1)
        lines.append(f'<polyline points="{_points(across, down)}"/>')
    return (
        f'<svg class="signal" role="img" aria-label="{html_text(label)}" viewBox="0 0 96 48">'
        f"{''.join(lines)}</svg>"
    )


def draw_curve(x: NDArray[np.generic], y: NDArray[np.generic], *, label: str) -> str:
    """A curve in the unit square, with the diagonal, as an ROC curve."""
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), _POINTS)).astype(int))
    across, down = 4 + 212 * np.asarray(x)[keep], 216 - 212 * np.asarray(y)[keep]
    inside = '<line x1="4" y1="216" x2="216" y2="4"/>'
    return _square(f'{inside}<polyline points="{_points(across, down)}"/>', label)


def draw_lines(x: NDArray[np.generic], y: NDArray[np.generic], *, label: str) -> str:
    """Curves (curves, N) in the unit square."""
    across = 4 + 212 * np.asarray(x, np.float64)
    lines = (
        f'<polyline points="{_points(across, 216 - 212 * np.asarray(row, np.float64))}"/>'
        for row in y
    )
    return _square("".join(lines), label).replace('class="square"', 'class="square lines"')


def draw_marks(picture: MarkedPicture, *, label: str) -> str:
    """A picture with the boxes on it: each kind of box has a line of its own."""
    content, (height, width) = io.BytesIO(), picture.image.shape[:2]
    Image.fromarray(picture.image).save(content, "png", optimize=True)
    boxes = ""
    for mark in picture.marks:
        left, top, right, bottom = mark.box
        boxes += (
            f'<rect class="{mark.kind}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
            f'height="{bottom - top:.1f}"><title>{mark.kind}: {html_text(mark.text)}</title></rect>'
        )
    counts = Counter(mark.kind for mark in picture.marks)
    words = ", ".join(f"{n} {kind}" for kind, n in counts.items())
    pixels = f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
    return (
        f'<svg class="marks" role="img" aria-label="{html_text(label)}: {words or "no boxes"}" '
        f'viewBox="0 0 {width} {height}"><image href="{pixels}" width="{width}" '
        f'height="{height}"/>{boxes}</svg>'
    )


def draw_points(x: NDArray[np.generic], y: NDArray[np.generic], *, label: str) -> str:
    """Points, both axes from the least to the largest value of all, with the diagonal."""
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), _POINTS)).astype(int))
    a, b = np.asarray(x, np.float64)[keep], np.asarray(y, np.float64)[keep]
    low, high = min(a.min(), b.min()), max(a.max(), b.max())
    span = high - low if high > low else 1.0
    across, down = 4 + 212 * (a - low) / span, 216 - 212 * (b - low) / span
    dots = "".join(
        f'<circle cx="{i:.1f}" cy="{j:.1f}" r="2"/>' for i, j in zip(across, down, strict=True)
    )
    return _square(f'<line x1="4" y1="216" x2="216" y2="4"/>{dots}', label)


def _square(inside: str, label: str) -> str:
    frame = '<rect x="4" y="4" width="212" height="212"/>'
    return (
        f'<svg class="square" role="img" aria-label="{html_text(label)}" viewBox="0 0 220 220">'
        f"{frame}{inside}</svg>"
    )


def _points(across: NDArray[np.float64], down: NDArray[np.float64]) -> str:
    return " ".join(f"{i:.1f},{j:.1f}" for i, j in zip(across, down, strict=True))


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
