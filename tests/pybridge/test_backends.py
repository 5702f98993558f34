"""Every backend of this machine against the reference, on every byte of every op."""

from dataclasses import replace
from itertools import product

import driver_nets
import nets
import numpy as np
import pytest
import random_ops
from backends import BACKENDS
from hypothesis import given
from hypothesis import strategies as st
from last_output import only_output

from drypoint.engine import Engine, EngineError
from drypoint.program import Conv, Dense, DepthwiseConv, Program, Shape, Tensor, reference


@pytest.mark.parametrize("backend", BACKENDS)
@given(program=nets.programs, seed=st.integers(0, 2**32 - 1))
def test_every_op_of_random_programs(backend, program, seed):
    x = nets.random_inputs(program, seed)
    wanted = reference.trace(program, x)
    for op, right, came in zip(
        program.ops, wanted, Engine(program, backend=backend).trace(x), strict=True
    ):
        np.testing.assert_array_equal(came, right, err_msg=op.name, strict=True)


def random_weights_op(rng, kind, *, in_shape, out_shape, weight_shape, in_type, **more):
    weight = rng.integers(-127, 128, weight_shape).astype(np.int8)
    return kind(
        name="op",
        inputs=(Tensor(Shape(*in_shape), in_type),),
        output=Tensor(Shape(*out_shape), "i32"),
        weight=weight,
        bias=rng.integers(-1000, 1000, weight_shape[0]).astype(np.int32),
        mult=(2 * rng.integers(1, 2**30 - 1, weight_shape[0])).astype(np.int32),
        shift=0,
        lo=-(2**31),
        hi=2**31 - 1,
        **more,
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("side", "pool"), [(9, 1), (8, 2), (9, 3)])
def test_all_sizes_of_panels(backend, side, pool):
    """Channels around the 16 of a block and the 64 of a panel, each way of pooling."""
    for channels, in_type in product([1, 15, 16, 17, 33, 50, 64, 65, 100, 129], ["u8", "i8"]):
        rng = np.random.default_rng(channels)
        plane = side // pool
        conv = random_weights_op(
            rng,
            Conv,
            in_shape=(side, side, 3),
            out_shape=(plane, plane, channels),
            weight_shape=(channels, 3, 3, 3),
            in_type=in_type,
            kernel=(3, 3),
            padding=(1, 1, 1, 1),
            pool=(pool, pool),
        )
        compare(conv, backend)


CLAMPS = {"u8": [(0, 255), (3, 200)], "i8": [(-128, 127), (-9, 100)]}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [Conv, DepthwiseConv], ids=lambda kind: kind.__name__)
def test_bytes_of_windows_and_blocks_beside_each_other(backend, kind):
    """Of 8 channels two windows fill 16 lanes where the plane has an even width; 64 channels are
    stored at once; kernels of 3x3 and others; rows that are even and odd in number. Half of the
    outputs are inside of the clamp, which is the range of the type or narrower.
    """
    windows = [((3, 3), 2), ((3, 3), 1), ((1, 1), 1), ((2, 5), 1), ((4, 3), 3)]
    planes = [(5, 6), (4, 7), (1, 2), (3, 18)]
    for (kernel, stride), plane, out_type in product(windows, planes, CLAMPS):
        rng = np.random.default_rng([*kernel, stride, *plane])
        depths = [8, 24, 64, 80] if kind is DepthwiseConv else [1, 3, 8, 20]
        in_type = str(rng.choice(["u8", "i8"]))
        depth, (lo, hi) = int(rng.choice(depths)), CLAMPS[out_type][int(rng.integers(2))]
        for channels in [depth] if kind is DepthwiseConv else [8, 16, 40, 48, 64]:
            top, left = int(rng.integers(kernel[0])), int(rng.integers(kernel[1]))
            size = [(n - 1) * stride + k for n, k in zip(plane, kernel, strict=True)]
            if top >= size[0] or left >= size[1]:
                top = left = 0
            source = Tensor(Shape(size[0] - top, size[1] - left, depth), in_type)
            base = random_ops.base_of("conv", source, out_type, *plane, channels)
            more = {"kernel": kernel, "stride": (stride, stride), "padding": (top, left, 0, 0)}
            more["pad"] = random_ops.random_pads(rng, source, more["padding"])
            shape = (channels, *kernel) if kind is DepthwiseConv else (channels, *kernel, depth)
            op = random_ops.weighted_op(rng, kind, "any", base, shape, **more)
            spread = 73 * 128 * np.sqrt(np.prod(shape[1:]))  # of the accumulators, about
            mult = 2 * (int(2**31 * 128 / spread) + np.arange(channels, dtype=np.int32))
            op = replace(op, shift=0, mult=mult, lo=lo, hi=hi)
            base = random_ops.base_of("end", op.output, "i32", 1, 1, 3)
            end = random_ops.weighted_op(
                rng, Dense, "any", base, (3, plane[0] * plane[1] * channels)
            )
            program = Program(name="two", ops=(op, end), input_scale=1.0, outputs=only_output())
            x = nets.random_inputs(program, 1)
            wanted, _ = reference.trace(program, x)
            came, _ = Engine(program, backend=backend).trace(x)
            what = f"{source} to {op.output}, {kernel}, {more['padding']}, {lo} to {hi}"
            np.testing.assert_array_equal(came, wanted, what, strict=True)


SMALL = [(1, 1), (1, 5), (3, 3), (5, 5), (6, 1), (4, 9), (7, 7)]
LARGE = [(13, 2), (2, 16), (9, 13), (2, 17)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kernel", [*SMALL, *LARGE], ids=str)
def test_kernels_of_one_channel(backend, kernel):
    """Planes narrower and wider than what is computed at once, with and without padding; up to
    and beyond the largest kernels that have their pixels in the lanes.
    """
    rng = np.random.default_rng(kernel)
    planes = [(6, 6, 1), (1, 20, 0), (20, 26, 2), (64, 50, 0), (65, 9, 2)]
    for in_type, pool, (channels, width, most) in product(["u8", "i8"], [1, 2], planes):
        top, left, bottom, right = (int(n) for n in rng.integers(0, most + 1, 4))
        plane = int(rng.integers(5, 9)), width
        conv = random_weights_op(
            rng,
            Conv,
            in_shape=(
                plane[0] + kernel[0] - 1 - top - bottom,
                plane[1] + kernel[1] - 1 - left - right,
                1,
            ),
            out_shape=(plane[0] // pool, plane[1] // pool, channels),
            weight_shape=(channels, *kernel, 1),
            in_type=in_type,
            kernel=kernel,
            padding=(top, left, bottom, right),
            pool=(pool, pool),
        )
        compare(conv, backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_dense_sizes_and_batches(backend):
    sizes, channel_counts = [1, 3, 4, 64, 101], [1, 10, 16, 63, 64, 70]
    for in_type, size, channels in product(["u8", "i8"], sizes, channel_counts):
        rng = np.random.default_rng(size)
        dense = random_weights_op(
            rng,
            Dense,
            in_shape=(1, 1, size),
            out_shape=(1, 1, channels),
            weight_shape=(channels, size),
            in_type=in_type,
        )
        compare(dense, backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_pools_of_all_group_sizes(backend):
    for program in nets.POOLING:
        x = nets.random_inputs(program, 1)
        for op, right, came in zip(
            program.ops,
            reference.trace(program, x),
            Engine(program, backend=backend).trace(x),
            strict=True,
        ):
            np.testing.assert_array_equal(came, right, err_msg=f"{program}, {op.name}", strict=True)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("program", [*nets.BANDED, nets.wide_program(8000)], ids=str)
def test_planes_larger_than_a_band(backend, program):
    compare(program.ops[0], backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_windows_beyond_a_band_run_plainly(backend):
    compare(nets.wide_program(9000).ops[0], backend)


def compare(op, backend):
    program = Program(name="one", ops=(op,), input_scale=1.0, outputs=only_output())
    x = nets.random_inputs(program, 1, n=13)
    wanted = reference.run(program, x)
    for threads in (1, 2, 5):
        engine = Engine(program, backend=backend, threads=threads)
        for n in (1, 2, 13):
            what = f"{op.in_type}, {op.inputs[0].shape} to {op.output.shape}"
            np.testing.assert_array_equal(engine.run(x[:n]), wanted[:n], what, strict=True)


def test_threads_share_out_batches_of_any_size():
    program = nets.random_program(5)
    x = nets.random_inputs(program, 1, n=301)
    wanted = reference.run(program, x)
    for threads in (1, 2, 3, 64):
        np.testing.assert_array_equal(Engine(program, threads=threads).run(x), wanted)
    assert Engine(program, threads=3).run(x[:0]).shape == (0, program.output_shape.size)


@pytest.mark.parametrize("threads", [0, -1, 65])
def test_a_number_of_threads_out_of_range_is_refused(threads):
    with pytest.raises(EngineError, match=f"threads is {threads}, not 1 to 64"):
        Engine(nets.random_program(1), threads=threads)


def test_packed_weights_stay_near_their_size():
    """At most 1.15 times the weights for a layer of LeNet; nothing where none are packed."""
    rng = np.random.default_rng(0)
    fc1 = random_weights_op(
        rng,
        Dense,
        in_shape=(4, 4, 50),
        out_shape=(1, 1, 500),
        weight_shape=(500, 800),
        in_type="u8",
    )
    program = Program(name="fc1", ops=(fc1,), input_scale=1.0, outputs=only_output())
    for backend in Engine.backends():
        packed = Engine(program, backend=backend).packed_size
        assert packed == 0 if backend == "scalar" else packed <= 1.15 * fc1.weight.size


@pytest.mark.parametrize("program", driver_nets.PROGRAMS, ids=lambda program: program.name)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_way_of_the_driver_computes_the_references_bytes(backend, program):
    x = nets.random_inputs(program, 3, n=3)
    engine = Engine(program, backend=backend)
    np.testing.assert_array_equal(engine.run(x), reference.run(program, x))
