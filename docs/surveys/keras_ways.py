"""Which Keras models are read through Keras' own export to ONNX, and which directly.

`python docs/surveys/keras_ways.py` prints a line for each model of `test_interop_keras.py`; the
export needs the packages torch and onnxscript. docs/frameworks.md states the result.
"""

import logging
import os
import sys
import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
TESTS = Path(__file__).parents[2] / "tests"
sys.path[:0] = [str(TESTS / folder) for folder in ("support", "trainer")]

from test_interop_keras import MODELS, made  # noqa: E402

from drypoint import interop  # noqa: E402


def through_onnx(model):
    """The net of the file that Keras writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            model.export(str(path), format="onnx", verbose=False)
        return interop.from_onnx(path)


def outcome(read, model, x):
    """ "read", "other values", or how reading fails."""
    try:
        found = interop.check(read(model), model, x)
    except Exception as error:  # the exporter raises errors of many kinds
        return f"{type(error).__name__}: {str(error).splitlines()[0][:60]}"
    return "read" if found.largest_difference <= 1e-5 else "other values"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for make in MODELS:
        model, x = made(make)
        model.predict(x, verbose=0)
        ways = [outcome(read, model, x) for read in (interop.from_keras, through_onnx)]
        print(f"{make.__name__:12} direct: {ways[0]:6} through ONNX: {ways[1]}")
