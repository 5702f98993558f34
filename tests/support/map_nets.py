"""Programs whose last output is a map of cells: their input, value for value."""

import numpy as np
from last_output import only_output

from drypoint import detection
from drypoint.program import Program, Shape, Tensor, ops

BOXES = detection.Decoder(kind="boxes", cell=8, cutoffs=(20, -5), iou=450, most=9)
CELLS = detection.Decoder(kind="cells", cell=8, cutoffs=(60, 70), most=30)
FOMO = detection.Decoder(
    kind="cells", cell=8, cutoffs=(2**28, 2**29), background=True, most=12
)  # of probabilities


def map_program(decoder, *, height=5, width=6, scale=0.05, name="finds", softmax=False):
    """A program that copies an i8 map to its output; `softmax`: of each cell."""
    plane = Shape(height, width, decoder.channels)
    copy = ops.AvgPool(
        name="copy", inputs=(Tensor(plane, "i8"),), output=Tensor(plane, "i32"),
        kernel=(1, 1), stride=(1, 1), padding=(0, 0, 0, 0), bias=np.zeros(1, np.int32),
        mult=np.array([2**30], np.int32), shift=2, lo=-(2**31), hi=2**31 - 1,
    )  # fmt: skip
    return Program(
        name=name,
        ops=(copy,),
        input_scale=1.0,
        outputs=only_output(scale, softmax="channels" if softmax else False),
        boxes=decoder,
    )


def programs():
    """A program of each kind of decoder."""
    kinds = {"boxes": BOXES, "cells": CELLS, "fomo": FOMO}
    return [
        map_program(decoder, name=name, softmax=decoder.background)
        for name, decoder in kinds.items()
    ]


def maps(program, count, seed=0):
    """Inputs of a program: int8 (count, h, w, c)."""
    rng = np.random.default_rng(seed)
    return rng.integers(-128, 128, (count, *program.input_shape)).astype(np.int8)
