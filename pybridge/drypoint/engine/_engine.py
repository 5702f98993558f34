"""Engine: a program, loaded and checked by the C library, ready to run."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import DrypointError, read_bytes
from drypoint.program import Program, blob

from ._native import ffi, lib
from ._traces import split_traces

CACHE = 1 << 17  # bytes of arena for the images that share one reading of the weights


class EngineError(DrypointError, RuntimeError):
    """The C library refused a model, a backend or a run; the message is the library's own."""


class Engine:
    """The C engine with one program in it.

    Args:
        program: a ``Program``, the bytes of a blob, or the path of a ``.dpt`` file. Bytes are
            checked by the C library, as they would be on a device.
        backend: the name of a backend; None takes the best that this CPU has.
        threads: among how many threads `run` shares out a batch, 1 to 64.

    Raises:
        EngineError: the library refuses the blob, or does not have the backend here.
        BlobError: the bytes are no blob.
        DrypointError: the file cannot be read.
    """

    def __init__(
        self,
        program: Program | bytes | str | Path,
        *,
        backend: str | None = None,
        threads: int = 1,
    ) -> None:
        if not 1 <= threads <= lib.DPT_BRIDGE_THREADS:
            raise EngineError(f"threads is {threads}, not 1 to {lib.DPT_BRIDGE_THREADS}")
        if isinstance(program, Program):
            self._blob = blob.dumps(program)
            self.program = program
        else:
            self._blob = program if isinstance(program, bytes) else read_bytes(program)
            self.program = blob.loads(self._blob)
        n_ops = len(self.program.ops)
        self._bytes = ffi.from_buffer(self._blob)
        loaded, self._loaded_ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", n_ops)
        _check(lib.dpt_model_load(loaded, self._loaded_ops, n_ops, self._bytes, len(self._blob)))
        self._backend = _backend(backend)
        self._packed = np.empty(lib.dpt_packed_size(loaded, self._backend), np.uint8)
        self._model, self._ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", n_ops)
        _check(
            lib.dpt_model_pack(
                self._model,
                self._ops,
                n_ops,
                loaded,
                self._backend,
                _pointer("void *", self._packed),
                self._packed.size,
            )
        )
        self._threads = threads

    @staticmethod
    def backends() -> list[str]:
        """The backends that this CPU can run, best first."""
        return [name for name, backend in _backends().items() if backend.available()]

    @property
    def backend(self) -> str:
        """The name of the backend that runs."""
        return str(ffi.string(self._backend.name).decode())

    @property
    def nbytes(self) -> int:
        """Bytes of the blob: what the program takes in flash."""
        return len(self._blob)

    @property
    def packed_size(self) -> int:
        """Bytes of weights laid out for the backend; 0 where it reads them as they are."""
        return int(self._packed.size)

    @property
    def arena_size(self) -> int:
        """Bytes of working memory, as the C library counts them."""
        return int(self._model.arena_size)

    def run(self, x: ArrayLike) -> NDArray[np.int32]:
        """Outputs for one input or a batch, as ``program.reference.run`` gives them.

        Args:
            x: uint8 or int8 as the program reads, (h, w, c) or (N, h, w, c).

        Returns:
            int32 (N, outputs).

        Raises:
            ProgramError: ``x`` has another type or shape.
        """
        inputs = np.ascontiguousarray(self.program.check_input(x))
        outputs = np.empty((len(inputs), self.program.output_shape.size), np.int32)
        if len(inputs) == 0:
            return outputs
        threads = min(self._threads, len(inputs))
        batch = max(1, min(len(inputs), CACHE // max(1, self.arena_size)))
        arena = np.empty(threads * batch * self.arena_size, np.uint8)  # of this call alone
        _check(
            lib.dpt_bridge_run(
                self._model,
                _pointer("void *", arena),
                batch,
                threads,
                len(inputs),
                _pointer("uint8_t *", inputs),
                _pointer("int32_t *", outputs),
            )
        )
        return outputs

    def trace(self, x: ArrayLike) -> list[NDArray[np.integer]]:
        """The output of every op, in order, as ``program.reference.trace`` gives them."""
        inputs = np.ascontiguousarray(self.program.check_input(x))
        n, size = len(inputs), sum(op.out_bytes for op in self.program.ops)
        outputs = np.empty((n, self.program.output_shape.size), np.int32)
        traces = np.empty((n, size), np.uint8)
        arena = np.empty(self.arena_size, np.uint8)
        _check(
            lib.dpt_bridge_trace(
                self._model,
                _pointer("void *", arena),
                n,
                _pointer("uint8_t *", inputs),
                _pointer("int32_t *", outputs),
                _pointer("uint8_t *", traces),
                size,
            )
        )
        return split_traces(self.program, traces, n=n)

    def predict_proba(self, x: ArrayLike) -> NDArray[np.float64]:
        """Real outputs (N, outputs): probabilities when the program ends in a softmax."""
        return self.program.real(self.run(x))

    def __repr__(self) -> str:
        size = f"{len(self._blob):,} bytes, arena {self.arena_size:,}"
        return f"Engine({self.program.name!r}, backend={self.backend!r}: {size})"


def _pointer(kind: str, array: NDArray[np.generic]) -> object:
    return ffi.cast(kind, array.ctypes.data)


def _backends() -> dict[str, Any]:
    found: dict[str, Any] = {}
    index = 0
    while (backend := lib.dpt_backend_at(index)) != ffi.NULL:
        found[ffi.string(backend.name).decode()] = backend
        index += 1
    return found


def _backend(name: str | None) -> Any:
    if name is None:
        return lib.dpt_backend_best()
    found = _backends()
    if name not in found or not found[name].available():
        raise EngineError(f"no backend {name!r} here; there are: {', '.join(Engine.backends())}")
    return found[name]


def _check(status: int) -> None:
    if status != lib.DPT_OK:
        raise EngineError(f"the engine says: {ffi.string(lib.dpt_status_text(status)).decode()}")
