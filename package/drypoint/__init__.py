"""drypoint: train a small net, make it integers, get a C library whose every byte is known.

``import drypoint`` loads no part; a part is loaded when it is named: ``drypoint.nn``.
"""

from importlib import import_module
from typing import Any

__version__: str  # looked up when it is read, since the package's metadata take 30 ms to load

_PARTS = (
    *("autodiff", "baselines", "bench", "cli", "common", "data", "detection", "devices", "diff"),
    *("engine", "forms", "graph", "interop", "measure", "models", "nn", "plot", "program", "quant"),
    *("report", "search", "serve", "sklearn", "sound", "tasks", "train"),
)

_HINTS = {
    "keras": "it is drypoint.nn",
    "layers": "it is drypoint.nn",
    "Model": "it is drypoint.nn.Model",
    "Sequential": "it is drypoint.nn.Sequential",
    "optim": "optimizers are in drypoint.train",
    "optimizers": "optimizers are in drypoint.train",
    "losses": "losses are in drypoint.nn",
    "metrics": "it is drypoint.measure",
    "datasets": "it is drypoint.data",
    "utils": "it is drypoint.data for data sets, drypoint.train for training",
    "fit": "it is drypoint.train.fit(model, data)",
    "load": "drypoint.nn.load reads a model's file, drypoint.models.load a model of the package",
    "save": "model.save(path) and program.save(path) write files",
    "quantize": "it is drypoint.quant.quantize",
    "quantization": "it is drypoint.quant",
    "ao": "it is drypoint.quant",
    "convert": "it is drypoint.quant.quantize",
    "TFLiteConverter": "it is drypoint.quant.quantize",
    "Interpreter": "it is drypoint.engine.Engine",
    "load_model": "it is drypoint.nn.load",
    "Engine": "it is drypoint.engine.Engine",
    "export": "it is drypoint.engine.export_c",
    "onnx": "it is drypoint.interop.from_onnx and .to_onnx",
    "lite": "it is drypoint.interop for files, drypoint.engine for running",
    "Tensor": "arrays are NumPy's",
    "tensor": "arrays are NumPy's",
    "no_grad": "leave it out: gradients are computed in training only",
    "manual_seed": "it is fit(seed=...) and net.initialize(seed=...)",
}
"""A name of another framework -> what to write; CONTRIBUTING.md has the rule."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("drypoint")
    if name in _PARTS:
        return import_module(f"drypoint.{name}")
    aliases = import_module("drypoint.common")
    raise aliases.UnknownNameError(aliases.unknown("drypoint has no part", name, _PARTS, _HINTS))


def __dir__() -> list[str]:
    return ["__version__", *_PARTS]
