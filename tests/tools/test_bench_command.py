"""``drypoint bench`` as a user runs it, on one backend."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from nets import random_program

from drypoint import bench
from drypoint.bench import Plan
from drypoint.program import blob, reference
from tools import INCLUDE, INTERRUPTIBLE, ONLY_CI, STRICT, write_script


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "net.dpt"
    path.write_bytes(blob.dumps(random_program(3)))
    return path


@pytest.fixture
def scalar_only(plain_compiler):
    """Options for one backend."""
    return ["--backends", "scalar", "--no-peers", "--cc", plain_compiler]


@ONLY_CI
def test_a_program_of_ones_own_is_timed(cli, program, scalar_only, monkeypatch):
    """One measurement, printed as JSON and as text."""
    measured = []
    monkeypatch.setattr(
        "drypoint.cli._bench.to_json", lambda found: measured.append(found) or bench.to_json(found)
    )
    code, out, err = cli("bench", program, "--quick", *scalar_only, "--json")
    assert code == 0, err
    assert "timing net3: 3 rounds" in err
    found = json.loads(out)
    (net,) = found["nets"]
    (engine,) = net["engines"]
    own = random_program(3)
    assert (net["name"], net["macs"]) == (own.name, own.macs)
    assert (net["blob_bytes"], net["arena_bytes"]) == (len(blob.dumps(own)), own.arena_size)
    assert engine["backend"] == "scalar"
    assert [layer["name"] for layer in engine["layers"]] == [op.name for op in own.ops]
    assert 0 < engine["c_us"]["low"] <= engine["c_us"]["median"] <= engine["c_us"]["high"]
    assert engine["python_us"]["low"] > 0
    assert set(engine["batches"]) == {"1", "32"}
    assert found["rounds"] == 3

    monkeypatch.setattr("drypoint.cli._bench.bench", lambda *_, **__: measured[0])
    code, out, _ = cli("bench", program, "--quick", *scalar_only)
    assert code == 0
    assert f"{own.name}: {own.macs:,} multiply-accumulates" in out
    assert all(op.name in out for op in own.ops)
    assert "scalar" in out
    assert "interleaved rounds" in out


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("source", ["limits.c", "speed.c"])
def test_the_c_programs_compile_without_a_warning(toolbox, compiler, source):
    folder = Path(bench.__file__).parent
    command = [toolbox.need(compiler), *STRICT, "-O3", "-c", f"-I{INCLUDE}", folder / source]
    toolbox.build(f"{source}-{compiler}", command)


def test_what_cannot_be_timed_is_refused_in_one_line(refused, program, tmp_path):
    assert "no backend 'mmx' here; there are: " in refused("bench", program, "--backends", "mmx")
    assert "no net 'alexnet'; there are: lenet, " in refused("bench", "--nets", "alexnet")
    assert "no C compiler: nope not found" in refused("bench", program, "--cc", "nope")
    assert "cannot read" in refused("bench", tmp_path / "missing.dpt", "--backends", "scalar")


def test_a_compiler_that_refuses_is_quoted(tmp_path):
    false = write_script(tmp_path / "cc", "echo 'speed.c:1: error: no such target' >&2\nexit 1")
    with pytest.raises(
        bench.BenchError, match=r"cannot build limits .*: speed.c:1: error: no such"
    ):
        bench.bench(
            [bench.case_of(random_program(3))],
            Plan(backends=("scalar",)),
            compiler=str(false),
            notify=str,
        )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "ad" else ONLY_CI)
        for name in sorted(set(bench.NETS) - {"lenet"})
    ],
)
def test_every_net_with_random_weights_is_made(name):
    case = bench.make_case(name)
    assert case.program.name == name
    assert case.images.shape[1:] == tuple(case.program.input_shape)


def test_ctrl_c_leaves_nothing_behind(program, scalar_only, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "bench", program, *scalar_only],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        while "timing" not in (line := process.stderr.readline()):
            assert line, "it ended before it began"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, "")
    assert err.endswith("drypoint: interrupted\n")
    assert "Traceback" not in err
    assert list(folder.iterdir()) == []


def serve(monkeypatch, capsys, path, commands):
    """The answers of a Python library's server to some commands."""
    case = bench.case_of(random_program(3))
    np.save(path.with_name("images.npy"), case.images)
    monkeypatch.setattr(sys, "stdin", io.StringIO(commands))
    capsys.readouterr()
    bench.serve(["drypoint", str(path), str(path.with_name("images.npy")), "1", "scalar"])
    return case, capsys.readouterr().out.splitlines()


def test_a_served_library_answers_in_numbers(monkeypatch, capsys, program):
    """Oracle for the decisions: the reference."""
    case, lines = serve(monkeypatch, capsys, program, "decide\ntime 4 1\n")
    assert lines[0] == "ready"
    decisions = reference.run(case.program, case.images).argmax(axis=1)
    assert list(map(int, lines[1].split())) == decisions.tolist()
    nanoseconds = list(map(int, lines[2].split()))
    assert len(nanoseconds) >= 3
    assert min(nanoseconds) > 0


def test_a_server_refuses_what_it_does_not_know(monkeypatch, capsys, program):
    with pytest.raises(SystemExit, match="no such command: sing"):
        serve(monkeypatch, capsys, program, "sing\n")


def test_a_contestant_that_fails_is_quoted():
    command = [sys.executable, "-c", "raise SystemExit('no wheels')"]
    with pytest.raises(bench.BenchError, match="Car failed: no wheels"):
        bench.Process("Car", command, cpus=[])
    command = [sys.executable, "-c", "print('hello', flush=True)"]
    with pytest.raises(bench.BenchError, match="Car said 'hello' where 'ready' was due"):
        bench.Process("Car", command, cpus=[])
    command = [sys.executable, "-c", "print('ready 1 2', flush=True); raise SystemExit('flat')"]
    with bench.Process("Car", command, cpus=[]) as process:
        assert process.ready == (1.0, 2.0)
        with pytest.raises(bench.BenchError, match="Car failed: flat"):
            process.ask("drive")


def test_peak_memory_is_that_of_the_process_alone():
    """64 MB are touched by the child; this process holds more than it would without them."""
    code = "b = bytearray(64_000_000); print('ready', flush=True); input()"
    with bench.Process("child", [sys.executable, "-c", code], cpus=[]) as process:
        assert 64e6 < process.memory() <= process.peak_memory() < 100e6


def test_without_a_static_c_library_the_program_is_linked_as_usual(toolbox, tmp_path, monkeypatch):
    """A compiler that has none stands in for such a machine."""
    refuse = 'case "$*" in *-static*) echo "error: no libc.a" >&2; exit 1;; esac'
    plain = f'exec {toolbox.need("cc")} -DDPT_PLAIN_C "$@"'
    compiler = write_script(tmp_path / "cc", f"{refuse}\n{plain}")
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "musl-gcc" else name)
    path, kind = bench.build_static(str(compiler), tmp_path)
    assert kind == "dynamic"
    assert path.stat().st_size > 10_000
