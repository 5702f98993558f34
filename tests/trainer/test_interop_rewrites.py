"""Operators of files that become other ops of a program. Oracles: LiteRT and ONNX Runtime, which
run the file, and the C engine, which computes the bytes of the reference.

LiteRT rounds ties in other ways than NUMERICS.md, so a value of one operator may differ by 1.
Float nets differ by the order of sums: 1e-5 of the largest output.
"""

import numpy as np
import pytest
from tflite_files import TfliteFile, int8s, litert, windows

from drypoint import engine, interop
from drypoint.program import reference

ZERO = {"scale": 0.04, "zero": -128}


def check_integers(content):
    """The program of a file, which computes what LiteRT and the engine compute."""
    program = interop.program_from_tflite(content)
    x = int8s(program.input_shape)
    outputs = reference.run(program, x)
    assert np.abs(outputs - litert(content, x)).max() <= 1
    assert (engine.Engine(program).run(x) == outputs).all()
    assert len(np.unique(outputs)) > 5
    return program


def check_floats(content, shape):
    """The net of a file, which computes what LiteRT computes; ``shape`` is the file's input."""
    net = interop.from_tflite(content)
    x = np.random.default_rng(1).normal(0, 1, (3, *shape[1:])).astype(np.float32)
    wanted = litert(content, x)
    found = net(x.transpose(0, 3, 1, 2))
    found = found.transpose(0, 2, 3, 1) if found.ndim == 4 else found
    found = found.reshape(wanted.shape)
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
    return net


def a_head(kind, form):
    """A convolution, and a dense layer over its cells as Keras writes one."""
    f = TfliteFile((1, 4, 6, 3), kind=kind, scale=0.02, zero=-3)
    at = f.then("CONV_2D", [0, f.drawn(8, 3, 3, 3), f.bias(8)], (1, 4, 6, 8), **ZERO, **windows())
    cells, out = (1, 4, 6, 8), (1, 4, 6, 5)
    if form == "rows of cells":
        cells, out = (24, 8), (24, 5)
        at = f.then("RESHAPE", [at, f.constant(cells)], cells, **ZERO)
    f.then("FULLY_CONNECTED", [at, f.drawn(5, 8), f.bias(5)], out, scale=0.06, zero=4,
           KeepNumDims=form == "plane")  # fmt: skip
    if form == "rows of cells":
        f.then("RESHAPE", [f.at, f.constant([1, 4, 6, 5])], (1, 4, 6, 5), scale=0.06, zero=4)
    return f.bytes()


@pytest.mark.parametrize("form", ["plane", "rows of cells"])
def test_a_dense_layer_over_the_cells_of_a_plane_is_a_convolution_of_1x1(form):
    program = check_integers(a_head("INT8", form))
    assert [op.kind for op in program.ops] == ["conv", "conv"]
    check_floats(a_head("FLOAT32", form), (1, 4, 6, 3))
