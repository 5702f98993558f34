"""RAM over time: which output lies where in the arena of a program, while which ops run."""

from dataclasses import dataclass
from typing import Any

from drypoint.program import Lifetime, Program, bytes_in_use, lifetimes, memory_chart

from . import _look as look
from ._blocks import fit_width
from ._checks import PlotError, check
from ._picture import Layout, Panels, Picture, Placement, placement

_LETTERS = 62  # of small size, in a box as wide as the arena
_MOST = 200  # ops


@dataclass(frozen=True, eq=False, repr=False)
class MemoryMap(Picture):
    """The arena from left to right, ops from top to bottom; a box is an output while it is alive.

    Attributes:
        program: the program.
        lifetimes: the bytes of each output in the arena, and for how long.
        in_use: for each op, the bytes of the arena in use while it runs.
        title: the title of the picture.
    """

    program: Program
    lifetimes: tuple[Lifetime, ...]
    in_use: tuple[int, ...]
    title: str

    @property
    def peak(self) -> int:
        """The most bytes in use while one op runs."""
        return max(self.in_use)

    def render(self, width: int = 80, *, plain: bool = False) -> str:  # noqa: ARG002
        """`program.memory_chart`, which is ASCII."""
        return f"{self.title}\n{memory_chart(self.program, fit_width(width))}"

    @property
    def layout(self) -> Layout:
        """A quarter of an inch an op."""
        return Layout(width=7.0, height=1.2 + 0.24 * len(self.program.ops))

    def _draw(self, axes: Panels) -> None:
        (ax,) = axes
        arena, count = max(1, self.program.arena_size), len(self.in_use)
        busiest = [i for i, n in enumerate(self.in_use) if n == self.peak]
        numbers: dict[str, Any] = {"fontsize": look.SMALL_SIZE, "verticalalignment": "center"}
        for i, lifetime in enumerate(self.lifetimes):
            at_peak = any(lifetime.first <= i <= lifetime.last for i in busiest)
            ax.bar(
                lifetime.offset,
                lifetime.last - lifetime.first + 1,
                width=lifetime.size,
                bottom=lifetime.first - 0.5,
                align="edge",
                color=look.ACCENT if at_peak else look.MUTED,
                alpha=0.4,  # an output may lie over one that its op reads
                edgecolor="white",
            )
            name, size = look.shown(self.program.ops[i].name), f"{lifetime.size:,}"
            room = _LETTERS * lifetime.size / arena
            words = next((w for w in (f"{name} {size}", name, size) if len(w) <= room), "")
            middle = lifetime.offset + lifetime.size / 2
            ax.text(middle, i, words, ha="center", parse_math=False, **numbers)
        for i, n in enumerate(self.in_use):
            color, weight = (look.ACCENT, "bold") if i in busiest else (look.INK, "normal")
            ax.text(arena * 1.02, i, f"{n:,}", color=color, fontweight=weight, **numbers)
        ax.set_xlim(0, arena * 1.15)
        ax.set_ylim(count - 0.5, -0.5)
        ax.set_yticks(
            range(count), [look.shown(op.name) for op in self.program.ops], parse_math=False
        )
        ax.set_xticks([0, arena], ["0", f"{self.program.arena_size:,}"])
        look.dress(ax, title=self.title, x="bytes of the arena; at the right, bytes in use")


def memory(program: Program, *, title: str = "RAM over time", ax: Placement = None) -> MemoryMap:
    """Which output of a program lies where in the arena, while which ops run.

    The outputs that are alive while the most bytes are in use are highlighted. The program's input
    and the program's outputs are the caller's: they do not lie in the arena.

    Args:
        program: of at most 200 ops.
        title: the title of the picture.
        ax: one axes to draw on.

    Raises:
        PlotError: it is no program, or has more ops.
    """
    check(program, Program, name="program", wanted="a Program, as quant.quantize gives it")
    if len(program.ops) > _MOST:
        raise PlotError(f"at most {_MOST} ops can be shown, not {len(program.ops)}")
    return MemoryMap(
        program=program,
        lifetimes=lifetimes(program),
        in_use=tuple(bytes_in_use(program)),
        title=title,
        placed=placement(ax),
    )
