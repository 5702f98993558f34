"""Speed of training against the size of a batch: characters always, a figure with matplotlib."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drypoint.bench import add_legend, bar_lines, finish_panel
from drypoint.plot import Layout, Picture

from ._result import OURS, TrainNet, TrainResult, TrainTimes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The colours of Okabe and Ito, distinct for the colour-blind; a library's settings share one.
COLORS = {OURS: "#0072b2", "PyTorch": "#d55e00", "TensorFlow": "#e69f00", "JAX": "#7f7f7f"}
STYLES = ("-", "--")


@dataclass(frozen=True, eq=False, repr=False)
class TrainCurves(Picture):
    """Images a second of a full step: a panel for each net and count of threads.

    Of one thread it is images a second of processor time, of several of wall time.
    """

    result: TrainResult

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """A bar for each library at its best batch, the longer the better."""
        lines = ["images a second of a full step, each at its best batch"]
        for net, threads in self._panels:
            libraries = _libraries(net, threads)
            rates = {library.name: max(_rates(library)) for library in libraries}
            rows = [(name, f"{rate:,.0f}", rate) for name, rate in rates.items()]
            lines += ["", _title(net, threads)]
            lines += bar_lines(rows, longest=max(rates.values()), width=width, plain=plain)
        return "\n".join(lines)

    @property
    def layout(self) -> Layout:
        """Counts of threads beside each other, nets below each other."""
        panels, rows = len(self._panels), len(self.result.nets)
        columns = panels // rows
        return Layout(width=5.2 * columns, height=0.6 + 3.4 * rows, panels=panels, columns=columns)

    @property
    def _panels(self) -> tuple[tuple[TrainNet, int], ...]:
        """Panels by net and number of threads; every net has every number of threads."""
        return tuple((net, n) for net in self.result.nets for n in net.threads)

    def _draw(self, axes: "tuple[Axes, ...]") -> None:
        for ax, (net, threads) in zip(axes, self._panels, strict=True):
            places = range(len(net.batches))
            seen = dict.fromkeys(COLORS, 0)
            for library in _libraries(net, threads):
                style, filled = STYLES[seen[library.family]], seen[library.family] == 0
                seen[library.family] += 1
                ax.plot(
                    places,
                    _rates(library),
                    style,
                    marker="o",
                    markersize=4,
                    color=COLORS[library.family],
                    markerfacecolor=COLORS[library.family] if filled else "white",
                    label=library.name,
                )
            ax.set_xticks(list(places), [str(n) for n in net.batches])
            ax.set_ylim(0)
            finish_panel(ax, title=_title(net, threads), xlabel="images a step")
            ax.set_ylabel("images a second", fontsize=8)
            ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
            ax.grid(axis="y", color="#e5e5e5", linewidth=0.6)
        add_legend(axes, columns=3)


def _libraries(net: TrainNet, threads: int) -> list[TrainTimes]:
    return [library for library in net.libraries if library.threads == threads]


def _rates(library: TrainTimes) -> list[float]:
    return [1e6 / figure.median for figure in library.fair_us.values()]


def _title(net: TrainNet, threads: int) -> str:
    return (
        f"{net.name}, one thread (CPU time)" if threads == 1 else f"{net.name}, {threads} threads"
    )
