"""Programs that carry a state: the reference beside plain loops, the engine, blobs, rules."""

from dataclasses import replace

import delay_faults
import numpy as np
import pytest
import recurrent_nets
from equal_bytes import check_planes
from nets import random_inputs

from drypoint.engine import Engine
from drypoint.program import Delay, Program, ProgramError, blob, lifetimes, reference


def test_the_reference_gives_what_plain_loops_give():
    for seed in range(40):
        program = recurrent_nets.random_recurrent(seed)
        signal = random_inputs(program, seed, n=12)
        wanted = recurrent_nets.plain_steps(program, signal)
        check_planes(program, reference.trace(program, signal), wanted)


def test_every_backend_gives_the_bytes_of_every_op():
    for seed in range(100):
        program = recurrent_nets.random_recurrent(seed)
        signal = random_inputs(program, seed, n=20)
        wanted, outputs = reference.trace(program, signal), reference.run(program, signal)
        for backend in Engine.backends():
            engine = Engine(program, backend=backend)
            check_planes(program, engine.trace(signal), wanted, f"by {backend}")
            assert np.array_equal(engine.run(signal), outputs), (seed, backend)


def test_the_random_programs_have_every_case():
    found = set()
    for program in recurrent_nets.recurrent(range(60)):
        for i, op in enumerate(program.ops):
            found |= {(op.kind, op.out_type), (op.kind, *(t.type for t in op.inputs))}
            if isinstance(op, Delay):
                found |= {"first values"} if op.pad is not None else set()
                over = i + 1 in program.reads[op.carries - 1]
                found |= {"over the state" if over else "beside the state"}
    wide = {("add", "i16"), ("mul", "i16"), ("lookup", "i16"), ("avgpool", "i16")}
    types = {(kind, a, b) for kind in ("add", "mul") for a, b in (("i16", "i16"), ("i16", "u8"))}
    assert found >= wide | types | {("delay", t) for t in ("u8", "i8", "i16")}
    assert found >= {"first values", "over the state", "beside the state", ("history", "u8")}


def test_signals_of_a_batch_are_signals_by_themselves():
    program = recurrent_nets.random_recurrent(1)
    signals = np.stack([random_inputs(program, seed, n=9) for seed in range(5)])
    together = reference.trace_signals(program, signals)
    for i, signal in enumerate(signals):
        planes = [plane[i] for plane in together]
        check_planes(program, planes, reference.trace(program, signal))


def test_a_blob_holds_a_recurrent_program():
    for program in recurrent_nets.recurrent(range(40)):
        data = blob.dumps(program)
        assert data[6] == 1
        assert blob.dumps(blob.loads(data)) == data


def test_the_walkthrough_of_the_page():
    cell, rows = delay_faults.CELL, np.array([200, 0, 255], np.uint8).reshape(3, 1, 1, 1)
    assert (cell.state_size, cell.arena_size, cell.plan.offsets) == (10, 12, (8, 10, 8, 0))
    assert Engine(cell).run(rows).ravel().tolist() == [12850, 6425, 19533]
    states = [plane.ravel().tolist() for plane in reference.trace(cell, rows)]
    assert states[0] == [100, 12850, 6425]
    assert states[1] == [25600, 0, 32640]


def test_the_state_has_its_place_in_the_account_of_ram():
    state, gate, carried = lifetimes(delay_faults.CELL)
    assert (state.offset, state.size, state.first, state.last) == (8, 2, 0, 3)
    assert (carried.offset, carried.size, carried.first, carried.last) == (8, 2, 2, 3)
    assert not gate.overlaps(state)


@pytest.mark.parametrize(
    ("carries", "words"),
    [
        (1, "op 'h': carries tensor 1; wanted: a later one"),
        (2, "op 'h': is i8 1x1x1, but 'x' writes i16 1x1x1"),
        (4, "op 'h': is i8 1x1x1, but 'out' writes i32 1x1x1"),
        (9, "op 'h': carries tensor 9; wanted: a later one"),
    ],
)
def test_a_delay_carries_a_later_tensor_of_its_kind(carries, words):
    cell = delay_faults.CELL
    byte = cell.ops[0].output._replace(type="i8")
    ops = (replace(cell.ops[0], output=byte, carries=carries, pad=None), *cell.ops[1:])
    ops = (*ops[:2], replace(ops[2], inputs=(byte, ops[2].inputs[1])), ops[3])
    fields = {"input_scale": 1.0, "outputs": cell.outputs, "reads": cell.reads}
    with pytest.raises(ProgramError) as error:
        Program(name="c", ops=ops, **fields)
    assert str(error.value) == words


def test_no_op_reads_a_state_that_is_written_over():
    cell = delay_faults.CELL
    reads = (*cell.reads[:3], (1,))
    with pytest.raises(ProgramError) as error:
        replace(cell, reads=reads)
    assert str(error.value) == "op 'out': reads 'h', over which 'sum' has written"
