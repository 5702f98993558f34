"""Augmentation: compiled kernels against NumPy, NumPy against loops, and a fixed digest."""

import hashlib
import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drypoint import data
from drypoint.data import AugmentError, augment
from drypoint.data._augmentation.compiled import instruction_sets, warp_compiled
from drypoint.data._augmentation.counter_random import image_keys, numbers
from drypoint.data._augmentation.warp_map import (
    ElasticGrid,
    affine_maps,
    elastic_fields,
    warp_reference,
)

SETS = instruction_sets()
ALL = augment.Warp(rotate=20, scale=0.2, shear=0.2, shift=3, elastic=0.7)


def photos(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def mix(z):
    """SplitMix64's finisher in Python's own integers."""
    mask = (1 << 64) - 1
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return z ^ (z >> 31)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32))
def test_numbers_are_those_of_splitmix64(key, n):
    expected = mix((key + 0x9E3779B97F4A7C15 * (n + 1)) % 2**64)
    assert numbers(np.array([key], np.uint64), n)[0] == expected


def test_the_first_numbers_are_the_published_ones():
    """Of SplitMix64 with seed 1234567, as Rosetta Code and Java's SplittableRandom give them."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert numbers(np.array([1234567], np.uint64), [0, 1, 2]).tolist() == published


@pytest.mark.parametrize("kernels", range(len(SETS)), ids=SETS)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 40), st.integers(1, 40), st.integers(1, 3)),
    amounts=st.tuples(*(st.floats(0, most) for most in (180, 0.5, 1, 60))),
    elastic=st.none() | st.tuples(st.floats(0.01, 16), st.floats(1, 20)),
    seed=st.integers(0, 2**40),
)
def test_every_instruction_set_gives_the_bytes_of_the_reference(
    kernels, shape, amounts, elastic, seed
):
    images, size = photos(shape, seed), (shape[2], shape[1])
    keys = image_keys(seed, 3, np.arange(len(images)))
    names = ("rotate", "scale", "shear", "shift")
    maps = affine_maps(keys, size, **dict(zip(names, amounts, strict=True)))
    grid = None if elastic is None else ElasticGrid.of(size, std=elastic[0], sigma=elastic[1])
    found = warp_compiled(images, keys, maps, grid, kernels=kernels)
    np.testing.assert_array_equal(found, warp_reference(images, keys, maps, grid))


@pytest.mark.parametrize("kernels", range(len(SETS)), ids=SETS)
@pytest.mark.parametrize("elastic", [0, 2])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_no_size_is_a_special_one(kernels, elastic, channels):
    """Widths on both sides of every vector's; few rows, so that the last ones are all there is."""
    for height, width in itertools.product((1, 2, 3, 16), (1, 2, 7, 8, 9, 15, 16, 17, 28, 32, 33)):
        images, keys = photos((3, height, width, channels)), image_keys(width, height, range(3))
        maps = affine_maps(keys, (width, height), rotate=180, scale=0.5, shear=1, shift=2)
        grid = ElasticGrid.of((width, height), std=elastic, sigma=3) if elastic else None
        found = warp_compiled(images, keys, maps, grid, kernels=kernels)
        np.testing.assert_array_equal(found, warp_reference(images, keys, maps, grid))


@pytest.mark.parametrize("kernels", range(len(SETS)), ids=SETS)
def test_every_value_and_fraction_is_blended_exactly(kernels):
    """Black and white pixels in a chessboard, and every pair of fractions of a source between."""
    images = np.zeros((256, 2, 256, 1), np.uint8)
    images[:128, ::2, ::2] = images[:128, 1::2, 1::2] = 255
    images[128:] = 255
    maps = np.zeros((256, 6), np.int32)
    maps[:, 1], maps[:, 3] = 256, np.arange(256) * 256  # 1/256 pixel to the right; image by image
    keys = image_keys(0, 1, range(256))
    found = warp_compiled(images, keys, maps, None, kernels=kernels)
    np.testing.assert_array_equal(found, warp_reference(images, keys, maps, None))


@pytest.mark.parametrize("kernels", range(len(SETS)), ids=SETS)
def test_the_greatest_sources_do_not_overflow(kernels):
    """The largest side, every amount at its limit: NumPy's 64 bits are the oracle."""
    images = photos((1, 3, 4096, 1))
    for seed in range(20):
        keys = image_keys(seed, 1, [0])
        maps = affine_maps(keys, (4096, 3), rotate=180, scale=0.5, shear=1, shift=1024)
        grid = ElasticGrid.of((4096, 3), std=16, sigma=256)
        found = warp_compiled(images, keys, maps, grid, kernels=kernels)
        np.testing.assert_array_equal(found, warp_reference(images, keys, maps, grid))
    assert np.abs(maps).max() < 2**29


def bilinear(image, x, y):
    """One pixel by the textbook, black outside."""
    left, top = math.floor(x), math.floor(y)

    def at(column, row):
        inside = 0 <= column < image.shape[1] and 0 <= row < image.shape[0]
        return float(image[row, column]) if inside else 0.0

    fx, fy = x - left, y - top
    above = at(left, top) * (1 - fx) + at(left + 1, top) * fx
    below = at(left, top + 1) * (1 - fx) + at(left + 1, top + 1) * fx
    return above * (1 - fy) + below * fy


def test_the_reference_is_bilinear_sampling_of_the_affine_map():
    """Fractions have 8 bits: each of two roundings moves a pixel by at most 255/256 levels in x
    and in y, and the map's own rounding less: 3 levels in all."""
    image = photos((1, 9, 12, 1))
    keys = image_keys(5, 2, [7])
    maps = affine_maps(keys, (12, 9), rotate=30, scale=0.3, shear=0.3, shift=2)
    found = warp_reference(image, keys, maps, None)[0, ..., 0]
    x0, xx, xy, y0, yx, yy = maps[0] / 65536
    for y in range(9):
        for x in range(12):
            wanted = bilinear(image[0, ..., 0], x0 + xx * x + xy * y, y0 + yx * x + yy * y)
            assert abs(float(found[y, x]) - wanted) <= 3


def test_amounts_are_kept_and_used_up():
    keys = image_keys(0, 1, np.arange(20000))
    maps = affine_maps(keys, (28, 28), rotate=30, scale=0, shear=0, shift=0) / 65536
    angles = np.degrees(np.arctan2(maps[:, 4], maps[:, 1]))
    np.testing.assert_allclose(maps[:, 1] ** 2 + maps[:, 4] ** 2, 1, atol=1e-4)  # 2^-16, twice
    assert -30.01 < angles.min() < -29.9
    assert 29.9 < angles.max() < 30.01
    assert abs(angles.mean()) < 0.4  # 3 deviations of a mean of 20,000
    shifted = affine_maps(keys, (28, 28), rotate=0, scale=0, shear=0, shift=2) / 65536
    assert np.abs(shifted[:, [0, 3]]).max() <= 2
    assert abs(np.corrcoef(shifted[:, 0], shifted[:, 3])[0, 1]) < 0.03


def test_the_middle_stays_where_it_is_without_a_shift():
    maps = affine_maps(
        image_keys(1, 1, range(50)), (27, 15), rotate=90, scale=0.5, shear=1, shift=0
    )
    x = maps[:, 0] + maps[:, 1] * 13 + maps[:, 2] * 7
    y = maps[:, 3] + maps[:, 4] * 13 + maps[:, 5] * 7
    assert np.abs(x - 13 * 65536).max() <= 11  # half a unit, times 13 + 7 + 1
    assert np.abs(y - 7 * 65536).max() <= 11


@pytest.mark.parametrize("sigma", [2, 4])
def test_elastic_fields_have_the_deviation_and_the_smoothness_they_are_asked_for(sigma):
    """White noise smoothed by a Gaussian has the correlation exp(-d^2 / (4 sigma^2)). A B-spline
    has it to 0.03, and 4,000 images measure it and the deviation to 2 %."""
    grid = ElasticGrid.of((28, 28), std=0.5, sigma=sigma)
    fields = elastic_fields(image_keys(0, 1, np.arange(4000)), grid) / 65536
    assert fields.std() == pytest.approx(0.5, rel=0.02)
    assert abs(fields.mean()) < 0.01
    for distance in (1, sigma, 2 * sigma):
        near, far = fields[..., :-distance], fields[..., distance:]
        wanted = math.exp(-(distance**2) / (4 * sigma**2))
        assert (near * far).mean() / 0.25 == pytest.approx(wanted, abs=0.04)


def test_zero_amounts_leave_images_unchanged():
    images = photos((3, 28, 28))
    np.testing.assert_array_equal(augment.Warp()(images, seed=1, epoch=1, indices=range(3)), images)


@pytest.mark.parametrize("shape", [(6, 28, 28), (6, 20, 31, 3), (0, 28, 28)])
def test_shapes_stay(shape):
    warped = ALL(photos(shape), seed=0, epoch=1, indices=np.arange(shape[0]))
    assert warped.shape == shape
    assert warped.dtype == np.uint8


def test_an_image_does_not_depend_on_its_company_or_its_turn():
    images = photos((40, 28, 28))
    whole = ALL(images, seed=9, epoch=4, indices=np.arange(40))
    order = np.random.default_rng(1).permutation(40)
    for part in (order[:7], order[7:]):
        np.testing.assert_array_equal(ALL(images[part], seed=9, epoch=4, indices=part), whole[part])


def test_seeds_epochs_and_images_differ():
    image = np.repeat(photos((1, 28, 28)), 2, axis=0)
    first = ALL(image, seed=0, epoch=1, indices=[0, 1])
    assert (first[0] != first[1]).any()
    assert (ALL(image, seed=1, epoch=1, indices=[0, 1]) != first).any()
    assert (ALL(image, seed=0, epoch=2, indices=[0, 1]) != first).any()


def test_augmented_images_have_a_fixed_digest():
    """A digest that every machine, compiler and NumPy must give."""
    warped = ALL(photos((8, 28, 28)), seed=3, epoch=2, indices=np.arange(8))
    assert hashlib.sha256(warped.tobytes()).hexdigest()[:16] == "07c9c0d6ab8edf70"


def test_the_simple_names():
    assert augment.RandomShift(2) == augment.Warp(shift=2)
    assert augment.RandomRotate(10) == augment.Warp(rotate=10)


@pytest.mark.parametrize(
    ("amounts", "message"),
    [
        ({"rotate": 181}, "rotate is 181, not a number from 0 to 180"),
        ({"scale": float("nan")}, "scale is nan, not a number from 0 to 0.5"),
        ({"shift": "2"}, "shift is '2', not a number from 0 to 1024"),
        ({"smoothness": 0.5}, "smoothness is 0.5, not a number from 1 to 256"),
    ],
)
def test_amounts_out_of_range_are_refused(amounts, message):
    with pytest.raises(AugmentError, match=re.escape(message)):
        augment.Warp(**amounts)


@pytest.mark.parametrize(
    ("images", "arguments", "message"),
    [
        (np.zeros((2, 4, 4)), {}, "uint8 images"),
        (np.zeros((4, 4), np.uint8), {}, "uint8 images"),
        (np.zeros((2, 1, 5000), np.uint8), {}, "sides must be 1 to 4096"),
        (
            np.zeros((2, 4, 4), np.uint8),
            {"indices": [1]},
            "wanted: 2 integers, one for each of the 2 images",
        ),
        (np.zeros((2, 4, 4), np.uint8), {"indices": [0.5, 1]}, "wanted: 2 integers"),
        (
            np.zeros((2, 4, 4), np.uint8),
            {"indices": [-1, 1]},
            "an index must be 0 to 2^63 - 1, not -1",
        ),
        (np.zeros((2, 4, 4), np.uint8), {"epoch": 2**63}, "epoch must be"),
        (np.zeros((2, 4, 4), np.uint8), {"seed": -1}, "seed must be"),
    ],
)
def test_what_is_no_images_is_refused(images, arguments, message):
    with pytest.raises(AugmentError, match=re.escape(message)):
        ALL(images, **{"seed": 0, "epoch": 1, "indices": [0, 1], **arguments})


def test_numpy_gives_the_bytes_of_the_compiled_kernels(monkeypatch):
    images, arguments = photos((3, 9, 9, 3)), {"seed": 0, "epoch": 1, "indices": range(3)}
    encoder = data.ImageEncoder(width=9, height=9, color="rgb", mean=0.3, std=(0.2, 0.4, 0.6))
    warped, encoded = ALL(images, **arguments), encoder(images)
    monkeypatch.setattr("drypoint.data._augmentation.compiled.lib", None)
    assert instruction_sets() == ()
    np.testing.assert_array_equal(ALL(images, **arguments), warped)
    np.testing.assert_array_equal(encoder(images), encoded)
