"""`drypoint diff`: each planted fault is found at its op, and named."""

import json
import re
import subprocess
from dataclasses import replace

import constant_nets
import numpy as np
import pytest
from answers import check_answers
from PIL import Image
from planted import FAULTS, IMAGES, export, main_file, model, program

from drypoint import devices, diff, nn, quant
from drypoint.data import SignalEncoder
from drypoint.engine import Engine, export_c
from drypoint.program import blob, reference, simplify
from tools import ONLY_CI, ROOT, run


def write_log(toolbox, name, folder):
    """The log of a program of this machine with a fault."""
    compiler = toolbox.need("cc")
    sources = [main_file(name, folder, device=False), *export(name, folder)]
    flags = ["-std=c99", "-O1", f"-I{folder}", f"-I{folder / 'drypoint'}"]
    run([compiler, *flags, *sources, "-o", folder / "main"])
    return subprocess.run([folder / "main"], capture_output=True, check=True).stdout


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_at_its_op_and_named(toolbox, tmp_path, name):
    """Oracle: the planted fault."""
    log = diff.read_log(write_log(toolbox, name, tmp_path), program())
    check(diff.find_difference(program(), log, IMAGES), FAULTS[name])


def check(found, fault):
    assert (found.op, found.cause) == (fault.op, fault.cause), str(found)
    assert fault.words in str(found)
    assert "\n" not in str(found)
    names = ["input", *(op.name for op in program().ops)]
    assert found.index == (-1 if fault.op is None else names.index(fault.op) - 1)


@ONLY_CI
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_on_an_emulated_cortex_m4(toolbox, tmp_path, name):
    """Oracle: the planted fault. The export has the device's kernels and packed weights."""
    row = devices.target("cortex-m4")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    engine = export(name, tmp_path, kernels=row.kernels)
    sources = [main_file(name, tmp_path, device=True), engine.pop(0)]
    flags = ["-O2", f"-I{tmp_path}", f"-I{tmp_path / 'drypoint'}"]
    binary = devices.build(row, sources, tmp_path / "main", flags=flags, engine=engine)
    log = diff.read_log(devices.emulate(row, binary, b""), program())
    check(diff.find_difference(program(), log, IMAGES), FAULTS[name])


def with_op(right, index, **fields):
    """A program with other fields of one op."""
    ops = list(right.ops)
    ops[index] = replace(ops[index], **fields)
    return replace(right, ops=tuple(ops), plan=right.plan)


def log_of(right, images, *, spoiled=None, op=0, **fields):
    """A log that a device would write, as `Log`: of a program with other fields of an op, whose
    outputs of that op ``spoiled`` changes."""
    device = with_op(right, op, **fields) if fields else right
    outputs = reference.trace(device, images)
    if spoiled is not None:
        outputs[op] = spoiled(outputs[op])
    return diff.Log(name="log", id=0, inputs=images, outputs=outputs)


def flip(values, at, bit):
    values = values.copy()
    values[at] ^= values.dtype.type(1 << bit)
    return values


def test_each_mistake_is_told_from_the_others():
    """Oracle: the mistake that was made, in NumPy, on the second op of the program."""
    right = program()
    op = right.ops[1]

    def shift(_):
        return reference.apply(op, np.roll(reference.trace(right, IMAGES)[0], 1, axis=2))

    cases = {
        "weights: Weight [2][0][1][3] of block.conv; bit 5 is flipped": {
            "weight": flip(op.weight, (2, 0, 1, 3), 5)
        },
        "weights: The bias of channel 4; bit 9 is flipped": {"bias": flip(op.bias, (4,), 9)},
        "weights: The multiplier of channel 6; bit 20 is flipped": {
            "mult": flip(op.mult, (6,), 20)
        },
        "padding: The padding (top, left, bottom, right) is (1, 0, 1, 2)": {
            "padding": (1, 0, 1, 2)
        },
        "saturation: The output has": {"hi": 127},
        "kernel: It reads each window one column off": {"spoiled": shift},
        "kernel: Each wrong value is one more": {
            "spoiled": lambda plane: plane + (plane % 7 == 3).astype(plane.dtype)
        },
        "kernel: Only the last row is wrong": {
            "spoiled": lambda plane: np.concatenate([plane[:, :-1], plane[:, -1:] ^ 0x55], axis=1)
        },
        "weights: Only channels 5 are wrong": {
            "spoiled": lambda plane: plane ^ (0x3C * (np.arange(8) == 5)).astype(plane.dtype)
        },
        "stale program: Most values": {
            "spoiled": lambda plane: plane[::-1] ^ 0x5A
        },
    }  # fmt: skip
    for wanted, mistake in cases.items():
        cause, words = wanted.split(": ")
        found = diff.find_difference(right, log_of(right, IMAGES, op=1, **mistake), IMAGES)
        assert (found.op, found.index, found.cause) == ("block.conv", 1, cause), str(found)
        assert all(word in str(found) for word in words.split("; "))
        assert found.proven == ("Cause: " in str(found))


def test_mistakes_of_the_input_are_told_from_one_another():
    """Oracle: the mistake. A log without its input wrong is explained by its first op."""
    right = program()
    planar = IMAGES.transpose(0, 3, 1, 2).reshape(IMAGES.shape)
    standard = ((IMAGES / 255 - [0.4, 0.5, 0.6]) / 0.25).clip(0, 255).astype(np.uint8)
    halved = (IMAGES // 2).astype(np.uint8)
    for wrong, cause, words in (
        (IMAGES[..., ::-1], "layout", "BGR"),
        (planar, "layout", "channel by channel (CHW)"),
        (IMAGES.transpose(0, 2, 1, 3), "layout", "Rows and columns"),
        (IMAGES[:, ::-1], "layout", "upside down"),
        (np.random.default_rng(0).permuted(IMAGES, axis=1), "layout", "another order"),
        (255 - IMAGES, "input scaling", "Light and dark"),
        (IMAGES ^ 0x80, "input scaling", "shifted by 128"),
        (0 * IMAGES, "input scaling", "all zeros"),
        (standard, "input scaling", "normalized by mean"),
        (halved, "input scaling", "times the expected one, plus"),
        (IMAGES[::-1], "unknown", "another picture"),
    ):
        log = log_of(right, np.ascontiguousarray(wrong))
        found = diff.find_difference(right, log, IMAGES)
        assert (found.op, found.cause) == ("input", cause), str(found)
        assert words in found.reason
        assert "all ops are right" in found.reason
    found = diff.find_difference(right, log_of(right, IMAGES))  # its own input
    assert found.equal


def test_engines_equal_the_program_and_other_programs_do_not():
    right = program()
    for backend in Engine.backends():
        assert diff.find_difference(right, Engine(right, backend=backend), IMAGES).equal
    found = diff.find_difference(right, program(1), IMAGES)
    assert (found.op, found.cause, found.proven) == ("stem", "stale program", True)
    changed = right.ops[2]
    found = diff.find_difference(right, with_op(right, 2, bias=changed.bias + 40_000), IMAGES)
    assert (found.op, found.cause) == ("block.add", "weights")
    assert "bias[0] is" in found.reason


def test_a_model_is_compared_with_its_program_in_decibels():
    """Oracle: what was done to the program."""
    images = np.random.default_rng(3).integers(0, 256, (60, 8, 8, 3)).astype(np.uint8)
    right, stem, weight = program(), program().ops[0], program().ops[1].weight
    reverse = {"weight": stem.weight[..., ::-1].copy(), "pad": stem.pad[::-1].copy()}
    for wrong, op, cause in (
        (right, None, "none"),
        (program(1), "stem", "stale program"),
        (with_op(right, 0, **reverse), "stem", "layout"),
        (with_op(right, 0, mult=stem.mult * 5), "stem", "saturation"),
        (with_op(right, 1, weight=flip(weight, 2, 6)), "block.conv", "weights"),
    ):
        found = diff.find_difference(model(), wrong, images)
        assert (found.op, found.cause) == (op, cause), str(found)


def test_signals_are_compared():
    """Oracle: what was done to the program: the weights of a channel exchanged."""
    x = np.random.default_rng(0).normal(0, 1, (40, 32, 3)).astype(np.float32)
    layers = {"conv": nn.Conv1d(6, 5, padding=2), "relu": nn.ReLU(), "pool": nn.MaxPool1d(2)}
    layers |= {"next": nn.Conv1d(8, 3), "flatten": nn.Flatten(), "fc": nn.Linear(3)}
    net = nn.Sequential(layers, (3, 32)).initialize(0)
    floats = nn.Model(net, encoder=SignalEncoder(window=32, channels=3))
    right = quant.quantize(floats, quant.calibrate(floats, x), name="signals")
    wrong = with_op(right, 1, weight=right.ops[1].weight[::-1].copy())
    for first in (floats, right):
        assert diff.find_difference(first, right, x).equal
        found = diff.find_difference(first, wrong, x)
        assert (found.op, found.index) == ("next", 1), str(found)
    assert diff.find_difference(right, Engine(right), x).equal


def line(words):
    text = f"dpt {words}".encode()
    return b"#" + text + b"*%02x\n" % np.bitwise_xor.reduce(np.frombuffer(text, np.uint8))


def log_lines(right=None, images=IMAGES[:1]):
    """The lines of the page: two of the last op's bytes come before the last of the first op's."""
    right = right or program()
    lines = []
    for i in range(len(images)):
        lines.append(line(f"run 1 {len(right.ops)} {blob.identity(right):08x}"))
        planes = [images, *reference.trace(right, images)]
        names = ["in", *map(str, range(len(right.ops)))]
        parts = {
            n: plane[i].astype(plane.dtype.newbyteorder("<")).tobytes()
            for n, plane in zip(names, planes, strict=True)
        }
        longest = max(map(len, parts.values()))
        for at in range(0, longest, 20):  # ops of a group of fused rows take turns
            lines += [
                line(f"{n} {part[at : at + 20].hex()}") for n, part in parts.items() if part[at:]
            ]
        lines.append(line("end 0"))
    return lines


def test_lines_of_several_ops_may_take_turns_and_other_text_stand_between():
    lines = log_lines(images=IMAGES)
    noise = b"booting ...\r\n\xff\xfe" + b"\r\n> ".join(lines).replace(b"\n\r\n", b"\r\n") + b"bye"
    for content in (b"".join(lines), noise):
        log = diff.read_log(content, program())
        assert diff.is_log(content)
        assert np.array_equal(log.inputs, IMAGES)
        traced = reference.trace(program(), IMAGES)
        assert all(map(np.array_equal, log.outputs, traced))
        assert log.id == blob.identity(program())


def test_a_damaged_log_is_refused_with_its_line():
    names = {"lines": log_lines(), "read": lambda *log: diff.read_log(b"".join(log), program())}
    check_answers("logs", globals() | names, diff.LogError)


def test_cut_and_changed_logs_are_read_or_refused_in_one_line():
    """Oracle: the run that was logged. Cuts, and one to three random bytes in place of others."""
    content = b"".join(log_lines())
    planes, read = [IMAGES[:1], *reference.trace(program(), IMAGES[:1])], 0
    rng = np.random.default_rng(0)
    given = [content[:n] for n in range(0, len(content), 37)]
    for i in range(200):
        bytes_ = bytearray(content)
        for at in rng.integers(0, len(content), 1 + i % 3):
            bytes_[at] = int(rng.integers(0, 256))
        given.append(bytes(bytes_))
    for log_file in given:
        try:
            log = diff.read_log(log_file, program())
        except diff.LogError as error:
            assert "\n" not in str(error)
        else:
            assert all(map(np.array_equal, [log.inputs, *log.outputs], planes))
            read += 1
    assert 0 < read < len(given) // 2  # a changed line break does no harm


def test_what_cannot_be_compared_is_refused():
    right = program()
    same = replace(right, name="same")
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3)).astype(np.uint8)
    layers = {"stem": nn.Conv2d(8, 3, padding=1), "flatten": nn.Flatten(), "fc": nn.Linear(4)}
    net = nn.Model(nn.Sequential(layers, (3, 8, 8)).initialize(0), encoder=model().encoder)
    shorter = quant.quantize(net, quant.calibrate(net, images), name="shorter")
    for arguments, words in {
        (right, Engine(right)): "inputs are missing",
        (right, Engine(right), "none"): "there are no inputs to compare on",
        (right, shorter, "images"): "are of different nets: tensor 1",
        (right, Engine(shorter), "images"): "has 2 ops, and the program 'net' has 4",
        (right, log_of(shorter, IMAGES), "images"): "has 2 ops, and the program 'net' has 4",
        (model(), right): "compared on inputs",
        (model(), log_of(right, IMAGES), "images"): "a float model is compared with a program",
        ("net", right, "images"): "right is",
        (right, "net", "images"): "other is",
        (right, log_of(right, IMAGES), "one"): "has 3 runs, and got 1 example:",
    }.items():
        chosen = {(): None, ("images",): IMAGES, ("one",): IMAGES[:1], ("none",): IMAGES[:0]}
        with pytest.raises(diff.DiffError, match=words):
            diff.find_difference(*arguments[:2], chosen[arguments[2:]])
    assert diff.find_difference(right, same, IMAGES).equal


def test_the_times_of_a_log_are_printed_as_their_median(cli, tmp_path):
    (tmp_path / "net.dpt").write_bytes(blob.dumps(program()))
    log = [line("time 900"), *log_lines(), line("time 4000000000"), line("time 1000")]
    (tmp_path / "uart.txt").write_bytes(b"".join(log))
    code, out, _ = cli("diff", tmp_path / "net.dpt", tmp_path / "uart.txt")
    assert code == 0
    assert out.endswith("A run took 1,000 ticks of the device's timer, the median of 3.\n")
    _, out, _ = cli("diff", tmp_path / "net.dpt", tmp_path / "uart.txt", "--json")
    assert json.loads(out)["ticks"] == 1000


def test_the_command_compares_folders_and_logs(toolbox, cli, refused, tmp_path):
    toolbox.need("cc")
    dpt, npz, log = (tmp_path / n for n in ("p.dpt", "m.npz", "uart.txt"))
    dpt.write_bytes(blob.dumps(program()))
    model().save(npz)
    log.write_bytes(b"".join(log_lines(images=IMAGES)))
    picture = tmp_path / "picture.png"
    Image.fromarray(IMAGES[0]).save(picture)
    export("none", tmp_path / "c")
    export("none", tmp_path / "m4", kernels="dsp")
    words = ("export", dpt, "--form", "amalgamation", "--out", tmp_path / "amalgamation")
    assert cli(*words)[0] == 0
    causal = [nn.Conv1d(2, 3, padding="causal"), nn.GlobalAvgPool1d(), nn.Linear(2), nn.Softmax()]
    signals = np.random.default_rng(0).normal(size=(4, 1, 8)).astype(np.float32)
    net = nn.Sequential(causal, (1, 8)).initialize(0)
    streaming = quant.quantize(net, quant.calibrate(net, signals)).streaming()
    rows = np.zeros((16, *streaming.input_shape), np.int8)
    export_c(streaming, rows, tmp_path / "stream", name="line")
    image = ["--input", picture]
    for a, b, more in (
        (dpt, tmp_path / "c", image),
        (dpt, tmp_path / "amalgamation", image),
        (dpt, log, []),
        (log, f"{dpt}@scalar", []),
        ("lenet-mnist", "lenet-mnist@scalar", ["--limit", 2]),
    ):
        code, out, _ = cli("diff", a, b, *more)
        assert (code, out.startswith("Nothing differs: ")) == (0, True), (a, b, out)
    for arguments, words in {
        (log, log): "is compared with a program",
        (npz, log): "a float model is compared with a program",
        (dpt, tmp_path / "m4"): "is for a device's kernels, which this computer lacks",
        (dpt, tmp_path / "stream"): "reads a signal row by row",
        ("lenet-mnist", tmp_path / "c"): "where 'lenet' has 4,220: it is of another program",
    }.items():
        assert words in refused("diff", *arguments, *image)


def test_the_engine_writes_the_lines_that_the_page_shows():
    """Oracle: the lines in test_api.c, which the engine wrote there."""
    page = (ROOT / "docs/diff.md").read_text("utf-8")
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    test = (ROOT / "tests/engine_c/test_api.c").read_text("utf-8")
    assert shown.splitlines() == re.findall(r'"(#dpt [^"]*)\\n"', test)[:5]


def test_an_exported_program_without_its_dead_channels_is_compared(cli, tmp_path):
    """Oracle: the reference of the simplified program, as a device logs it."""
    whole = constant_nets.separable_net(dead=(3, 5, 6))
    exported = simplify(whole).program
    assert exported.weight_bytes < whole.weight_bytes
    dpt, log = tmp_path / "p.dpt", tmp_path / "uart.txt"
    dpt.write_bytes(blob.dumps(whole))
    x = constant_nets.structured_inputs(whole, count=2)
    log.write_bytes(b"".join(log_lines(exported, x)))
    code, out, _ = cli("diff", dpt, log)
    assert (code, out.startswith("Nothing differs: ")) == (0, True), out
