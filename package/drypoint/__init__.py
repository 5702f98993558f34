"""drypoint: train a small net, make it integers, get a C library whose every byte is known.

``import drypoint`` loads no part; a part is loaded when it is named: ``drypoint.nn``.
"""

from importlib import import_module
from importlib.metadata import version
from types import ModuleType

__version__ = version("drypoint")

_PARTS = (
    *("autodiff", "baselines", "bench", "cli", "common", "data", "devices", "diff"),
    *(
        "engine",
        "forms",
        "interop",
        "measure",
        "models",
        "nn",
        "plot",
        "program",
        "quant",
        "report",
        "train",
    ),
)


def __getattr__(name: str) -> ModuleType:
    if name in _PARTS:
        return import_module(f"drypoint.{name}")
    raise AttributeError(f"drypoint has no part {name!r}; there are: {', '.join(_PARTS)}")


def __dir__() -> list[str]:
    return ["__version__", *_PARTS]
