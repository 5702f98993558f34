"""The data in each picture against plain loops, and the artists against the data."""

import math
from statistics import NormalDist

import constant_nets
import numpy as np
import pytest
from constant_nets import separable_net
from hypothesis import given
from hypothesis import strategies as st
from pictures import CLASSES, FOUND, dataset, history, measure_random, net, probabilities, words

from drypoint import data, measure, nn, plot, train
from drypoint.program import bytes_in_use, lifetimes, memory_chart


def test_training_curves_are_the_history():
    losses = np.arange(1.0, 41.0)
    picture = plot.training(history(), batch_loss=losses)
    shown = {name: tuple(values) for name, values in picture.history.items()}
    assert shown == {name: v for name, v in history().items() if name != "seconds"}
    assert picture.epochs.tolist() == [1, 2, 3, 4]
    loss, accuracy, rate = picture.axes
    batch, training, validation = loss.lines
    assert batch.get_ydata().tolist() == losses.tolist()
    assert batch.get_xdata()[[0, -1]].tolist() == [0.1, 4.0]  # ten batches an epoch
    assert tuple(training.get_ydata()) == history()["loss"]
    assert tuple(validation.get_ydata()) == history()["val_loss"]
    assert tuple(accuracy.lines[0].get_ydata()) == tuple(100 * a for a in history()["accuracy"])
    assert len(accuracy.lines) == len(rate.lines) == 1
    row = next(line for line in picture.text.splitlines() if line.startswith("val_loss"))
    assert [float(cell) for cell in row.split()[2:]] == [1.2, 0.12, 0.12, 1.2]
    assert row.split()[1][0] == "█"
    assert row.split()[1][-1] == "▁"


def test_a_result_of_fit_is_shown_with_its_best_epoch():
    model = nn.Model(nn.Sequential([nn.Flatten(), nn.Linear(3), nn.Softmax()], (1, 8, 8)))
    images = dataset(40)
    pair = (images.x[:, None] / np.float32(255), images.y)
    result = train.fit(model, pair, epochs=2, progress="none")
    picture = plot.training(result)
    assert picture.best_epoch == result.best_epoch
    assert f"2 epochs, kept epoch {result.best_epoch}" in picture.text
    assert tuple(picture.history["val_accuracy"]) == result.history["val_accuracy"]
    marker = picture.axes[0].lines[-1]
    assert list(marker.get_xdata()) == [result.best_epoch] * 2


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"loss": ()},
        {"loss": (1, 2), "lr": (1,)},
        {"loss": (math.nan,)},
        {"loss": "ab"},
        {"loss": [[1, 2]]},
    ],
)
def test_a_run_without_whole_curves_is_refused(bad):
    with pytest.raises(plot.PlotError):
        plot.training(bad)


def test_confusion_counts_and_totals_agree_with_a_loop():
    m = measure_random()
    picture = plot.confusion(m)
    pairs = list(zip(m.y.tolist(), m.predicted.tolist(), strict=True))
    for i in range(3):
        for j in range(3):
            assert picture.counts[i, j] == pairs.count((i, j))
            assert picture.shares[i, j] == pairs.count((i, j)) / 20  # 20 examples a class
        assert picture.true_totals[i] == 20
        assert picture.predicted_totals[i] == sum(said == i for _, said in pairs)
    assert sorted(words(picture.ax)) == sorted(str(c) for c in picture.counts.ravel() if c)
    drawn = np.asarray(picture.ax.images[0].get_array())
    assert np.array_equal(drawn, np.sqrt(picture.shares))
    labels = [label.get_text() for label in picture.ax.get_xticklabels()]
    totals = picture.predicted_totals
    assert labels == [f"{name}\n{n}" for name, n in zip(CLASSES, totals, strict=True)]
    rows = [line.split() for line in picture.text.splitlines()[5:8]]
    assert [row[0] for row in rows] == list(CLASSES)
    assert [
        [int(c) if c != "." else 0 for c in row[2:5]] for row in rows
    ] == picture.counts.tolist()
    assert picture.text.splitlines()[-1].split()[-1] == "60"


def test_confusion_of_some_classes_keeps_the_order_asked_for_and_the_full_totals():
    m = measure_random()
    picture = plot.confusion(m, classes=["cat", "ant"])
    assert picture.classes == ("cat", "ant")
    assert picture.counts.tolist() == m.confusion_matrix[[2, 0]][:, [2, 0]].tolist()
    assert picture.true_totals.tolist() == [20, 20]
    assert "2 of 3 classes" in picture.text


def test_the_worst_classes_have_the_lowest_f1():
    y = np.repeat([0, 1, 2, 3], 4)
    said = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 1, 3, 3, 3, 0])
    m = measure.measure(predictions=said, y=y)
    # F1 = 2 TP / (true + said): 8/9, 4/7, 6/9, 6/7
    assert plot.confusion(m, worst=2).classes == (1, 2)
    assert plot.confusion(m, worst=3).classes == (1, 2, 3)


@pytest.mark.parametrize(
    "options",
    [
        {"classes": ["dog"]},
        {"classes": []},
        {"classes": ["ant", "ant"]},
        {"worst": 0},
        {"worst": 4},
        {"worst": 1, "classes": ["ant"]},
    ],
)
def test_classes_that_are_not_there_are_refused(options):
    with pytest.raises(plot.PlotError):
        plot.confusion(measure_random(), **options)


def test_many_classes_are_drawn_without_counts():
    picture = plot.confusion(measure.measure(predictions=np.arange(50), y=np.arange(50)))
    assert not picture.ax.texts
    assert len(picture.ax.get_xticks()) == 17  # every third


# Thousandths: floats that are neighbours leave no room for bins between them, which is refused.
thousandths = st.integers(-50_000, 50_000).map(lambda n: n / 1000)


@given(
    st.lists(thousandths, min_size=1, max_size=40),
    st.tuples(thousandths, thousandths).map(sorted),
)
def test_histograms_agree_with_a_loop(values, clip):
    low, high = clip
    (part,) = plot.histograms({"x": values, "y": [0]}, clips={"x": (low, high), "z": (0, 1)}).parts[
        :1
    ]
    assert part.counts.sum() == part.n == len(values)
    assert part.clipped == sum(not low <= v <= high for v in values) / len(values)
    first, last = min([*values, low]), max([*values, high])
    if first < last:
        assert (part.edges[0], part.edges[-1]) == (first, last)
    assert (part.low, part.high) == (min(values), max(values))
    bins = list(zip(part.edges, part.edges[1:], strict=False))
    for count, (left, right) in zip(part.counts, bins, strict=True):
        last_one = right == part.edges[-1]
        assert count == sum(left <= v < right or (last_one and v == right) for v in values)


def test_histograms_mark_the_ranges_that_were_given():
    picture = plot.histograms({"w": [1.0, 2, 3, 9], "b": [0.5]}, clips={"w": (0.0, 4.0)}, bins=9)
    first, second = picture.axes
    assert [line.get_xdata()[0] for line in first.lines] == [0.0, 4.0]
    assert not second.lines
    assert first.patches[0].get_data().values.tolist() == picture.parts[0].counts.tolist()
    assert "kept 0 to 4, 25.00% outside" in first.get_xlabel()
    block = picture.text.split("\n\n")[0].splitlines()
    assert block[0] == "w: 4 values, mean 3.75, deviation 3.112"
    assert block[4] == "   ███    █"[: len(block[4])]
    assert block[6] == "  ^   ^"
    assert picture.parts[1].clip is None


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ({}, {}),
        ({"x": []}, {}),
        ({"x": [math.inf]}, {}),
        ({"x": ["a"]}, {}),
        ({"x": [[1], [2, 3]]}, {}),
        ({"x": [1]}, {"bins": 0}),
        ({"x": [1]}, {"clips": {"x": (2, 1)}}),
        ({"x": [1]}, {"clips": {"x": (2, math.nan)}}),
        ({"x": [1e16, 1e16 + 2]}, {}),
    ],
)
def test_histograms_refuse_what_cannot_be_counted(values, options):
    with pytest.raises(plot.PlotError):
        plot.histograms(values, **options)


def test_scores_are_the_pairs_in_their_order():
    picture = plot.scores([("bee", 0.7), ("ant", 0.2), ("cat", 0.1)], true="ant")
    assert picture.classes == ("bee", "ant", "cat")
    assert [bar.get_width() for bar in picture.ax.patches] == [0.7, 0.2, 0.1]
    labels = [label.get_text() for label in picture.ax.get_yticklabels()]
    assert labels == ["bee", "ant (true)", "cat"]
    assert words(picture.ax) == ["0.7000", "0.2000", "0.1000"]
    rows = picture.text.splitlines()[1:]
    assert [row.split()[:2] for row in rows] == [
        ["bee", "0.7000"],
        ["ant", "0.2000"],
        ["cat", "0.1000"],
    ]
    assert [row.endswith("  true") for row in rows] == [False, True, False]
    assert rows[0].count("█") > rows[1].count("█") > rows[2].count("█")


def test_scores_take_what_a_model_gives_and_say_when_the_truth_is_not_among_them():
    model = nn.Model(net(), decoder=data.ClassDecoder(CLASSES))
    pairs = model.top(dataset().x[0][None] / np.float32(255), 2)
    picture = plot.scores(pairs, true="dog")
    assert list(zip(picture.classes, picture.probabilities.tolist(), strict=True)) == pairs
    assert "true: dog, not shown" in picture.text
    assert plot.scores(dict(pairs)).classes == picture.classes
    with pytest.raises(plot.PlotError, match="lie in"):
        plot.scores([("a", 1.5)])
    with pytest.raises(plot.PlotError, match="not 0"):
        plot.scores([])


def test_a_comparison_takes_accuracies_with_their_intervals():
    m = measure_random()
    picture = plot.comparison({"net": m, "forest": (0.5, 0.25, 0.75), "linear": 0.125})
    z, p, n = NormalDist().inv_cdf(0.975), m.accuracy, 60
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    # Wilson's formula, written another way; a few roundings of numbers near 1.
    assert picture.intervals[0] == pytest.approx([centre - half, centre + half], abs=1e-14)
    assert picture.intervals[1].tolist() == [0.25, 0.75]
    assert np.isnan(picture.intervals[2]).all()
    assert picture.values.tolist() == [p, 0.5, 0.125]
    (whiskers,) = picture.ax.collections
    assert [s[:, 0].tolist() for s in whiskers.get_segments()] == picture.intervals[:2].tolist()
    assert picture.ax.lines[0].get_xdata().tolist() == picture.values.tolist()
    rows = picture.text.splitlines()
    assert rows[2].split()[:5] == ["forest", "0.5000", "0.25", "to", "0.75"]
    assert ["─" in row for row in rows] == [False, True, True, False]
    assert ["●" in row for row in rows] == [False, True, True, True]


def test_what_compare_found_is_drawn_as_it_is():
    labelled = dataset()
    found = measure.compare({"a": lambda x: np.eye(3)[x[:, 0, 0] % 3]}, labelled, seconds=0)
    drawn = plot.comparison(found)
    assert drawn.names == ("a",)
    assert drawn.values.tolist() == [found["a"].accuracy]


def test_a_comparison_without_intervals_has_bars_from_zero():
    picture = plot.comparison({"a": 10.0, "b": 40.0}, label="images/s", title="speed")
    assert [bar.get_width() for bar in picture.ax.patches] == [10, 40]
    assert picture.ax.get_xlabel() == "images/s"
    assert picture.text.splitlines()[0] == "speed"
    a, b = (row.count("█") for row in picture.text.splitlines()[2:])
    assert abs(b - 4 * a) <= 4  # to an eighth of a column each


@pytest.mark.parametrize("bad", [{}, {"a": math.nan}, {"a": (1, 2)}, {"a": (1, 2, 3)}, {"a": "x"}])
def test_what_cannot_be_compared_is_refused(bad):
    with pytest.raises(plot.PlotError):
        plot.comparison(bad)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_best_points_are_those_that_no_other_beats(points):
    picture = plot.tradeoff({str(i): point for i, point in enumerate(points)})

    def beaten(c, v):
        return any(a <= c and b >= v and (a, b) != (c, v) for a, b in points)

    assert picture.best.tolist() == [not beaten(c, v) for c, v in points]


def minor_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels(minor=True)]


def test_a_short_logarithmic_axis_has_plain_numbers():
    """Where matplotlib itself writes 2 x 10^0, 3 x 10^0, ... over one another."""
    ax = plot.histograms({"few": [1.0, 1.0, 1.0, 2.0, 3.0]}).ax
    ax.figure.canvas.draw()
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert {"1", "2", "5"} <= set(shown)
    assert not any(minor_labels(ax.yaxis))


def test_memory_draws_each_output_where_and_while_it_lies_in_the_arena():
    program = separable_net()
    picture = plot.memory(program, title="small")
    boxes = [(b.get_x(), b.get_width(), b.get_y(), b.get_height()) for b in picture.ax.patches]
    assert boxes == [
        (one.offset, one.size, one.first - 0.5, one.last - one.first + 1)
        for one in lifetimes(program)
    ]
    assert picture.in_use == tuple(bytes_in_use(program))
    assert picture.peak == program.arena_size == 2048
    shown = words(picture.ax)
    assert shown[-len(program.ops) :] == [f"{n:,}" for n in picture.in_use]
    bold = {t.get_text() for t in picture.ax.texts if t.get_fontweight() == "bold"}
    assert bold == {"2,048"}
    named = [op.name for op, box in zip(program.ops, lifetimes(program), strict=False)
             if box.size >= program.arena_size / 2]  # fmt: skip
    assert len(named) > 1
    assert all(any(text.startswith(f"{name} ") for text in shown) for name in named)
    assert picture.render(90) == f"small\n{memory_chart(program, 90)}"
    last = constant_nets.end(constant_nets.u8(2, 2, 1))
    assert len(plot.memory(constant_nets.program(last)).ax.patches) == 0
    with pytest.raises(plot.PlotError, match="program is the text 'net'"):
        plot.memory("net")


def test_boxes_lie_where_the_boxes_say():
    """Oracle: the images' own places on the axes, and the coordinates of the boxes."""
    images = dataset().x[:2]
    picture = plot.boxes(images, FOUND, columns=1)
    assert picture.boxes == (tuple(FOUND[0]), ())
    assert picture.titles == ("2 objects", "0 objects")
    left, right, _, top = picture.ax.images[0].get_extent()
    pixel = (right - left) / 8
    for patch, box in zip(picture.ax.patches, FOUND[0], strict=True):
        (x, y), (far, high) = patch.get_bbox().get_points()
        place = [(x - left) / pixel, (top - high) / pixel, (far - left) / pixel, (top - y) / pixel]
        np.testing.assert_allclose(place, box[2:], atol=1e-9)
    assert {"ant 90 %", "bee 50 %"} <= {*words(picture.ax)}
    assert "image 0: ant 90 % at 1, 2, 5, 6" in picture.text
    assert picture.limits == ((0, 255), (0, 255))
    empty = plot.boxes(np.zeros((1, 8, 8), np.uint8), [[FOUND[0][0]]])
    lines = empty.render(80, plain=True).split("\n")[-10:-2]
    assert [line.rstrip() for line in lines] == [
        "", "", "  @@@@@@@@", "  @@    @@", "  @@    @@", "  @@@@@@@@", "", "",
    ]  # fmt: skip
    with_own = data.Dataset(images, data.Boxes.of([[(1, 0, 0, 4, 4)], []]), ("a", "b"))
    own = plot.boxes(with_own)
    assert own.boxes == ((data.FoundBox("b", 1.0, 0, 0, 4, 4),), ())
    assert "image 0: b at 0, 0, 4, 4" in own.text
    for arguments, message in (
        ((images,), "found is missing"),
        ((images, FOUND[:1]), "2 images and 1 lists"),
        ((images, [[(1, 2)], []]), "one of the boxes is"),
        ((np.zeros((300, 8, 8)), [[]] * 300), "from 1 to 256 images"),
        ((dataset(),), "only a data set with boxes"),
    ):
        with pytest.raises(plot.PlotError, match=message):
            plot.boxes(*arguments)


def test_a_tradeoff_shows_every_point_by_name():
    picture = plot.tradeoff({"slow": (100, 0.9), "quick": (1, 0.5), "bad": (100, 0.4)})
    assert sorted(words(picture.ax)) == ["bad", "quick", "slow"]
    assert picture.ax.collections[0].get_offsets().tolist() == [[100, 0.9], [1, 0.5], [100, 0.4]]
    assert picture.ax.lines[0].get_xdata().tolist() == [1, 100]
    picture.figure.canvas.draw()
    shown = [label.get_text() for label in picture.ax.get_xticklabels()]
    assert {"1", "10", "100"} <= set(shown)
    assert not any("10^" in text for text in shown + minor_labels(picture.ax.xaxis))
    lines = picture.text.splitlines()
    assert lines[1].endswith("a")  # slow: top right
    assert lines[12].endswith("c")
    assert [line[-1] == "*" for line in lines[-3:]] == [True, True, False]
    for bad in ({}, {"a": (0, 1)}, {"a": (1, 2, 3)}, {"a": (1, math.nan)}):
        with pytest.raises(plot.PlotError):
            plot.tradeoff(bad)


def test_reliability_agrees_with_a_loop():
    m, p = measure_random(), probabilities()
    picture = plot.reliability(m, bins=5)
    sure = [max(row) for row in p.tolist()]
    expected = []
    for b in range(5):
        inside = [i for i, s in enumerate(sure) if b / 5 < s <= (b + 1) / 5]
        if inside:
            right = [i for i in inside if m.y[i] == m.predicted[i]]
            expected.append((len(inside), math.fsum(sure[i] for i in inside), len(right)))
    curve = picture.curve
    assert curve.count.tolist() == [n for n, _, _ in expected]
    assert curve.accuracy.tolist() == [right / n for n, _, right in expected]
    # Sums of up to 60 numbers below 1 in another order.
    assert curve.confidence == pytest.approx([s / n for n, s, _ in expected], abs=1e-14)
    intervals = [list(measure.wilson_interval(right, n)) for n, _, right in expected]
    assert picture.intervals.tolist() == intervals
    ax, counts = picture.axes
    assert ax.lines[1].get_ydata().tolist() == curve.accuracy.tolist()
    assert [bar.get_height() for bar in counts.patches] == curve.count.tolist()
    rows = picture.text.splitlines()[2:]
    assert [int(row.split()[1]) for row in rows] == curve.count.tolist()
    error = math.fsum(abs(s - right) for _, s, right in expected) / 60
    assert f"{error:.4f}" in picture.text.splitlines()[0]
    with pytest.raises(measure.MeasureError):
        plot.reliability(measure.measure(predictions=m.predicted, y=m.y))


def test_legends_lie_outside_of_the_curves_and_small_bars_are_numbers():
    """Oracle: matplotlib's own boxes of what it drew."""
    measured = measure_random()
    pictures = [
        plot.training({"loss": [2.0, 1.0], "val_loss": [1.0, 0.5]}),
        plot.reliability(measured),
        plot.roc(measured),
    ]
    for picture in pictures:
        picture.figure.canvas.draw()
        ax = picture.figure.axes[0]
        assert not ax.get_legend().get_window_extent().overlaps(ax.get_window_extent())
    bars = plot.scores({"a": 0.985, "b": 0.011, "c": 0.004}).ax.patches
    assert [bar.get_width() for bar in bars] == [0.985, 0.011, 0]


def test_roc_draws_the_curve_of_each_class_and_of_anomalies():
    """Oracle: the curves of the measurement; areas by hand: one of four pairs is in the wrong
    order, by the probabilities of either class."""
    p = np.array([0.9, 0.6, 0.7, 0.2])
    two = np.stack([p, 1 - p], axis=1)
    measured = measure.measure(probabilities=two, y=[0, 0, 1, 1], classes=(0, 1))
    picture = plot.roc(measured)
    lines = [np.array(line.get_xydata()) for line in picture.ax.lines]
    for line, key in zip(lines[1:], (1, 0), strict=True):  # both areas are equal: 0 is highlighted
        curve = measured.roc_curve(key)
        assert np.array_equal(line, np.stack([curve.fpr, curve.tpr], axis=1))
    assert [row.split()[:2] for row in picture.text.splitlines()[1:]] == [
        ["0", "0.7500"],
        ["1", "0.7500"],
    ]
    found = measure.measure_anomalies(np.array([1, 2, 9]), np.array([False, False, True]))
    assert plot.roc(found).curves["anomalies"].auc == 1
    with pytest.raises(plot.PlotError, match="m is the text 'm'; wanted: a Measurement"):
        plot.roc("m")
