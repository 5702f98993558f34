"""The page of a net that finds objects: boxes on the picture, counts, sliders.

Oracle: `drypoint.detection` in Python, on the engine's integers.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from browser import chromium
from detection_nets import SIDE, TEST, TRAIN, finder
from last_output import with_last

from drypoint import quant, serve, tasks
from drypoint.data import BoxDecoder, decoder_from_config
from drypoint.engine import Engine

FOUND = "drypoint.found.map(({ value, score, box }) => [value, score, ...box])"
EXAMPLES = 6


@cache
def program_of(kind):
    """A program of a trained net; of "shares" the cells with a softmax, as of FOMO."""
    if kind == "shares":
        decoder = BoxDecoder(("b",), cell=8, conf=0.3, cells=True, background=True)
        cells = program_of("cells")
        cells = with_last(replace(cells, boxes=None), decoder=None, softmax="channels")
        return tasks.with_decoder(cells, decoder)
    model = finder(cells=kind == "cells")
    return quant.quantize(model, quant.calibrate(model, TRAIN.x[:100]), name="squares")


@pytest.fixture(scope="module", params=["boxes", "cells", "shares"])
def program(request):
    return program_of(request.param)


def check_boxes(browser, program, pixels, *, conf, iou):
    """The page has Python's boxes of a picture at a threshold; how many there are."""
    decoder = replace(decoder_from_config(program.decoder), conf=conf, iou=iou)
    outputs = Engine(program).run(pixels)
    (wanted,) = program.find_boxes(outputs, decoder.integers(program.output_scale))
    assert browser.run(FOUND) == [list(box) for box in wanted]
    shown = browser.run("document.getElementById('decision').textContent")
    assert shown == str(len(wanted))
    return len(wanted)


def test_boxes_on_the_page_are_those_of_python(program, toolbox, tmp_path):
    """At several thresholds; scores and boxes are integers."""
    page = tmp_path / "page.html"
    page.write_text(serve.make_page(program, examples=TEST[:EXAMPLES], model=finder()), "utf-8")
    found = 0
    with chromium(toolbox.need("chromium")) as browser:
        browser.open(page.as_uri())
        assert browser.run("document.getElementById('thresholds').hidden") is False
        for i in range(EXAMPLES):
            browser.run(f"document.querySelectorAll('#examples button')[{i}].click()")
            for conf, iou in ((0.5, 0.5), (0.05, 0.2), (0.05, 0.9), (0.95, 0)):
                for name, value in (("conf", conf), ("iou", iou)):
                    browser.run(
                        f"{{ const s = document.getElementById('{name}'); s.value = {value};"
                        " s.dispatchEvent(new Event('input')); }"
                    )
                found += check_boxes(browser, program, TEST.x[i : i + 1], conf=conf, iou=iou)
        assert found > EXAMPLES
        assert browser.errors() == []


def test_the_camera_shows_boxes_until_it_is_stopped(toolbox, tmp_path):
    """Chromium plays a picture as its camera, in the middle of 640 x 480 pixels. Oracle: Python on
    the pixels that the page has read, and the objects in the picture."""
    program = program_of("boxes")
    found = [*map(len, Engine(program).find_boxes(TEST.x))]
    i = [*zip(found, TEST.boxes.counts, strict=True)].index((2, 2))
    light = np.full((480, 640), 30, np.uint8)
    light[:, 80:560] = np.kron(16 + TEST.x[i] * (219 / 255), np.ones((15, 15)))  # 16 is black
    film = b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg\n"
    film += 9 * (b"FRAME\n" + light.tobytes() + bytes([128]) * (640 * 480 // 2))
    (tmp_path / "film.y4m").write_bytes(film)
    (tmp_path / "page.html").write_text(serve.make_page(program), "utf-8")
    with chromium(
        toolbox.need("chromium"), "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={tmp_path}/film.y4m",
    ) as browser:  # fmt: skip
        browser.open((tmp_path / "page.html").as_uri())
        button = "document.getElementById('camera')"
        browser.run(f"{button}.click()")
        browser.wait("drypoint.found && drypoint.times.length > 3 && drypoint.answer")
        pixels = browser.run(f"[[...drypoint.answer.pixels], {FOUND}]")[0]
        picture = np.array(pixels, np.uint8).reshape(1, SIDE, SIDE)
        assert check_boxes(browser, program, picture, conf=0.5, iou=0.5) == 2
        browser.run(f"{button}.click()")
        assert browser.run("drypoint.found") is None
        assert browser.errors() == []
