"""Pictures of images, kernels and activations show the pixels and words that they were given."""

import math

import numpy as np
import pytest
from pictures import CLASSES, dataset, measure_random, net, words

from drypoint import data, measure, nn, plot


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
        plot.examples(measure_random().worst(1))
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
