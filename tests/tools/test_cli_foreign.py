"""A file of another framework in every command that reads a model or a program."""

import base64
import dataclasses
import json

import numpy as np
import pytest
from browser import chromium
from onnx_files import OnnxFile
from PIL import Image
from tflite_files import TfliteFile, a_net, windows

from drypoint import interop, serve
from drypoint.program import Program, reference


@pytest.fixture
def file(tmp_path):
    """An int8 file of four classes that reads i8 8x6x3 with zero point -3."""
    path = tmp_path / "net.tflite"
    path.write_bytes(a_net())
    return path


@pytest.fixture
def of_pixels(tmp_path):
    """An int8 file of two classes that reads RGB pictures of 4x4, as pixels less 128."""
    f = TfliteFile((1, 4, 4, 3), scale=1 / 255, zero=-128)
    weights, bias = f.drawn(3, 3, 3, 3), f.bias(3)
    f.then("CONV_2D", [f.at, weights, bias], (1, 4, 4, 3), scale=0.05, zero=7, **windows())
    f.then("RESHAPE", [f.at, f.constant([1, 48])], (1, 48), scale=0.05, zero=7)
    f.then("FULLY_CONNECTED", [f.at, f.drawn(2, 48), f.bias(2)], (1, 2), scale=0.2, zero=7)
    f.then("SOFTMAX", [f.at], (1, 2), scale=1 / 256, zero=-128, Beta=1.0)
    path = tmp_path / "pixels.tflite"
    path.write_bytes(f.bytes())
    return path


@pytest.fixture
def pictures(tmp_path):
    """A folder of pictures with three of each of two classes, and their pixels (6, 4, 4, 3)."""
    pixels = np.random.default_rng(3).integers(0, 256, (6, 4, 4, 3)).astype(np.uint8)
    for i, picture in enumerate(pixels):
        folder = tmp_path / "pictures" / "ab"[i // 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{i}.png")
    return tmp_path / "pictures", pixels


def test_a_file_is_what_import_makes_of_it(cli, file, tmp_path):
    """Oracle: the file that `drypoint import` writes, in the same commands."""
    assert cli("import", file, "--labels", "a,b,c,d", "--out", tmp_path / "net.dpt")[0] == 0
    imported = tmp_path / "net.dpt"
    for words in (["info", "--json"], ["verify", "--json", "--limit", 5]):
        said = [
            json.loads(cli(words[0], *names, *words[1:])[1])
            for names in ([file, "--labels", "a,b,c,d"], [imported])
        ]
        assert said[0] == said[1]
    for source, out in ((file, "x"), (imported, "y")):
        labels = ["--labels", "a,b,c,d"] if source == file else []
        assert cli("export", source, *labels, "--out", tmp_path / out)[0] == 0
    written = [(tmp_path / out / "net.c").read_bytes() for out in "xy"]
    assert written[0] == written[1]


def test_an_int8_file_of_pictures_reads_pictures(cli, of_pixels, pictures):
    """Oracle: the reference on pixels less 128, which is what they are at this scale."""
    folder, pixels = pictures
    program = interop.program_from_tflite(of_pixels)
    x = (pixels.astype(np.int16) - 128).astype(np.int8)
    assert np.array_equal(program.encode(pixels), x)
    chosen = program.real(reference.run(program, x).reshape(6, 2)).argmax(axis=1)
    names = sorted(folder.rglob("*.png"))
    code, out, _ = cli("run", "--model", of_pixels, "--labels", "a,b", *names, "--json")
    answers = [answer["class"] for answer in json.loads(out)["answers"]]
    assert (code, answers) == (0, ["ab"[i] for i in chosen])
    code, out, _ = cli("measure", of_pixels, "--labels", "a,b", "--data", folder, "--json")
    right = float((chosen == [0, 0, 0, 1, 1, 1]).mean())
    assert (code, json.loads(out)["accuracy"]) == (0, right)


def test_the_page_to_draw_on_gives_pixels_less_128(of_pixels, toolbox, tmp_path):
    """Oracle: the reference, on what `Program.encode` makes of the pixels."""
    program = interop.program_from_tflite(of_pixels)
    path = tmp_path / "index.html"
    path.write_text(serve.make_page(program), "utf-8")
    images = np.random.default_rng(4).integers(0, 256, (3, 4, 4, 3)).astype(np.uint8)
    with chromium(toolbox.need("chromium")) as browser:
        browser.open(path.as_uri(), ready="document.body.dataset.ready")
        for pixels in images:
            text = json.dumps(base64.b64encode(pixels.tobytes()).decode())
            output = browser.run(f"[...drypoint.engine.runPicture(fromBase64({text})).output]")
            assert output == reference.run(program, program.encode(pixels)).ravel().tolist()


def test_only_pixels_less_128_are_signed_pixels(of_pixels, file):
    """A program of another zero point, scale or encoder refuses uint8."""
    program = interop.program_from_tflite(of_pixels)
    assert program.reads_signed_pixels
    assert not interop.program_from_tflite(file).reads_signed_pixels
    for scale in (1 / 128, 0.1, 2.0):
        assert not dataclasses.replace(program, input_scale=scale).reads_signed_pixels


def test_a_quantized_file_that_ends_in_logits_is_measured_by_its_labels(
    cli, refused, pictures, tmp_path, toolbox
):
    """Oracles: the reference's decisions; the softmax of its real outputs in NumPy."""
    f = TfliteFile((1, 4, 4, 3), scale=1 / 255, zero=-128)
    weights, bias = f.drawn(3, 3, 3, 3), f.bias(3)
    f.then("CONV_2D", [f.at, weights, bias], (1, 4, 4, 3), scale=0.05, zero=7, **windows())
    f.then("RESHAPE", [f.at, f.constant([1, 48])], (1, 48), scale=0.05, zero=7)
    f.then("FULLY_CONNECTED", [f.at, f.drawn(2, 48), f.bias(2)], (1, 2), scale=0.2, zero=7)
    path, (folder, pixels) = tmp_path / "logits.tflite", pictures
    path.write_bytes(f.bytes())
    program = interop.program_from_tflite(path)
    signed = (pixels.astype(int) - 128).astype(np.int8)
    real = program.real(reference.run(program, signed))
    right = (real.argmax(axis=1) == np.arange(6) // 3).mean()
    labels = ["--labels", "a,b"]
    assert json.loads(cli("measure", path, *labels, "--data", folder, "--json")[1])[
        "accuracy"
    ] == pytest.approx(right)
    assert "is no classifier" in refused("measure", path, "--data", folder)
    answers = json.loads(cli("run", path, folder, *labels, "--json")[1])["answers"]
    powers = np.exp(real)
    np.testing.assert_allclose(
        [answer["probabilities"] for answer in answers],
        powers / powers.sum(axis=1, keepdims=True),
    )
    toolbox.need_package("jinja2")
    words = ["--data", folder, "--out", tmp_path / "page.html", "--json"]
    found = json.loads(cli("report", path, *labels, *words)[1])
    assert found["quality"]["integers"]["accuracy"] == pytest.approx(right)


def test_mean_and_deviation_of_a_float_file_are_options_of_each_command_that_reads_it(
    cli, refused, pictures, tmp_path
):
    """Oracle: the model that `drypoint import` writes with these options."""
    folder, _ = pictures
    file, imported = tmp_path / "net.onnx", tmp_path / "net.npz"
    f = OnnxFile((3, 4, 4))
    f.then("Flatten").then("Gemm", f.drawn(48, 2))
    file.write_bytes(f.bytes())
    options = ["--mean", "0.3,0.4,0.5", "--std", 0.2, "--labels", "a,b"]
    assert cli("import", file, *options, "--out", imported)[0] == 0
    for words in (["run", folder], ["measure", "--data", folder], ["info"]):
        command, *rest = words
        pair = [
            json.loads(cli(command, path, *rest, *own, "--json")[1])
            for path, own in ((file, options), (imported, []))
        ]
        for found in pair:
            for name in ("model", "file", "provenance"):
                found.pop(name, None)
        assert pair[0] == pair[1]
    unscaled = json.loads(cli("run", file, folder, "--labels", "a,b", "--json")[1])["answers"]
    scaled = json.loads(cli("run", file, folder, *options, "--json")[1])["answers"]
    assert unscaled != scaled
    assert "--mean is for ONNX and TensorFlow Lite files" in refused(
        "info", imported, "--mean", 0.5
    )
    assert cli("quantize", file, *options, "--data", folder, "--out", tmp_path / "a.dpt")[0] == 0
    assert cli("quantize", imported, "--data", folder, "--out", tmp_path / "b.dpt")[0] == 0
    a, b = (Program.load(tmp_path / f"{name}.dpt") for name in "ab")
    assert a.encoder == b.encoder
    assert [op.weight.tolist() for op in a.ops] == [op.weight.tolist() for op in b.ops]


def test_a_file_has_a_report_without_data_and_labels(cli, of_pixels, tmp_path, toolbox):
    """Oracles: the bytes of the reference, and `interop.rounding_report`."""
    toolbox.need_package("jinja2")
    page = tmp_path / "page.html"
    code, out, notes = cli("report", of_pixels, "--out", page, "--json")
    facts = json.loads(out)
    assert (code, facts["quality"], facts["inputs"]["random"]) == (0, None, True)
    assert "random inputs" in notes
    assert facts["rounding"] == interop.rounding_report(of_pixels).json()
    x = np.random.default_rng(0).integers(-128, 128, (20, 4, 4, 3)).astype(np.int8)
    planes = reference.trace(interop.program_from_tflite(of_pixels), x)
    verification = facts["proof"]["verification"]
    bytes_of_each = sum(plane.nbytes for plane in planes)
    compared = bytes_of_each * len(verification["runners"])
    assert (verification["differing_bytes"], facts["proof"]["verified_bytes"]) == (0, compared)
    text = page.read_text("utf-8")
    assert "says nothing of accuracy" in text
    assert "Confusion matrix" not in text
    assert "TensorFlow Lite gives another byte for" in text


def test_a_float_file_has_a_report_that_calls_its_scales_random(cli, tmp_path, toolbox):
    toolbox.need_package("jinja2")
    f = OnnxFile((1, 4, 5))
    f.then("Flatten").then("Gemm", f.drawn(20, 3))
    (tmp_path / "net.onnx").write_bytes(f.bytes())
    code, out, _ = cli("report", tmp_path / "net.onnx", "--out", tmp_path / "p.html", "--json")
    facts = json.loads(out)
    assert (code, facts["inputs"]["calibration_random"]) == (0, True)
    assert facts["layers"] is facts["proof"]["error_bounds"] is facts["rounding"] is None
    assert "quantized with the ranges that random inputs give" in (tmp_path / "p.html").read_text()


def test_the_model_may_stand_before_the_pictures(cli, of_pixels, pictures):
    """Oracle: `run --model`, and the command by drypoint's own name."""
    names = sorted(pictures[0].rglob("*.png"))
    wanted = cli("run", "--model", of_pixels, *names, "--json")
    assert wanted[0] == 0
    assert cli("run", of_pixels, *names, "--json") == wanted
    assert cli("predict", of_pixels, *names, "--json") == wanted


def test_a_signal_is_cut_by_the_files_window_where_the_label_is_named(cli, tmp_path):
    """Five windows of 6 time steps. Oracle: their number."""
    f = OnnxFile((2, 6))
    f.then("Conv", f.drawn(3, 2, 3)).then("Flatten").then("Gemm", f.drawn(12, 2))
    file, table = tmp_path / "net.onnx", tmp_path / "steps.csv"
    file.write_bytes(f.bytes())
    values = np.random.default_rng(0).normal(size=(30, 2)).round(2).tolist()
    rows = [f"{a},{b},{'ab'[i // 6 % 2]}" for i, (a, b) in enumerate(values)]
    table.write_text("\n".join(["u,v,state", *rows]), "utf-8")
    options = ["--labels", "a,b", "--label", "state", "--mean", "-0.1,1e-3", "--std", "1,2"]
    code, out, error = cli("measure", file, *options, "--data", table, "--json")
    assert code == 0, error
    assert json.loads(out)["n"] == 5
