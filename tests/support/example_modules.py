"""The programs in examples/ as modules, for tests."""

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

from tools import ROOT


def example_module(name: str) -> Iterator[ModuleType]:
    """The module of ``examples/NAME.py``, for a fixture; the example may import its neighbours."""
    folder, own = ROOT / "examples", f"example_{name}"
    spec = importlib.util.spec_from_file_location(own, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[own] = module  # where its dataclasses look for their names
    sys.path.append(str(folder))
    spec.loader.exec_module(module)
    sys.path.remove(str(folder))
    yield module
    del sys.modules[own]
