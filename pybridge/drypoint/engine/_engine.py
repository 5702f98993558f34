"""Engine: a program, loaded and checked by the C library, ready to run."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import detection
from drypoint.common import accept, attribute_hints, check_kind, html_table, read_bytes
from drypoint.program import NUMPY_TYPE, BlobError, Inputs, Output, Program, Shape, blob

from ._aliases import ENGINE, ENGINE_HINTS
from ._native import ffi, lib
from ._stream import EngineError, Listener, Stream, check, pointer


def split_traces(program: Program, data: NDArray[np.uint8], *, n: int) -> list[NDArray[np.integer]]:
    """One array (n, h, w, c) for each op, from n records of the outputs of all ops in order."""
    rows = data.reshape(n, sum(op.output.bytes for op in program.ops))
    arrays, at = [], 0
    for op in program.ops:
        part = np.ascontiguousarray(rows[:, at : at + op.output.bytes])
        arrays.append(part.view(NUMPY_TYPE[op.out_type]).reshape(n, *op.out_shape))
        at += op.output.bytes
    return arrays


UINT8S, INT32S = ffi.typeof("uint8_t[]"), ffi.typeof("int32_t[]")
CACHE = 1 << 17  # bytes of arena of a batch: its images share one reading of the weights


@attribute_hints(ENGINE_HINTS)
@accept(ENGINE)
class Engine:
    """The C engine with one program in it.

    An engine is immutable: any number of Python threads may call `run` at once. The C code runs
    without the GIL, and every call has memory of its own.

    Args:
        program: a ``Program``, the bytes of a blob, or the path of a ``.dpt`` file. Bytes are
            checked by the C library, as they would be on a device.
        backend: the name of a backend; None takes the best backend of this CPU.
        threads: the number of threads among which `run` divides a batch, 1 to 64.

    Raises:
        EngineError: ``program`` has another type, ``threads`` is not 1 to 64, this CPU does not
            have the backend, or the library refuses the blob.
        BlobError: the bytes are no blob.
        DrypointError: the file cannot be read.
    """

    def __init__(
        self, program: Program | bytes | str | Path, *, backend: str | None = None, threads: int = 1
    ) -> None:
        wanted = "a Program, as quant.quantize gives it, the bytes of a blob or the path of a .dpt"
        kinds = (Program, bytes, str, Path)
        check_kind(program, kinds, name="program", wanted=wanted, error=EngineError)
        if not 1 <= threads <= lib.DPT_BRIDGE_THREADS:
            raise EngineError(f"threads is {threads}, not 1 to {lib.DPT_BRIDGE_THREADS}")
        if isinstance(program, Program):
            self._blob = blob.dumps(program)
            self.program = program
        else:
            self._blob = program if isinstance(program, bytes) else read_bytes(program)
            try:
                self.program = blob.loads(self._blob)
            except BlobError as error:
                where = "" if isinstance(program, bytes) else f"{program}: "
                raise BlobError(f"{where}{error}") from error
        n_ops = len(self.program.ops)
        self._bytes = ffi.from_buffer(self._blob)
        loaded, self._loaded_ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", n_ops)
        check(lib.dpt_model_load(loaded, self._loaded_ops, n_ops, self._bytes, len(self._blob)))
        self._backend = _backend(backend)
        size = lib.dpt_packed_size(loaded, self._backend)
        if size > sys.maxsize:
            check(lib.DPT_E_CAPACITY)
        self._packed = np.empty(size, np.uint8)
        self._model, self._ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", n_ops)
        check(
            lib.dpt_model_pack(
                self._model,
                self._ops,
                n_ops,
                loaded,
                self._backend,
                pointer("void *", self._packed),
                self._packed.size,
            )
        )
        self._threads = threads
        self._batch = max(1, CACHE // max(1, self.arena_size))
        self._input = np.dtype(NUMPY_TYPE[self.program.input_type])
        self._one = frozenset(_shapes_of_one(self.program.input_shape))
        self._n_outputs = self.program.output_count
        self._several = len(self.program.outputs) > 1

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
        """Bytes of the blob, which a device stores in flash."""
        return len(self._blob)

    @property
    def packed_size(self) -> int:
        """Bytes of the weights in the backend's layout; 0 where it reads the blob's weights."""
        return int(self._packed.size)

    @property
    def arena_size(self) -> int:
        """Bytes of working memory, as the C library counts them."""
        return int(self._model.arena_size)

    @property
    def work(self) -> int:
        """Work of one run, as the C library counts it (``Program.work``)."""
        return int(lib.dpt_work(self._model))

    def run(self, x: Inputs) -> NDArray[np.int32] | Any:  # Any is the dict of several outputs
        """Outputs for one input or a batch, as ``program.reference.run`` gives them.

        Args:
            x: uint8 or int8 as the program reads, (h, w, c) or (N, h, w, c); read where it lies if
                it is C-contiguous.

        Returns:
            int32 (N, values), the values of a plane by rows, columns, channels: reshape them to
            (N, *program.output_shape). Of several outputs a dict of such arrays by name. The N
            inputs of a streaming program are N steps after a reset; the result has the outputs of
            the M steps that have one, int32 (M, values).

        Raises:
            ProgramError: ``x`` has another type or shape.
        """
        if type(x) is np.ndarray and x.dtype == self._input and x.shape in self._one:
            n = 1  # the result of check_input, in a tenth of its time
        else:
            x = self.program.check_input(x)
            n = len(x)
        if self.program.is_streaming:
            return self.stream().steps(x)
        outputs = np.empty((n, self._n_outputs), np.int32)
        if n == 0:
            return self.program.split_outputs(outputs) if self._several else outputs
        inputs = ffi.from_buffer(UINT8S, np.ascontiguousarray(x))
        threads, batch = (1, 1) if n == 1 else (min(self._threads, n), min(self._batch, n))
        status = lib.dpt_bridge_run(
            self._model, batch, threads, n, inputs, ffi.from_buffer(INT32S, outputs)
        )
        if status:
            check(status)
        return self.program.split_outputs(outputs) if self._several else outputs

    def stream(self) -> Stream:
        """A signal, to be read step by step from its first row on.

        Raises:
            EngineError: the program reads whole windows.
        """
        if not self.program.is_streaming:
            raise EngineError(
                f"the program {self.program.name!r} reads whole windows; program.streaming() makes "
                "one that reads a signal row by row"
            )
        return Stream(self.program, self._model, self)

    def listener(self) -> Listener:
        """A signal of samples, to be listened to in portions from its first sample on. A streaming
        program decides as its steps do; any other for windows of its rows that touch.

        Raises:
            EngineError: the program reads no samples.
        """
        if self.program.front is None:
            raise EngineError(
                f"the program {self.program.name!r} reads no samples: it has no front end; "
                "data.AudioEncoder gives a model one"
            )
        return Listener(self.program, self._model, self._bytes, self)

    def find_boxes(self, x: Inputs) -> list[list[detection.Box]]:
        """What the program's decoder of boxes finds in each input, best first, by the C library;
        `Program.find_boxes` of the outputs gives equal lists.

        Args:
            x: as for `predict_proba`.

        Raises:
            EngineError: the program has no decoder of boxes.
        """
        decoder = self.program.boxes
        if decoder is None:
            raise EngineError(f"the program {self.program.name!r} has no decoder of boxes")
        return self._list_boxes(self.run(self.program.encode(x)), decoder)

    def _list_boxes(self, ran: Any, decoder: detection.Decoder) -> list[list[detection.Box]]:
        """The boxes of what `run` gave."""
        mult, shift = 0, 0
        if decoder.kind == "boxes":
            mult, shift = detection.edge_scale(self.program.output_scale, decoder.cell)
        cutoffs = ffi.new("int32_t[]", decoder.cutoffs)
        fields = {"mult": mult, "shift": shift, "first": decoder.first, "cutoffs": cutoffs}
        fields |= {"classes": len(cutoffs), "cell": decoder.cell}
        fields |= {"iou": decoder.iou, "most": decoder.most}
        settings, count = ffi.new("dpt_decoder *", fields), ffi.new("size_t *")
        boxes = ffi.new("dpt_box[]", decoder.most)
        find = {"boxes": lib.dpt_boxes, "cells": lib.dpt_cells}[decoder.kind]
        rows = np.concatenate(list(ran.values()), axis=1) if isinstance(ran, dict) else ran
        found = []
        for row in np.ascontiguousarray(rows):
            check(find(self._model, settings, pointer("int32_t *", row), boxes, count))
            found.append(
                [
                    detection.Box(box.value, box.score, box.left, box.top, box.right, box.bottom)
                    for box in boxes[0 : count[0]]
                ]
            )
        return found

    def trace(self, x: Inputs) -> list[NDArray[np.integer]]:
        """The output of every op, in order, as ``program.reference.trace`` gives them."""
        inputs = np.ascontiguousarray(self.program.check_input(x))
        n, size = len(inputs), sum(op.output.bytes for op in self.program.ops)
        outputs = np.empty((n, self._n_outputs), np.int32)
        traces = np.zeros((n, size), np.uint8)
        arena = np.empty(self.arena_size, np.uint8)
        check(
            lib.dpt_bridge_trace(
                self._model,
                pointer("void *", arena),
                n,
                pointer("uint8_t *", inputs),
                pointer("int32_t *", outputs),
                pointer("uint8_t *", traces),
                size,
            )
        )
        return split_traces(self.program, traces, n=n)

    def predict_proba(self, x: Inputs) -> NDArray[np.float64] | Any:
        """Real outputs, float64 (N, values): probabilities of an output that ends in a softmax. Of
        several outputs a dict by name.

        The values of a plane have the order rows, columns, channels: where the float model gives
        (N, C, H, W), reshape them to (N, H, W, C).

        Args:
            x: as for `run`; or, where the program reads no pixels, what the float model took, which
                `Program.integers` quantizes: real inputs, or a sensor's int16 counts.
        """
        return self.program.real(self.run(self.program.encode(x)))

    def reconstruction_error(self, x: Inputs) -> NDArray[np.uint64] | Any:
        """How badly an autoencoder reconstructs each input: uint64 (N,), of several outputs a dict
        of these by name, as `Program.reconstruction_error` specifies it.

        Args:
            x: as for `predict_proba`.

        Raises:
            ProgramError: the program is no autoencoder of real inputs.
        """
        integers = self.program.encode(x)
        return self.program.reconstruction_error(integers, self.run(integers))

    def predict(self, x: Inputs) -> object:
        """The decision for one input, or a list for many, as the float `Model` gives them: the
        program's decoder decodes `predict_proba`; without a decoder `predict_proba` itself. Of
        several outputs, a dict by name, each output decoded by its own decoder; a map of boxes by
        `find_boxes`. Of a streaming program, a list for the steps that have an output.

        Args:
            x: as for `predict_proba`.
        """
        values, outputs = self.run(self.program.encode(x)), self.program.outputs
        real, boxes = self.program.real(values), self.program.boxes
        shapes = [op.out_shape for op in self.program.output_ops]
        single = self.program.is_single(x) and not self.program.is_streaming
        reals = real if isinstance(real, dict) else {outputs[0].name: real}
        decided = {
            output.name: _decode(
                output, shape, reals[output.name][0] if single else reals[output.name]
            )
            for output, shape in zip(outputs, shapes, strict=True)
            if boxes is None or output is not outputs[-1]
        }
        if boxes is not None:
            found = _name_boxes(outputs[-1], self._list_boxes(values, boxes))
            decided[outputs[-1].name] = found[0] if single else found
        return decided if isinstance(real, dict) else decided[outputs[0].name]

    def __call__(self, x: Inputs) -> object:
        """`predict`."""
        return self.predict(x)

    def __repr__(self) -> str:
        size = f"{len(self._blob):,} bytes, arena {self.arena_size:,}"
        return f"Engine({self.program.name!r}, backend={self.backend!r}: {size})"

    def _repr_html_(self) -> str:
        """For notebooks: the engine's memory, then the program's listing."""
        rows = [
            ("backend", self.backend),
            ("program", f"{len(self._blob):,} bytes"),
            ("packed weights", f"{self.packed_size:,} bytes"),
            ("arena", f"{self.arena_size:,} bytes"),
        ]
        caption = f"engine of {self.program.name}"
        return html_table((), rows, left=(0, 1), caption=caption) + self.program._repr_html_()


def _decode(output: Output, shape: Shape, real: NDArray[np.float64]) -> object:
    """What the decoder of an output makes of its real values."""
    if output.decoder is None:
        return real
    # Called late: an engine that only runs integers loads no part of the trainer.
    from drypoint.data import decoder_from_config  # noqa: PLC0415

    decoder = decoder_from_config(output.decoder)
    if shape.size > shape.c == len(getattr(decoder, "classes", ())):  # classes of each pixel
        real = shape.channels_first(real)
    return decoder(real)


def _name_boxes(output: Output, found: list[list[detection.Box]]) -> list[Any]:
    """Boxes as the decoder of their output names them; without a decoder the boxes."""
    if output.decoder is None:
        return found
    from drypoint.data import BoxDecoder  # noqa: PLC0415

    return list(BoxDecoder.from_config(output.decoder).name_boxes(found, output.scale))


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


def _shapes_of_one(shape: Shape) -> Iterator[tuple[int, ...]]:
    """An input's accepted shapes: the axes of a batch and of an only channel may be missing."""
    for plain in (tuple(shape), shape[:2]) if shape.c == 1 else (tuple(shape),):
        yield plain
        yield (1, *plain)
