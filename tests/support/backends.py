"""Every backend that the engine was built with, as parameters of a test."""

import pytest

from drypoint.engine import Engine
from drypoint.engine._native import ffi, lib


def _names():
    index = 0
    while (backend := lib.dpt_backend_at(index)) != ffi.NULL:
        yield ffi.string(backend.name).decode()
        index += 1


ALL = tuple(_names())
LACKING = tuple(name for name in ALL if name not in Engine.backends())
# A backend that this CPU cannot run is skipped by name, so that the run's last line shows it.
BACKENDS = [
    pytest.param(name, marks=pytest.mark.skipif(name in LACKING, reason=f"this CPU lacks {name}"))
    for name in ALL
]
