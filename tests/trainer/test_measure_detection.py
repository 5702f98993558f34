"""Figures of a detector.

Oracles: pycocotools, at the recalls of every object (all points); counts by hand.
"""

import contextlib
import io

import numpy as np
import pytest

from drypoint.measure import DetectionMeasurement, Things


def random_pictures(n=40, classes=3, seed=0):
    """Objects, and found boxes near some of them, twice, or elsewhere."""
    rng, objects, found = np.random.default_rng(seed), [], []
    for picture in range(n):
        for _ in range(rng.integers(0, 6)):
            label = int(rng.integers(classes))
            left, top, width, height = rng.uniform((0, 0, 6, 6), (60, 60, 30, 30))
            box = np.array([left, top, left + width, top + height])
            objects.append((picture, label, box, 1.0))
            for _ in range(rng.integers(0, 3)):
                other = label if rng.random() < 0.8 else int(rng.integers(classes))
                moved = box + rng.normal(0, 2, 4)
                found.append((picture, other, moved, rng.integers(100) / 100))
        for _ in range(rng.integers(0, 3)):
            left, top = rng.uniform(0, 70, 2)
            box = np.array([left, top, left + 20, top + 20])
            found.append((picture, int(rng.integers(classes)), box, rng.integers(100) / 100))
    return things(objects), things(found)


def things(rows):
    columns = zip(*rows, strict=True) if rows else ([], [], np.empty((0, 4)), [])
    picture, label, box, score = map(np.array, columns)
    return Things(picture.astype(int), label.astype(int), box, score)


def measured(objects, found, *, n, classes, **options):
    options = {"conf": 0.5, "cell": 8.0} | options
    names = tuple(range(classes))
    return DetectionMeasurement(n=n, classes=names, objects=objects, found=found, **options)


def test_average_precision_is_that_of_pycocotools():
    """float64 sums in another order; pycocotools takes at most so many boxes a picture."""
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    for seed in range(3):
        objects, found = random_pictures(seed=seed)
        mine = measured(objects, found, n=40, classes=3)
        for label in range(3):
            with contextlib.redirect_stdout(io.StringIO()):
                truth, said = coco.COCO(), None
                of_class = objects.take(objects.label == label)
                truth.dataset = {
                    "images": [{"id": i} for i in range(40)],
                    "categories": [{"id": 1}],
                    "annotations": [
                        {"id": 1 + i, "image_id": int(p), "category_id": 1, "iscrowd": 0}
                        | {"bbox": [*box[:2], *(box[2:] - box[:2])], "area": 100.0}
                        for i, (p, box) in enumerate(
                            zip(of_class.picture, of_class.box, strict=True)
                        )
                    ],
                }
                truth.createIndex()
                chosen = found.take(found.label == label)
                rows = [
                    [p, *box[:2], *(box[2:] - box[:2]), score, 1]
                    for p, box, score in zip(chosen.picture, chosen.box, chosen.score, strict=True)
                ]
                said = truth.loadRes(np.array(rows))
                run = evaluation.COCOeval(truth, said, "bbox")
                n = len(of_class.label)
                # A step below each recall, which the oracle compares exactly.
                run.params.recThrs = np.arange(1, n + 1) / n - 1e-9
                run.params.areaRng, run.params.areaRngLbl = [[0, 1e10]], ["all"]
                run.evaluate()
                run.accumulate()
            wanted = run.eval["precision"][:, :, 0, 0, -1].mean(axis=1)
            row = mine.by_class[label]
            assert row["AP50"] == pytest.approx(wanted[0], rel=1e-12)
            assert row["AP50-95"] == pytest.approx(wanted.mean(), rel=1e-12)
        values = mine.by_class.values()
        assert mine.map50.value == pytest.approx(np.mean([row["AP50"] for row in values]))
        assert mine.map50_95.value == pytest.approx(np.mean([row["AP50-95"] for row in values]))


def test_counts_by_hand():
    """One object found twice, one missed, one box on nothing, one of too low a score."""
    objects = things([(0, 0, (0, 0, 10, 10), 1), (0, 1, (40, 40, 80, 80), 1)])
    found = things(
        [
            (0, 0, (0, 0, 10, 9), 0.8),
            (0, 0, (0, 0, 9, 10), 0.9),
            (1, 0, (0, 0, 10, 10), 0.7),
            (0, 1, (40, 40, 80, 80), 0.4),
        ]
    )
    found_all = measured(objects, found, n=2, classes=2)
    assert found_all.is_right.tolist() == [False, True, False, True]
    assert found_all.is_found.tolist() == [True, False]
    facts = found_all.to_json()
    assert (facts["P"], facts["R"], facts["F1"]) == (1 / 3, 1 / 2, 2 / 5)
    assert facts["duplicates"] == 1
    assert facts["mAP50"] == 1.0  # scores below conf count
    curve = {row["conf"]: row for row in facts["curve"]}
    assert [curve[0.5][name] for name in ("P", "R", "F1")] == [1 / 3, 1 / 2, 2 / 5]
    assert (curve[0.4]["R"], curve[0.42]["R"], curve[0.98]["F1"]) == (1, 1 / 2, 0)
    assert facts["best_conf"] == 0.4  # 2 of 4 found are right, as 1 of 1 above 0.8: both 2 / 3
    assert [row["objects"] for row in facts["by_size"]] == [0, 1, 0, 1]
    row = facts["by_class"]["1"]
    assert [row[name] for name in ("objects", "found", "P", "R", "F1", "AP50")] == [
        1,
        0,
        0,
        0,
        0,
        1,
    ]
    assert "8 to 16 px, 1 to 2 cells" in found_all.report()


def test_cells_are_right_where_their_middle_lies_in_an_object():
    """By hand; the nearest middle first."""
    objects = things([(0, 0, (0, 0, 20, 20), 1), (0, 0, (16, 0, 40, 20), 1)])
    cells = [(14, 8, 20, 14), (18, 8, 24, 14), (60, 60, 66, 66)]
    scores = (0.9, 0.8, 0.7)
    found = things([(0, 0, c, s) for c, s in zip(cells, scores, strict=True)])
    result = measured(objects, found, n=1, classes=1, counts_cells=True)
    assert result.owners.tolist() == [[0, 1, -1]]
    facts = result.to_json()
    assert (facts["P"], facts["R"]) == (2 / 3, 1.0)
    assert "mAP50" not in facts
    assert "mAP" not in result.report()


def test_intervals_hold_their_figure_and_narrow_with_more_pictures():
    few, many = (
        measured(*random_pictures(n, seed=3), n=n, classes=3).to_json()["intervals"]
        for n in (30, 300)
    )
    for name, (low, high) in many.items():
        value = measured(*random_pictures(300, seed=3), n=300, classes=3).to_json()[name]
        assert low < value < high
        assert high - low < few[name][1] - few[name][0]


def test_pictures_without_objects_or_without_boxes_have_figures():
    nothing, (objects, found) = things([]), random_pictures(5)
    empty = measured(objects, nothing, n=5, classes=3).to_json()
    assert (empty["P"], empty["R"], empty["F1"], empty["mAP50"]) == (0, 0, 0, 0)
    alone = measured(nothing, found, n=5, classes=3)
    assert (alone.precision.value, alone.map50.value) == (0, 0)
    assert alone.by_class[0]["AP50"] is None
    assert alone.report()
