"""Image encoder and decoder against formulas written as plain loops."""

import io
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from drypoint.common import DrypointError
from drypoint.data import (
    CoderError,
    DatasetError,
    ImageDecoder,
    ImageEncoder,
    ascii_image,
    check_scaled,
    load_folder,
)

_GRAY = hnp.arrays(np.uint8, (3, 5))
_RGB = hnp.arrays(np.uint8, (3, 5, 3))
_RGBA = hnp.arrays(np.uint8, (3, 5, 4))


def _half_up(value):
    """A fraction rounded to the nearest integer, halves up."""
    return int((value + Fraction(1, 2)) // 1)


def _luma(r, g, b):
    return _half_up(Fraction(299 * int(r) + 587 * int(g) + 114 * int(b), 1000))


def _each(function, pixels):
    """``function`` of each pixel's channels, (H, W, C) -> (H, W, C')."""
    return np.array(
        [[np.atleast_1d(function(*pixel)) for pixel in row] for row in pixels.tolist()], np.uint8
    )


def _encoder(color="gray", **settings):
    return ImageEncoder(width=5, height=3, color=color, **settings)


@given(_GRAY)
def test_gray_bytes_pass_unchanged(gray):
    for form in (gray, gray[..., None], Image.fromarray(gray)):
        np.testing.assert_array_equal(_encoder().pixels(form), gray[..., None])
    np.testing.assert_array_equal(_encoder("rgb").pixels(gray), np.dstack([gray] * 3))


@given(_RGB)
def test_luma_is_the_formula_in_exact_fractions(rgb):
    expected = _each(_luma, rgb)
    for form in (rgb, Image.fromarray(rgb)):
        np.testing.assert_array_equal(_encoder().pixels(form), expected)
        np.testing.assert_array_equal(_encoder("rgb").pixels(form), rgb)


def test_luma_of_equal_channels_is_that_value():
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 256)
    encoder = ImageEncoder(width=256, height=1)
    np.testing.assert_array_equal(encoder.pixels(np.dstack([ramp] * 3))[..., 0], ramp)


@given(_RGBA)
def test_alpha_is_composited_on_black(rgba):
    black = _each(lambda *p: [_half_up(Fraction(v * p[3], 255)) for v in p[:3]], rgba)
    for form in (rgba, Image.fromarray(rgba)):
        np.testing.assert_array_equal(_encoder("rgb").pixels(form), black)
        np.testing.assert_array_equal(_encoder().pixels(form), _each(_luma, black))


@given(hnp.arrays(np.uint8, (3, 5, 2)))
def test_gray_with_alpha(pixels):
    image = Image.merge("LA", [Image.fromarray(np.ascontiguousarray(c)) for c in pixels.T]).resize(
        (3, 5)
    )
    expected = _each(lambda v, a: _half_up(Fraction(v * a, 255)), np.asarray(image))
    np.testing.assert_array_equal(ImageEncoder(width=3, height=5).pixels(image), expected)


@given(_RGBA)
def test_cmyk(cmyk):
    image = Image.merge(
        "CMYK", [Image.fromarray(np.ascontiguousarray(cmyk[..., i])) for i in range(4)]
    )
    expected = _each(
        lambda *p: [_half_up(Fraction((255 - v) * (255 - p[3]), 255)) for v in p[:3]], cmyk
    )
    np.testing.assert_array_equal(_encoder("rgb").pixels(image), expected)


@given(_RGB)
def test_ycbcr(ycc):
    def rgb(y, cb, cr):
        blue, red = cb - 128, cr - 128
        values = (
            y + Fraction(1402, 1000) * red,
            y - Fraction(344, 1000) * blue - Fraction(714, 1000) * red,
            y + Fraction(1772, 1000) * blue,
        )
        return [min(255, max(0, _half_up(v))) for v in values]

    bands = [Image.fromarray(np.ascontiguousarray(ycc[..., i])) for i in range(3)]
    image = Image.merge("YCbCr", bands)
    np.testing.assert_array_equal(_encoder("rgb").pixels(image), _each(rgb, ycc))


@given(hnp.arrays(np.uint16, (3, 5)))
def test_sixteen_bit_gray_however_pillow_names_it(values):
    expected = _each(lambda v: _half_up(Fraction(v, 257)), values[..., None])
    for form in (Image.fromarray(values), Image.fromarray(values.astype(np.int32))):
        assert form.mode in ("I;16", "I")
        np.testing.assert_array_equal(_encoder().pixels(form), expected)


@pytest.mark.parametrize("value", [-1, 65536])
def test_integers_beyond_sixteen_bits_are_refused(value):
    with pytest.raises(CoderError, match="16-bit gray"):
        _encoder().pixels(Image.fromarray(np.full((3, 5), value, np.int32)))


def test_one_bit_palette_and_transparent_colour():
    bits = np.array([[0, 1, 0, 1, 1]] * 3, bool)
    np.testing.assert_array_equal(
        _encoder().pixels(Image.fromarray(bits))[..., 0], np.where(bits, 255, 0)
    )
    palette = Image.new("P", (5, 3), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    np.testing.assert_array_equal(_encoder("rgb").pixels(palette)[2, 4], (10, 20, 30))
    palette.info["transparency"] = 1
    np.testing.assert_array_equal(_encoder("rgb").pixels(palette)[2, 4], (0, 0, 0))


def test_a_transparent_colour_is_black():
    rgb = np.full((3, 5, 3), 90, np.uint8)
    rgb[1, 1] = (1, 2, 3)
    for mode, clear in (("RGB", (90, 90, 90)), ("L", 90)):
        image = Image.fromarray(rgb).convert(mode)
        image.info["transparency"] = clear
        seen = _encoder("rgb").pixels(image)
        assert seen[0, 0].tolist() == [0, 0, 0]
        assert seen[1, 1].tolist() != [0, 0, 0]


def test_other_modes_are_left_to_pillow_and_said_when_it_cannot(monkeypatch):
    assert _encoder("rgb").pixels(Image.new("HSV", (5, 3), (0, 255, 255)))[0, 0].tolist() == [
        255, 0, 0,
    ]  # fmt: skip

    def cannot(*_args):
        raise ValueError("conversion not supported")

    monkeypatch.setattr(Image.Image, "convert", cannot)
    with pytest.raises(CoderError, match="images of mode HSV cannot be read: conversion"):
        _encoder().pixels(Image.new("HSV", (5, 3)))


@given(st.floats(0, 1))
def test_floats_are_rounded_half_up(value):
    expected = _half_up(Fraction(float(np.float64(value) * 255)))
    array = np.full((3, 5), value)
    assert int(_encoder().pixels(array)[0, 0, 0]) == expected
    image = Image.fromarray(array.astype(np.float32))
    assert image.mode == "F"
    rounded = _half_up(Fraction(float(np.float64(np.float32(value)) * 255)))
    assert int(_encoder().pixels(image)[0, 0, 0]) == rounded


def test_a_half_goes_up():
    assert int(_encoder().pixels(np.full((3, 5), 0.5))[0, 0, 0]) == 128


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.001, 1.001, 255.0])
def test_floats_outside_the_unit_interval_are_refused(value):
    array = np.full((3, 5), 0.5)
    array[1, 1] = value
    with pytest.raises(CoderError, match=r"must lie in \[0, 1\]"):
        _encoder().pixels(array)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((3, 5), np.int64),
        np.zeros((3, 5), bool),
        np.zeros(5, np.uint8),
        np.zeros((2, 2, 5, 2), np.uint8),
        np.zeros((1, 2, 3, 5, 3), np.uint8),
        np.zeros((0, 5), np.uint8),
        np.zeros((2, 3, 0, 1), np.uint8),
        7,
        None,
        [np.zeros((4, 3, 5), np.uint8)],
        [7],
    ],
)
def test_what_is_no_image_is_refused_in_one_line(wrong):
    with pytest.raises(CoderError):
        _encoder()(wrong)


def test_width_comes_first_in_images_and_last_in_arrays():
    encoder = ImageEncoder(width=12, height=7, color="rgb")
    assert encoder.shape == (3, 7, 12)
    picture = Image.new("RGB", (640, 480))
    picture.paste((255, 0, 0), (0, 0, 320, 480))
    array = encoder(picture)
    assert array.shape == (3, 7, 12)
    assert array.dtype == np.float32 == encoder.dtype
    assert array[0, :, :5].min() == 1
    assert array[0, :, 7:].max() == 0
    assert array[1:].max() == 0


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, min_side=5, max_side=7)))
def test_a_batch_is_its_images_one_by_one(images):
    for color in ("gray", "rgb"):
        encoder = ImageEncoder(width=6, height=6, color=color, mean=0.3, std=0.7)
        one_by_one = np.stack([encoder(image) for image in images])
        np.testing.assert_array_equal(encoder(images), one_by_one)
        np.testing.assert_array_equal(encoder(list(images)), one_by_one)
        np.testing.assert_array_equal(encoder(images[..., None]), one_by_one)


def test_an_empty_batch_keeps_its_shape():
    assert _encoder("rgb")([]).shape == (0, 3, 3, 5)
    assert _encoder()(np.zeros((0, 3, 5), np.uint8)).shape == (0, 1, 3, 5)


def test_more_images_than_one_chunk():
    images = np.arange(2100 * 6, dtype=np.uint32).astype(np.uint8).reshape(2100, 2, 3, 1)
    encoded = ImageEncoder(width=3, height=2)(images)
    np.testing.assert_array_equal(encoded, (images.transpose(0, 3, 1, 2) / 255).astype(np.float32))


@pytest.mark.parametrize(
    ("mean", "std"),
    [(None, None), (0.1307, 0.3081), ((0.1, 0.2, 0.3), (1.0, 2.0, 0.5)), (0.5, None)],
)
def test_normalisation_is_the_formula_in_double_rounded_once(mean, std):
    rgb = np.arange(45, dtype=np.uint8).reshape(3, 5, 3) * 5
    encoded = _encoder("rgb", mean=mean, std=std)(rgb)
    for channel in range(3):
        m = 0 if mean is None else np.ravel(mean)[channel % np.size(mean)]
        s = 1 if std is None else np.ravel(std)[channel % np.size(std)]
        for row in range(3):
            for column in range(5):
                expected = np.float32((float(rgb[row, column, channel]) / 255 - m) / s)
                assert encoded[channel, row, column] == expected


def test_normalize_takes_only_pixels_of_its_size():
    with pytest.raises(CoderError, match=r"\(\.\.\., 3, 5, 1\)"):
        _encoder().normalize(np.zeros((5, 3, 1), np.uint8))
    with pytest.raises(CoderError, match="uint8"):
        _encoder().normalize(np.zeros((3, 5, 1)))


@given(_RGB, st.sampled_from(["gray", "rgb"]), st.floats(-1, 1), st.floats(0.1, 4))
def test_the_decoder_gives_back_the_pixels(rgb, color, mean, std):
    encoder = _encoder(color, mean=mean, std=std)
    decoder = encoder.decoder()
    np.testing.assert_array_equal(decoder.pixels(encoder(rgb)), encoder.pixels(rgb))
    image = decoder(encoder(rgb))
    assert image.size == (5, 3)
    assert image.mode == {"gray": "L", "rgb": "RGB"}[color]
    np.testing.assert_array_equal(encoder(image), encoder(rgb))
    assert [one.size for one in decoder(encoder([rgb, rgb]))] == [(5, 3)] * 2


def test_the_decoder_clips_and_rounds_half_up():
    decoder = ImageDecoder()
    values = np.array([[[-3.0, 0.0, 0.5, 1.0, np.inf]]])
    np.testing.assert_array_equal(decoder.pixels(values)[0, :, 0], [0, 0, 128, 255, 255])
    for wrong in (np.full((1, 2, 2), np.nan), np.zeros((3, 2, 2)), np.zeros((2, 2))):
        with pytest.raises(CoderError):
            decoder(wrong)


def test_stretch_keeps_a_constant_and_commutes_with_mirroring():
    columns = np.repeat(np.array([[10, 200, 30, 90]], np.uint8), 2, axis=0)
    constant = ImageEncoder(width=9, height=4).pixels(np.full((31, 17), 77, np.uint8))
    assert np.unique(constant).tolist() == [77]
    mirrored = ImageEncoder(width=2, height=2)
    np.testing.assert_array_equal(
        mirrored.pixels(columns)[:, ::-1], mirrored.pixels(np.ascontiguousarray(columns[:, ::-1]))
    )


def test_reduction_averages_and_does_not_skip_pixels():
    """Oracle: the mean; a one-pixel checkerboard is gray when reduced, not black or white."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = ImageEncoder(width=8, height=8).pixels(board)
    assert 126 <= small.min() <= small.max() <= 129


def test_fit_keeps_the_aspect_and_pads_with_black():
    wide = ImageEncoder(width=4, height=4, resize="fit").pixels(np.full((4, 8), 255, np.uint8))
    np.testing.assert_array_equal(wide[:, 0, 0], [0, 255, 255, 0])
    tall = ImageEncoder(width=4, height=4, resize="fit").pixels(np.full((8, 6), 255, np.uint8))
    np.testing.assert_array_equal(tall[0, :, 0], [255, 255, 255, 0])
    board = ImageEncoder(width=4, height=4, resize="fit").pixels(np.full((2, 4), 9, np.uint8))
    np.testing.assert_array_equal(board[:, 0, 0], [0, 9, 9, 0])
    line = ImageEncoder(width=4, height=4, resize="fit").pixels(np.full((1, 4000), 9, np.uint8))
    np.testing.assert_array_equal(line[:, 0, 0], [0, 9, 0, 0])


def test_fill_keeps_the_aspect_and_crops_the_centre():
    image = np.zeros((4, 8), np.uint8)
    image[:, 2:6] = np.arange(16).reshape(4, 4)
    filled = ImageEncoder(width=4, height=4, resize="fill").pixels(image)
    np.testing.assert_array_equal(filled[..., 0], image[:, 2:6])
    filled = ImageEncoder(width=4, height=4, resize="fill").pixels(image.T.copy())
    np.testing.assert_array_equal(filled[..., 0], image[:, 2:6].T)


@pytest.mark.parametrize("suffix", ["png", "bmp", "jpg"])
def test_files(tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    gray = np.full((3, 5), 200, np.uint8)
    Image.fromarray(gray).save(path, quality=100)
    for form in (path, str(path), [path]):
        pixels = _encoder().pixels(form)
        np.testing.assert_array_equal(np.squeeze(pixels), gray)


def test_a_turned_photograph_is_set_upright(tmp_path):
    """Orientation 6: the stored picture must be turned by 90 degrees clockwise to be seen."""
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.png"
    Image.fromarray(stored).save(path, exif=exif)
    seen = ImageEncoder(width=16, height=32).pixels(path)[..., 0]
    np.testing.assert_array_equal(seen, np.rot90(stored[..., 0], -1))


def test_unreadable_files_are_one_line(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)
    cut = []
    for kind in ("PNG", "JPEG"):
        good = io.BytesIO()
        Image.fromarray(noise).save(good, kind)
        cut.append(good.getvalue()[:700])
    path = tmp_path / "bad.png"
    for content in (b"", b"text", *cut, b"%!PS-Adobe-3.0 EPSF-3.0\n"):
        path.write_bytes(content)
        with pytest.raises(DrypointError, match=r"bad\.png is not a readable picture"):
            _encoder()(path)
    with pytest.raises(DrypointError, match="No such file"):
        _encoder()(tmp_path / "missing.png")


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    Image.new("1", (9000, 9000)).save(path)
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    line = r"bomb\.png: an image of 9,000 x 9,000 pixels takes 1,944,000,000 bytes .* limit=1944"
    with pytest.raises(CoderError, match=line):
        _encoder()(path)


def test_a_picture_that_pillow_refuses_is_refused_in_one_line(tmp_path):
    Image.new("1", (20_000, 10_000)).save(tmp_path / "bomb.png")
    with pytest.raises(CoderError, match=r"bomb\.png: above 178,956,970 pixels, which Pillow does"):
        _encoder()(tmp_path / "bomb.png")


def test_the_limit_of_a_picture_is_raised_by_an_argument(tmp_path):
    path = tmp_path / "class/small.png"
    path.parent.mkdir()
    Image.new("L", (10, 10)).save(path)
    line = "takes 2,400 bytes of memory to decode, the limit is 2,399"
    with pytest.raises(CoderError, match=line):
        _encoder().pixels(path, limit=2399)
    with pytest.raises(CoderError, match=line):
        load_folder(tmp_path, limit=2399)
    assert (_encoder().pixels(path, limit=2400) == _encoder().pixels(path)).all()
    assert len(load_folder(tmp_path, limit=2400)) == 1


MEMORY = """
import pathlib, resource, sys
from PIL import Image
from drypoint.data import ImageEncoder

SIDE = 1800
gray, rgb = ImageEncoder(width=28, height=28), ImageEncoder(width=28, height=28, color="rgb")

def address_space():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

exif = Image.Exif()
exif[0x0112] = 6  # turned by 90 degrees
gray.pixels(sys.argv[1] + "/small.png")
for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "F", "CMYK", "YCbCr"):
    kind = "png" if mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else "tiff"
    path = f"{sys.argv[1]}/{mode.replace(';', '')}.{kind}"
    Image.new(mode, (SIDE, SIDE)).save(path, exif=exif)
    for encoder in (gray, rgb):
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + 24 * SIDE**2 + (8 << 20), -1))
        encoder.pixels(path)
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
print("all modes fit")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a process is limited as on Linux")
def test_a_picture_takes_no_more_memory_than_is_counted_for_it(tmp_path):
    """24 bytes a pixel, and 8 MiB for blocks of rows and decoders, held by the kernel's limit."""
    Image.new("L", (10, 10)).save(tmp_path / "small.png")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.stdout == "all modes fit\n", done.stderr[-2000:]


@pytest.mark.parametrize(
    "settings",
    [
        {"width": 0},
        {"width": 28.0},
        {"width": True},
        {"height": 1 << 20},
        {"color": "lab"},
        {"resize": "crop"},
        {"mean": (0.1, 0.2)},
        {"mean": 1e308, "std": 1e-308},
        {"mean": float("nan")},
        {"mean": "0.5x"},
        {"std": 0.0},
        {"std": -1},
    ],
)
def test_settings_are_checked(settings):
    with pytest.raises(CoderError):
        ImageEncoder(**{"width": 28, "height": 28, **settings})


def test_ascii_image():
    ramp = np.repeat(np.arange(0, 256, 26, dtype=np.uint8)[None], 2, axis=0)
    assert ascii_image(ramp) == " .:-=+*#%@"
    square = np.zeros((28, 28), np.uint8)
    square[:, 14:] = 255
    lines = ascii_image(square).splitlines()
    assert lines == [" " * 14 + "@" * 14] * 14
    assert len(ascii_image(square, width=10).splitlines()) == 5
    for width in (0, 201):
        with pytest.raises(CoderError, match="columns"):
            ascii_image(square, width=width)


@pytest.mark.parametrize("width", [1, 3, 4])
def test_an_array_that_may_be_images_or_channels_is_refused_and_says_how_to_tell(width):
    encoder = ImageEncoder(width=width, height=5)
    stack = np.random.default_rng(0).integers(0, 256, (2, 5, width), dtype=np.uint8)
    with pytest.raises(CoderError, match="may be 2 gray images of"):
        encoder(stack)
    images = encoder(stack[..., None])
    assert images.shape == (2, 1, 5, width)
    np.testing.assert_array_equal(images, np.stack([encoder(image) for image in stack]))
    one = encoder(stack[None])
    assert one.shape == (1, 1, 5, width)


def test_an_array_of_another_size_with_three_channels_is_one_image():
    assert ImageEncoder(width=3, height=5)(np.zeros((6, 9, 3), np.uint8)).shape == (1, 5, 3)


def test_numbers_that_are_not_pixels_are_no_pixels_from_0_to_255():
    """Whole numbers from 0 to 255 in images are pixels; measurements of a sensor are not."""
    x = np.random.default_rng(0).integers(0, 256, (3, 4, 5))
    for pixels in (x, x.astype(np.float32), x.astype(np.int16)):
        with pytest.raises(DatasetError, match=r"as pixels are: give pixels as uint8"):
            check_scaled(pixels, name="x")
    others = (x.astype(np.uint8), x - 1, x / 255, x + 0.5, x[0], x % 16, x.astype(float) * 3, x[:0])
    for values in others:
        check_scaled(values, name="x")
