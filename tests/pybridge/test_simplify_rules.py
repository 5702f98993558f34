"""Each rule of program.simplify and each of its limits, on small programs.

Oracle: the reference's outputs of the program before; channels, weights and biases by hand.
"""

import constant_nets
import numpy as np
import pytest
from constant_nets import add, conv, dense, depthwise, end, lookup, program, rule, u8

from drypoint import nn, quant
from drypoint.program import (
    AvgPool,
    Concat,
    Conv,
    GroupedConv,
    Lookup,
    MaxPool,
    Mul,
    Shape,
    Tensor,
    reference,
    simplify,
)
from drypoint.program.passes import narrow

SOURCE = u8(6, 6, 2)


@pytest.fixture(autouse=True)
def _however_little_it_saves(monkeypatch):
    """The nets here are small: kernels of four lanes would gain nothing."""
    monkeypatch.setattr(narrow, "_worth_it", lambda _, kept: kept)


ROUND = {"padding": (1, 1, 1, 1)}
RNG = np.random.default_rng(5)


def weights(*shape):
    """No weight is 0; the first of each output channel is positive, so that the channel varies."""
    rows = RNG.choice([-3, -2, -1, 1, 2, 3], shape)
    rows.reshape(len(rows), -1)[:, 0] = 2
    return rows


def constants(*values, source=SOURCE, name="writer", **change):
    """A convolution of 1x1 whose channel i is ``values[i]``, or varies where that is None."""
    weight = weights(len(values), source.shape.c)
    weight[[value is not None for value in values]] = 0
    return conv(name, source, weight, [value or 0 for value in values], **change)


def simplify_ops(*ops, reads=()):
    """The simplified program, whose outputs are equal: ops by name, and what changed."""
    before = program(*ops, reads=reads)
    found = simplify(before)
    x = constant_nets.structured_inputs(before)
    assert (reference.run(before, x) == reference.run(found.program, x)).all()
    assert len(np.unique(reference.run(before, x))) > 1  # the outputs show a difference
    after = {op.name: op for op in found.program.ops}
    return after, {change.op: change.what for change in found.changes}


def channels(ops, name):
    return ops[name].in_shape.c, ops[name].out_shape.c


def test_the_bias_of_a_convolution_takes_a_constant_in():
    writer = constants(None, 77, None)
    weight = weights(4, 1, 1, 3)
    after, changes = simplify_ops(
        writer, reader := conv("reader", writer.output, weight, 5), end(reader.output)
    )
    assert channels(after, "writer") == (2, 2)
    assert (after["reader"].weight == np.delete(weight, 1, axis=3)).all()
    assert (after["reader"].bias == 5 + 77 * weight[:, 0, 0, 1]).all()
    assert changes == {"writer": "3 -> 2 channels, 6 -> 4 weights", "reader": "12 -> 8 weights"}


def test_the_bias_of_a_dense_op_takes_a_constant_of_all_places_in():
    writer = constants(None, 77)
    weight = weights(3, 72)
    after, _ = simplify_ops(writer, dense(writer.output, weight))
    assert (after["fc"].weight == weight.reshape(3, 36, 2)[..., 0]).all()
    assert (after["fc"].bias == 77 * weight.reshape(3, 36, 2)[..., 1].sum(axis=1)).all()


@pytest.mark.parametrize(("bias", "weight", "kept"), [
    (255, [1, 2], 1), (254, [1, 2], 2), (-3 * 255, [1, 2], 1), (1 - 3 * 255, [1, 2], 2),
    (255 + 2 * 255, [1, -2], 1), (254 + 2 * 255, [1, -2], 2),
])  # fmt: skip
def test_a_channel_is_a_constant_where_both_ends_of_its_interval_saturate(bias, weight, kept):
    """One step less, and a value of the input shows."""
    writer = conv("writer", SOURCE, [[1, 1], weight], [0, bias])
    after, _ = simplify_ops(writer, end(writer.output))
    assert channels(after, "writer") == (2, kept)


@pytest.mark.parametrize(("value", "pad", "kept"), [
    (0, None, 1), (9, [9, 9], 1), (9, [0, 9], 1), (9, None, 2), (0, [0, 9], 2), (9, [9, 8], 2),
])  # fmt: skip
def test_a_reader_that_pads_takes_in_a_constant_that_equals_its_padding(value, pad, kept):
    pad = None if pad is None else np.array(pad, np.uint8)
    writer = constants(None, value)
    reader = conv("reader", writer.output, weights(3, 3, 3, 2), pad=pad, **ROUND)
    after, _ = simplify_ops(writer, reader, end(reader.output))
    assert channels(after, "writer") == (2, kept)


def test_padding_that_no_window_reads_or_whose_weights_cancel_does_not_matter():
    writer = constants(None, 9)
    weight = weights(3, 2, 2, 2)
    unread = conv("reader", writer.output, weight, padding=(0, 0, 1, 1), stride=(2, 2))
    after, _ = simplify_ops(writer, unread, end(unread.output))
    assert channels(after, "reader") == (1, 3)
    weight = weights(3, 3, 3, 2)
    weight[..., 1] = 0
    weight[:, 1, :, 1] = [1, -2, 4]  # the middle row lies in the plane at every place
    cancels = conv("reader", writer.output, weight, padding=(1, 0, 1, 0))
    after, _ = simplify_ops(writer, cancels, end(cancels.output))
    assert channels(after, "reader") == (1, 3)
    assert (after["reader"].bias == 9 * 3).all()
    weight[:, 0, 1, 1] = 1  # the upper row does not
    kept = conv("reader", writer.output, weight, padding=(1, 0, 1, 0))
    after, _ = simplify_ops(writer, kept, end(kept.output))
    assert channels(after, "reader") == (2, 3)


def test_a_depthwise_channel_of_a_constant_goes_with_the_channel_before_it():
    """Where padding makes no other value of it: equal to the constant, or lost in the clamp."""
    varying = [None] * 4
    for value, pad, weight, bias, kept in (
        (0, None, 1, 30, 4), (9, 9, 1, 30, 4), (9, None, 1, 30, 5), (9, None, 1, -81, 4),
    ):  # fmt: skip
        writer = constants(*varying, value)
        table = None if pad is None else np.full(5, pad, np.uint8)
        rows = weights(5, 3, 3)
        rows[:4, 1, 1], rows[4] = 3, weight
        middle = depthwise("middle", writer.output, rows, [60] * 4 + [bias], pad=table, **ROUND)
        reader = conv("reader", middle.output, weights(2, 5))
        after, _ = simplify_ops(writer, middle, reader, end(reader.output))
        assert channels(after, "writer")[1] == kept, (value, pad, bias)
        assert channels(after, "middle") == (kept, kept)
        assert channels(after, "reader")[0] == kept


def test_a_depthwise_convolution_keeps_four_channels():
    for count, kept in ((3, 1), (4, 4), (6, 4)):
        writer = constants(None, *[0] * (count - 1))
        middle = depthwise("middle", writer.output, [2] * count, 3)
        reader = conv("reader", middle.output, weights(2, count))
        after, _ = simplify_ops(writer, middle, reader, end(reader.output))
        assert channels(after, "middle") == (kept, kept)


def test_several_outputs_of_a_depthwise_channel_go_together():
    for values, kept in (([0, 0], 4), ([0, 50], 5)):
        writer = constants(*[None] * 5)
        weight = np.full(10, 2)
        weight[2:4] = [1 if value else 0 for value in values]
        middle = depthwise("middle", writer.output, weight, 3, output=u8(6, 6, 10))
        reader = conv("reader", middle.output, weights(2, 10))
        after, _ = simplify_ops(writer, middle, reader, end(reader.output))
        assert channels(after, "middle") == (kept, 2 * kept)


def test_channels_that_no_weight_reads_go_back_through_the_graph():
    first = constants(None, None, None, None, None, None, name="first")
    middle = depthwise("middle", first.output, weights(6, 3, 3), 300, **ROUND)
    weight = weights(3, 6)
    weight[:, 4] = 0
    reader = conv("reader", middle.output, weight)
    after, _ = simplify_ops(first, middle, reader, end(reader.output))
    assert [channels(after, name) for name in ("first", "middle", "reader")] == [
        (2, 5), (5, 5), (5, 3),
    ]  # fmt: skip


def test_a_constant_that_stays_reads_nothing():
    """The reader pads with another value, so that the constant stays; what it is made of goes."""
    first = constants(None, None, None, name="first")
    writer = conv("writer", first.output, [[1, 2, 0], [3, 1, 0], [0, 0, 1]], [0, 0, 255])
    reader = conv("reader", writer.output, weights(2, 3, 3, 3), **ROUND)
    after, _ = simplify_ops(first, writer, reader, end(reader.output))
    assert channels(after, "first") == (2, 2)
    assert channels(after, "reader") == (3, 2)
    assert after["writer"].weight[2].any() == 0
    assert after["writer"].bias[2] == 255


def grouped_conv(source, weight, bias=0):
    """Two groups; ``weight`` is [o][c of the group]."""
    weight = np.asarray(weight, np.int8)[:, None, None]
    output = source._replace(shape=source.shape._replace(c=len(weight)))
    return GroupedConv(name="grouped", inputs=(source,), output=output, kernel=(1, 1), groups=2,
                       weight=weight, **rule(len(weight), bias))  # fmt: skip


def test_groups_keep_as_many_channels_each_and_a_group_goes_as_a_whole():
    for values, kept, kind in (
        ([None, 7, None, 7], (2, 2), GroupedConv),
        ([None, 7, None, None], (4, 2), GroupedConv),
        ([5, 7, None, None], (2, 1), Conv),
        ([5, 7, None, 9], (1, 1), Conv),
    ):
        writer = constants(*values)
        middle = grouped_conv(writer.output, [[1, 2], [2, 3]])
        reader = conv("reader", middle.output, abs(weights(2, 2)))
        after, _ = simplify_ops(writer, middle, reader, end(reader.output))
        assert (channels(after, "grouped"), type(after["grouped"])) == (kept, kind), values


def test_additions_and_products_lose_a_channel_that_is_a_constant_on_both_sides():
    a, b = constants(None, 7, None, 5, name="a"), constants(None, 9, None, None, name="b")
    for kind in (add, multiply):
        joined = kind("joined", a.output, b.output)
        reader = conv("reader", joined.output, weights(2, 4))
        reads = ((0,), (0,), (1, 2), (3,), (4,))
        after, _ = simplify_ops(a, b, joined, reader, end(reader.output), reads=reads)
        assert [channels(after, name)[1] for name in ("a", "b", "joined")] == [3, 3, 3]


def multiply(name, a, b):
    return Mul(name=name, inputs=(a, b), output=a, **rule(1, mult=np.array([2**25], np.int32)))


def test_pools_and_lookups_pass_a_constant_on():
    writer = constants(None, 9, None)
    plane = u8(3, 3, 3)
    windows = {"inputs": (writer.output,), "output": plane, "kernel": (2, 2), "stride": (2, 2)}
    mean = AvgPool(name="middle", **windows, **rule(1))
    for middle in (
        MaxPool(name="middle", **windows), mean, lookup("middle", writer.output, lambda q: 255 - q),
    ):  # fmt: skip
        reader = conv("reader", middle.output, weights(2, 3))
        after, _ = simplify_ops(writer, middle, reader, end(reader.output))
        assert channels(after, "writer") == (2, 2)
        assert channels(after, "middle") == (2, 2)
    padded = AvgPool(name="middle", inputs=(writer.output,), output=u8(6, 6, 3), kernel=(3, 3),
                     **ROUND, **rule(1))  # fmt: skip
    reader = conv("reader", padded.output, weights(2, 3))
    after, _ = simplify_ops(writer, padded, reader, end(reader.output))
    assert channels(after, "middle") == (3, 3)


def concat(a, b):
    output = a._replace(shape=a.shape._replace(c=a.shape.c + b.shape.c))
    return Concat(name="joined", inputs=(a, b), output=output)


def test_a_concatenation_goes_where_one_of_its_inputs_is_constant():
    for values, kept in (([None, 5, None], 4), ([7, 7, 7], 2)):
        a, b = constants(None, 9, None, name="a"), constants(*values, name="b")
        joined = concat(b.output, a.output)
        reader = conv("reader", joined.output, weights(2, 6))
        reads = ((0,), (0,), (2, 1), (3,), (4,))
        after, changes = simplify_ops(a, b, joined, reader, end(reader.output), reads=reads)
        assert channels(after, "reader") == (kept, 2)
        if kept == 2:
            assert set(after) == {"a", "reader", "fc"}
            assert (changes["joined"], changes["b"]) == ("one input is left", "no op needs it")


def test_outputs_and_inputs_of_the_program_stay():
    weight = np.zeros((3, 72), np.int8)
    weight[0, 5] = 1
    after, changes = simplify_ops(dense(SOURCE, weight, bias=[1, 2, 3]))
    assert (channels(after, "fc"), changes) == ((2, 3), {})


def test_where_all_is_constant_one_channel_stays():
    writer = constants(7, 8, 9)
    before = program(writer, end(writer.output))
    after = simplify(before).program
    assert [channels({op.name: op for op in after.ops}, name) for name in ("writer", "fc")] == [
        (2, 1), (1, 2),
    ]  # fmt: skip
    x = constant_nets.structured_inputs(before)
    assert (reference.run(before, x) == reference.run(after, x)).all()


def pool(name, source):
    return MaxPool(name=name, inputs=(source,), output=source, kernel=(1, 1))


def test_an_op_that_writes_what_it_reads_goes():
    writer = conv("writer", SOURCE, [[1, 0], [0, 1]], lo=10, hi=90)
    plane = writer.output
    wider = Tensor(plane.shape, "i8")
    for middle, goes in (
        (lookup("middle", plane, lambda q: q), True),
        (lookup("middle", plane, lambda q: q if 10 <= q <= 90 else 3), True),  # never 9 or 91
        (lookup("middle", plane, lambda q: q if 10 <= q <= 89 else 3), False),
        (lookup("middle", plane, lambda q: q, wider), False),  # another type
        (pool("middle", plane), True),
        (AvgPool(name="middle", inputs=(plane,), output=plane, kernel=(1, 1), **rule(1)), True),
        (depthwise("middle", plane, [1, 1]), True),
        (depthwise("middle", plane, [1, 1], [0, 1]), False),
        (depthwise("middle", plane, [[[0, 1, 0]]] * 2, padding=(0, 1, 0, 1)), False),
    ):
        after, changes = simplify_ops(writer, middle, end(middle.output))
        assert ("middle" not in after) == goes, middle
        assert changes == ({"middle": "writes what it reads"} if goes else {})
    last = lookup("fc", u8(1, 1, 2), lambda q: q, Tensor(Shape(1, 1, 2), "i32"))
    assert simplify_ops(last)[1] == {}


def test_a_lookup_becomes_part_of_the_lookups_that_alone_read_it():
    first = lookup("first", SOURCE, lambda q: q * q % 251)
    second = lookup("second", SOURCE, lambda q: q ^ 85)
    after, changes = simplify_ops(first, second, end(SOURCE))
    assert changes == {"first": "part of the table of second"}
    assert (after["second"].table == second.table[first.table]).all()
    reader = conv("reader", SOURCE, weights(2, 2))
    joined = add("joined", SOURCE, reader.output)
    reads = ((0,), (1,), (1,), (2, 3), (4,))
    after, changes = simplify_ops(first, second, reader, joined, end(SOURCE), reads=reads)
    assert changes == {}


def test_a_lookup_that_clamps_becomes_the_clamp_of_the_op_that_it_alone_reads():
    writer = conv("writer", SOURCE, [[1, -1], [-1, 2]], 50, hi=200)
    for function, clamp in (
        (lambda q: min(q, 99), (0, 99)),
        (lambda q: max(q, 30), (30, 200)),
        (lambda q: min(max(q, 30), 99) if q < 201 else 7, (30, 99)),
        (lambda q: min(max(q, 30), 99) if q < 200 else 7, None),
        (lambda q: q + 1, None),
    ):
        clamps = lookup("clamp", writer.output, function)
        after, changes = simplify_ops(writer, clamps, end(writer.output))
        assert ("clamp" in after) == (clamp is None)
        if clamp:
            assert (after["writer"].lo, after["writer"].hi) == clamp
            assert changes == {"clamp": "part of the clamp of writer"}
    clamps = lookup("clamp", writer.output, lambda q: min(q, 99))
    joined = add("joined", writer.output, clamps.output)
    reads = ((0,), (1,), (1, 2), (3,))
    assert simplify_ops(writer, clamps, joined, end(joined.output), reads=reads)[1] == {}


def test_an_addition_or_product_with_one_constant_is_a_lookup():
    constant = constants(40, 40, name="constant")
    for sides in ((1, 0), (0, 1)):
        for kind in (add, multiply):
            joined = kind("joined", SOURCE, SOURCE)
            reads = ((0,), sides, (2,))
            after, changes = simplify_ops(constant, joined, end(SOURCE), reads=reads)
            assert isinstance(after["joined"], Lookup)
            assert set(after) == {"joined", "fc"}
            assert changes["joined"] == f"{joined.kind} of a constant: a lookup"
    constant = constants(40, 41, name="constant")
    joined = add("joined", SOURCE, SOURCE)
    assert simplify_ops(constant, joined, end(SOURCE), reads=((0,), (1, 0), (2,)))[1] == {}


def test_an_op_that_computes_what_another_computes_goes():
    first, other = (conv(name, SOURCE, [[1, 2], [3, -1]]) for name in ("first", "other"))
    tables = [lookup(name, first.output, lambda q: q ^ 9) for name in ("one", "two")]
    joined = add("joined", SOURCE, SOURCE)
    reads = ((0,), (0,), (1,), (2,), (3, 4), (5,))
    after, changes = simplify_ops(first, other, *tables, joined, end(SOURCE), reads=reads)
    assert set(after) == {"first", "one", "joined", "fc"}
    assert changes == {"other": "a copy of first", "two": "a copy of one"}


def test_a_copy_stays_where_the_arena_would_grow():
    """The first output would be alive while a wide op runs."""
    wide = conv("wide", u8(6, 6, 1), weights(9, 1))
    narrow = conv("narrow", wide.output, weights(2, 9))
    first, other = (lookup(name, SOURCE, lambda q: q ^ 9) for name in ("first", "other"))
    reduce = conv("reduce", SOURCE, weights(1, 2))
    joined = add("joined", SOURCE, SOURCE)
    reads = ((0,), (1,), (2,), (3,), (0,), (4, 5), (6,))
    ops = (first, reduce, wide, narrow, other, joined, end(SOURCE))
    assert simplify_ops(*ops, reads=reads)[1] == {}


def test_a_copy_stays_where_more_than_16_outputs_would_be_alive():
    """The arena is large because of another op. With one output fewer the copy goes."""
    for count, stays in ((14, True), (13, False)):
        wide = conv("wide", SOURCE, weights(9, 2))
        pixel = MaxPool(name="pixel", inputs=(wide.output,), output=u8(1, 1, 9), kernel=(6, 6))
        seed = conv("seed", pixel.output, weights(1, 9))
        tensors, ops = {"seed": 3}, [wide, pixel, seed]
        reads = [(0,), (1,), (2,)]

        def append(op, *names, ops=ops, reads=reads, tensors=tensors):
            reads.append(tuple(tensors[name] for name in names))
            ops.append(op)
            tensors[op.name] = len(ops)

        tensor = seed.output
        append(lookup("first", tensor, lambda q: q ^ 1), "seed")
        append(add("sum0", tensor, tensor), "first", "seed")
        for i in range(1, count + 1):
            append(lookup(f"t{i}", tensor, lambda q, i=i: q ^ (i + 1)), "seed")
        for i in range(1, count + 1):
            append(add(f"sum{i}", tensor, tensor), f"sum{i - 1}", f"t{i}")
        append(lookup("copy", tensor, lambda q: q ^ 1), "seed")
        append(add("almost", tensor, tensor), f"sum{count}", "copy")
        append(add("all", tensor, tensor), "almost", "seed")
        append(end(tensor), "all")
        _, changes = simplify_ops(*ops, reads=tuple(reads))
        assert changes == ({} if stays else {"copy": "a copy of first"})


def test_a_constant_plane_times_a_varying_pixel_stays_a_product():
    """A lookup of the pixel would have the pixel's shape."""
    layers = {"const": nn.Conv2d(2, 1), "peak": nn.MaxPool2d((4, 5)), "gate": nn.Mul(),
              "last": nn.Conv2d(2, 1)}  # fmt: skip
    edges = [("input", "const", "gate.a"), ("input", "peak", "gate.b"), ("gate", "last")]
    net = nn.Graph(layers, edges, {"input": (2, 4, 5)}).initialize(seed=1)
    still = {"const.weight": np.zeros((2, 2, 1, 1)), "const.bias": np.ones(2)}
    x = np.random.default_rng(0).normal(0, 1, (20, 2, 4, 5)).astype(np.float32)
    program = quant.quantize(net.with_params({**net.params, **still}), x)
    integers, simplified = program.integers(x), simplify(program).program
    assert np.array_equal(reference.run(simplified, integers), reference.run(program, integers))
