"""The characters that pictures are made of, on values whose drawing is known."""

import numpy as np
import pytest

from drypoint import plot


def curve(values, **options):
    """The sparkline of a loss."""
    return plot.training({"loss": values}).render(**options).splitlines()[2].split()[1]


def test_eight_heights_rise_with_the_value():
    assert curve(range(8), width=58) == "▁▂▃▄▅▆▇█"
    assert curve(range(8), width=58, plain=True) == ".:-=+*#@"


def test_few_values_are_stretched_and_equal_ones_are_in_the_middle():
    assert curve([1, 2], width=80) == "▁▁▁▁████"
    assert curve([3, 3, 3], width=80) == "▅" * 12


def test_many_values_are_averaged():
    assert curve([0.0] * 40 + [1.0] * 40, width=58) == "▁▁▁▁████"


def test_bars_end_at_an_eighth_and_never_vanish():
    picture = plot.comparison({"whole": 8.0, "half": 4.0, "least": 1e-9, "none": 0.0}, label="v")
    rows = [row.split()[2:] for row in picture.render(22).splitlines()[1:]]
    assert rows == [["████████"], ["████"], ["▏"], []]
    plain = [row.split()[2:] for row in picture.render(22, plain=True).splitlines()[1:]]
    assert plain == [["########"], ["####"], ["#"], []]


def test_a_small_image_keeps_every_pixel_two_columns_wide():
    image = np.array([[0, 255], [128, 64]], np.uint8)
    assert plot.images([image]).text.splitlines() == ["  ██", "▒▒░░"]
    assert plot.images([image]).render(plain=True).splitlines() == ["  @@", "++::"]


def test_a_large_image_is_scaled_to_half_as_many_lines():
    image = np.zeros((80, 80), np.uint8)
    image[:, 40:] = 255
    lines = plot.images([image]).text.splitlines()
    assert lines == [" " * 14 + "█" * 14] * 14


def test_floats_are_shown_between_their_limits_and_constants_are_blank():
    image = np.array([[-5.0, 5.0]])
    assert plot.images([image]).text == "  ██"
    assert not plot.images([np.full((2, 2), 3.0)]).text.strip()


def test_colours_are_shown_by_their_brightness():
    image = np.zeros((1, 2, 3), np.uint8)
    image[0, 1] = 255
    assert plot.images([image]).text == "  ██"


def test_signs_and_sizes_around_zero():
    maps = plot.maps(np.array([[[-1.0, -0.5, 0.0, 0.5, 1.0]]]), title="")
    assert maps.text.splitlines() == ["= - . + #: -1 to 1", "", "0", " = - . + #"]


@pytest.mark.parametrize(("width", "across"), [(20, 2), (60, 3), (80, 4)])
def test_images_flow_into_the_width(width, across):
    image = np.full((28, 28), 255, np.uint8)
    picture = plot.images({str(i): image for i in range(6)})
    heads = picture.render(width).splitlines()[0].split()
    assert heads == [str(i) for i in range(across)]


def test_the_shades_of_a_mosaic_are_the_sizes_of_its_kernels():
    from drypoint import nn

    weight = np.zeros((2, 3, 1, 1), np.float32)
    weight[0, :, 0, 0] = 0, 1, -2
    weight[1, 1, 0, 0] = 2
    layer = nn.Conv2d(2, 1, in_channels=3, bias=False).with_params({"weight": weight})
    assert plot.kernels(layer).text.splitlines()[-2:] == ["0   ▒█", "1   █"]
