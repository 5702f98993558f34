"""The libraries that are timed, each in a process of its own: drypoint, and its peers.

Each peer gets the program's weights and scales, a model built for the number of inputs of a call,
the plan's number of threads, and inputs that are laid out before the clock starts.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.engine import Engine
from drypoint.interop import to_onnx, to_tflite
from drypoint.program import Program


class Library(ABC):
    """A library that has loaded a program, in the library's own format."""

    def __init__(
        self, program: Path | Program, images: NDArray[np.integer], *, threads: int, backend: str
    ) -> None:
        self.engine = Engine(program, backend=backend, threads=threads)
        self.images, self.threads, self.backend = images, threads, backend

    @abstractmethod
    def prepare(self, n: int) -> Callable[[], object]:
        """The call to time, of n inputs."""

    @abstractmethod
    def feed(self, first: int, n: int) -> None:
        """Lay inputs ``first`` up to ``first + n`` where the call reads them; not timed."""

    @abstractmethod
    def outputs(self) -> NDArray[np.generic]:
        """The outputs (n, classes) of the last call."""

    def decide(self) -> list[int]:
        """The index of the largest output, for every input."""
        call = self.prepare(1)
        decisions = []
        for i in range(len(self.images)):
            self.feed(i, 1)
            call()
            decisions.append(int(self.outputs().argmax()))
        return decisions


class DrypointLibrary(Library):
    """The engine as a Python user calls it, with checks and output array."""

    def prepare(self, n: int) -> Callable[[], object]:
        """A call takes any number of inputs."""
        del n
        run = self.engine.run

        def call() -> None:
            self._outputs = run(self._x)

        return call

    def feed(self, first: int, n: int) -> None:
        """A view of the images."""
        self._x = self.images[first : first + n]

    def outputs(self) -> NDArray[np.generic]:
        """Of the last call."""
        return np.asarray(self._outputs)


Array = NDArray[np.generic]
RIGHT = 0.9  # the least share of decisions equal to the engine's; rounding may change the others


@dataclass(frozen=True)
class Session:
    """A compiled model for one number of inputs a call."""

    feed: Callable[[Array], object]
    call: Callable[[], object]
    outputs: Callable[[], Array]


class Peer(Library):
    """Base of the peers: one session for every number of inputs a call."""

    def __init__(
        self, program: Path | Program, images: NDArray[np.integer], *, threads: int, backend: str
    ) -> None:
        super().__init__(program, images, threads=threads, backend=backend)
        self.program, self.typical = self.engine.program, self.engine.run(images)
        self.laid_out = np.ascontiguousarray(self.lay_out(images))
        self._sessions: dict[int, Session] = {}

    def prepare(self, n: int) -> Callable[[], object]:
        """Compile for n inputs a call, once for each n."""
        if n not in self._sessions:
            self._sessions[n] = self.compile(n)
        self._session = self._sessions[n]
        return self._session.call

    def feed(self, first: int, n: int) -> None:
        """Copy the inputs to where the library reads them."""
        self._session.feed(self.laid_out[first : first + n])

    def outputs(self) -> Array:
        """Of the last call."""
        return self._session.outputs()

    @staticmethod
    @abstractmethod
    def lay_out(images: NDArray[np.integer]) -> Array:
        """The program's inputs (N, h, w, c) as the library reads them."""

    def model(self, batch: int) -> bytes:
        """The model file for a number of inputs a call."""
        return self.write(self.program, outputs=self.typical, batch=batch)

    @abstractmethod
    def compile(self, n: int) -> Session:
        """A session for n inputs a call."""

    suffix: str  # of the model file
    write: Callable[..., bytes]  # the writer of the model file


class LiteRT(Peer):
    """TensorFlow Lite's successor with XNNPACK: ai-edge-litert."""

    suffix = ".tflite"
    write = staticmethod(to_tflite)

    @staticmethod
    def lay_out(images: NDArray[np.integer]) -> Array:
        """Inputs as int8; unsigned inputs are stored with zero point -128."""
        return images.view(np.int8) ^ np.int8(-128 if images.dtype == np.uint8 else 0)

    def compile(self, n: int) -> Session:
        """An interpreter."""
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - optional

        model = self.model(n)
        interpreter = Interpreter(model_content=model, num_threads=self.threads)
        interpreter.allocate_tensors()
        first = interpreter.get_input_details()[0]["index"]
        last = interpreter.get_output_details()[0]["index"]
        return Session(
            feed=lambda x: interpreter.set_tensor(first, x),
            call=interpreter.invoke,
            outputs=lambda: interpreter.get_tensor(last),
        )


def planes(images: NDArray[np.integer]) -> Array:
    """Inputs as uint8 (N, c, h, w); signed inputs are stored with zero point 128."""
    unsigned = images.view(np.uint8) ^ np.uint8(0 if images.dtype == np.uint8 else 128)
    return unsigned.transpose(0, 3, 1, 2)


class OnnxRuntime(Peer):
    """ONNX Runtime, inputs and outputs bound once."""

    suffix = ".onnx"
    lay_out = staticmethod(planes)
    write = staticmethod(to_onnx)

    def compile(self, n: int) -> Session:
        """An inference session."""
        import onnxruntime  # noqa: PLC0415 - optional

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        model = self.model(n)
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        x = np.zeros((n, *self.laid_out.shape[1:]), np.uint8)
        y = np.zeros((n, self.program.output_shape.size), np.uint8)
        binding = session.io_binding()
        places = (onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in (x, y))
        bound_x, bound_y = places
        binding.bind_ortvalue_input(session.get_inputs()[0].name, bound_x)
        binding.bind_ortvalue_output(session.get_outputs()[0].name, bound_y)
        return Session(
            feed=lambda new: bound_x.update_inplace(np.ascontiguousarray(new)),
            call=lambda: session.run_with_iobinding(binding),
            outputs=bound_y.numpy,
        )


class OpenVino(Peer):
    """OpenVINO, which reads the model of ONNX Runtime.

    Release 2026.4 fuses a chain of dense layers into one kernel that gives other results; where
    its decisions show that, it runs without such fusions.
    """

    suffix = ".onnx"
    lay_out = staticmethod(planes)
    write = staticmethod(to_onnx)

    def __init__(
        self, program: Path | Program, images: NDArray[np.integer], *, threads: int, backend: str
    ) -> None:
        super().__init__(program, images, threads=threads, backend=backend)
        self._fused: dict[str, object] = {}
        equal = np.mean(self.decide() == self.typical.argmax(axis=1))
        if equal < RIGHT:
            self._fused = {"SNIPPETS_MODE": "DISABLE"}
            self._sessions.clear()

    def compile(self, n: int) -> Session:
        """An infer request."""
        import openvino  # noqa: PLC0415 - optional

        model = self.model(n)
        core = openvino.Core()
        settings = {"INFERENCE_NUM_THREADS": self.threads, "PERFORMANCE_HINT": "LATENCY"}
        settings |= {"NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}  # we pin the process
        compiled = core.compile_model(core.read_model(model), "CPU", settings | self._fused)
        request = compiled.create_infer_request()
        x = np.zeros((n, *self.laid_out.shape[1:]), np.uint8)
        request.set_input_tensor(openvino.Tensor(x, shared_memory=True))

        def feed(new: Array) -> None:
            x[...] = new

        return Session(
            feed=feed, call=request.infer, outputs=lambda: request.get_output_tensor(0).data
        )
