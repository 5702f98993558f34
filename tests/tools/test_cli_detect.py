"""Boxes by commands: from pictures with boxes to a program that finds them.

Oracle: the figures and answers of `drypoint.tasks` in Python.
"""

import json
import math

import numpy as np
import pytest
from detection_nets import CLASSES, SIDE, TEST, TRAIN, finder, squares
from PIL import Image

from drypoint import detection, nn, quant, tasks
from drypoint.cli.__main__ import main
from drypoint.data import hold_out
from drypoint.engine import Engine
from drypoint.program import Program


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model, its program, and three pictures, each twice as wide as the net reads it."""
    folder = tmp_path_factory.mktemp("detect")
    finder().save(folder / "net.npz")
    program = quant.quantize(finder(), quant.calibrate(finder(), TRAIN.x[:100]))
    program.save(folder / "net.dpt")
    (folder / "pictures").mkdir()
    for i in range(3):
        picture = Image.fromarray(np.repeat(TEST.x[i], 2, axis=1))
        picture.save(folder / f"pictures/{i}.png")
    return folder


@pytest.mark.parametrize("model", ["net.npz", "net.dpt"])
@pytest.mark.parametrize("conf", [None, "0.9"])
def test_run_prints_boxes_in_the_pictures_and_counts(files, model, conf, capsys):
    """Boxes are twice as wide as in the pictures that the net reads."""
    options = [] if conf is None else ["--conf", conf]
    assert main(["run", str(files / model), str(files / "pictures"), "--json", *options]) == 0
    found = json.loads(capsys.readouterr().out)["answers"]
    loaded = Program.load(files / model) if model.endswith("dpt") else nn.load(files / model)
    chosen = tasks.with_thresholds(loaded, conf=conf and float(conf), iou=None)
    runner = chosen if isinstance(chosen, nn.Model) else Engine(chosen)
    read = finder().encoder.pixels([files / f"pictures/{i}.png" for i in range(3)])
    wanted = tasks.answer_inputs(runner, read)
    assert [row["count"] for row in found] == [answer.facts["count"] for answer in wanted]
    assert sum(row["count"] for row in found) >= 3
    for row, answer in zip(found, wanted, strict=True):
        assert row["counts"] == answer.facts["counts"]
        for mine, theirs in zip(row["boxes"], answer.facts["boxes"], strict=True):
            assert mine["right"] == 2 * theirs["right"] <= 2 * SIDE
            assert mine["bottom"] == theirs["bottom"] <= SIDE
            assert (mine["label"], mine["score"]) == (theirs["label"], theirs["score"])


def test_run_prints_a_line_a_picture(files, capsys):
    assert main(["run", str(files / "net.npz"), str(files / "pictures/0.png")]) == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith(f"{files / 'pictures/0.png'}: ")
    assert " found (" in line
    assert " %) at " in line
    assert (
        main(["run", str(files / "net.npz"), str(files / "pictures/0.png"), "--conf", "0.9999"])
        == 0
    )
    assert capsys.readouterr().out.strip().endswith("0.png: 0 found")


def test_info_prints_the_constants_of_the_decoder(files, capsys):
    """Oracle: the settings of the model's decoder, and bytes of `dpt_box`."""
    program = Program.load(files / "net.dpt")
    mult, shift = detection.edge_scale(program.output_scale, 8)
    assert main(["info", str(files / "net.dpt")]) == 0
    text = capsys.readouterr().out
    conf = finder().decoder.conf
    cutoff = math.ceil(math.log(conf / (1 - conf)) / program.output_scale) - 1
    assert (
        f"boxes: at most 64 of 2 classes, in cells of 8 pixels; scores above {cutoff}; "
        "iou 500/1000; " in text
    )
    assert f"; edges * {mult} >> {shift}\n" in text
    assert "boxes 1,024;" in " ".join(text.split())
    assert main(["info", str(files / "net.dpt"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["boxes"] == program.boxes.__dict__ | {"cutoffs": [cutoff, cutoff]}
    assert found["account"]["ram"]["boxes"] == 16 * 64


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run", "lenet-mnist", "x.png", "--conf", "0.5"], "the net has no decoder of boxes"),
        (["train", "--data", "digits", "--cells", "--net", "FILE"], "--cells is for a new net"),
        (["train", "--data", "digits", "--task", "detect"], "--task is for folders and files"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments, text, files, capsys):
    assert main([str(files / "net.npz") if a == "FILE" else a for a in arguments]) != 0
    assert text in capsys.readouterr().err


def test_a_file_of_the_model_keeps_its_thresholds(files):
    program = Program.load(files / "net.dpt")
    chosen = tasks.with_thresholds(program, conf=0.25, iou=0.1)
    again = tasks.task_of(chosen)
    assert again == tasks.Detect()
    assert chosen.decoder["conf"] == 0.25
    assert chosen.decoder["iou"] == 0.1


def test_from_an_array_of_boxes_to_a_measured_program(tmp_path, monkeypatch, capsys):
    """Data with boxes choose the task. Oracle: the task's figures in Python, on the test part."""
    monkeypatch.chdir(tmp_path)
    given = squares(200, seed=6)
    np.savez("squares.npz", x=given.x, classes=np.array(CLASSES), **given.boxes.to_arrays())
    net = ["--net", "grid-cnn:6,8,12,12", "--epochs", "8", "--lr", "0.01", "--out", "net.npz"]
    assert main(["train", "--data", "squares.npz", *net]) == 0
    assert main(["quantize", "net.npz"]) == 0
    capsys.readouterr()
    assert main(["measure", "net.dpt", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    test = hold_out(given, 0.2, stratify=False)[1].sample(40)  # in the order of the command
    wanted = tasks.Detect().measure(tasks.Trial(Engine(Program.load("net.dpt")), test)).facts
    assert found == {"file": "net.dpt", **wanted}
    assert found["n"] == 40
    assert main(["train", "--data", "squares.npz", "--cells", *net[:4], "--out", "cells.npz"]) == 0
    assert tasks.task_of(nn.load("cells.npz")) == tasks.Detect(cells=True)
