"""`Recordings`: a streaming program on whole recordings, in the place of an `Engine` on inputs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.program import Program, ProgramError

from ._engine import Engine


class Stepper(Protocol):
    """What runs the steps of a streaming program after a reset: an `Engine`, a device."""

    @property
    def program(self) -> Program:
        """The program that it runs."""

    def run(self, x: NDArray[np.integer], /) -> Any:
        """The outputs of steps (steps, h, w, c): int32 (M, values), of several outputs a dict."""


def make_runner(program: Program, *, backend: str | None = None) -> "Engine | Recordings":
    """What measures a program and answers for it, by the C engine: an `Engine`, or of a streaming
    program `Recordings`.

    Args:
        program: the program.
        backend: as for `Engine`.
    """
    engine = Engine(program, backend=backend)
    return Recordings(engine) if engine.program.is_streaming else engine


@dataclass(frozen=True)
class Recordings:
    """A streaming program on whole recordings: each begins with a reset, runs all of its steps, and
    is answered by its last output.

    Commands, tasks and `measure.measure` take it as they take the engine of a program of windows.

    Attributes:
        runner: an `Engine` of the program.
    """

    runner: Stepper

    @property
    def program(self) -> Program:
        """The program that it runs."""
        return self.runner.program

    def run(self, recordings: Iterable[ArrayLike]) -> NDArray[np.int32] | Any:
        """The last outputs, int32 (N, values); of several outputs a dict of such arrays by name.

        Args:
            recordings: N recordings, each as for `Program.encode_recording`; their lengths may
                differ.

        Raises:
            ProgramError: a recording of another type or shape, or one that ends before the first
                output.
        """
        found = [self._last(recording) for recording in recordings]
        rows = np.array(found, np.int32).reshape(len(found), self.program.output_count)
        return self.program.split_outputs(rows)

    def predict_proba(self, recordings: Iterable[ArrayLike]) -> NDArray[np.float64] | Any:
        """The last real outputs, float64 (N, values), of several outputs a dict by name: as
        `Engine.predict_proba` gives them for inputs."""
        return self.program.real(self.run(recordings))

    def reconstruction_error(self, recordings: Iterable[ArrayLike]) -> NDArray[np.uint64] | Any:
        """Refused: a reconstruction error is of a whole window.

        Raises:
            ProgramError: always.
        """
        del recordings
        raise ProgramError(
            f"the program {self.program.name!r} reads step by step: a reconstruction error is of a "
            "whole window"
        )

    def encode(self, recording: ArrayLike) -> NDArray[np.integer]:
        """The steps of one recording, (steps, h, w, c), of which one has an output.

        Raises:
            ProgramError: as `run`.
        """
        steps = self.program.encode_recording(recording)
        if not self.program.output_steps(len(steps)):
            first = self.program.clocks[-1].first
            raise ProgramError(
                f"a recording has {len(steps)} steps; the first output of {self.program.name!r} "
                f"needs {first}"
            )
        return steps

    def _last(self, recording: ArrayLike) -> NDArray[np.int32]:
        """The last outputs of one recording, one after another."""
        found = self.runner.run(self.encode(recording))
        parts = found.values() if isinstance(found, dict) else [found]
        return np.concatenate([part[-1] for part in parts])
