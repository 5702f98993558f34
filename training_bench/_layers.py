"""Forward and backward of each layer of a net alone, beside PyTorch's: which kind is slow."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from drypoint import autodiff
from drypoint.autodiff import Tensor
from drypoint.autodiff.kernels.native.call import from_rows
from drypoint.autodiff.trace import Trace
from drypoint.bench import BenchError, table
from drypoint.nn import Context, Layer
from training_bench._bench import NETS

from ._torch_trainer import torch_module


class LayerTimes(NamedTuple):
    """A layer alone; the least time of several rounds.

    Attributes:
        path: of the layer in the net.
        text: its kind and the shape of its input.
        ours, theirs: microseconds of processor time for the batch, forward and backward by its
            input and weights; NaN where the layer has no kernels or is not given to PyTorch.
    """

    path: str
    text: str
    ours: float
    theirs: float


def time_layers(name: str, *, batch: int, rounds: int) -> Iterator[LayerTimes]:
    """Each layer of a net of ``NETS`` by one thread, without the layers fused with it.

    PyTorch computes in the layout channels_last.
    """
    torch.set_num_threads(1)
    autodiff.set_threads(1)
    net, rng = NETS[name]().initialize(0), np.random.default_rng(0)
    assert net.input_shape is not None  # every net of NETS has one
    for entry in net.layer_shapes({"input": net.input_shape}):
        layer, shapes = entry.module, tuple(entry.input_shapes.values())
        if len(shapes) != 1 or not isinstance(layer, Layer):
            continue
        x = from_rows(rng.normal(size=(*shapes[0], batch)).astype(np.float32))
        runs = _our_run(layer, x), _their_run(layer, x)
        least = [np.nan, np.nan]
        for _ in range(rounds):
            for i, run in enumerate(runs):
                if run is not None:
                    least[i] = float(np.fmin(least[i], _microseconds(run)))
        text = f"{type(layer).__name__} {'x'.join(map(str, shapes[0]))}"
        yield LayerTimes(entry.path, text, *least)


def layers_text(name: str, *, batch: int, rounds: int) -> str:
    """The table of `time_layers`."""
    heading = (f"{name}, batches of {batch}", "", "drypoint us", "PyTorch us", "times as fast")
    rows = [heading]
    for times in time_layers(name, batch=batch, rounds=rounds):
        ours, theirs = f"{times.ours:,.0f}", f"{times.theirs:,.0f}".replace("nan", "-")
        ratio = f"{times.theirs / times.ours:.2f}".replace("nan", "-")
        rows.append((times.path, times.text, ours.replace("nan", "-"), theirs, ratio))
    return "\n".join(table(rows))


def _our_run(layer: Layer, x: Any) -> Callable[[], object] | None:
    """The layer's kernels, without Python between them; the batch is innermost in memory, as in a
    net."""
    leaf = Tensor(x, requires_grad=True)
    params = {k: Tensor(v, requires_grad=True) for k, v in layer.params.items()}
    gradient = from_rows(np.ones((*layer.output_shape(x.shape[1:]), len(x)), np.float32))
    arrays = *layer.params.values(), *layer.buffers.values()
    with Trace(x, gradient, *arrays) as trace:
        y = layer.forward(leaf, params, Context(training=True, rng=np.random.default_rng(0)))
        y.backward(gradient)
    if not trace.complete:
        return None
    compiled = trace.compile({})
    return lambda: compiled.run(1, {})


def _their_run(layer: Layer, x: Any) -> Callable[[], object] | None:
    try:
        module = torch_module(layer, x.shape[1:]).train()
    except BenchError:
        return None
    leaf = torch.from_numpy(np.ascontiguousarray(x))
    if x.ndim == 4:
        module = module.to(memory_format=torch.channels_last)
        leaf = leaf.contiguous(memory_format=torch.channels_last)
    leaf.requires_grad_()

    def run() -> None:
        module.zero_grad(set_to_none=True)
        leaf.grad = None
        module(leaf).sum().backward()

    return run


def _microseconds(run: Callable[[], object]) -> float:
    """The processor time of one of five runs."""
    run()
    begin = time.process_time()
    for _ in range(5):
        run()
    return (time.process_time() - begin) / 5 * 1e6
