"""A softmax and labels over the channels of each pixel: program, blob, C, quantizer.

Oracles: the softmax of each pixel in NumPy; BLOB.md, whose checks Python and C both state; the
float net.
"""

import dataclasses
import re
import struct

import numpy as np
import pytest
from blobs import load_status, repaired
from last_output import with_last

from drypoint import nn, quant
from drypoint.engine import Engine, export_c
from drypoint.engine._readme_arrays import describe_output
from drypoint.program import BlobError, Output, ProgramError, blob, codegen, reference, softmax
from tools import PLAIN, STRICT, run

IMAGES = np.random.default_rng(0).normal(0, 1, (30, 2, 6, 5)).astype(np.float32)


def cells(axis=0, *, second=False):
    """The program of a net whose softmax goes over the channels of 6x5 pixels, and the net."""
    layers = {"conv": nn.Conv2d(3, 3, padding=1), "softmax": nn.Softmax(axis=axis)}
    edges = [("input", "conv", "softmax", ".cells")]
    if second:
        layers |= {"mean": nn.GlobalAvgPool2d(), "fc": nn.Linear(2)}
        edges += [("conv", "mean", "fc", ".size")]
        net = nn.Graph(layers, edges, {"input": (2, 6, 5)})
    else:
        net = nn.Sequential(layers, (2, 6, 5))
    model = nn.Model(net.initialize(seed=1))
    return quant.quantize(model, quant.calibrate(model, IMAGES)), model.net


def by_pixel(values):
    return values.reshape(-1, 30, 3)


def test_a_net_that_ends_in_a_softmax_of_each_pixel_is_quantized():
    """Probabilities of int8 weights lie within 0.03 of the float net's."""
    program, net = cells()
    assert program.softmax == "channels"
    values = reference.run(program, program.encode(IMAGES))
    real = by_pixel(program.real(values))
    np.testing.assert_allclose(real.sum(axis=2), 1)
    exact = np.exp(by_pixel(values) * program.output_scale)
    np.testing.assert_allclose(real, exact / exact.sum(axis=2, keepdims=True))
    floats = np.asarray(net(IMAGES)).transpose(0, 2, 3, 1).reshape(-1, 30, 3)
    assert np.abs(real - floats).max() < 0.03
    two, _ = cells(-3, second=True)
    assert {output.name: output.softmax for output in two.outputs} == {
        "cells": "channels", "size": False,
    }  # fmt: skip
    first = two.real(reference.run(two, two.encode(IMAGES)))["cells"]
    np.testing.assert_allclose(by_pixel(first).sum(axis=2), 1)


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_a_softmax_along_rows_or_columns_is_refused(axis):
    with pytest.raises(quant.QuantizationError, match=r"along axis.*; wanted: along the channels"):
        cells(axis)


def test_a_reshape_of_probabilities_at_the_end_is_left_out():
    layers = [nn.GlobalAvgPool2d(), nn.Linear(3), nn.Softmax(), nn.Reshape((3, 1, 1))]
    net = nn.Sequential(layers, (2, 6, 5)).initialize(seed=1)
    program = quant.quantize(net, quant.calibrate(net, IMAGES))
    assert (program.softmax, program.ops[-1].kind) == (True, "dense")


def test_the_blob_is_of_minor_1_and_minor_0_refuses_it():
    program = dataclasses.replace(cells()[0], labels=("none", "cat", "dog"))
    for changed in (program, with_last(program, softmax=False)):
        data = bytearray(blob.dumps(changed))
        assert data[6] == 1
        again = blob.loads(bytes(data))
        assert (again.softmax, again.labels) == (changed.softmax, changed.labels)
        assert load_status(data) == 0
        data[6] = 0
        data = repaired(data)
        assert load_status(data) != 0
        with pytest.raises(BlobError, match="3 labels for 90 outputs, or a softmax of each pixel"):
            blob.loads(bytes(data))
    plain = with_last(dataclasses.replace(program, labels=()), softmax=True)
    assert blob.dumps(plain)[6] == 0
    data = bytearray(blob.dumps(program))
    struct.pack_into("<H", data, 22, 2)
    assert load_status(repaired(data)) != 0
    with pytest.raises(ProgramError, match="2 labels for 90 outputs"):
        dataclasses.replace(program, labels=("a", "b"))
    with pytest.raises(ProgramError, match="softmax is 'rows'; wanted: True, False, 'channels'"):
        with_last(program, softmax="rows")


MAIN = """
#include "cells.h"
#include <stdio.h>

static uint8_t arena[CELLS_ARENA_SIZE + 1];
static int32_t output[CELLS_OUTPUT_COUNT], probability[CELLS_OUTPUT_COUNT];

int main(void) {
    int8_t input[CELLS_INPUT_SIZE];
    while (fread(input, sizeof input, 1, stdin) == 1) {
        dpt_run(&cells, NULL, arena, sizeof arena, input, output);
        for (size_t i = 0; i < CELLS_OUTPUT_COUNT; i += CELLS_OUTPUT_CHANNELS) {
            dpt_softmax(&output[i], CELLS_OUTPUT_CHANNELS, cells.softmax, &probability[i]);
            printf("%s %d\\n", dpt_label(&cells, dpt_argmax(&output[i], CELLS_OUTPUT_CHANNELS)),
                   (int)probability[i]);
        }
    }
    return 0;
}
"""


def test_c_takes_class_and_probabilities_of_each_pixel(tmp_path, toolbox):
    labels = ("none", "cat", "dog")
    program = dataclasses.replace(cells()[0], labels=labels)
    export_c(program, IMAGES[:1], tmp_path, name="cells")
    (tmp_path / "main.c").write_text(MAIN, "utf-8")
    sources = ["main.c", "cells.c", *map(str, sorted((tmp_path / "drypoint").glob("*.c")))]
    run(
        [toolbox.need("cc"), *STRICT, *PLAIN, "-I.", "-Idrypoint", *sources, "-o", "cells"],
        cwd=tmp_path,
    )
    x = program.encode(IMAGES)
    lines = run(["./cells"], data=x.tobytes(), cwd=tmp_path).decode().splitlines()
    values = Engine(program).run(x).reshape(-1, 3)
    shares = softmax.run(values, softmax.scale(program.output_scale))
    classes = values.argmax(axis=1)
    assert lines == [f"{labels[c]} {q[0]}" for c, q in zip(classes, shares, strict=True)]
    named = "`dpt_argmax(scores + i * CELLS_OUTPUT_CHANNELS, CELLS_OUTPUT_CHANNELS)`, named by"
    assert named in describe_output(program, "cells", "")


def test_the_header_has_the_channels_of_each_output():
    two, _ = cells(second=True)
    header = codegen.generate(two, "cells", two.encode(IMAGES[:1]))["cells.h"]
    found = re.findall(r"#define CELLS_OUTPUT_(\w+) ([\d{].*)", header)
    names = {name: value.split(" /*")[0] for name, value in found}
    assert names["CELLS_CHANNELS"] == "3"
    assert "CELLS_SOFTMAX" in names
    assert "SIZE_SCALE" in names
    with pytest.raises(ProgramError, match=r"'cells_channels'.* has a macro of this name already"):
        outputs = (Output("cells_channels", 1.0), Output("cells", 1.0))
        dataclasses.replace(two, outputs=outputs)
