"""Depthwise weights packed for Helium, and the kernels that a program links. Oracle for the layout:
the pages of comments in ``dpt_mve_depthwise.inc`` and ``dpt_mve_taps.inc``, byte by byte."""

import re

import depthwise_nets
import nets
import numpy as np
import pytest
from window_nets import WINDOWS

from drypoint import models
from drypoint.program import Conv, DepthwiseConv, packing
from drypoint.program import _packing_mve as mve
from tools import ROOT

KERNELS = packing.kernel_set("mve")
LONG = depthwise_nets.depthwise_program(16, "u8", (10, 10))
PROGRAMS = [*depthwise_nets.PROGRAMS, LONG, *WINDOWS, *map(nets.random_program, range(200))]
DEPTHWISE = [op for p in PROGRAMS for op in p.ops if isinstance(op, DepthwiseConv)]


def number_in_c(name: str) -> int:
    """The value of an enumerator of the Helium backend."""
    text = "".join(
        path.read_text("utf-8") for path in sorted(ROOT.glob("engine_c/src/helium/dpt_mve*.inc"))
    )
    (found,) = re.findall(rf"\b{name} = (\d+)", text)
    return int(found)


def test_the_numbers_are_those_of_c():
    for name, value in (("LANES", mve.LANES), ("BAND", mve.BAND), ("WINDOW", mve.WINDOW)):
        assert number_in_c(f"MVE_{name}") == value


def test_every_byte_of_a_packed_depthwise_op():
    seen = set()
    for op in DEPTHWISE:
        packed = packing.pack(op, KERNELS)
        if not packed:
            continue
        n, m, (kernel_h, kernel_w) = op.in_shape.c, op.multiplier, op.kernel
        near = op.stride[1] == 1 and op.pool == (1, 1) and why_not_tiles(op) == ""
        pixels = 16 // n if n < 16 and near else 1
        taps = [(y, x) for y in range(kernel_h) for x in range(kernel_w)]
        size = 128 + 16 * len(taps)
        groups = -(-n // 16)
        assert len(packed) == groups * m * size
        for number in range(groups * m):
            words = np.frombuffer(packed, "<i4", 32, number * size)
            weight = np.frombuffer(packed, np.int8, 16 * len(taps), number * size + 128)
            begin = min(16 * (number // m), max(0, n - 16))
            for lane in range(16):
                at = lane % 4 * 4 + lane // 4
                used = lane < min(n, 16) * pixels
                if used:
                    channel = (begin + lane % min(n, 16)) * m + number % m
                    own = [int(op.weight[y, x, channel]) for y, x in taps]
                    bias = int(op.bias[channel]) + (128 * sum(own) if op.in_type == "u8" else 0)
                    assert words[at] == (bias + 2**31) % 2**32 - 2**31
                    assert words[16 + at] == op.mult[channel]
                else:
                    own = [0] * len(taps)
                    assert words[at] == 0 and words[16 + at] == 2
                assert weight[lane::16].tolist() == own
        seen.add((n < 16, pixels > 1, op.in_type, n % 16 == 0, m > 1))
    assert {(few, many) for few, *_, many in seen} >= {(True, False), (False, False), (True, True)}
    assert len(seen) >= 8


def why_not_tiles(op):
    """What keeps ``dpt_mve_depthwise.inc`` from computing an op; "": nothing."""
    high, wide = (
        (op.kernel[i] - 1) * op.dilation[i] + (op.pool[i] - 1) * op.stride[i] + 1 for i in (0, 1)
    )
    pooled = op.pool != (1, 1)  # then the bytes of an output lie in the buffer, too
    room = number_in_c("MVE_BAND") // min(16, op.in_shape.c)
    return (
        "several outputs a channel" if op.multiplier != 1
        else "" if high * wide + pooled <= room
        else "large pooled" if pooled
        else "large"
    )  # fmt: skip


def test_what_the_kernels_cannot_compute_is_not_packed():
    seen = set()
    for op in DEPTHWISE:
        why, taps = why_not_tiles(op), op.kernel[0] * op.kernel[1]
        long = 16 * taps > number_in_c("MVE_BAND") and why != ""
        assert mve.has_bands(op) == (why == "")
        assert bool(packing.pack(op, KERNELS)) == (op.out_type != "i32" and not long)
        seen |= {why, "words" if op.out_type == "i32" else "bytes", "long" if long else "short"}
    assert {"", "several outputs a channel", "large pooled", "large", "words", "long"} <= seen


@pytest.mark.parametrize(
    "kind, programs, wanted",
    [
        ("conv", [models.load_program("lenet-mnist")], "windows"),
        ("conv", [WINDOWS[-1]], "pixels"),
        ("conv", [WINDOWS[-1], nets.wide_program()], "conv"),
        ("conv", [WINDOWS[-5]], "windows"),
        ("depthwise", [WINDOWS[0]], "tiles"),
        ("depthwise", [WINDOWS[0], depthwise_nets.PROGRAMS[0]], "depthwise"),
    ],
)
def test_a_program_names_the_smallest_kernel_for_its_ops(kind, programs, wanted):
    """Oracle: by hand, from the pooling, outputs and windows of each program's ops."""
    ops = [op for program in programs for op in program.ops]
    assert any(isinstance(op, Conv | DepthwiseConv) for op in ops)
    assert mve.mve_kernels(ops)[kind] == f"dpt_mve_{wanted}"
