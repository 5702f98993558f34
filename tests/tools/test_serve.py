"""The page to draw on, in a headless Chromium: what it answers, byte for byte, and what it refuses.

Strokes come as pointer events of the browser, pictures through the page's file input.
"""

import base64
import dataclasses
import json
import math
import re
import threading
import urllib.error
import urllib.request
from itertools import pairwise

import nets
import numpy as np
import pytest
import sound_nets
import stream_nets
from blobs import repaired
from broken_blobs import BROKEN
from browser import chromium, look
from PIL import Image

from drypoint import data, models, nn, quant, serve
from drypoint.data import ClassDecoder, ImageEncoder
from drypoint.engine import Engine
from drypoint.engine._native import ffi, lib
from drypoint.program import Program, blob, reference, softmax
from tools import ROOT

CAPACITY = -8  # the page's loader has room for all ops
PROGRAM = models.load_program("lenet-mnist")


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist", "test")


@pytest.fixture(scope="module")
def page(tmp_path_factory, digits):
    """The page of the shipped LeNet as a file."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    model = models.load("lenet-mnist")
    path.write_text(serve.make_page(PROGRAM, examples=digits[:100], model=model), "utf-8")
    return path


@pytest.fixture(scope="module")
def browser(toolbox):
    with chromium(toolbox.need("chromium"), "--use-fake-device-for-media-stream",
                  "--use-fake-ui-for-media-stream") as found:  # fmt: skip
        yield found


ANSWER = """(() => {
  const { answer } = drypoint;
  const text = (array) => btoa(String.fromCharCode(...new Uint8Array(array.buffer)));
  return { decision: answer.decision, pixels: text(answer.pixels), ops: answer.ops.map(text),
    probability: answer.probability && [...answer.probability] };
})()"""


def check_answer(browser, program: Program, pixels=None):
    """Every byte of every op and the probabilities equal the reference's; returns the pixels."""
    found = browser.run(ANSWER)
    read = np.frombuffer(base64.b64decode(found["pixels"]), np.uint8)
    read = read.reshape(1, *program.input_shape)
    if pixels is not None:
        np.testing.assert_array_equal(read[0], pixels.reshape(program.input_shape))
    trace = reference.trace(program, read)
    assert [base64.b64decode(output) for output in found["ops"]] == [
        output.tobytes() for output in trace
    ]
    outputs = trace[-1].reshape(1, -1)
    assert found["decision"] == outputs.argmax()
    if program.softmax is True:
        wanted = softmax.run(outputs, softmax.scale(program.output_scale))
        np.testing.assert_array_equal(found["probability"], wanted[0])
    else:
        assert found["probability"] is None
    return read[0]


def arc(x, y, radius, begin, end):
    """Points on a circle, in units of the pad; angles in turns, clockwise from the right."""
    turns = np.linspace(begin, end, 24) * 2 * math.pi
    return [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]


def line(*corners):
    """Points along lines from corner to corner."""
    return [tuple(p) for a, b in pairwise(corners) for p in np.linspace(a, b, 12)]


DRAWINGS = {
    0: [arc(0.5, 0.5, 0.3, 0, 1.02)],
    1: [line((0.52, 0.2), (0.5, 0.8))],
    2: [arc(0.5, 0.36, 0.17, -0.52, 0.12) + line((0.6, 0.5), (0.34, 0.78), (0.7, 0.78))],
    3: [arc(0.48, 0.35, 0.15, -0.4, 0.25) + arc(0.48, 0.66, 0.16, -0.25, 0.4)],
    4: [line((0.36, 0.22), (0.32, 0.52), (0.68, 0.52)), line((0.64, 0.2), (0.6, 0.85))],
    7: [line((0.3, 0.25), (0.7, 0.25), (0.45, 0.82))],
}


def draw(browser, strokes, kind, *, size=1.0, at=(0.0, 0.0)):
    """Clear the pad and draw strokes, in units of the pad's width, smaller and elsewhere."""
    browser.run("document.getElementById('clear').click()")
    left, top, width = browser.run(
        "(({ x, y, width }) => [x, y, width])(document.getElementById('pad')"
        ".getBoundingClientRect())"
    )
    for points in strokes:
        placed = [(x * size + at[0], y * size + at[1]) for x, y in points]
        browser.stroke([(left + width * x, top + width * y) for x, y in placed], kind=kind)


def test_drawn_digits_are_answered(opened):
    """Oracle: the digit that is drawn; the reference for every byte of it; NumPy for the centre of
    mass, which is pixel 14, 14, and for the box of 20 x 20 and its rim of a pixel."""
    kinds = ("mouse", "touch", "pen")
    places = {"size": 1.0}, {"size": 0.4, "at": (0.5, 0.1)}
    for i, (digit, strokes) in enumerate(DRAWINGS.items()):
        draw(opened, strokes, kinds[i % 3], **places[i % 2])
        assert opened.run("document.getElementById('decision').textContent") == str(digit)
        image = check_answer(opened, PROGRAM)[..., 0].astype(float)
        for axis in (0, 1):
            profile = image.sum(axis=axis)
            assert abs(profile @ np.arange(28) / profile.sum() - 14) < 0.3
            assert np.ptp(np.flatnonzero(profile)) <= 21
    opened.run("document.getElementById('clear').click()")
    assert opened.run("drypoint.answer") is None
    assert opened.run("document.getElementById('decision').textContent") == "\u2013"


def test_a_drawing_stays_where_it_is_without_the_fit(opened):
    """Oracle: a pen of 2.4 pixels around a line from 3.4, 2.8 to 3.4, 11.2."""
    opened.run("document.getElementById('centre').click()")
    draw(opened, [line((0.12, 0.1), (0.12, 0.4))], "mouse")
    rows, columns = np.nonzero(check_answer(opened, PROGRAM)[..., 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 12, 2, 4)


def choose(browser, path, picture, *, until):
    if isinstance(picture, bytes):
        path.write_bytes(picture)
    else:
        Image.fromarray(picture).save(path)
    browser.run("drypoint.answer = null")
    browser.choose("#file", path)
    browser.wait(until)


def test_a_hundred_digits_have_the_bytes_of_the_reference(opened, digits, tmp_path):
    """As PNG files, so that the browser's decoder is between."""
    for i, image in enumerate(digits.x[:100]):
        choose(opened, tmp_path / f"{i}.png", image, until="drypoint.answer")
        check_answer(opened, PROGRAM, image)


def test_examples_are_chosen_by_keyboard_and_stand_beside_the_float_net(opened, digits):
    first = int(np.flatnonzero(digits.y == 3)[0])
    opened.run("document.querySelectorAll('#examples button')[3].focus()")
    for step in ("keyDown", "keyUp"):
        opened.call("Input.dispatchKeyEvent", type=step, key="Enter", code="Enter", text="\r",
                    windowsVirtualKeyCode=13)  # fmt: skip
    check_answer(opened, PROGRAM, digits.x[first])
    shown = opened.run(
        "[...document.querySelectorAll('#classes tr')].map((row) => row.lastChild.textContent)"
    )
    floats = models.load("lenet-mnist").predict_proba(digits.x[first : first + 1])[0]
    assert shown == [f"{100 * round(float(p), 6):.1f} %" for p in floats]


LOADED = """(() => { try { drypoint.engine.load(Uint8Array.from(atob(%s), (c) => c.charCodeAt(0)));
  return "taken"; } catch (error) { return error.message; } })()"""


def load(browser, content: bytes) -> str:
    return browser.run(LOADED % json.dumps(base64.b64encode(content).decode()))


def test_damaged_programs_are_refused_in_the_words_of_the_loader(opened, digits, tmp_path):
    """Oracle: the status of BLOB.md for a broken rule, in the C library's words; the program before
    still runs."""
    for what, (status, content) in BROKEN.items():
        words = ffi.string(lib.dpt_status_text(status)).decode()
        assert status == CAPACITY or load(opened, content) == words, what
    damaged = bytearray(blob.dumps(PROGRAM))
    damaged[5000] ^= 4
    problem = "document.getElementById('problem').textContent"
    choose(opened, tmp_path / "net.dpt", bytes(damaged), until=problem)
    assert opened.run(problem) == "net.dpt is refused: the blob's bytes are damaged (CRC)"
    choose(opened, tmp_path / "one.png", digits.x[0], until="drypoint.answer")
    check_answer(opened, PROGRAM, digits.x[0])
    choose(opened, tmp_path / "notes.txt", b"no picture", until=problem)
    assert "neither a picture" in opened.run(problem)


def test_a_meta_that_breaks_its_rules_is_refused(opened):
    good = blob.dumps(PROGRAM)
    for old, new in ((b'"scale":0.0', b'"scale":-.0'), (b'"conv2"', b'7      '),
                     (b'"name":"lenet"', b'"name":123456 ')):  # fmt: skip
        assert good.count(old) == 1
        assert load(opened, repaired(good.replace(old, new))).startswith("the meta ")


def residual():
    """A residual net of three classes with random weights, on colour pictures of 10 x 8; it seldom
    decides."""
    rng = np.random.default_rng(0)
    block = nn.Graph(
        {"conv": nn.Conv2d(6, 3, padding=1), "relu": nn.ReLU(), "add": nn.Add()},
        [("input", "conv", "relu", "add.a"), ("input", "add.b")],
    )
    layers = {"stem": nn.Conv2d(6, 3), "block": block, "mean": nn.GlobalAvgPool2d()}
    net = nn.Sequential({**layers, "fc": nn.Linear(3), "softmax": nn.Softmax()}, (3, 8, 10))
    encoder = ImageEncoder(width=10, height=8, color="rgb")
    decoder = ClassDecoder(["a", "<b>", "c"], reject_below=0.99)
    model = nn.Model(net.initialize(0), encoder=encoder, decoder=decoder)
    images = rng.integers(0, 256, (50, 8, 10, 3)).astype(np.uint8)
    return quant.quantize(model, quant.calibrate(model, images), name="residual"), images


def test_another_net_is_dropped_and_takes_pictures(opened, tmp_path):
    program, images = residual()
    path = tmp_path / "residual.dpt"
    title = "document.getElementById('title').textContent"
    path.write_bytes(blob.dumps(program))
    opened.drop(path, 200, 300)
    opened.wait(f"{title} === 'Show it a picture'")
    assert opened.run("document.getElementById('examples').hidden")
    for image in images[:5]:
        choose(opened, tmp_path / "picture.png", image, until="drypoint.answer")
        check_answer(opened, program, image)
        assert Engine(program)(image) is None
        assert opened.run("document.getElementById('decision').textContent") == "\u2013"
    choose(opened, tmp_path / "large.png", np.full((90, 70, 3), 200, np.uint8),
           until="drypoint.answer")  # fmt: skip
    assert (check_answer(opened, program) == 200).all()
    opened.run("document.getElementById('invert').click()")
    assert (check_answer(opened, program) == 55).all()
    draw(opened, DRAWINGS[1], "mouse")
    check_answer(opened, program)
    rows = "document.querySelectorAll('#classes tr')"
    assert opened.run(f"[...{rows}].map((row) => row.firstChild.textContent)") == ["a", "<b>", "c"]
    assert opened.run("document.querySelectorAll('#ops canvas').length") == len(program.ops)


def test_random_programs_have_the_bytes_of_the_reference(opened):
    """Every kind of op, also row by row and in place. What reads no pictures, or reads them row by
    row, is refused; so is, on this page, what reads samples."""
    content = blob.dumps(sound_nets.programs()[0])
    assert load(opened, content) == "it reads samples: drypoint serve makes a page for it"
    ran = 0
    for program in (*map(nets.random_program, range(60)), *stream_nets.streams(range(6))):
        signed = (
            program.input_type == "i8" and program.input.zero == -128
        )  # test_cli_foreign has it
        takes = (program.input_type == "u8" or signed) and program.input_shape.c in (1, 3)
        takes &= not program.is_streaming
        said = load(opened, blob.dumps(program))
        assert said == "taken" if takes else "no whole 8-bit pictures" in said
        if takes and not signed:
            pixels = nets.random_inputs(program, 0)[0]
            text = json.dumps(base64.b64encode(pixels.tobytes()).decode())
            opened.run(f"drypoint.answer = drypoint.engine.runPicture(fromBase64({text}))")
            check_answer(opened, program, pixels)
            kinds = opened.run("drypoint.engine.program.ops.map((op) => op.kind.split(' ')[0])")
            assert kinds == [op.kind for op in program.ops]
            ran += 1
    assert ran > 8


def test_the_camera_is_classified_until_it_is_stopped(opened):
    """Chromium's pretended camera."""
    button = "document.getElementById('camera')"
    opened.run(f"{button}.click()")
    opened.wait("drypoint.answer && drypoint.times.length > 3")
    check_answer(opened, PROGRAM)
    opened.run(f"{button}.click()")
    assert opened.run(f"{button}.getAttribute('aria-pressed')") == "false"
    assert opened.run("drypoint.answer") is None


def test_the_page_fits_a_phone(page, toolbox):
    """Oracle: the browser's own widths."""
    with chromium(toolbox.need("chromium")) as tab:
        for width in (400, 1280):
            look(tab, width)
            tab.open(page.as_uri())
            assert tab.run("document.documentElement.scrollWidth") <= width


def test_sizes(page):
    """What is promised: the engine below 50 KB, with LeNet below 720 KB, in one file. docs/serve.md
    states both sizes, to 2 %."""
    sizes = len(serve.shipped_engine()), page.stat().st_size
    assert sizes[0] < 50_000
    assert sizes[1] < 720_000
    said = re.search(
        r"takes (\d+) KB, and the page with LeNet (\d+) KB",
        (ROOT / "docs/serve.md").read_text("utf-8"),
    )
    assert [1000 * int(number) for number in said.groups()] == pytest.approx(sizes, rel=0.02)
    text = page.read_text("utf-8")
    assert "connect-src 'none'" in text
    links = re.findall(r"<(?:script|img|iframe|link)[^>]*(?:src|href)=\"([^\"]*)", text)
    assert links == ["data:,"]


def test_the_shipped_engine_is_a_fresh_build(toolbox):
    """To the byte, where the compiler is the one that built it."""
    for tool in ("clang-19", "wasm-ld-19"):
        toolbox.need(tool)
    fresh, shipped = serve.build_engine(), serve.shipped_engine()
    versions = [module.rpartition(b"processed-by")[2] for module in (fresh, shipped)]
    if versions[0] != versions[1]:
        toolbox.missing(f"the compiler of engine.wasm ({versions[1]!r}) is not installed")
    assert fresh == shipped, "engine_c has changed: run make wasm, which builds engine.wasm again"


def test_no_page_for_what_reads_no_pictures():
    program = next(p for p in map(nets.random_program, range(99)) if p.input_type == "i8")
    for wrong, words in (
        (program, "reads i8 .*: the page is for"),
        (stream_nets.streams(range(1))[0], "row by row: the page is for"),
        ("lenet", "program is the text"),
    ):
        with pytest.raises(serve.ServeError, match=words):
            serve.make_page(wrong)


def test_odd_names_are_text_on_the_page(browser, tmp_path):
    """No name commands the page, or shows a text in another order than it has."""
    odd = "</script><b>\u202eto left\u2028\x1b"
    labels = tuple(f"{odd}{i}" for i in range(10))
    ops = tuple(dataclasses.replace(op, name=odd) for op in PROGRAM.ops)
    program = dataclasses.replace(PROGRAM, name=odd, labels=labels, ops=ops)
    path = tmp_path / "index.html"
    path.write_text(serve.make_page(program), "utf-8")
    browser.open(path.as_uri())
    shown = "</script><b>\\u{202e}to left\\u{2028}\\u{1b}"
    assert browser.run("document.getElementById('name').textContent") == shown
    found = browser.run("drypoint.engine.program")
    assert found["labels"] == [f"{shown}{i}" for i in range(10)]
    assert {op["name"] for op in found["ops"]} == {shown}
    assert browser.errors() == []


@pytest.fixture
def server(digits):
    """The address of a server with the float net, in this process."""
    model = models.load("lenet-mnist")
    page = serve.make_page(PROGRAM, examples=digits[:20], model=model, live=True)
    with serve.make_server(page, PROGRAM, model=model) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}/"
        found.shutdown()
        thread.join()


def test_the_served_page_has_the_float_nets_answer_to_a_drawing(browser, server):
    browser.open(server)
    draw(browser, DRAWINGS[3], "mouse")
    browser.wait("drypoint.float && !drypoint.asking")
    image = check_answer(browser, PROGRAM)
    floats = models.load("lenet-mnist").predict_proba(image[None])[0]
    assert browser.run("drypoint.float") == [round(float(p), 6) for p in floats]
    assert {address.rpartition("/")[0] + "/" for address in browser.requests()} == {server}
    assert browser.errors() == []


def test_the_server_answers_only_what_the_page_asks(server):
    for path, body in (("other", None), ("float", b"123"), ("float", bytes(785)), ("", bytes(784))):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(server + path, body, timeout=300)
        assert refused.value.code == 404
        refused.value.close()
    port = int(server.rpartition(":")[2].strip("/"))
    with pytest.raises(serve.ServeError, match=f"port {port}: .*--port names another"):
        serve.make_server("", PROGRAM, port=port)
    with pytest.raises(serve.ServeError, match="port 65536 is none"):
        serve.make_server("", PROGRAM, port=65536)


def test_the_command_writes_a_folder(cli, refused, lenet, tmp_path):
    code, out, _ = cli("serve", lenet / "lenet.npz", "--examples", 50, "--out", tmp_path / "site")
    assert code == 0
    text = (tmp_path / "site/index.html").read_text("utf-8")
    assert out.startswith(f"{tmp_path}/site/index.html: {len(text):,} bytes")
    assert '"float": "examples"' in text
    code, out, _ = cli("serve", lenet / "lenet.dpt", "--out", tmp_path, "--json")
    assert json.loads(out)["file"] == str(tmp_path / "index.html")
    assert '"float": "none"' in (tmp_path / "index.html").read_text("utf-8")
    program, _ = residual()
    blob_path = tmp_path / "residual.dpt"
    blob_path.write_bytes(blob.dumps(program))
    code, _, said = cli("serve", blob_path, "--out", tmp_path)
    assert code == 0
    assert "the page has no test examples (" in said
    (tmp_path / "index.html").write_text("<h1>ours</h1>")
    assert "index.html is there, no page of drypoint" in refused("serve", "--out", tmp_path)
    assert (tmp_path / "index.html").read_text() == "<h1>ours</h1>"
    assert "no folder or file" in refused("serve", blob_path, "--data", tmp_path / "none")
