"""What a recurrent net holds from step to step."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Delay, Program, reference

from . import _look as look
from ._blocks import Values, fit_width, number, sparkline
from ._checks import PlotError, check, freeze
from ._picture import Layout, Panels, Picture, Placement, placement

_MOST_UNITS = 16  # of a cell that the text shows: the ones that move most
_FULL = 1 << 15  # one above the largest 16-bit value


@dataclass(frozen=True, eq=False, repr=False)
class StateMap(Picture):
    """The units of recurrent cells from top to bottom, steps from left to right.

    Attributes:
        cells: names of the cells, as "gru.l0".
        values: for each cell float64 (units, steps), read-only: its 16-bit state after each step,
            as a share of the largest 16-bit value: from -1 to 1, which is where a state clips.
        title: the title of the picture.
    """

    cells: tuple[str, ...]
    values: tuple[Values, ...]
    title: str

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """A curve for each unit, all of a cell from its least to its largest value; of more than
        16 units, the 16 whose values spread most."""
        lines = [self.title]
        for cell, values in zip(self.cells, self.values, strict=True):
            low, high = float(values.min()), float(values.max())
            units, steps = values.shape
            shown = np.sort(np.argsort(-np.ptp(values, axis=1), kind="stable")[:_MOST_UNITS])
            of = "" if units <= _MOST_UNITS else f" ({_MOST_UNITS} that move most)"
            ends = f"{number(low)} to {number(high)} of [-1, 1]"
            lines += ["", f"{cell}: {units} units{of}, {steps} steps, {ends}"]
            left = len(str(units - 1))
            room = fit_width(width) - left - 2
            for unit in shown.tolist():
                curve = sparkline(values[unit], low=low, high=high, width=room, plain=plain)
                lines.append(f"{unit:>{left}}  {curve}")
        return "\n".join(line.rstrip() for line in lines)

    @property
    def layout(self) -> Layout:
        """A panel for each cell, a tenth of an inch a unit and at most three inches high."""
        high = max(min(3.0, max(1.2, 0.1 * len(values))) for values in self.values)
        count = len(self.cells)
        return Layout(width=7.0, height=count * (high + 0.8), panels=count)

    def _draw(self, axes: Panels) -> None:
        for ax, cell, values in zip(axes, self.cells, self.values, strict=True):
            bound = float(np.abs(values).max()) or 1.0
            shown = ax.imshow(
                values,
                cmap=look.SIGNED_MAP,
                vmin=-bound,
                vmax=bound,
                aspect="auto",
                interpolation="nearest",
                extent=(0.5, values.shape[1] + 0.5, len(values) - 0.5, -0.5),
            )
            look.dress(ax, title=f"{self.title}: {cell}", x="step", y="unit")
            ax.locator_params(axis="y", integer=True)
            bar = ax.figure.colorbar(shown, ax=ax, aspect=15)
            bar.ax.tick_params(labelsize=look.SMALL_SIZE, color=look.MUTED)
            bar.outline.set_visible(False)


def states(
    program: Program,
    recording: NDArray[Any],
    *,
    title: str = "state by step",
    ax: Placement = None,
) -> StateMap:
    """What a recurrent program holds after each step of a recording, which begins with a reset.

    Args:
        program: of a net with `nn.GRU` or `nn.LSTM`.
        recording: as for `Program.encode_recording`, of at least one step.
        title: the title of the picture.
        ax: one axes for each cell to draw on.

    Raises:
        PlotError: the program carries no state, or there are no steps.
        ProgramError: the recording is none of this program.
    """
    check(program, Program, name="program", wanted="a Program, as quant.quantize gives it")
    carried = [op for op in program.ops if isinstance(op, Delay) and op.out_type == "i16"]
    if not carried:
        raise PlotError(
            f"the program {program.name!r} carries no state; states are drawn of nets with nn.GRU "
            "or nn.LSTM"
        )
    steps = program.encode_recording(recording)
    if not len(steps):
        raise PlotError("the recording has no steps")
    planes = reference.trace_signals(program, steps[None])
    found = [planes[op.carries - 1][0].reshape(len(steps), -1).T / _FULL for op in carried]
    return StateMap(
        cells=tuple(op.name.rpartition(".")[0] for op in carried),
        values=tuple(freeze(values) for values in found),
        title=title,
        placed=placement(ax),
    )
