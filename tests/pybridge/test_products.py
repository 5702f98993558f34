"""The product of every pair of bytes on every backend, to the reference's byte.

A backend may compute products in 16 bits where its proof holds. Cases are the ends of the proof:
zero points at the ends of their range, biases and multipliers beside the largest, clamps.
"""

import itertools

import blobs
import numpy as np
import pytest
from blobs import part, product, tensor

from drypoint import engine
from drypoint.program import NUMPY_TYPE, Lookup

SIDE = 256
#        first        second       output     multiplier   shift  bias   clamp
CASES = (
    (("i8", 3), ("i8", -5), ("i8", 1), 33_000_002, 0, 0, (-128, 127)),
    (("i8", -128), ("i8", -128), ("u8", 0), 2**24 + 2, 0, 0, (0, 255)),
    (("i8", 127), ("i8", -128), ("i8", -128), 2**24 - 2, 0, 0, (-128, 127)),
    (("i8", 127), ("i8", 127), ("i8", 127), 2**25, 0, -7, (-100, 90)),
    (("u8", 0), ("u8", 0), ("u8", 0), 16_843_010, 0, 12_345, (7, 250)),
    (("u8", 0), ("i8", -64), ("i8", -1), 2**23 + 2**14 - 2, 1, 2**30 - 2**17, (-128, 127)),
    (("i8", 0), ("i8", 0), ("i8", 0), 2**31 - 2**15 - 2, 0, -(2**30), (-128, 127)),
    (("i8", 0), ("i8", 0), ("i8", 0), 2**31 - 2**15, 0, 100, (-128, 127)),
    (("i8", -17), ("u8", 0), ("u8", 0), 2**31 - 2, 0, 0, (0, 255)),
    (("i8", 90), ("i8", -90), ("i8", 5), 2, 14, 0, (-128, 127)),
    (("i8", 0), ("i8", 0), ("i8", 0), 2**30, 14, 0, (-128, 127)),
)  # fmt: skip


def relabel(source, output):
    """The same bytes with another type and zero point."""
    table = np.arange(SIDE, dtype=np.uint8)
    if output.type == "i32":
        table = table.view(NUMPY_TYPE[source.type]).astype(np.int32)
    else:
        table = table.view(NUMPY_TYPE[output.type])
    return Lookup(name="=", inputs=(source,), output=output, table=table)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_pair_of_bytes_has_the_references_product(case):
    *ends, mult, shift, bias, (lo, hi) = case
    plane, pair = tensor(SIDE, SIDE, 1), tensor(SIDE, SIDE, 2)
    a, b, output = (tensor(SIDE, SIDE, 1, *end) for end in ends)
    fields = {"mult": np.array([mult], np.int32), "bias": np.array([bias], np.int32)}
    ops = (
        *(part(pair, plane, first=(0, 0, i)) for i in (0, 1)),
        relabel(plane, a),
        relabel(plane, b),
        product(a, b, output, **fields, shift=shift, lo=lo, hi=hi),
        relabel(output, tensor(SIDE, SIDE, 1, "i32")),
    )
    program = blobs.program(*ops, reads=((0,), (0,), (1,), (2,), (3, 4), (5,)))
    pairs = np.array([*itertools.product(range(SIDE), repeat=2)], np.uint8)
    integers = pairs.reshape(1, *program.input_shape)
    for backend in engine.Engine.backends():
        run = engine.Engine(program, backend=backend)
        assert engine.verify(program, {"C": run}, integers).differing_bytes == 0, backend
