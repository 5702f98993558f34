"""Estimates of untrained nets against their exports, which are compiled, linked and emulated."""

from functools import partial

import map_nets
import nets
import numpy as np
import pytest
import recurrent_nets
import sound_nets

from drypoint import devices, nn, quant
from drypoint.devices._objects import Section, bare_size, linked_size
from drypoint.devices._parts import FILE as PARTS
from drypoint.devices._parts import RECORDED, _find_parts, engine_digest, parts_of, read_parts
from drypoint.devices._record import count_ops
from drypoint.program import simplify
from drypoint.search._space import Ends, bound, build, draw, mutate
from tools import ONLY_CI

SHAPES = ((1, 40), (1, 16, 16), (3, 12, 12), (5, 33), (30,))
LEVELS = ("-O3", "-Os")


def drawn(seed):
    """(untrained net, bits, program of the net with other weights, calibrated on its inputs)."""
    rng = np.random.default_rng([seed, 53])
    while True:
        shape = SHAPES[int(rng.integers(len(SHAPES)))]
        ends = Ends(shape, (7,))
        architecture, bits = draw(rng, ends), int(rng.choice([8, 8, 4, 2]))
        if bound(architecture, ends).macs > 1_000_000:
            continue
        net = build(architecture, ends)
        x = rng.normal(size=(20, *shape)).astype(np.float32)
        model = nn.Model(net.initialize(seed=seed + 1))
        program = quant.quantize(model, quant.calibrate(model, x), weights=bits)
        small = simplify(program)
        if not small.changes:
            return net, bits, program


def pad_bytes(program):
    """Bytes of the tables of padding, which need a zero point that is not 0."""
    pads = [getattr(op, "pad", None) for op in program.ops]
    return sum(np.asarray(pad).nbytes for pad in pads if pad is not None)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", RECORDED)
def test_flash_equals_what_is_linked(name, level, toolbox):
    """Oracle: the export, compiled, linked and run in an emulator; its account, part by part."""
    target = devices.target(name)
    for tool in devices.needed_tools(target):
        toolbox.need(tool)
    first = 100 * (2 * RECORDED.index(name) + LEVELS.index(level))
    for seed in range(first, first + toolbox.count(every_day=1, ci=50)):
        net, bits, program = drawn(seed)
        found = devices.estimate(net, name, bits, level)
        of_program = devices.estimate(program, name, optimize=level)
        cost = devices.measure_cost(target, of_program.program, optimize=level, count=False)
        assert of_program.account.to_json() == cost.account.to_json(), seed
        if (more := pad_bytes(program) - pad_bytes(found.program)) == 0:
            assert found.account.to_json() == cost.account.to_json(), seed
        else:  # the calibrated ranges lie to one side: a table each, aligned
            beyond = cost.account.flash_bytes - found.account.flash_bytes
            assert more <= beyond <= more + 3 * len(program.ops), seed
            assert found.account.ram_bytes == cost.account.ram_bytes, seed


PROGRAMS = {
    "a listener": lambda: sound_nets.programs()[0],
    "a listener of a stream": lambda: sound_nets.programs()[4],
    "keywords": lambda: next(sound_nets.detecting_programs()),
    "boxes": lambda: next(iter(map_nets.programs())),
    "a state of 16 bits": lambda: recurrent_nets.random_recurrent(3),
    **{f"graph {seed}": partial(nets.random_program, seed) for seed in range(6)},
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "boxes" else ONLY_CI) for name in PROGRAMS]
)
def test_every_kind_of_program_has_the_account_of_its_export(name, toolbox):
    """Oracle: the export, compiled, linked and run in an emulator."""
    target = devices.target("cortex-m4")
    for tool in devices.needed_tools(target):
        toolbox.need(tool)
    found = devices.estimate(PROGRAMS[name](), target, optimize="-Os")
    cost = devices.measure_cost(target, found.program, optimize="-Os", count=False)
    assert found.account.to_json() == cost.account.to_json()


def test_the_recorded_parts_are_of_this_engine():
    recorded = read_parts(PARTS)
    rows = [row for name in RECORDED for row in devices.with_kernels(devices.target(name))]
    expected = {
        (row.name if row in devices.TARGETS else f"{row.name} {row.kernels}") + f" {level}": row
        for row in rows
        for level in LEVELS
    }
    assert set(recorded) == set(expected)
    for key, parts in recorded.items():
        digest = engine_digest(expected[key])
        assert parts.engine == digest, "make parts records the engine again"


def test_parts_that_are_not_recorded_are_built_once(toolbox, tmp_path, monkeypatch):
    """Oracle: the recorded parts, since the compiler is the recorded one."""
    toolbox.need("arm-none-eabi-gcc")
    toolbox.need("qemu-system-arm")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("drypoint.devices._parts.FILE", tmp_path / "none.json")
    (tmp_path / "none.json").write_text("{}")
    target = devices.target("cortex-m0+")
    _find_parts.cache_clear()
    built = parts_of(target, "-Os")
    (kept,) = (tmp_path / "drypoint/parts").iterdir()
    recorded = read_parts(PARTS)["cortex-m0+ -Os"]
    if built.compiler == recorded.compiler:
        assert built == recorded
    kept.write_text(kept.read_text().replace(".text.dpt_run", ".text.other"))
    _find_parts.cache_clear()
    again = parts_of(target, "-Os")
    assert any(section.name == ".text.other" for section in again.sections)
    kept.write_text(kept.read_text()[:-40])
    _find_parts.cache_clear()
    assert parts_of(target, "-Os") == built
    _find_parts.cache_clear()


def test_sections_are_laid_out_as_the_linker_does():
    """Oracle: by hand. Constants follow code; equal names are put together before the link."""
    sections = [
        Section(".rodata.a", 3, 1, ()),
        Section(".text.f", 6, 2, ()),
        Section(".text.g", 4, 4, ()),
        Section(".rodata.b", 4, 4, ()),
    ]
    assert linked_size(sections) == (6 + 2 + 4) + 3 + 1 + 4
    assert linked_size([*sections, Section(".ARM.exidx", 8, 4, ()), sections[0]]) == 20 + 3 + 1 + 8
    assert bare_size([*sections, Section(".text.f", 2, 4, ())]) == 3 + (6 + 2 + 2) + 4 + 4


@pytest.mark.parametrize("name", RECORDED)
def test_instructions_are_near_those_counted(name, toolbox):
    """Oracle: the emulator's count. 12 % is the largest error that the page of the issue allows."""
    target = devices.target(name)
    for tool in devices.needed_tools(target):
        toolbox.need(tool)
    nets = [net for net, bits, _ in map(drawn, range(900, 930)) if bits == 8]
    programs = [quant.sketch(net) for net in nets[: toolbox.count(every_day=4, ci=12)]]
    errors = []
    for program, counted in zip(programs, count_ops(target, programs), strict=True):
        found = devices.estimate(program, name, by_rows=False).instructions
        if found is not None:
            assert found.total == sum(found.ops)
            errors.append(abs(found.total / sum(counted) - 1))
    assert len(errors) > len(programs) // 2
    assert np.median(errors) <= 0.05
    assert max(errors) <= 0.12


def test_a_bound_is_never_above_the_estimate():
    """Oracle: the estimate of the net."""
    rng = np.random.default_rng(5)
    ends = [Ends(shape, (7,)) for shape in SHAPES]
    for each in (*ends, Ends((1, 16, 24), (6, 2, 3)), Ends((1, 8, 8), (2, 8, 8))):
        for _ in range(12):
            architecture = draw(rng, each)
            for _ in range(int(rng.integers(6))):
                architecture = mutate(rng, architecture, each)
            least, net = bound(architecture, each), build(architecture, each)
            try:
                net.output_shape(each.input)
            except nn.LayerError:
                continue
            if least.macs > 5_000_000:
                continue
            bits = quant.Scheme(weights=architecture.weight_bits or 8)
            found = devices.estimate(net, "cortex-m4", bits, by_rows=False)
            assert least.macs == found.program.macs
            assert least.tables <= found.account.size("tables")
            assert least.plain_arena <= found.plain_arena


def test_what_cannot_be_estimated_is_one_line():
    net = nn.create_net("mlp:4", input_shape=(5,), classes=2)
    with pytest.raises(devices.DeviceError, match="flash on riscv32 is not estimated"):
        devices.estimate(net, "riscv32")
    with pytest.raises(devices.BudgetError, match=r"optimize is 'O9'; there are: -O3, -O2, -Os"):
        devices.estimate(net, "cortex-m4", optimize="O9")
    with pytest.raises(quant.QuantizationError, match="input shape is not known"):
        devices.estimate(nn.Sequential({"fc": nn.Linear(3)}), "cortex-m4")
