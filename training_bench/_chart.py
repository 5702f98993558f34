"""Speed of training against the size of a batch: characters always, a figure with matplotlib."""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drypoint.plot import Layout, Picture

from ._result import OURS, TrainNet, TrainResult, TrainTimes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The colours of Okabe and Ito, distinct for the colour-blind; a library's settings share one.
COLORS = {OURS: "#0072b2", "PyTorch": "#d55e00", "TensorFlow": "#e69f00", "JAX": "#7f7f7f"}
STYLES = ("-", "--")
NUMBER = 10  # columns of a number in the text


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
            names = [one.name for one in libraries]
            rates = [max(_rates(one)) for one in libraries]
            room = max(map(len, names))
            columns = max(10, width - room - NUMBER - 4)
            lines += ["", _title(net, threads)]
            for name, rate in zip(names, rates, strict=True):
                bar = ("#" if plain else "█") * max(1, round(columns * rate / max(rates)))
                lines.append(f"  {name.ljust(room)}{rate:{NUMBER},.0f}  {bar}")
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
            for one in _libraries(net, threads):
                style, filled = STYLES[seen[one.family]], seen[one.family] == 0
                seen[one.family] += 1
                ax.plot(
                    places,
                    _rates(one),
                    style,
                    marker="o",
                    markersize=4,
                    color=COLORS[one.family],
                    markerfacecolor=COLORS[one.family] if filled else "white",
                    label=one.name,
                )
            ax.set_xticks(list(places), [str(n) for n in net.batches])
            ax.set_ylim(0)
            ax.set_title(_title(net, threads), loc="left", fontsize=10)
            ax.set_xlabel("images a step", fontsize=8)
            ax.set_ylabel("images a second", fontsize=8)
            ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(labelsize=8)
            ax.grid(axis="y", color="#e5e5e5", linewidth=0.6)
        entries = [ax.get_legend_handles_labels() for ax in axes]
        handles = {
            label: handle
            for handle, label in itertools.chain.from_iterable(
                zip(*entry, strict=True) for entry in entries
            )
        }
        axes[0].figure.legend(
            list(handles.values()),
            list(handles),
            loc="outside lower center",
            ncols=3,
            fontsize=8,
            frameon=False,
        )


def _libraries(net: TrainNet, threads: int) -> list[TrainTimes]:
    return [one for one in net.libraries if one.threads == threads]


def _rates(one: TrainTimes) -> list[float]:
    return [1e6 / figure.median for figure in one.fair_us.values()]


def _title(net: TrainNet, threads: int) -> str:
    return (
        f"{net.name}, one thread (CPU time)" if threads == 1 else f"{net.name}, {threads} threads"
    )
