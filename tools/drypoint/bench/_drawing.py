"""What the charts of both benches share: bars of characters, and the look of the panels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def bar_lines(
    rows: Sequence[tuple[str, str, float]], *, longest: float, width: int, plain: bool
) -> list[str]:
    """A line for each (name, number, length): a bar, cut with an arrow if it is too long."""
    name_width = max(len(name) for name, _, _ in rows)
    number_width = max(len(number) for _, number, _ in rows)
    columns, block = max(10, width - name_width - number_width - 6), "#" if plain else "█"
    lines = []
    for name, number, length in rows:
        bar = block * max(1, round(length / longest * columns))
        if length > longest:
            bar = block * (columns - 1) + (">" if plain else "→")
        lines.append(f"  {name.ljust(name_width)}  {number.rjust(number_width)}  {bar}")
    return lines


def finish_panel(ax: "Axes", *, title: str, xlabel: str) -> None:
    """Title, label and ticks of a panel."""
    ax.set_title(title, loc="left", fontsize=10)
    ax.set_xlabel(xlabel, fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8)


def add_legend(axes: "Sequence[Axes]", *, columns: int) -> None:
    """One legend below all panels, with each label once."""
    handles = {
        label: handle
        for ax in axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    axes[0].figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=columns,
        fontsize=8,
        frameon=False,
    )
