"""Jobs for the harness that runs programs on devices, and their results by the reference."""

import dataclasses
import zlib

import corpus
import few_bits_nets
import nets
import numpy as np
import pytest

from drypoint import devices
from drypoint.program import packing, reference
from tools import ONLY_CI

# A board with kernels of its own and no operating system; a machine of the other byte order.
EVERY_DAY = {"cortex-m4", "s390x"}


def need_counts(target, toolbox):
    """Skip or fail where a target's instructions cannot be counted."""
    for tool in devices.needed_tools(target):
        toolbox.need(tool)
    if missing := devices.why_not_counted(target):
        toolbox.missing(missing)


def as_params(rows):
    """Targets as parameters of tests; a target that another target represents runs in CI only."""
    return [
        pytest.param(row, id=row.name, marks=() if row.name in EVERY_DAY else ONLY_CI)
        for row in rows
    ]


def expected_output(program, inputs):
    """CRC-32 of the output of every op but the last, 0 where it is int32, and the values of the
    program's outputs, as the reference gives them."""
    planes = reference.trace(program, inputs)
    runs = [
        range(clock.first - 1, len(inputs), clock.period) for clock in program.clocks
    ]  # of a step in which an op does not run there is nothing
    crcs = [
        [
            zlib.crc32(plane[i].tobytes()) if i in steps and plane.dtype != np.int32 else 0
            for plane, steps in zip(planes[:-1], runs, strict=False)
        ]
        for i in range(len(inputs))
    ]
    outputs = [plane.reshape(len(inputs), -1) for plane in planes if plane.dtype == np.int32]
    return np.array(crcs, np.uint32).reshape(len(inputs), -1), np.concatenate(outputs, axis=1)


def with_packed(jobs, kernels):
    """The jobs with weights in the layout of the target's own kernels, where it has any."""
    chosen = packing.kernel_set(kernels)
    if chosen.number == 0:
        return jobs
    return [
        dataclasses.replace(job, packed=[packing.pack(op, chosen) for op in job.program.ops])
        for job in jobs
    ]


def random_jobs(count):
    programs = [*corpus.ON_DEVICES]
    programs += [nets.random_program(seed) for seed in range(1000, 1000 + count)]
    programs += few_bits_nets.programs(count // 4)
    jobs = [(p, nets.random_inputs(p, 1)) for p in programs]
    jobs += [(p, nets.random_inputs(p, 1, n=24)) for p in corpus.STREAMS]
    return [devices.Job(program=p, inputs=x, misalignment=i % 16) for i, (p, x) in enumerate(jobs)]
