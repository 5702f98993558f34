"""Names that a file brings (of programs, ops, classes, files) are text in every output.

Control characters, marks of direction, separators, trigraphs, quotes and tags: no character of a
name commands a terminal, ends a comment, a string, an element or a cell, or hides another one.
"""

import ast
import dataclasses
import json
import re
import xml.etree.ElementTree as ET

import nets
import numpy as np
import pytest

from drypoint import data, forms, measure, nn, plot, quant, report, serve
from drypoint.common import DrypointError, html_table, printable, table_lines
from drypoint.engine import export_c, include_dir
from drypoint.program import codegen
from tools import run

ODD = (
    "*/ int x; /*",
    "ends ??/\n#error",
    "??! trigraph ???/",
    "back\\\n\\",
    "right\u202eto left\u2066\u200f",
    "lines\u2028and\u2029paragraphs\x85",
    "\x1b[31mred\x1b]0;title\x07\r\x7f\x9b",
    "</pre><script>alert(1)</script>",
    "\"quotes'`|` ${x} {{ x }} %s $a$",
    "```\n<!-- --> ]]> &amp;",
)
FLAGS = (
    *("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"),
    *("-Wtrigraphs", "-Wcomment", "-Wbidi-chars=any"),
)


def check_plain(text, where=""):
    """All characters of a text are printable, but its line breaks and tabs."""
    odd = {c for c in text if c not in "\n\t" and not c.isprintable()}
    assert not odd, f"{where}: {odd!r}"


@pytest.fixture(scope="module")
def made():
    """A model whose classes have odd names, its program, whose ops have, and test examples."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (120, 8, 6)).astype(np.uint8)
    dataset = data.Dataset(images, rng.integers(0, 10, 120), ODD)
    layers = [nn.Conv2d(3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(10), nn.Softmax()]
    encoder = data.ImageEncoder(width=6, height=8)
    decoder, facts = data.ClassDecoder(ODD), {ODD[6]: {ODD[4]: ODD[7]}}
    net = nn.Sequential(layers, (1, 8, 6)).initialize(0)
    model = nn.Model(net, encoder=encoder, decoder=decoder, provenance=facts)
    program = quant.quantize(model, quant.calibrate(model, images[:50]), name=ODD[4])
    ops = tuple(dataclasses.replace(op, name=ODD[i % 10]) for i, op in enumerate(program.ops))
    return model, dataclasses.replace(program, ops=ops), dataset


def odd_program(seed, at):
    """A random program whose name, ops and labels are odd."""
    program = nets.random_program(seed)
    n = program.output_shape.size
    ops = tuple(
        dataclasses.replace(op, name=ODD[(at + i) % 10]) for i, op in enumerate(program.ops)
    )
    labels = tuple(ODD[(at + i) % 10] for i in range(n))
    return dataclasses.replace(program, name=ODD[at], ops=ops, labels=labels)


def test_c_compiles_without_a_warning_and_has_the_labels_bytes(toolbox, tmp_path):
    """Oracle: the labels' UTF-8."""
    gcc = toolbox.need("gcc")
    for at in (0, 1, 2, 4, 6):
        program = odd_program(62, at)
        folder = tmp_path / str(at)
        folder.mkdir()
        texts = codegen.generate(program, "net", nets.random_inputs(program, 1))
        for name, text in texts.items():
            check_plain(text, name)
            assert "??" not in text
            (folder / name).write_text(text, "utf-8")
        for name in ("net.c", "selftest.c"):
            run([gcc, *FLAGS, "-fsyntax-only", f"-I{include_dir()}", folder / name])
    characters = re.search(r"labels\[\] = \{(.*?)\};", texts["net.c"], re.DOTALL)[1]
    found = [
        ord(ast.literal_eval(literal))
        for literal in re.findall(r"'(?:\\?[^'\\]+|\\.)'", characters)
    ]
    assert bytes(found).decode().split("\0")[:-1] == list(program.labels)


@pytest.mark.parametrize("form", forms.FORMS)
def test_the_files_of_every_form(tmp_path, made, form):
    _, program, dataset = made
    program = dataclasses.replace(program, name=ODD[0])
    for path in export_c(program, dataset.x[:1], tmp_path, name="net", form=form):
        check_plain(path.read_text("utf-8"), path.name)


def test_pages(made):
    model, program, dataset = made
    name = ODD[7] + ODD[6] + ODD[4]
    found = report.make_report(model, dataset[:40], calibration=dataset.x[:50], name=name)
    text = found.html()
    check_plain(text, "report")
    assert "<script" not in text
    check_plain(str(found), "report as text")
    assert json.dumps(found.to_json()).isascii()
    page = serve.make_page(dataclasses.replace(program, name=ODD[7] + ODD[6]), examples=dataset)
    check_plain(page, "page to draw on")
    assert "<script>alert" not in page
    for value in (program, model, model.net, measure.measure(model, dataset)):
        html = value._repr_html_()
        check_plain(html, type(value).__name__)
        assert "<script" not in html


def test_pictures(made):
    model, program, dataset = made
    measured = measure.measure(model, dataset)
    pictures = [
        plot.memory(program),
        plot.confusion(measured),
        plot.examples(dataset[:10]),
        plot.scores(model.top(dataset.x[0])),
        plot.comparison(dict.fromkeys(ODD, 1.0), title=ODD[6]),
        plot.tradeoff(dict.fromkeys(ODD, (1.0, 2.0)), title=ODD[6]),
        plot.net(model),
    ]
    for picture in pictures:
        svg = picture.svg().decode()
        check_plain(svg, type(picture).__name__)
        ET.fromstring(svg)
        check_plain(plot.inline_svg(picture, name="p", label=ODD[7] + ODD[6]), "inline")
        check_plain(picture.text)
        check_plain(picture.alt)
        assert picture.png()[:4] == b"\x89PNG"


def test_the_terminal(made, cli, tmp_path):
    _, program, _ = made
    check_plain(str(program))
    assert str(program).splitlines()[0].startswith("program right\\u202eto left\\u2066\\u200f: ")
    path = tmp_path / "\u202eodd\x1b[31m <b>.dpt"
    program.save(path)
    for words in (["info", path], ["info", path, "--json"], ["info", f"{path}x"]):
        _, out, err = cli(*words)
        check_plain(out)
        check_plain(err)
    check_plain("\n".join(table_lines([ODD, ODD])))
    check_plain(html_table(ODD, [ODD], caption=ODD[6]))
    check_plain(str(DrypointError(*ODD)))


def test_printable():
    assert printable("grün 日本 é") == "grün 日本 é"
    assert printable("a\nb\u2028\x00", lines=True) == "a\nb\\u2028\\x00"
    assert printable("\ud800\U000e0001") == "\\ud800\\U000e0001"
