"""The task "detect": from pictures with boxes to boxes of a model and of its integers.

Oracles: the boxes that were drawn; `drypoint.detection` on the maps; Pillow's resizing.
"""

from dataclasses import replace

import numpy as np
import pytest
from detection_nets import CLASSES, SIDE, TEST, TRAIN, VALIDATION, finder, squares

from drypoint import data, detection, nn, quant, tasks, train
from drypoint.engine import Engine


@pytest.fixture(scope="module")
def program():
    return quant.quantize(finder(), quant.calibrate(finder(), TRAIN.x[:100]))


def test_training_makes_a_model_that_its_file_and_its_program_know(program, tmp_path):
    finder().save(tmp_path / "net.npz")
    model = nn.load(tmp_path / "net.npz")
    assert model.decoder == data.BoxDecoder(CLASSES, cell=8, conf=finder().decoder.conf)
    for reader in (model, program):
        assert tasks.task_of(reader) == tasks.Detect()
    assert tasks.task_of(finder(cells=True)) == tasks.Detect(cells=True)
    assert program.labels == (*CLASSES, "left", "top", "right", "bottom")
    assert program.boxes == model.decoder.integers(program.output_scale)


def test_what_is_found_is_what_was_drawn(program):
    """Oracle: the boxes of the pictures; at an overlap of one half, nearly all."""
    for runner in (finder(), Engine(program)):
        facts = tasks.Detect().measure(tasks.Trial(runner, TEST)).facts
        assert facts["mAP50"] > 0.98
        assert facts["F1"] > 0.95
    counted = tasks.Detect(cells=True).test(finder(cells=True), TEST)
    assert counted.facts["F1"] > 0.8
    assert counted.text.startswith("182 objects in 120 test pictures: F1 8")


def test_floats_and_integers_go_through_one_decoder(program):
    """Oracle: `detection.find` on the maps, in a scale of the test's own."""
    decoder, x = finder().decoder, TEST.x[:20]
    maps = np.moveaxis(finder().predict_proba(x), 1, -1)
    integers = np.rint(maps * 2.0**20).astype(np.int32)
    wanted = detection.find(decoder.integers(2.0**-20), integers, 2.0**-20)
    found = tasks.find_boxes(finder(), x, decoder)
    assert [[box[2:] for box in boxes] for boxes in found] == [
        [tuple(side / 16 for side in box[2:]) for box in boxes] for boxes in wanted
    ]
    rows = Engine(program).run(program.encode(x)).reshape(-1, *program.output_shape)
    scale = program.output_scale
    wanted = detection.find(decoder.integers(scale), rows, scale)
    found = tasks.find_boxes(Engine(program), x, decoder)
    assert [[CLASSES.index(box.label) for box in boxes] for boxes in found] == [
        [box.value for box in boxes] for boxes in wanted
    ]
    assert sum(map(len, found)) > 20
    assert Engine(program).find_boxes(program.encode(x)) == wanted  # of C


@pytest.mark.parametrize("cells", [False, True])
def test_validation_pictures_choose_conf(cells):
    """Oracle: F1 of each threshold on them; of equal ones the nearest to one half."""
    model, steps = finder(cells=cells), 10 if cells else 50
    trial = tasks.Trial(model, VALIDATION)
    f1 = {i / steps: tasks.measure_boxes(trial, conf=i / steps).f1.value for i in range(1, steps)}
    best = [conf for conf, value in f1.items() if value == max(f1.values())]
    assert model.decoder.conf == min(best, key=lambda conf: abs(conf - 0.5)) != 0.5
    program = quant.quantize(model, quant.calibrate(model, TRAIN.x[:100]))
    assert tasks.measure_boxes(tasks.Trial(Engine(program), TEST)).conf == model.decoder.conf


def test_fit_gives_a_plain_net_a_decoder_of_its_cells():
    given = squares(60, seed=4)
    net = nn.grid_cnn(classes=6, input_shape=(1, SIDE, SIDE), widths=(4, 4, 4))
    model = train.fit(net, given, epochs=1, progress="none").model
    assert model.decoder == data.BoxDecoder(CLASSES, cell=8, conf=model.decoder.conf)
    assert isinstance(tasks.task_of(model), tasks.Detect)
    with pytest.raises(tasks.TaskError, match=r"the net has outputs \(5, 4, 4\); the data wants a"):
        train.fit(nn.grid_cnn(classes=5, input_shape=(1, SIDE, SIDE)), given, progress="none")
    others = replace(given, classes=("frame", "square"))
    with pytest.raises(tasks.TaskError, match="the net finds square, frame, the data has boxes of"):
        train.fit(model, others, progress="none")


@pytest.mark.parametrize("conf", [0.01, 0.3, 0.5, 0.9])
def test_conf_is_a_probability(conf):
    """Oracle: the sigmoid of the scores, in float64; a score at the border counts."""
    border = np.log(conf / (1 - conf))
    for scale in (2.0**-20, 0.0137):
        cutoff = data.BoxDecoder(("a",), cell=8, conf=conf).integers(scale).cutoffs[0]
        assert (cutoff + 1) * scale >= border > cutoff * scale


@pytest.mark.parametrize(("conf", "cutoff"), [(1e-9, -(2**31)), (1 - 1e-9, 2**31 - 1)])
def test_a_cutoff_beyond_the_integers_is_their_end(conf, cutoff):
    assert data.BoxDecoder(("a",), cell=8, conf=conf).integers(1e-9).cutoffs == (cutoff,)


def test_other_thresholds_find_more_or_less(program):
    for reader in (finder(), program):
        n = {}
        for conf in (None, 0.05, 0.95):
            chosen = tasks.with_thresholds(reader, conf=conf, iou=None)
            runner = chosen if isinstance(chosen, nn.Model) else Engine(chosen)
            n[conf] = sum(a.facts["count"] for a in tasks.answer_inputs(runner, TEST.x))
        assert n[0.95] < n[None] < n[0.05]
    assert tasks.with_thresholds(program, conf=None, iou=None) is program
    with pytest.raises(data.CoderError, match="conf must be a number from 0 to 1, not 0"):
        tasks.with_thresholds(program, conf=0, iou=None)


@pytest.mark.parametrize("resize", ["stretch", "fit", "fill"])
@pytest.mark.parametrize("size", [(50, 90), (131, 40), (32, 32)])
def test_boxes_map_back_to_the_picture(resize, size):
    """Oracle: a bright rectangle in the picture lies where its encoded place says."""
    width, height = size
    encoder = data.ImageEncoder(width=32, height=32, resize=resize)
    box = np.array([[0.4 * width, 0.4 * height, 0.6 * width, 0.6 * height]]).round()
    picture = np.zeros((height, width), np.uint8)
    left, top, right, bottom = box[0].astype(int)
    picture[top:bottom, left:right] = 255
    rows, columns = np.nonzero(encoder.pixels(picture)[..., 0] > 127)
    place = encoder.to_net(box, size)[0]
    found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    np.testing.assert_allclose(place, found, atol=0.75)  # a pixel is bright from one half on
    np.testing.assert_allclose(encoder.to_picture([place], size), box, atol=1e-9)


def test_answers_have_places_in_the_pictures_that_were_read():
    task = tasks.task_of(finder())
    x = TEST.x[:3]
    wide = task.for_pictures(finder().encoder, [(2 * SIDE, 3 * SIDE)] * 3)
    plain, moved = (
        [row for answer in each.answer(finder(), x, top=3) for row in answer.facts["boxes"]]
        for each in (task, wide)
    )
    assert plain
    for a, b in zip(plain, moved, strict=True):
        assert [b[side] for side in ("left", "top")] == [2 * a["left"], 3 * a["top"]]
        assert a["label"] == b["label"]


@pytest.mark.parametrize(
    ("change", "options", "text"),
    [
        (lambda d: d, {"net": "cnn:4"}, "--net cnn:4 has outputs (6,); the data wants a map of c"),
        (
            lambda d: replace(d, x=np.pad(d.x, ((0, 0), (0, 0), (0, 3)))),
            {},
            "pictures have 35 x 32 pixels; wanted: square cells",
        ),
        (
            lambda d: data.Dataset(d.x, data.Boxes.of([()] * len(d)), CLASSES),
            {},
            "the data has no box: there is nothing to find",
        ),
        (lambda d: data.Dataset(d.x, d.y), {}, "the data have no boxes: wanted pictures with"),
    ],
)
def test_data_and_nets_that_do_not_fit_are_refused(change, options, text):
    with pytest.raises((tasks.TaskError, train.TrainError)) as caught:
        train.make_study(change(squares(20, seed=1)), task="detect", **options)
    assert text in str(caught.value)


def test_data_with_boxes_choose_the_task():
    """Oracle: the run that names it."""
    given = squares(60, seed=4)
    studies = [train.make_study(given, task=task, epochs=2) for task in (None, "detect")]
    models = [study.fit(progress="none").model.dumps() for study in studies]
    assert models[0] == models[1]
    plain = nn.Model(studies[0].model.net, encoder=studies[0].model.encoder)
    runs = [
        train.fit(plain, given, epochs=1, task=t, progress="none").model for t in (None, "detect")
    ]
    assert runs[0].dumps() == runs[1].dumps()
