"""The result as bars: characters always, a figure with matplotlib."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drypoint.plot import Layout, Picture

from ._result import BenchResult, NetTimes, best_batch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ONE, MANY, LIMIT = "#0072b2", "#a3a3a3", "#d55e00"


@dataclass(frozen=True)
class Bar:
    """Microseconds an input of one contestant."""

    name: str
    single: float
    batched: float


@dataclass(frozen=True, eq=False, repr=False)
class SpeedBars(Picture):
    """A panel for each net: every contestant with single input a call, and in batches.

    Bars that are longer than the peers' (plain C, say) are cut, and their ends say so.
    """

    result: BenchResult

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """Two bars a contestant, the shorter the better."""
        lines = ["microseconds an input; the upper bar: one input a call, the lower: batches"]
        for net in self.result.nets:
            bars = bars_of(net)
            rows = [
                (name, f"{value:.2f}", value)
                for bar in bars
                for name, value in ((bar.name, bar.single), ("", bar.batched))
            ]
            lines += ["", net.name]
            lines += _bar_lines(rows, longest=scale(bars), width=width, plain=plain)
        return "\n".join(lines)

    @property
    def layout(self) -> Layout:
        """A panel for each net, two beside each other."""
        nets = self.result.nets
        columns = min(2, len(nets))
        rows = -(-len(nets) // columns)
        height = 0.5 + rows * (0.7 + 0.36 * max(len(bars_of(net)) for net in nets))
        return Layout(width=6.0 * columns, height=height, panels=len(nets), columns=columns)

    def _draw(self, axes: "tuple[Axes, ...]") -> None:
        for ax, net in zip(axes, self.result.nets, strict=True):
            bars = bars_of(net)
            longest, places = scale(bars), range(len(bars))
            for offset, color, label, values in (
                (-0.2, ONE, "one input a call", [bar.single for bar in bars]),
                (0.2, MANY, "batches", [bar.batched for bar in bars]),
            ):
                shown = [min(longest, value) for value in values]
                spots = [place + offset for place in places]
                ax.barh(spots, shown, height=0.38, color=color, label=label)
                for spot, value, end in zip(spots, values, shown, strict=True):
                    cut = " →" if value > longest else ""
                    text = f" {value:,.1f}{cut}"
                    ax.text(end, spot, text, va="center", fontsize=7, color="#333333")
            bounds = [b for b in (net.engines[0].bound_us, net.engines[0].batch_bound_us) if b]
            for bound, label in zip(bounds, ("limit, one input", "limit, batches"), strict=False):
                style = "-" if label.endswith("input") else ":"
                ax.axvline(bound, color=LIMIT, linewidth=1, linestyle=style, label=label)
            ax.set_yticks(list(places), [bar.name for bar in bars], fontsize=8)
            ax.invert_yaxis()
            ax.set_xlim(0, 1.15 * longest)
            title = f"{net.name}: {net.macs:,} MACs"
            _finish_panel(ax, title=title, xlabel="microseconds an input, one thread")
        _add_legend(axes, columns=4)


def bars_of(net: NetTimes) -> list[Bar]:
    """Every contestant, the fastest first."""
    bars = [
        Bar(f"drypoint {e.backend}", e.c_us.median, best_batch(e.batches)[1].median)
        for e in net.engines
    ]
    bars += [Bar(p.name, p.batches[1].median, best_batch(p.batches)[1].median) for p in net.peers]
    return sorted(bars, key=lambda bar: bar.single)


def scale(bars: list[Bar]) -> float:
    """The length at which bars are cut: five times the shortest bar, or the longest bar."""
    ones = [bar.single for bar in bars]
    return min(max(ones), 5 * min(ones))


def _bar_lines(
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


def _finish_panel(ax: "Axes", *, title: str, xlabel: str) -> None:
    """Title, label and ticks of a panel."""
    ax.set_title(title, loc="left", fontsize=10)
    ax.set_xlabel(xlabel, fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8)


def _add_legend(axes: "Sequence[Axes]", *, columns: int) -> None:
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
