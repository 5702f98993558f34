"""A training library behind the commands of `drypoint.bench.Process`, in a process of its own.

Its arguments are LIBRARY NET DATA THREADS; NET is a .npz of a model, DATA a .npz of images x and
classes y. Commands: ``step B MS`` and ``forward B MS`` (B images a step or call, for about MS
milliseconds). The answer is two lines of microseconds an image: wall-clock time, then processor
time of all cores.
"""

import contextlib
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from drypoint import nn
from drypoint.nn import Sequential

from ._trainer import Seconds, Trainer

TRAINERS = {
    "drypoint": ("_trainer", "DrypointTrainer"),
    "drypoint, augmenting": ("_trainer", "AugmentingTrainer"),
    "PyTorch": ("_torch_trainer", "TorchTrainer"),
    "PyTorch channels_last": ("_torch_trainer", "ChannelsLastTrainer"),
    "TensorFlow": ("_tensorflow_trainer", "TensorFlowTrainer"),
    "JAX": ("_jax_trainer", "JaxTrainer"),
}
"""Library -> the module that imports it, and its trainer."""


def trainer_of(library: str) -> type[Trainer]:
    """The trainer of a library, which is imported only here."""
    module, name = TRAINERS[library]
    trainer: type[Trainer] = getattr(import_module(f".{module}", __package__), name)
    return trainer


class Timer:
    """Chooses the number of images of a measurement by the time of the previous measurement."""

    def __init__(self, n_images: int) -> None:
        self._n_images = n_images
        self._rates: dict[tuple[str, int], float] = {}  # microseconds an image

    def turn(
        self, name: str, call: Callable[[int, int], Seconds | None], batch: int, ms: float
    ) -> tuple[float, float]:
        """Microseconds an image, wall-clock and of all cores; the first measurement warms up."""
        if (name, batch) not in self._rates:
            self._measure(call, batch, batch)
            self._rates[name, batch], _ = self._measure(call, batch, batch)
        wanted = 1e3 * ms / self._rates[name, batch]
        n = batch * max(1, min(round(wanted / batch), self._n_images // batch))
        wall, cpu = self._measure(call, n, batch)
        self._rates[name, batch] = wall
        return wall, cpu

    @staticmethod
    def _measure(
        call: Callable[[int, int], Seconds | None], n: int, batch: int
    ) -> tuple[float, float]:
        begin, cpu = time.perf_counter(), time.process_time()
        seconds = call(n, batch)
        wall, cpu = seconds or (time.perf_counter() - begin, time.process_time() - cpu)
        return 1e6 * wall / n, 1e6 * cpu / n


def serve(arguments: list[str]) -> None:
    """Answer commands from standard input until it ends."""
    name, model, data, threads = arguments
    net, arrays = nn.load(Path(model)).net, np.load(data)
    assert isinstance(net, Sequential)  # the bench wrote one
    trainer = trainer_of(name)(net, arrays["x"], arrays["y"], threads=int(threads))
    timer = Timer(len(arrays["y"]))
    with contextlib.suppress(OSError):  # other systems do not say how much memory is in use
        Path("/proc/self/clear_refs").write_text("5", "utf-8")  # forget the peak of the start
    print("ready", flush=True)
    for line in sys.stdin:
        match line.split():
            case ["step", batch, ms]:
                answer = timer.turn("step", trainer.train, int(batch), float(ms))
            case ["forward", batch, ms]:
                answer = timer.turn("forward", trainer.forward, int(batch), float(ms))
            case _:
                raise SystemExit(f"no such command: {line.strip()}")
        print(*answer, sep="\n", flush=True)
