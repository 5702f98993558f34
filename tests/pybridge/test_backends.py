"""Every backend of this machine against the reference, on every byte of every op."""

import layouts
import nets
import numpy as np
import pytest
import random_ops
from backends import BACKENDS
from corpus import SHAPES
from equal_bytes import check_engine, check_outputs
from hypothesis import given
from hypothesis import strategies as st
from last_output import only_output

from drypoint.engine import Engine, EngineError
from drypoint.program import Dense, Program, Shape, Tensor, reference


@pytest.mark.parametrize("backend", BACKENDS)
@given(program=nets.programs, seed=st.integers(0, 2**32 - 1))
def test_every_op_of_random_programs(backend, program, seed):
    check_engine(program, nets.random_inputs(program, seed), [backend])


@pytest.mark.parametrize("family", layouts.HERE)
@given(data=st.data())
def test_every_layout_of_weights(family, data):
    """Batches of a few inputs, by one thread and by two. Each example has the family's layout."""
    program = data.draw(layouts.FAMILIES[family])
    x = nets.random_inputs(program, 3, n=data.draw(st.integers(2, 13)))
    engines = check_engine(program, x, threads=data.draw(st.integers(1, 2)))
    assert any(family in layouts.find_layout(engine) for engine in engines)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_shape_of_the_corpus(backend):
    for program in SHAPES:
        check_engine(program, nets.random_inputs(program, 3), [backend])


def test_threads_share_out_batches_of_any_size():
    program = nets.random_program(5)
    x = nets.random_inputs(program, 1, n=301)
    wanted = reference.run(program, x)
    for threads in (1, 2, 3, 64):
        check_outputs(Engine(program, threads=threads).run(x), wanted)
    assert Engine(program, threads=3).run(x[:0]).shape == (0, program.output_shape.size)


@pytest.mark.parametrize("threads", [0, -1, 65])
def test_a_number_of_threads_out_of_range_is_refused(threads):
    with pytest.raises(EngineError, match=f"threads is {threads}, not 1 to 64"):
        Engine(nets.random_program(1), threads=threads)


def test_packed_weights_stay_near_their_size():
    """At most 1.15 times the weights for a layer of LeNet; nothing where none are packed."""
    base = random_ops.base_of("fc1", Tensor(Shape(4, 4, 50), "u8"), "i32", 1, 1, 500)
    fc1 = random_ops.weighted_op(np.random.default_rng(0), Dense, "any", base, (500, 800))
    program = Program(name="fc1", ops=(fc1,), input_scale=1.0, outputs=only_output())
    for backend in Engine.backends():
        packed = Engine(program, backend=backend).packed_size
        assert packed == 0 if backend == "scalar" else packed <= 1.15 * fc1.weight.size
