"""Tables, bars, chart and JSON of a result that was made up; the README's table has their shape."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from drypoint import bench
from drypoint.bench import BenchResult, Figure
from tools import ROOT


def figure(value: float) -> Figure:
    return Figure((value, 1.02 * value, 0.98 * value))


def engine(backend: str, time: float) -> bench.EngineTimes:
    layer = bench.LayerTime(name="conv1", macs=288_000, us=figure(time / 2), bound_us=time / 8)
    unknown = bench.LayerTime(name="fc", macs=5_000, us=figure(time / 2), bound_us=None)
    return bench.EngineTimes(
        backend=backend,
        c_us=figure(time),
        python_us=figure(time + 5),
        batches={1: figure(time), 32: figure(0.8 * time)},
        layers=(layer, unknown),
        bound_us=time / 2,
        batch_bound_us=None,
        load_ms=3.0,
        pack_ms=0.5,
        first_ms=0.02,
        packed_bytes=1234,
    )


def net(name: str, *, peers: bool) -> bench.NetTimes:
    slow = bench.PeerTimes(
        name="Slow",
        version="1.0",
        batches={1: figure(40.0), 32: figure(12.0)},
        layers=(figure(30.0), Figure((math.nan,) * 3)),
        equal_decisions=255,
    )
    fast = bench.PeerTimes(
        name="Fast",
        version="2.0",
        batches={1: figure(20.0), 32: figure(16.0)},
        layers=(figure(18.0), figure(1.0)),
        equal_decisions=256,
    )
    return bench.NetTimes(
        name=name,
        macs=293_000,
        weight_bytes=5_500,
        blob_bytes=6_000,
        arena_bytes=3_680,
        images=256,
        engines=(engine("avx9", 10.0), engine("scalar", 400.0)),
        peers=(slow, fast) if peers else (),
        notes=("left out: Third cannot",),
    )


def result(*, peers: bool = True, nets: tuple[str, ...] = ("lenet", "other")) -> BenchResult:
    machine = bench.Machine(
        cpu="Abacus",
        cores=2,
        system="Linux x86_64",
        compiler="cc 1.0",
        python="3.11.0",
        versions={"drypoint": "0.1.0"},
        load=0.0,
    )
    return BenchResult(
        machine=machine,
        rounds=3,
        ms=20,
        core=1,
        limits={"clock": figure(4.0), "avx9": figure(512.0), "read:5000": figure(128.0)},
        nets=tuple(net(name, peers=peers) for name in nets),
        empty=replace(net("empty", peers=peers), engines=(engine("avx9", 0.02),)),
        threads=(
            bench.ThreadTimes(name="drypoint", batch=256, us={1: figure(9.0), 2: figure(4.5)}),
        ),
        startup=(
            bench.Startup(
                name="drypoint, C", first_result_ms=figure(4.0), peak_mb=figure(2.0), bytes=700_000
            ),
        ),
        warnings=("the machine is busy: load average 9.9 before the start",),
    )


def test_ratios_are_those_to_the_peer_that_is_best_at_it():
    """Oracle: by hand. One input: 10 of Fast's 20; batches: 8 of Slow's 12."""
    single, python, many = net("lenet", peers=True).ratios
    assert (single.peer, single.ratio.median) == ("Fast", pytest.approx(10 / 20))
    assert (python.peer, python.ratio.median) == ("Fast", pytest.approx(15 / 20))
    assert (many.peer, many.ratio.median) == ("Slow", pytest.approx(8 / 12))
    assert net("lenet", peers=False).ratios == ()


def test_the_screen_says_all_of_it():
    out = bench.text(result())
    first, second, *_ = out.splitlines()
    assert first == "Abacus, 2 cores; Linux x86_64; cc 1.0; Python 3.11.0, drypoint 0.1.0"
    assert second == "one thread on core 1; 3 interleaved rounds of 20 ms a figure, medians"
    assert re.search(r"avx9 +10\.00 +15\.00 +2\.0% +5\.00 +50% +8\.00 +32 +- +1,234 +3\.00", out)
    assert re.search(r"Fast 2\.0 +20\.00 +2\.0% +16\.00 +32 +2\.0% +256 of 256", out)
    assert re.search(r"avx9, C, one input +Fast +0\.50 +0\.50 to 0\.50", out)
    # 288,000 products in 5 us at 4 GHz: 14.4 a cycle; the limit of 1.25 us is a quarter of it.
    assert re.search(r"conv1 +avx9 +5\.00 +2\.0% +288,000 +14\.4 +1\.25 +25%", out)
    # 288,000 products in 30 us: 2.4 a cycle. Slow has no time of the second layer.
    assert re.search(r"\n +Slow, alone +30\.00 +2\.0% +288,000 +2\.4 +- +-\n", out)
    assert re.search(r"\n +fc +avx9 .*\n +scalar .*\n +Fast, alone +1\.00 +2\.0% +5,000 ", out)
    assert re.search(r"drypoint +9\.00 +4\.50 +2\.00 +2\.00 to 2\.00", out)
    assert re.search(r"drypoint, C +4\.0 +2\.0% +2\.0 +700,000", out)
    assert "left out: Third cannot" in out
    assert out.endswith("warning: the machine is busy: load average 9.9 before the start")


def test_of_all_readings_the_largest_is_shown():
    few = result()
    many = replace(few, limits={**few.limits, "read:90": figure(9.0), "read:10000": figure(99.0)})
    assert re.search(r"read:10000 +99\.0 +24\.8 +2\.0%", bench.text(many))
    assert "read:5000" not in bench.text(many)


def test_warnings_name_a_busy_machine_a_wide_spread_and_a_peer_that_errs():
    quiet = net("lenet", peers=True)
    assert list(bench.warnings_of(0.1, [quiet])) == []
    restless = replace(quiet.engines[0], c_us=Figure((8.0, 10.0, 12.0)))
    wrong = replace(quiet.peers[0], equal_decisions=3)
    loud = replace(quiet, engines=(restless, quiet.engines[1]), peers=(wrong,))
    busy, wide, errs = bench.warnings_of(2.0, [loud])
    assert "load average 2.0" in busy
    assert wide == "lenet: the rounds differ by more than 5% for avx9"
    assert "Slow decides as the engine on 3 of 256 images only" in errs


def test_without_peers_there_is_no_word_of_them():
    assert "peer" not in bench.text(result(peers=False))


def test_the_json_holds_every_figure():
    found = json.loads(json.dumps(bench.to_json(result())))
    assert set(found) == set(BenchResult.__dataclass_fields__)
    first = found["nets"][0]
    assert first["engines"][0]["c_us"] == pytest.approx(
        {"median": 10.0, "low": 9.8, "high": 10.2, "spread": 0.02}
    )
    assert first["engines"][0]["layers"][1]["bound_us"] is None
    assert first["ratios"][0]["peer"] == "Fast"
    assert first["peers"][0]["layers"][0]["median"] == 30.0
    assert first["peers"][0]["layers"][1] is None
    assert found["machine"]["cpu"] == "Abacus"


def test_bars_are_as_long_as_their_figures():
    lines = bench.SpeedBars(result(nets=("lenet",))).render(80, plain=True).splitlines()
    lengths = [line.count("#") for line in lines if "#" in line]
    ones, whole = lengths[0::2], lengths[-1] + 1  # the last is cut at 50 microseconds
    assert ones[:3] == [round(us / 50 * whole) for us in (10, 20, 40)]
    assert lines[-1].endswith(">")  # plain C is cut
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_chart_is_drawn(toolbox, tmp_path, kind):
    toolbox.need_package("matplotlib")
    chart = bench.SpeedBars(result())
    chart.save(tmp_path / f"speed.{kind}")
    assert (tmp_path / f"speed.{kind}").stat().st_size > 5_000
    assert len(chart.axes) == 2
    widths = [bar.get_width() for bar in chart.axes[0].patches]
    np.testing.assert_allclose(widths, [10, 20, 40, 50, 8, 16, 12, 50])  # the last are cut


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown text, as rows of cells."""
    blocks = re.findall(r"(?:^\|.*\n)+", text + "\n", re.MULTILINE)
    return [[cells(line) for line in block.splitlines()] for block in blocks]


def test_the_markdown_has_a_row_for_every_contestant_and_net():
    first, second = tables(bench.markdown(result()))
    assert [row[0] for row in first[2:]] == [
        "drypoint, avx9",
        "drypoint, scalar",
        "Slow 1.0",
        "Fast 2.0",
    ]
    assert first[2][1:] == ["10.00", "15.00", "50%", "8.00 (32)", "-"]
    assert [row[0] for row in second[2:]] == ["lenet", "other"]
    assert second[2][4] == "0.50 (Fast)"
    assert all(len(row) == len(table[0]) for table in (first, second) for row in table)


def test_the_tables_of_the_page_are_printed_by_the_command():
    """Oracle: the heads that the command prints, and its nets."""
    page = tables((ROOT / "docs/figures.md").read_text("utf-8"))
    engine = next(table for table in page if table[0][0].startswith("lenet, microseconds"))
    nets = next(table for table in page if table[0][:2] == ["net", "MACs"])
    printed = tables(bench.markdown(result(nets=("lenet",))))
    assert engine[:2] == printed[0][:2]
    assert nets[:2] == tables(bench.markdown(result()))[1][:2]
    assert {row[0] for row in nets[2:]} == set(bench.NETS)
    for table in (engine, nets):
        assert all(len(row) == len(table[0]) for row in table)
    assert [row[0] for row in engine[2:]][:2] == ["drypoint, avx512vnni", "drypoint, avxvnni"]


def test_the_wake_word_has_the_layout_of_its_files():
    """Inputs of files of wake words have the shape (T, 1, C): time is the height."""
    program = bench.make_case("sww").program
    assert program.input_shape == (30, 1, 40)
    assert program.streaming().input_shape == (1, 1, 40)
