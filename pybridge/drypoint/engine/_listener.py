"""Runs a program on samples, in portions of any size."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import sound
from drypoint.program import Keyword, Program

from ._native import ffi, lib
from ._status import EngineError, check, pointer


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
