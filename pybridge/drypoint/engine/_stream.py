"""What the C library answers; streaming programs row by row, and front ends on samples."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import sound
from drypoint.common import DrypointError
from drypoint.program import Keyword, Program, ProgramError

from ._native import ffi, lib


class EngineError(DrypointError, RuntimeError):
    """An argument of the engine is not valid here, or the C library refused a model or a run.

    The message names the argument; a message of the C library begins with "the engine says:".
    """


def check(status: int) -> None:
    """Raise what a status of the library says, unless it is ``DPT_OK``."""
    if status == lib.DPT_BRIDGE_E_MEMORY:
        raise MemoryError("no memory for the engine's arenas")
    if status != lib.DPT_OK:
        raise EngineError(f"the engine says: {ffi.string(lib.dpt_status_text(status)).decode()}")


def pointer(kind: str, array: NDArray[np.generic]) -> object:
    """The address of an array's values, as a C pointer of this type."""
    return ffi.cast(kind, array.ctypes.data)


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


class Listener:
    """A signal of samples that the C engine listens to; `Engine.listener` makes it.

    It is `NAME_listen` of an export: front end, net and state in one memory. One thread at a time
    may use it. Any number of listeners may share an engine.
    """

    def __init__(self, program: Program, model: Any, blob: Any, owner: object) -> None:
        self._program, self._owner = program, owner  # of the memory that the model points into
        border = program.sound_border
        self._listener, self._sound = ffi.new("dpt_listener *"), ffi.new("dpt_sound *")
        self._tables = np.empty(border.front.table_bytes // 4 + 1, np.uint32)
        check(
            lib.dpt_sound_load(
                self._listener,
                self._sound,
                pointer("void *", self._tables),
                self._tables.nbytes,
                model,
                blob,
                len(blob),
            )
        )
        self._memory = np.zeros(lib.dpt_listen_size(self._listener) // 4, np.uint32)
        self.reset()

    @property
    def memory_size(self) -> int:
        """Bytes of memory for all: ``NAME_LISTEN_SIZE`` of an export."""
        return int(self._memory.nbytes)

    def reset(self) -> None:
        """Begin a signal: the next sample is its first."""
        self._decisions, self._keywords = 0, list[Keyword]()
        memory = pointer("void *", self._memory)
        check(lib.dpt_listen_reset(self._listener, memory, self._memory.nbytes))

    @property
    def keywords(self) -> tuple[Keyword, ...]:
        """What the program's detector has detected since the signal began."""
        return tuple(self._keywords)

    def listen(self, samples: ArrayLike) -> NDArray[np.int32] | Any:
        """The decisions that the next samples bring: int32 (M, values), of several outputs a dict
        of such arrays by name.

        Args:
            samples: int16 (samples,), any number of them; or floats from -1 to 1.

        Raises:
            EngineError: another type or shape.
        """
        x = np.asarray(samples)
        if x.ndim != 1:
            raise EngineError(f"samples are {x.shape}; wanted: (samples,), of one channel")
        try:
            x = np.ascontiguousarray(sound.int16_samples(x))
        except sound.SoundError as error:
            raise EngineError(str(error)) from error
        at = ffi.new("const int16_t **", pointer("int16_t *", x))
        left = ffi.new("size_t *", len(x))
        output, found = np.empty(self._program.output_count, np.int32), []
        memory = pointer("void *", self._memory), self._memory.nbytes
        to, keyword = pointer("int32_t *", output), ffi.new("size_t *")
        while (status := lib.dpt_listen(self._listener, *memory, at, left, to)) == lib.DPT_OK:
            found.append(output.copy())
            status = lib.dpt_keywords(self._listener, *memory, to, keyword)
            if status == lib.DPT_OK:  # DPT_E_STATE of a program without detector
                self._keywords.append(Keyword(self._decisions, keyword[0]))
            self._decisions += 1
        if status != lib.DPT_NO_OUTPUT:
            check(status)
        rows = np.array(found, np.int32).reshape(len(found), len(output))
        return self._program.split_outputs(rows)
