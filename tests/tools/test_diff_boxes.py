"""`drypoint diff` of programs that find boxes: the first box that differs, and the setting.

Oracle: the lists of `Program.find_boxes`.
"""

from dataclasses import replace

import map_nets
import numpy as np
import pytest
from detection_nets import CLASSES, TEST, TRAIN, finder
from PIL import Image

from drypoint import diff, quant, tasks
from drypoint.cli.__main__ import main
from drypoint.engine import Engine
from drypoint.program import reference

PROGRAM = map_nets.map_program(map_nets.BOXES)
MAPS = map_nets.maps(PROGRAM, 8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"iou": 50}, "In the other program iou is 50, and should be 450."),
        ({"most": 3}, "In the other program most is 3, and should be 9."),
        ({"cutoffs": (100, -5)}, "cutoffs is (100, -5), and should be (20, -5)."),
    ],
)
@pytest.mark.parametrize("in_c", [False, True], ids=["program", "engine"])
def test_a_decoder_of_other_settings_is_named_with_the_first_box(change, words, in_c):
    other = replace(PROGRAM, boxes=replace(PROGRAM.boxes, **change))
    lists = [p.find_boxes(reference.run(PROGRAM, MAPS)) for p in (PROGRAM, other)]
    i = next(i for i, (a, b) in enumerate(zip(*lists, strict=True)) if a != b)
    places = range(min(len(lists[0][i]), len(lists[1][i])))
    at = next((j for j in places if lists[0][i][j] != lists[1][i][j]), len(places))
    found = diff.find_difference(PROGRAM, Engine(other) if in_c else other, MAPS)
    assert (found.op, found.index, found.cause, found.proven) == ("boxes", -1, "decoder", True)
    assert not found.equal
    assert words in str(found)
    assert f" of 8 examples: in example {i} box {at} is " in str(found)
    box = lists[0][i][at]
    sides = ", ".join(f"{side / 16:g}" for side in box[2:])
    assert f"should be value {box.value} with score {box.score} at {sides}." in found.facts


def test_equal_lists_are_counted():
    n = sum(map(len, PROGRAM.find_boxes(reference.run(PROGRAM, MAPS))))
    for other in (PROGRAM, Engine(PROGRAM)):
        found = diff.find_difference(PROGRAM, other, MAPS)
        assert found.equal
        assert f" The lists of {n} boxes are equal." in str(found)


def test_a_map_that_differs_names_its_op_and_the_first_box():
    (copy,) = PROGRAM.ops
    other = replace(PROGRAM, ops=(replace(copy, bias=np.array([90], np.int32)),))
    found = diff.find_difference(PROGRAM, other, MAPS)
    assert (found.op, found.cause) == ("copy", "weights")
    assert "The lists of boxes differ on 8 of 8 examples: in example 0 box 0 is " in found.facts


def test_a_program_without_a_decoder_is_named():
    plain = replace(PROGRAM, boxes=None)
    there, here = (
        diff.find_difference(*pair, MAPS) for pair in ((PROGRAM, plain), (plain, PROGRAM))
    )
    assert "The other program has no decoder of boxes." in str(there)
    assert "box 0 is not there, and should be" in str(there)
    assert "The right program has no decoder of boxes." in str(here)
    assert "and should be not there" in str(here)


def test_the_command_compares_lists(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    program = quant.quantize(finder(), quant.calibrate(finder(), TRAIN.x[:100]))
    program.save("a.dpt")
    tasks.with_thresholds(program, conf=0.99, iou=None).save("b.dpt")
    Image.fromarray(TEST.x[0]).save("picture.png")
    assert main(["diff", "a.dpt", "b.dpt", "--input", "picture.png"]) == 1
    text = capsys.readouterr().out
    assert "on 1 of 1 examples: in example 0 box " in text
    assert "In the other program cutoffs is (" in text
    assert f"and should be {CLASSES[0]} with" in text or f"should be {CLASSES[1]} with" in text
