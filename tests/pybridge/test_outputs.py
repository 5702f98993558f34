"""Programs of several outputs: rules, names, places, and equal bytes everywhere.

Oracles: BLOB.md and NUMERICS.md (section 1), whose examples are built here; the naive loops of
oracle.py for what every op computes.
"""

import dataclasses
import re
import struct

import nets
import numpy as np
import oracle
import pytest
from blobs import load_status, repaired
from last_output import only_output, with_last
from page_blob import PAGE, read_page
from stream_nets import outputs_stretched, random_windows

from drypoint.engine import Engine, EngineError, verify
from drypoint.program import (
    AvgPool,
    BlobError,
    Output,
    Plan,
    Program,
    ProgramError,
    Shape,
    Tensor,
    blob,
    codegen,
    lifetimes,
    memory_chart,
    reference,
    simplify,
    softmax,
)
from drypoint.program._plan import NO_PLAN

SEEDS = [seed for seed in range(200) if seed % 25 in nets.SEVERAL]


def copy_out(name, source):
    """The op that copies a tensor to an output of the program: NUMERICS.md section 5."""
    return AvgPool(
        name=name,
        inputs=(source,),
        output=Tensor(source.shape, "i32"),
        kernel=(1, 1),
        bias=np.array([-source.zero], np.int32),
        mult=np.array([2**30], np.int32),
        shift=2,
        lo=-(2**31),
        hi=2**31 - 1,
    )


def two_outputs():
    """The program of BLOB.md section 8 with its second output, and the input of the page."""
    data, given, _ = read_page()
    single = blob.loads(data)
    conv, dense = single.ops
    program = dataclasses.replace(
        single,
        ops=(conv, copy_out("features", conv.output), dense),
        reads=((0,), (1,), (1,)),
        plan=Plan((0, 0, 4), (False,) * 3, 4),
        outputs=(Output("features", 0.25), dataclasses.replace(*single.outputs, name="class")),
    )
    return program, np.frombuffer(given, np.uint8).reshape(program.input_shape)


def test_the_second_output_on_the_page_has_the_values_on_the_page():
    program, x = two_outputs()
    first, second = re.search(r"^    ([-\d ]+) \| ([-\d ]+)$", PAGE, re.M).groups()
    wanted = {"features": [*map(int, first.split())], "class": [*map(int, second.split())]}
    for run in (lambda x: reference.run(program, x), Engine(program).run):
        assert {name: row[0].tolist() for name, row in run(x).items()} == wanted
    assert (program.output_count, program.arena_size) == (6, 4)


@pytest.mark.parametrize(
    ("at", "value", "status"),
    [(64 + 2 * 128 + 72, 3, "PLAN"), (6, 0, "SHAPE")],
    ids=["an offset of 3", "minor 0"],
)
def test_the_blob_on_the_page_is_refused_as_the_page_says(at, value, status):
    program, _ = two_outputs()
    data = bytearray(blob.dumps(program))
    assert (data[6], data[64 + 2 * 128 + 72]) == (1, 4)
    struct.pack_into("<B", data, at, value)
    data = repaired(data)
    with pytest.raises(BlobError):
        blob.loads(data)
    # Past the checks in Python.
    found = re.search(rf"{status} (-\d+)", PAGE)
    assert load_status(data) == int(found[1])


@pytest.mark.parametrize("seed", SEEDS)
def test_every_backend_gives_the_bytes_of_the_naive_loops(seed):
    program = nets.random_program(seed)
    x = nets.random_inputs(program, seed, n=3)
    planes = [
        np.stack(each) for each in zip(*(oracle.trace(program, plane) for plane in x), strict=True)
    ]
    wanted = {
        output.name: plane.reshape(len(x), -1)
        for output, plane in zip(
            program.outputs, (p for p in planes if p.dtype == np.int32), strict=True
        )
    }
    for backend in Engine.backends():
        for threads in (1, 2):
            found = Engine(program, backend=backend, threads=threads).run(np.concatenate([x] * 5))
            assert [*found] == [*wanted]
            for name, rows in found.items():
                np.testing.assert_array_equal(rows, np.concatenate([wanted[name]] * 5))


@pytest.mark.parametrize("seed", SEEDS[:8])
def test_a_program_is_its_blob(seed):
    program = nets.random_program(seed)
    data = blob.dumps(program)
    again = blob.loads(data)
    assert (data[6], blob.dumps(again)) == (1, data)
    assert [(o.name, o.scale, o.softmax) for o in again.outputs] == [
        (o.name, o.scale, o.softmax) for o in program.outputs
    ]
    last = softmax.scale(program.output_scale) if program.softmax else (0, 0)
    assert (*struct.unpack_from("<IB", data, 52),) == (*last,)


@pytest.mark.parametrize("seed", SEEDS)
def test_simplification_keeps_every_output(seed):
    program = nets.random_program(seed)
    simple = simplify(program).program
    assert [output.name for output in simple.outputs] == [o.name for o in program.outputs]
    x = nets.random_inputs(program, seed)
    found = reference.run(simple, x)
    for name, rows in reference.run(program, x).items():
        np.testing.assert_array_equal(found[name], rows)


def test_two_outputs_that_compute_the_same_stay_two():
    program, x = two_outputs()
    op = dataclasses.replace(program.ops[1], name="copy")
    twice = dataclasses.replace(
        program,
        ops=(*program.ops[:2], op, program.ops[2]),
        reads=((0,), (1,), (1,), (1,)),
        plan=Plan((0, 0, 4, 8), (False,) * 4, 4),
        outputs=(program.outputs[0], Output("copies", 0.5), program.outputs[1]),
    )
    found = reference.run(simplify(twice).program, x)
    assert found["features"].tolist() == found["copies"].tolist()


def windows_with_a_middle(seed):
    """A random program of windows, with the values of a tensor in its middle as an output too."""
    windows = random_windows(seed)
    tensors = [(0, windows.input), *((i + 1, op.output) for i, op in enumerate(windows.ops[:-1]))]
    number, source = tensors[len(tensors) // 2]
    ops, reads = [*windows.ops], [*windows.reads]
    ops.insert(len(ops) - 1, copy_out("middle", source))
    reads.insert(len(reads) - 1, (number,))
    return dataclasses.replace(
        windows,
        ops=tuple(ops),
        reads=tuple(reads),
        plan=NO_PLAN,
        outputs=(Output("middle", 1.0), dataclasses.replace(*windows.outputs, name="end")),
    )


@pytest.mark.parametrize("seed", [0, 3, 6, 9, 14, 18, 25])
def test_the_outputs_of_a_stream_come_together(seed):
    """The output in the middle is ready earlier than the last one, but for seed 0. Oracle: the
    program stretched to the signal: its rows k come in one step.
    """
    both = windows_with_a_middle(seed)
    x = nets.random_inputs(both, seed, n=30)[:, :1]  # 30 rows of a signal
    stream = both.streaming()
    histories = [op for op in stream.ops if op.name == "middle.history"]
    assert len(histories) == (seed != 0)
    found, wanted = reference.run(stream, x), outputs_stretched(both, x)
    steps = len(stream.output_steps(len(x)))
    for (name, rows), right in zip(found.items(), wanted, strict=True):
        assert len(rows) == steps, name
        np.testing.assert_array_equal(rows, right[:steps], name)
    assert len(wanted[-1]) == steps  # the last output is the one that comes latest
    for name, rows in Engine(stream).run(x).items():
        np.testing.assert_array_equal(rows, found[name])
    signal = Engine(stream).stream()
    steps = [signal.step(row) for row in x]
    rows = [step["middle"] for step in steps if step is not None]
    assert np.array(rows).tolist() == found["middle"].tolist()


def test_outputs_with_other_strides_do_not_stream():
    with pytest.raises(ProgramError, match=r"op 'middle' writes an output every 1 steps .* equal"):
        windows_with_a_middle(5).streaming()


FIRST, LAST = Output("features", 0.25), Output("class", 1.0)


def change_outputs(**fields):
    program, _ = two_outputs()
    return dataclasses.replace(program, **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"outputs": only_output()}, "2 ops write i32, but the program names 1 outputs"),
        ({"outputs": (FIRST, Output("features", 1.0))}, "two outputs are named 'features'"),
        (
            {"outputs": (FIRST, Output("Class", 1.0))},
            "named 'Class'; wanted: small letters, digits and _",
        ),
        (
            {"outputs": (FIRST, Output("9a", 1.0))},
            "wanted: small letters, digits and _, a letter first",
        ),
        (
            {"outputs": (FIRST, Output("count", 1.0))},
            "'count', but the exported header has a macro of this name",
        ),
        (
            {"outputs": (FIRST, Output("features_scale", 1.0))},
            "already; take another, such as features_scales",
        ),
        ({"outputs": (Output("x", 0.0), LAST)}, "the output scale is 0.0, not a positive"),
        ({"outputs": (Output("x", 1.0, decoder=3), LAST)}, "the decoder is 3, neither"),
        (
            {"outputs": (FIRST, Output("class", 1.0, threshold=5))},
            "the output class is no autoencoder of real inputs",
        ),
        ({"plan": Plan((0, 0, 3), (False,) * 3, 4)}, "'d' has its output at value 3, but the"),
        ({"plan": Plan((0, 0, 4), (False, True, False), 4)}, "is not at the place of its input"),
    ],
)
def test_outputs_that_break_a_rule_are_refused(fields, words):
    with pytest.raises(ProgramError) as error:
        change_outputs(**fields)
    assert words in str(error.value)


def test_one_output_has_no_name_of_its_own():
    single = blob.loads(read_page()[0])
    with pytest.raises(ProgramError, match="the only output is named 'class'; wanted: 'output'"):
        with_last(single, name="class")


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ('"outputs"', '"outputz"', "outputs is missing"),
        ('"name":"class"', '"name":"Class"', "wanted: small letters, digits and _"),
        ('"scale":0.25', '"scale":-.25', "not JSON|scale"),
        ('"softmax":false}', '"softmax":0    }', r"outputs\[0\].softmax must be true, false or"),
    ],
)
def test_a_meta_that_breaks_a_rule_is_refused(right, wrong, words):
    data = blob.dumps(two_outputs()[0]).replace(right.encode(), wrong.encode(), 1)
    with pytest.raises(BlobError, match=words):
        blob.loads(repaired(data))


def test_the_header_has_the_place_and_the_scale_of_each_output():
    program, x = two_outputs()
    header = codegen.generate(with_last(program, softmax=True), "net", x)["net.h"]
    found = dict(re.findall(r"#define (NET_OUTPUT_\w+) (.*?)(?: /\*.*)?$", header, re.M))
    mult, shift = softmax.scale(program.output_scale)
    assert found == {
        "NET_OUTPUT_COUNT": "6",
        "NET_OUTPUT_FEATURES": "0",
        "NET_OUTPUT_FEATURES_COUNT": "4",
        "NET_OUTPUT_FEATURES_SCALE": "0.25",
        "NET_OUTPUT_CLASS": "4",
        "NET_OUTPUT_CLASS_COUNT": "2",
        "NET_OUTPUT_CLASS_SOFTMAX": f"{{{mult}, {shift}}}",
    }


def test_real_values_are_each_output_s_own():
    program, x = two_outputs()
    engine = Engine(with_last(program, softmax=True))
    real = engine.predict_proba(x)
    assert real["features"].tolist() == [[23.25, -25.0, 25.0, -25.0]]
    assert real["class"].tolist() == [[0.0, 1.0]]
    decided = engine.predict(x)
    assert decided["features"].tolist() == [23.25, -25.0, 25.0, -25.0]
    with pytest.raises(EngineError):
        engine.stream()


def test_listing_chart_and_verification_know_the_outputs():
    program, x = two_outputs()
    assert str(program).splitlines()[1] == "outputs: features of features, class of d"
    assert [lifetime.name for lifetime in lifetimes(program)] == ["c"]
    assert memory_chart(program).count("\n") == 4
    found = verify(program, {"C": Engine(program)}, x[None])
    assert found.differing_bytes == 0
    assert found.outputs["C"]["class"].tolist() == [[-407, 12956]]


def test_the_values_of_all_outputs_have_a_limit():
    shape = Shape(2**14, 2**14, 1)
    ops = [copy_out(f"o{i}", Tensor(shape, "u8")) for i in range(2)]
    with pytest.raises(ProgramError, match="the outputs have 536870912 values together; at most"):
        Program(
            name="large",
            ops=tuple(ops),
            reads=((0,), (0,)),
            input_scale=1.0,
            outputs=(Output("a", 1.0), Output("b", 1.0)),
        )
