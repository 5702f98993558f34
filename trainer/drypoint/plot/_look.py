"""The one look of all figures: gray ink, one accent, maps that the colour-blind can read."""

from functools import partial
from typing import TYPE_CHECKING

from drypoint.common import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

INK = "#333333"
MUTED = "#a3a3a3"
PALE = "#cccccc"
FAINT = "#e3e3e3"
ACCENT = "#0072b2"  # the blue of the palette of Okabe and Ito

GRAY_MAP = "gray"  # pixels
AMOUNT_MAP = "viridis"  # from 0 up
SIGNED_MAP = "RdBu_r"  # around 0
SHARE_MAP = "Blues"  # 0 to 1, white to dark

TITLE_SIZE, LABEL_SIZE, SMALL_SIZE = 10, 9, 8  # points


shown = partial(printable, lines=True)
"""A name or title as a figure may show it; matplotlib draws what it is given, and warns."""


def dress(ax: "Axes", *, title: str = "", x: str = "", y: str = "") -> None:
    """Title and labels, and a frame reduced to the two axes."""
    if title:
        ax.set_title(shown(title), loc="left", fontsize=TITLE_SIZE, color=INK, parse_math=False)
    ax.set_xlabel(shown(x), fontsize=LABEL_SIZE, color=INK, parse_math=False)
    ax.set_ylabel(shown(y), fontsize=LABEL_SIZE, color=INK, parse_math=False)
    ax.tick_params(labelsize=SMALL_SIZE, color=MUTED, labelcolor=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)


def undress(ax: "Axes", *, title: str = "") -> None:
    """Title only: no axes."""
    if title:
        ax.set_title(shown(title), loc="left", fontsize=TITLE_SIZE, color=INK, parse_math=False)
    ax.set_axis_off()


def legend(ax: "Axes") -> None:
    """The names of curves, below the axis: nowhere beside a curve is sure to stay free."""
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.2),
        ncols=2,
        fontsize=SMALL_SIZE,
        frameon=False,
        labelcolor=INK,
    )


def grid(ax: "Axes", *, along: str) -> None:
    """Faint lines behind the artists, across the axis ``along`` ("x", "y")."""
    ax.set_axisbelow(True)
    if along == "x":
        ax.grid(axis="x", color=FAINT, linewidth=0.8)
    else:
        ax.grid(axis="y", color=FAINT, linewidth=0.8)


def log_labels(axis: "Axis") -> None:
    """Plain numbers along a logarithmic axis whose limits are set: 1 2 5 10 ... or 1 10 100 ...

    Matplotlib writes 3 x 10^0 over 4 x 10^0 where the range is short.
    """
    from matplotlib.ticker import (  # noqa: PLC0415 - an optional dependency
        FuncFormatter,
        LogLocator,
        NullFormatter,
    )

    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}"))
    axis.set_minor_formatter(NullFormatter())
