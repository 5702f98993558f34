"""``--net``: a net of a family, a saved model, or a function in a Python file."""

import importlib.util
import inspect
import sys
import traceback
from dataclasses import replace
from pathlib import Path

from drypoint import models, nn
from drypoint.common import DrypointError, unknown
from drypoint.nn import Layer, Model, Shape
from drypoint.train import MakeNet

from ._foreign import SUFFIXES, Options
from ._pieces import load_model


def net_help() -> str:
    """The help of ``--net``, with all families."""
    known = "\n".join(f"{name} - {text}" for name, text in nn.families().items())
    return (
        "a family of nets, with sizes after a colon; or a saved model (.npz), an ONNX, "
        "TensorFlow Lite or Keras file or lenet-mnist, which is trained further, with a new last "
        "layer if the data has other classes; or FILE.py:FUNCTION, a function of classes= and "
        "input_shape= that returns a net (the file is run; input_shape of several inputs is a "
        "dict by name). "
        "If left out: cnn for pictures, conv1d for signals, mlp for tables, ds-conv1d for "
        "keywords. "
        f"The families, with the sizes of each if left out:\n{known}"
    )


def load_body(path: Path, options: Options, cut: str | None) -> tuple[Model, str | None]:
    """The model of ``--body``, and the layer to cut it at; another framework's file is read up to
    ``cut``."""
    if path.suffix.lower() not in SUFFIXES:
        return load_model(path, options), cut
    if options.mean is None or options.std is None:
        raise DrypointError(
            f"--body {path} does not state how its pixels were scaled: --mean 0.5 --std 0.5 for -1 "
            "to 1, as Keras' MobileNet; --mean 0 --std 1 for 0 to 1; --mean 0 --std 0.00392157 for "
            "0 to 255"
        )
    ends = (cut,) if cut else ()
    return load_model(path, replace(options, cut=ends, features=bool(cut))), None


def saved_model(name: str, options: Options) -> Model | None:
    """The model of a ``--net`` that is a file or a shipped model, else None."""
    if name.endswith(".dpt"):
        raise DrypointError(f"--net {name}: a program is not trained; name its float model (.npz)")
    if name.endswith(".py"):
        raise DrypointError(f"--net {name}: name a function in the file too, {name}:FUNCTION")
    files = (".npz", ".onnx", ".tflite", ".keras", ".h5", ".pt", ".pth")  # the last two are refused
    if name.endswith(files) or name in models.names():
        return load_model(Path(name), options)
    family, known = (
        name.partition(":")[0],
        [signature.partition(":")[0] for signature in nn.families()],
    )
    if name and not family.endswith(".py") and family not in known:
        raise DrypointError(unknown("--net: there is no family", family, known, {}))
    return None


def net_function(name: str) -> MakeNet | None:
    """The function of a ``--net FILE.py:FUNCTION``; None of a family."""
    file, colon, function = name.rpartition(":")
    if not colon or not file.endswith(".py"):
        return None
    return lambda shape, outputs: _from_file(
        Path(file), function, input_shape=shape, classes=outputs
    )


def _from_file(
    path: Path, name: str, *, input_shape: Shape | dict[str, Shape], classes: int
) -> Layer:
    if not path.is_file():
        raise DrypointError(f"cannot read {path}: no such file")
    own_name = f"drypoint_net_{path.stem}"  # takes the place of no module that is imported
    spec = importlib.util.spec_from_file_location(own_name, path)
    assert spec is not None  # the name ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks for the names of its module
    try:
        spec.loader.exec_module(module)
        function = getattr(module, name, None)
        if not callable(function):
            raise DrypointError(f"{path} has no function {name!r}")
        known = {"classes": classes, "input_shape": input_shape}
        takes = inspect.signature(function).parameters
        net = function(**{key: value for key, value in known.items() if key in takes})
    except BaseException as error:
        sys.modules.pop(spec.name, None)
        if isinstance(error, DrypointError) or not isinstance(error, Exception):
            raise
        raise DrypointError(_failure(path, error)) from error
    if not isinstance(net, Layer):
        raise DrypointError(f"{path}: {name} returned a {type(net).__name__}, not a net of nn")
    return net


def _failure(path: Path, error: Exception) -> str:
    """What went wrong in the user's file, and in which line."""
    at = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    line = f", line {at[-1].lineno}" if at else ""
    return f"{path}{line}: {type(error).__name__}: {' '.join(str(error).split())}"
