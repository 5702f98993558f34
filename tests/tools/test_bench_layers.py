"""``drypoint bench --layers``: its kinds, and one row of its table."""

import pytest

from drypoint.bench import Plan, bench_layers, layer_kinds, layer_program, layers_text


@pytest.mark.parametrize("dtype", ["u8", "i8"])
def test_every_kind_is_a_program_and_its_plain_cousin_stands_before_it(dtype):
    names = []
    for kind in layer_kinds(dtype):
        program = layer_program(kind)
        assert program.ops[0].in_type == dtype
        assert kind.work == program.ops[0].work > 0
        assert kind.plain is None or kind.plain in names
        names.append(kind.name)
    assert len(names) == len({*names}) >= 40


def test_a_row_has_the_time_of_a_layer_and_its_share_of_the_plain_layers(plain_compiler):
    plan = Plan(rounds=3, ms=1, backends=("scalar",), peers=False)
    names = ("1x1 64>64", "1x1 64>64 4 groups")
    found = bench_layers(plan, compiler=str(plain_compiler), notify=str, names=names)
    plain, grouped = found.layers
    assert (plain.name, grouped.name) == names
    assert (plain.of_plain, plain.of_peer, plain.peer) == (None, None, "")
    share = grouped.us.median / plain.us.median * plain.work / grouped.work
    assert grouped.of_plain == pytest.approx(share)  # the same quotient in another order
    lines = layers_text(found).splitlines()
    assert "scalar, one input a call" in lines[0]
    assert [line.split()[0] for line in lines[-2:]] == ["1x1", "1x1"]
