"""drypoint: train a small net, make it integers, get a C library whose every byte is known.

``import drypoint`` loads no part; a part is loaded when it is named: ``drypoint.nn``.
"""

from importlib import import_module
from typing import Any

__version__: str  # looked up when it is read, since the package's metadata take 30 ms to load

_PARTS = (
    *("autodiff", "baselines", "bench", "cli", "common", "data", "devices", "engine", "forms"),
    *("interop", "measure", "models", "nn", "plot", "program", "quant", "train"),
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("drypoint")
    if name in _PARTS:
        return import_module(f"drypoint.{name}")
    raise AttributeError(f"drypoint has no part {name!r}; there are: {', '.join(_PARTS)}")


def __dir__() -> list[str]:
    return ["__version__", *_PARTS]
