"""The page of a net that decides pixels: the map over the picture. Oracle: the engine's answer."""

import numpy as np
import pytest
from browser import chromium

from drypoint import data, nn, quant, serve
from drypoint.data import Dataset
from drypoint.engine import Engine

SIDE, NAMES = 16, ("ground", "<b>", "water")


@pytest.fixture(scope="module", params=[True, False], ids=["softmax", "scores"])
def program(request):
    images = pictures()
    net = nn.unet(classes=3, input_shape=(1, SIDE, SIDE), widths=(4, 6))
    if not request.param:
        layers = [nn.Conv2d(6, 3, padding="same", in_channels=1), nn.ReLU()]
        net = nn.Sequential(*layers, nn.Conv2d(3, 3, padding="same"))
    encoder = data.ImageEncoder(width=SIDE, height=SIDE)
    net = net.bind((1, SIDE, SIDE)).initialize(seed=2)
    model = nn.Model(net, encoder=encoder, decoder=data.ClassDecoder(NAMES))
    return quant.quantize(model, quant.calibrate(model, images), name="map")


def pictures():
    return np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE), np.uint8)


def test_the_map_over_the_picture_is_that_of_the_engine(program, toolbox, tmp_path):
    """Each pixel's class, each class's share, and the layer's color on the pad."""
    images = pictures()
    labels = np.zeros((6, SIDE, SIDE), np.int64)
    page = tmp_path / "page.html"
    page.write_text(serve.make_page(program, examples=Dataset(images, labels, NAMES)), "utf-8")
    outputs = Engine(program).run(images)
    maps = outputs.reshape(6, SIDE, SIDE, 3).argmax(axis=-1)
    assert len(np.unique(maps)) == 3
    with chromium(toolbox.need("chromium")) as browser:
        browser.open(page.as_uri())
        assert browser.run("document.querySelectorAll('#examples button').length") == 6
        for i, wanted in enumerate(maps):
            browser.run(f"document.querySelectorAll('#examples button')[{i}].click()")
            assert browser.run("drypoint.found") == wanted.ravel().tolist()
            counts = np.bincount(wanted.ravel(), minlength=3)
            rows = browser.run(
                "[...document.querySelectorAll('#classes tr')].map((row) =>"
                " [row.firstChild.textContent, row.lastChild.textContent])"
            )
            assert rows == [
                [name, f"{100 * n / SIDE**2:.1f} %"]
                for name, n in zip(NAMES, counts.tolist(), strict=True)
            ]
            decision = browser.run("document.getElementById('decision').textContent")
            assert decision == NAMES[counts.argmax()]
        hues = browser.run(
            """(() => { const pen = pad.canvas.getContext("2d"); const side = pad.canvas.width / 16;
            return drypoint.found.map((_, at) => { const [r, g, b] = pen.getImageData(
              (at % 16 + 0.5) * side, (Math.floor(at / 16) + 0.5) * side, 1, 1).data;
              return [r, g, b].indexOf(Math.max(r, g, b)); }); })()"""
        )
        strongest = {0: 2, 1: 0, 2: 1}  # blue, red, green: the colors of classes 0 to 2
        assert hues == [strongest[value] for value in maps[-1].ravel().tolist()]
        browser.run("document.getElementById('clear').click()")
        assert browser.run("drypoint.found") is None
        assert browser.errors() == []
