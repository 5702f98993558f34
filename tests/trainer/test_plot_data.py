"""The data in each picture against plain loops, and the artists against the data."""

import math
import re
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import CLASSES, dataset, history, measured, net, probabilities

from drypoint import data, measure, nn, plot, train


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_examples_of_a_data_set_are_its_images_and_labels():
    images = dataset()
    picture = plot.examples(images)
    assert picture.titles == tuple(CLASSES[i] for i in images.y)
    assert all(np.array_equal(a, b) for a, b in zip(picture.images, images.x, strict=True))
    assert set(picture.limits) == {(0.0, 255.0)}
    drawn = picture.ax.images
    assert [image.get_array().tolist() for image in drawn] == images.x.tolist()
    assert words(picture.ax) == list(picture.titles)
    assert all(image.get_clim() == (0, 255) for image in drawn)


def test_examples_of_a_measurement_tell_truth_answer_and_probability():
    images = dataset()
    p = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0, 0, 1], [0, 1, 0], [0, 1, 0], [1, 0, 0.0]])
    worst = measure.measure(probabilities=p, dataset=images).worst(6)
    picture = plot.examples(worst)
    # true classes are ant, bee, cat, ant, bee, cat; ties in p(true) keep their order
    assert picture.titles == (
        "true ant, said bee\np(true) 0.000",
        "true cat, said ant\np(true) 0.000",
        "true bee, said cat\np(true) 0.300",
        "true ant, said ant\np(true) 0.900",
        "true cat, said cat\np(true) 1.000",
        "true bee, said bee\np(true) 1.000",
    )
    assert picture.marked == (True, True, True, False, False, False)
    assert "true ant, said bee *" in picture.text
    assert "true ant, said ant *" not in picture.text
    order = [3, 5, 1, 0, 2, 4]
    assert [image.tolist() for image in picture.images] == images.x[order].tolist()


def test_examples_without_probabilities_leave_them_out_and_small_ones_show_their_exponent():
    images = dataset()
    wrong = measure.measure(predictions=(images.y + 1) % 3, dataset=images).misclassified(1)
    assert plot.examples(wrong).titles == ("true ant, said bee",)
    sure = [measure.Example(index=0, image=images.x[0], true=0, predicted=1, p_true=2.5e-7)]
    assert plot.examples(sure).titles == ("true 0, said 1\np(true) 2e-07",)


def test_examples_refuse_too_many_none_and_those_without_images():
    many = data.Dataset(np.zeros((257, 2, 2), np.uint8), np.zeros(257, int))
    with pytest.raises(plot.PlotError, match="from 1 to 256 images can be shown, not 257; take"):
        plot.examples(many)
    with pytest.raises(plot.PlotError, match="not 0"):
        plot.examples([])
    with pytest.raises(plot.PlotError, match=r"example \d+ has no image"):
        plot.examples(measured().worst(1))
    with pytest.raises(plot.PlotError, match="columns must be at least 1"):
        plot.examples(dataset(), columns=0)


def test_images_keep_their_own_range_and_shape():
    gray = np.array([[0, 255], [7, 8]], np.uint8)
    floats = np.array([[[-1.5, 0.5], [0.0, 0.25]]], np.float32)
    rgb = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    picture = plot.images({"raw": gray, "encoded": floats, "colour": rgb}, columns=2)
    assert picture.titles == ("raw", "encoded\n-1.5 to 0.5", "colour")
    assert picture.limits == ((0.0, 255.0), (-1.5, 0.5), (0.0, 255.0))
    assert np.array_equal(picture.images[1], floats[0])
    assert np.array_equal(picture.images[2], rgb.transpose(1, 2, 0))
    assert [i.get_clim() for i in picture.ax.images[:2]] == [(0, 255), (-1.5, 0.5)]
    left = [image.get_extent()[0] for image in picture.ax.images]
    assert left[0] == left[2] < left[1]  # two columns
    assert plot.images([gray, gray]).titles == ("", "")


def test_float_colours_are_shown_from_the_lowest_to_the_highest_of_all_three():
    colours = np.array([[[-1.0, 0.0, 1.0], [3.0, 1.0, 1.0]]])
    (shown,) = plot.images([colours]).images
    assert shown.tolist() == [[[0, 0.25, 0.5], [1, 0.5, 0.5]]]


@pytest.mark.parametrize(
    "bad", [np.zeros(3), np.zeros((2, 2, 5)), np.zeros((0, 4)), [["a", "b"]], [[np.nan, 1.0]]]
)
def test_what_is_no_image_is_refused(bad):
    with pytest.raises(plot.PlotError):
        plot.images({"bad": bad})


def test_ports_show_the_same_positions_of_every_port():
    images = dataset()
    ports = data.take({**images.as_ports(), "weight": np.arange(6) * 10}, [4, 1])
    picture = plot.ports(ports)
    assert picture.titles == ("target 1\nweight 40", "target 1\nweight 10")
    assert np.array_equal(np.stack(picture.images), images.x[[4, 1]])
    with pytest.raises(plot.PlotError, match="one port of images"):
        plot.ports({"target": np.arange(3)})
    with pytest.raises(plot.PlotError, match="one length"):
        plot.ports({"input": images.x, "target": images.y[:2]})


def test_kernels_of_a_layer_with_one_input_are_a_grid_in_one_scale():
    layer = net()["conv1"]
    picture = plot.kernels(layer)
    weight = layer.params["weight"]
    assert np.array_equal(np.stack(picture.images), weight[:, 0])
    assert set(picture.limits) == {(-np.abs(weight).max(), np.abs(weight).max())}
    assert len(picture.ax.images) == 4
    assert len(picture.figure.axes) == 2  # the second is the colour bar


def test_kernels_of_a_layer_with_several_inputs_are_a_mosaic_or_one_channel():
    layer = net()["conv2"]  # two filters, four inputs, 3 x 3
    weight = layer.params["weight"].astype(float)
    picture = plot.kernels(layer)
    assert np.array_equal(picture.weight, weight)
    sizes = [[math.sqrt(math.fsum(k.ravel() ** 2)) for k in row] for row in weight]
    # The two sums round differently, by a few units in the last place.
    np.testing.assert_allclose(picture.sizes, sizes, rtol=1e-14)
    mosaic = picture.ax.images[0].get_array()
    assert mosaic.shape == (7, 15)
    for i in range(2):
        for j in range(4):
            assert np.array_equal(mosaic[4 * i : 4 * i + 3, 4 * j : 4 * j + 3], weight[i, j])
    assert mosaic.mask.sum() == 7 * 15 - weight.size  # the gaps, and only they
    assert np.array_equal(np.stack(plot.kernels(layer, channel=2).images), weight[:, 2])


def test_kernels_refuse_other_layers_channels_and_missing_weights():
    with pytest.raises(plot.PlotError, match="not of a Linear"):
        plot.kernels(net()["fc"])
    with pytest.raises(plot.PlotError, match="channels 0 to 3, there is no 4"):
        plot.kernels(net()["conv2"], channel=4)
    with pytest.raises(nn.NotInitializedError):
        plot.kernels(nn.Conv2d(2, 3, in_channels=1))


def test_maps_share_one_scale_from_zero_or_around_it():
    amounts = np.arange(12.0).reshape(3, 2, 2)
    picture = plot.maps(amounts)
    assert np.array_equal(np.stack(picture.images), amounts)
    assert set(picture.limits) == {(0.0, 11.0)}
    assert set(plot.maps(amounts - 8).limits) == {(-8.0, 8.0)}
    assert plot.maps(amounts).text.splitlines()[1] == "shades: 0 to 11"
    with pytest.raises(plot.PlotError, match=r"\(C, H, W\)"):
        plot.maps(amounts[0])


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
    assert f"2 epochs, best epoch {result.best_epoch}" in picture.text
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
    m = measured()
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
    m = measured()
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
        plot.confusion(measured(), **options)


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
    m = measured()
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
    m, p = measured(), probabilities()
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


def test_a_net_is_drawn_layer_by_layer_with_the_shapes_between():
    picture = plot.net(nn.Model(net()))
    names = ["conv1", "relu1", "conv2", "flatten", "fc", "softmax"]
    sizes = ["1 x 8 x 8", "4 x 6 x 6", "4 x 6 x 6", "2 x 4 x 4", "32", "3", "3"]
    lines = picture.text.splitlines()
    assert [line.split()[0] for line in lines[3:-2:3]] == [*names, "output"]
    assert [line.split("  ")[-1] for line in lines[1:-2:3]] == sizes
    learn = [line.split()[0] for line in lines if " * " in line]
    assert learn == ["conv1", "conv2", "fc"]
    drawn = words(picture.ax)
    assert [text for text in drawn if text in sizes] == sizes
    assert [text.split("\n")[0] for text in drawn if "\n" in text] == names
    assert "conv1\nConv2d, 40 parameters" in drawn  # 4 x 9 weights, 4 biases


def test_dot_names_every_layer_and_links_them_in_order():
    picture = plot.net(net())
    nodes = re.findall(r'^  (\w+) \[label="(\w+)', picture.dot, re.MULTILINE)
    edges = re.findall(r'^  (\w+) -> (\w+) \[label=" ([0-9 x]+)"\];$', picture.dot, re.MULTILINE)
    ids = ["input", *(f"layer{i}" for i in range(6)), "output"]
    assert {node for node, _ in nodes} == set(ids)
    assert [(a, b) for a, b, _ in edges] == list(pairwise(ids))
    assert [size for _, _, size in edges][:2] == ["1 x 8 x 8", "4 x 6 x 6"]
    assert picture.dot.startswith("digraph net {\n")
    assert picture.dot.endswith("\n}\n")


def residual():
    layers = {"one": nn.Conv2d(1, 1), "two": nn.ReLU(), "add": nn.Add()}
    edges = [("input", "one", "two", "add.a"), ("one", "add.b")]
    return nn.Graph(layers, edges, {"input": (1, 4, 4)})


def test_a_graph_is_drawn_with_every_edge_and_below_what_it_reads():
    """Oracle: the edges as written."""
    picture = plot.net(residual())
    names = [node.name for node in picture.scheme.nodes]
    assert names == ["input", "one", "two", "add", "output"]
    links = [(names[k.source], names[k.target], k.port) for k in picture.scheme.links]
    assert sorted(links) == [
        ("add", "output", ""),
        ("input", "one", ""),
        ("one", "add", "b"),
        ("one", "two", ""),
        ("two", "add", "a"),
    ]
    assert picture.scheme.rows == (0, 1, 2, 3, 4)
    assert not picture.scheme.is_chain
    assert "add        Add                   1 x 4 x 4  <- a: two, b: one" in picture.text
    arrows = [text for text in picture.ax.texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == len(links)
    assert re.findall(r"^  (\w+) -> (\w+)", picture.dot, re.MULTILINE)[-1] == ("layer2", "output")


def test_an_input_stands_beside_what_is_above_its_reader():
    training = nn.TrainingGraph(net(), nn.CrossEntropyLoss())
    scheme = plot.net(training).scheme
    rows = dict(zip([node.name for node in scheme.nodes], scheme.rows, strict=True))
    assert rows["target"] == rows["net.softmax"] == 6
    boxes = zip(scheme.nodes, scheme.rows, scheme.centers, strict=True)
    places = sorted((row, x - n.width / 2, x + n.width / 2) for n, row, x in boxes)
    for (row, _, right), (next_row, left, _) in pairwise(places):
        assert row != next_row or right < left  # no two boxes overlap
    assert min(left for _, left, _ in places) == pytest.approx(0, abs=1e-9)


def test_two_branches_stand_side_by_side():
    layers = {"a": nn.Conv2d(1, 1), "b": nn.Conv2d(1, 1), "add": nn.Add()}
    edges = [("input", "a", "add.a"), ("input", "b", "add.b")]
    scheme = plot.net(nn.Graph(layers, edges, {"input": (1, 4, 4)})).scheme
    assert scheme.rows == (0, 1, 1, 2, 3)
    top, a, b, add, bottom = scheme.centers
    assert a < top < b
    assert top == pytest.approx(add) == pytest.approx(bottom)


def test_names_of_ports_that_dot_cannot_take_are_numbered():
    layers = {"a": nn.ReLU(), "b": nn.ReLU()}
    graph = nn.Graph(layers, [("layer1", "a"), ("other port", "b")])
    dot = plot.net(graph, input_shape={"layer1": (2,), "other port": (2,)}).dot
    ids = re.findall(r"^  (\w+) \[", dot, re.MULTILINE)
    nodes = [name for name in ids if name not in ("node", "edge")]
    assert len(set(nodes)) == len(nodes) == 6


def test_a_net_of_open_sizes_needs_a_shape():
    open_net = nn.Sequential([nn.Conv2d(2, 3), nn.ReLU()])
    with pytest.raises(nn.ShapeError):
        plot.net(open_net)
    assert "2 x 3 x 3" in plot.net(open_net, input_shape=(1, 5, 5)).text
    with pytest.raises(plot.PlotError, match="not str"):
        plot.net("lenet")
