"""Small drawings as SVG elements, in the colours of the page: a signal, a curve, points."""

import numpy as np
from numpy.typing import NDArray

from drypoint.common import html_text

_CHANNELS = 3  # of a signal that are drawn
_STEPS = 96  # of a signal that are drawn
_POINTS = 400  # of a curve or of a cloud


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
