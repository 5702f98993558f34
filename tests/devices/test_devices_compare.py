"""Layers beside CMSIS-NN: the whole path, with a stand-in for its checkout. Oracles: the reference
for outputs, `measure_cost` for drypoint's counts, and errors planted in the stand-in.
"""

import json
import subprocess

import pytest
from cmsis_nn_stand_in import write_stand_in
from device_jobs import need_counts
from layer_kinds import dense, kinds_program, layer_kinds

from drypoint import devices
from drypoint.devices.__main__ import main
from drypoint.devices._cmsis_nn import compare
from drypoint.program import blob

M4 = devices.target("cortex-m4")
NAMES = ("conv 3x3 dilated", "conv 3x3 pooled", "conv 3x3, 4 groups of 8", "depthwise 3x3 pooled")
NAMES += (
    "depthwise 3x3, multiplier 2",
    "depthwise 3x1 dilated",
    "add 14x14x64",
    "product 14x14x64",
    "mean 25x5x64",
)


@pytest.fixture(scope="module")
def kinds():
    """A program of all kinds of layers that CMSIS-NN has, and of some that it has not."""
    chosen = [kind for kind in layer_kinds() if kind.name in NAMES]
    program, places = kinds_program((*chosen, dense("dense", 65, 10)))
    return program, [*NAMES, "dense"], places


def test_every_layer_is_counted_on_both_sides(kinds, toolbox, tmp_path):
    program, names, places = kinds
    need_counts(M4, toolbox)
    (found,) = compare(M4, [program], write_stand_in(tmp_path))
    assert [layer.op for layer in found.layers] == [op.name for op in program.ops]
    assert {program.ops[place].name for place in places} == set(names)
    theirs = {layer.kind: layer.cmsis_nn for layer in found.layers}
    assert {kind for kind, count in theirs.items() if count is None} == {"upsample", "mul"}
    for layer in found.layers:  # plain loops; a count of the wrong mark would be a few instructions
        assert layer.cmsis_nn is None or layer.cmsis_nn > 2 * layer.macs
    own = devices.measure_cost(M4, program)
    assert own.instructions.ops == tuple(layer.drypoint for layer in found.layers)
    assert own.built_with == f"{found.compiler}, {found.flags}"
    text = str(found)
    assert f"CMSIS-NN unknown commit: {found.cmsis_nn_flags}" in text
    both = [layer for layer in found.layers if layer.cmsis_nn]
    sums = [f"{sum(getattr(layer, n) for layer in both):,}" for n in ("drypoint", "cmsis_nn")]
    assert text.splitlines()[-1].split()[-3:-1] == sums


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("* in->w + at_x)", "* in->w)"), "outputs of .* differ from drypoint's by up to"),
        (("return 4;", "return 0;"), "CMSIS-NN refuses a layer"),
        (("#define EACH", "#define NONE"), "refuses a program"),
    ],
)
def test_calls_that_go_wrong_are_not_counted(change, message, kinds, toolbox, tmp_path):
    """A wrong address of the input, a scratch buffer that is missing, sources of another API."""
    need_counts(M4, toolbox)
    with pytest.raises(devices.DeviceError, match=message):
        compare(M4, [kinds[0]], write_stand_in(tmp_path, change=change))


def test_what_cannot_be_compared_is_refused_in_one_line(kinds, tmp_path):
    with pytest.raises(devices.DeviceError, match=r"^CMSIS-NN is for Cortex-M, not for riscv32$"):
        compare(devices.target("riscv32"), [kinds[0]], write_stand_in(tmp_path))
    with pytest.raises(devices.DeviceError, match=r"it lacks Include/arm_nnfunctions\.h$"):
        compare(M4, [kinds[0]], tmp_path / "elsewhere")


def test_the_command_prints_commit_compiler_and_layers(toolbox, tmp_path, monkeypatch, capsys):
    need_counts(M4, toolbox)
    toolbox.need("git")
    checkout = write_stand_in(tmp_path / "cmsis")
    git = ["git", "-C", str(checkout), "-c", "user.name=x", "-c", "user.email=x@x"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    write_stand_in(checkout, change=("EACH", "EVERY"))
    program, (place,) = kinds_program((dense("dense", 65, 10),))
    net = tmp_path / "net.dpt"
    net.write_bytes(blob.dumps(program))
    words = ["devices", "compare", "cortex-m4", "--nets", str(net), "--cmsis-nn", str(checkout)]
    monkeypatch.setattr("sys.argv", [*words, "--json"])
    assert main() == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["commit"] == f"{head.stdout.strip()}-dirty"
    assert found["layers"][place]["op"] == "dense"
    monkeypatch.setattr("sys.argv", words)
    assert main() == 0
    shown = capsys.readouterr().out
    for text in (found["commit"], found["compiler"], found["cmsis_nn_flags"], "dense"):
        assert text in shown
    monkeypatch.setattr("sys.argv", words[:-2])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "compare takes --cmsis-nn PATH" in capsys.readouterr().err
