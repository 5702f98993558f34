"""The page of a net that finds objects: boxes on the picture, counts, sliders.

Oracle: `drypoint.detection` in Python, on the engine's integers.
"""

from dataclasses import replace

import pytest
from browser import chromium
from detection_nets import TEST, TRAIN, finder

from drypoint import detection, quant, serve
from drypoint.data import decoder_from_config
from drypoint.engine import Engine

FOUND = "drypoint.found.map(({ value, score, box }) => [value, score, ...box])"
EXAMPLES = 6


@pytest.fixture(scope="module", params=[False, True], ids=["boxes", "cells"])
def program(request):
    model = finder(cells=request.param)
    return quant.quantize(model, quant.calibrate(model, TRAIN.x[:100]), name="squares")


def test_boxes_on_the_page_are_those_of_python(program, toolbox, tmp_path):
    """At several thresholds; scores and boxes are integers."""
    page = tmp_path / "page.html"
    page.write_text(serve.make_page(program, examples=TEST[:EXAMPLES], model=finder()), "utf-8")
    maps = Engine(program).run(program.encode(TEST.x[:EXAMPLES]))
    maps = maps.reshape(-1, *program.output_shape)
    decoder = decoder_from_config(program.decoder)
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
                chosen = replace(decoder, conf=conf, iou=iou)
                scale = program.output_scale
                (wanted,) = detection.find(chosen.integers(scale), maps[i : i + 1], scale)
                assert browser.run(FOUND) == [list(map(int, box)) for box in wanted]
                shown = browser.run("document.getElementById('decision').textContent")
                assert shown == str(len(wanted))
        assert browser.errors() == []
