"""export, import, info and verify leave out, and say, what a program's outputs do not depend on.

Oracle: the reference's outputs of the program before; program.simplify.
"""

import json
import subprocess

import constant_nets
import numpy as np
import pytest
import tflite_files

from drypoint import interop
from drypoint.program import blob, reference, simplify

LEFT_OUT = "31,552 of 109,056 MACs, 493 of 2,208 weights, 256 of 2,048 bytes of arena"


@pytest.fixture
def dpt(tmp_path):
    path = tmp_path / "net.dpt"
    path.write_bytes(blob.dumps(constant_nets.separable_net()))
    return path


def test_export_leaves_out_dead_channels_and_says_so(cli, dpt, tmp_path, toolbox):
    """The generated C is of the simplified program: its self-test passes."""
    toolbox.need("cc")
    code, out, _ = cli("export", dpt, "--out", tmp_path / "c")
    assert code == 0
    assert f"  left out of the program: {LEFT_OUT}; every output byte stays\n" in out
    readme = (tmp_path / "c/README.md").read_text("utf-8")
    assert f"Left out of the program: {LEFT_OUT}; every output byte stays." in readme
    assert "depth3 depthwise 3x3 pad 1 + relu u8 8x8x10" in " ".join(
        (tmp_path / "c/net.h").read_text("utf-8").split()
    )
    command = out.strip().splitlines()[-1].replace("-O2", "-O0 -DDPT_PLAIN_C")
    done = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True)
    assert done.stdout == "net: 4 inputs, every layer as the reference says\n"
    facts = json.loads(cli("export", dpt, "--out", tmp_path / "c", "--json")[1])
    assert facts["left_out"] == simplify(blob.loads(dpt.read_bytes())).to_json()
    assert (facts["left_out"]["macs"], facts["arena_bytes"]) == ([109_056, 77_504], 1792)
    assert facts["left_out"]["changes"][0] == {
        "op": "point1", "what": "16 -> 12 channels, 256 -> 192 weights",
    }  # fmt: skip


def test_verify_compares_what_export_writes_too(cli, tmp_path, toolbox, monkeypatch):
    toolbox.need("cc")
    program = constant_nets.separable_net(source=constant_nets.u8(28, 28, 1))
    path = tmp_path / "net.dpt"
    path.write_bytes(blob.dumps(program))
    code, out, _ = cli("verify", path, "--limit", 2)
    assert code == 0
    before, after = out.split("\nas exported, arena ")
    assert before.count(" equal") == after.count(" equal") >= 2
    assert after.endswith("\n0 outputs of the two references differ\n")
    changed = []

    def run(given, x):
        planes = traced(given, x)
        if given.macs < program.macs:  # as exported
            changed.append(planes[-1].reshape(-1)[0])
            planes[-1].reshape(-1)[0] += 1
        return planes

    traced = reference.trace
    monkeypatch.setattr(reference, "trace", run)
    code, out, _ = cli("verify", path, "--limit", 2, "--json")
    assert (code, json.loads(out)["exported"]["differing_outputs"]) == (1, len(changed))


def test_an_imported_program_has_no_dead_channels(cli, tmp_path, monkeypatch):
    file = tmp_path / "net.tflite"
    file.write_bytes(tflite_files.a_net())
    program, rounding = interop.program_and_rounding(file, name="net")
    planted = constant_nets.with_constants(program, 1)
    monkeypatch.setattr(interop, "program_and_rounding", lambda *_, **__: (planted, rounding))
    code, out, _ = cli("import", file)
    assert code == 0
    found = simplify(planted)
    assert f"\nleft out: {found.left_out}\n" in out
    written = blob.loads((tmp_path / "net.dpt").read_bytes())
    assert str(written) == str(found.program)
    x = constant_nets.structured_inputs(planted)
    assert np.array_equal(reference.run(written, x), reference.run(planted, x))
    facts = json.loads(cli("import", file, "--json")[1])
    assert facts["left_out"] == found.to_json()
