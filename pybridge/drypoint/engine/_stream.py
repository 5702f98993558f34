"""Runs a streaming program on a signal, a few rows at a time."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.program import Program, ProgramError

from ._native import lib
from ._status import check, pointer


class Stream:
    """A signal that the C engine reads row by row; `Engine.stream` makes it.

    It holds the state between the steps, so that one thread at a time may use it. Any number of
    streams may share an engine.
    """

    def __init__(self, program: Program, model: Any, owner: object) -> None:
        self._program, self._model = program, model
        self._owner = owner  # of the memory that the model points into
        self._arena = np.empty(program.arena_size, np.uint8)
        self.reset()

    def reset(self) -> None:
        """Begin a signal: the next row is its first."""
        size = self._arena.size
        check(lib.dpt_reset(self._model, pointer("void *", self._arena), size))

    def step(self, x: ArrayLike) -> NDArray[np.int32] | Any:
        """The output of the next step, int32 (values,), or None: the step has none. Of several
        outputs a dict by name.

        Args:
            x: one row (1, w, c) of uint8 or int8 as the program reads, or (1, w) for one channel;
                or what `Program.integers` quantizes, one time step.

        Raises:
            ProgramError: another type or shape, or several rows.
        """
        rows = self._program.encode(x)
        if len(rows) != 1:
            raise ProgramError(f"{len(rows)} rows for one step; steps(x) takes several")
        found = self.steps(rows)
        if isinstance(found, dict):
            step = {name: values[0] for name, values in found.items() if len(values)}
            return step or None
        return found[0] if len(found) else None

    def steps(self, x: ArrayLike) -> NDArray[np.int32] | Any:
        """The outputs of the next steps, int32 (M, values): of the M steps that have one. Of
        several outputs a dict by name.

        Args:
            x: the rows (N, 1, w, c), otherwise as for `step`.
        """
        inputs = np.ascontiguousarray(self._program.encode(x))
        n = len(inputs)
        outputs = np.empty((n, self._program.output_count), np.int32)
        has_output = np.zeros(n, np.uint8)
        check(
            lib.dpt_bridge_steps(
                self._model,
                pointer("uint8_t *", self._arena),
                n,
                pointer("uint8_t *", inputs),
                pointer("int32_t *", outputs),
                pointer("uint8_t *", has_output),
            )
        )
        return self._program.split_outputs(outputs[has_output != 0])
