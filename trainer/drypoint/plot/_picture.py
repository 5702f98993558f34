"""`Picture`: the data of a drawing, its text, and the drawing itself on demand."""

import base64
import io
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from drypoint.common import (
    attribute_hints,
    check_writable,
    how_to_install,
    html_text,
    printable,
    write_atomic,
)

from ._aliases import PICTURE_HINTS
from ._checks import MatplotlibMissingError, PlotError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Panel: TypeAlias = "Axes"
Panels: TypeAlias = "tuple[Axes, ...]"
Placement: TypeAlias = "Axes | Sequence[Axes] | None"
"""Where to draw: the axes of a figure of yours, one for each panel; None makes a figure."""

_DPI = 144  # two pixels a point: sharp on dense screens, still small files


@dataclass(frozen=True)
class Layout:
    """The panels of a figure.

    Attributes:
        width, height: of the whole figure, inches.
        panels: how many axes are drawn on.
        columns: how many of them stand side by side.
    """

    width: float
    height: float
    panels: int = 1
    columns: int = 1


@attribute_hints(PICTURE_HINTS)
@dataclass(frozen=True, eq=False, repr=False)
class Picture(ABC):
    """An immutable value that holds the data of a drawing.

    The text form needs no matplotlib. The picture is drawn once: by the constructor on the user's
    axes, or by the first use of `figure`, `save` or a notebook on a new figure, which pyplot does
    not manage.

    Attributes:
        placed: the user's axes; empty for a figure of its own.

    Raises:
        PlotError: the number of axes is not the picture's number of panels.
        MatplotlibMissingError: there are axes and matplotlib is not installed.
    """

    _: KW_ONLY
    placed: Panels = ()

    def __post_init__(self) -> None:
        """Draw at once if the user gave axes."""
        if self.placed:
            _ = self.axes

    @abstractmethod
    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """The picture as text.

        Args:
            width: columns that lines may take; a single cell or row that cannot be narrower is
                longer. Below 20 counts as 20.
            plain: draw with ASCII characters only; names stay unchanged.
        """

    @property
    @abstractmethod
    def layout(self) -> Layout:
        """The figure that suits the data."""

    @abstractmethod
    def _draw(self, axes: Panels) -> None:
        """Put the artists on the axes, one axes a panel."""

    @property
    def text(self) -> str:
        """The picture in 80 columns of Unicode."""
        return printable(self.render(), lines=True)

    @property
    def alt(self) -> str:
        """A sentence for a page's readers who cannot see the figure: what it shows, and titles."""
        what = (type(self).__doc__ or "A picture.").splitlines()[0]
        headings = (ax.get_title(loc=at) for ax in self.axes for at in ("left", "center"))
        titles = [" ".join(title.split()) for title in headings if title]
        return f"{what} Titles: {'; '.join(titles)}." if titles else what

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        """The text form, so that a terminal shows the picture."""
        return self.text

    @cached_property
    def axes(self) -> Panels:
        """The axes drawn on, one for each panel.

        Raises:
            MatplotlibMissingError: there is no matplotlib.
        """
        layout = self.layout
        figure_class = figure_type()
        axes = self.placed
        if not axes:
            rows = -(-layout.panels // layout.columns)
            figure = figure_class(
                figsize=(layout.width, layout.height), layout="compressed", facecolor="white"
            )
            axes = tuple(
                figure.add_subplot(rows, layout.columns, i + 1) for i in range(layout.panels)
            )
        if len(axes) != layout.panels:
            raise PlotError(f"{layout.panels} axes are wanted, one a panel, and {len(axes)} came")
        self._draw(axes)
        return axes

    @property
    def ax(self) -> "Axes":
        """The first of `axes`: of most pictures the only one."""
        return self.axes[0]

    @property
    def figure(self) -> "Figure":
        """The matplotlib figure, drawn by the first use of it.

        Raises:
            MatplotlibMissingError: there is no matplotlib.
        """
        return self.ax.figure.figure  # twice, since the first may be a subfigure

    def png(self) -> bytes:
        """The figure as the bytes of a PNG file, 144 dots an inch."""
        return self._file("png")

    def svg(self) -> bytes:
        """The figure as the bytes of an SVG file."""
        return self._file("svg")

    def save(self, path: str | Path) -> None:
        """Write the figure, whole or not at all, as its suffix says: ``.png`` or ``.svg``.

        Raises:
            PlotError: another suffix.
            MatplotlibMissingError: there is no matplotlib.
            DrypointError: the file cannot be written.
        """
        write_atomic(path, self._file(_check_suffix(path)[1:]))

    @staticmethod
    def check_saving(path: str | Path) -> None:
        """Check that `save` can write a file; call it before long work.

        Raises:
            PlotError: another suffix than ``.png`` or ``.svg``.
            MatplotlibMissingError: there is no matplotlib.
            DrypointError: the file cannot be written.
        """
        _check_suffix(path)
        figure_type()
        check_writable(path)

    def _repr_png_(self) -> bytes | None:
        """For notebooks; None without matplotlib."""
        try:
            return self.png()
        except MatplotlibMissingError:
            return None

    def _repr_html_(self) -> str:
        """For notebooks: the figure, or the text where there is no matplotlib."""
        image = self._repr_png_()
        if image is None:
            return f'<pre style="line-height: 1.1">{html_text(self.text)}</pre>'
        data = base64.b64encode(image).decode()
        words = html_text(self.alt)
        width = round(self.figure.get_figwidth() * 96)  # CSS pixels: 96 an inch
        return f'<img width="{width}" alt="{words}" src="data:image/png;base64,{data}">'

    def _file(self, kind: str) -> bytes:
        """The figure in a format; without a date, so that a figure's PNG bytes are its own."""
        content = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        self.figure.savefig(content, format=kind, dpi=_DPI, metadata=metadata)
        return content.getvalue()


def placement(ax: Placement) -> Panels:
    """The axes of a ``Placement``."""
    if ax is None:
        return ()
    figure_type()
    from matplotlib.axes import Axes  # noqa: PLC0415 - an optional dependency

    axes = (ax,) if isinstance(ax, Axes) else tuple(ax)
    for panel in axes:
        if not isinstance(panel, Axes):
            raise PlotError(f"a matplotlib Axes is wanted to draw on, not {type(panel).__name__}")
    if not axes:
        raise PlotError("no axes came to draw on; leave them out for a figure of its own")
    return axes


def _check_suffix(path: str | Path) -> str:
    """The suffix of a picture's file, in lower case."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".png", ".svg"):
        raise PlotError(f"cannot save a picture as {str(path)!r}: name it .png or .svg")
    return suffix


def figure_type() -> "type[Figure]":
    """matplotlib's figure; not from pyplot, which would keep every figure alive."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        raise MatplotlibMissingError(
            "a drawing needs matplotlib, which cannot be imported: "
            f"{how_to_install('plot')}, or use .text"
        ) from error
    return Figure
