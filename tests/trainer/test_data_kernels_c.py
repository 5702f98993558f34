"""The data kernels' C under sanitizers and strict warnings, and encoding against its formula."""

from pathlib import Path

import numpy as np
import pytest

from drypoint.data import ImageEncoder
from drypoint.data._augmentation.compiled import encode, instruction_sets
from tools import COMPILERS, ROOT, SANITIZE, WARNINGS, run

FOLDER = ROOT / "trainer/drypoint/data/kernels_c"
ONCE = [FOLDER / "dpd_dispatch.c", FOLDER / "dpd_memory.c"]
SETS = instruction_sets()
FLAGS = {
    "portable": (),
    "avx2": ("-mavx2",),
    "avx512": ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"),
}


def templates():
    return [path for path in sorted(FOLDER.glob("*.c")) if path not in ONCE]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_kernels_are_clean_under_sanitizers(toolbox, compiler):
    """Every kernel on small images with maps that lead far outside; all sets must agree."""
    path = toolbox.need(compiler)
    toolbox.need_flags(path, *SANITIZE)
    common = ["-std=c99", *WARNINGS, *SANITIZE, f"-I{FOLDER}"]
    parts = [
        toolbox.build(
            f"{part.stem}-{isa}-{compiler}.o",
            [path, *common, *FLAGS[isa], f"-DDPD_ISA={isa}", "-c", part],
        )
        for isa in SETS
        for part in templates()
    ]
    sources = [Path(__file__).with_name("data_kernels_driver.c"), *ONCE, *parts]
    command = [path, *common, *(f"-DDPD_HAS_{isa}" for isa in SETS), *sources]
    run([toolbox.build(f"data_kernels_driver-{compiler}", command)])


@pytest.mark.parametrize("isa", [*FLAGS])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_compiler_takes_the_source_without_a_warning(toolbox, compiler, isa):
    flags = ["-std=c99", *WARNINGS, *FLAGS[isa], f"-DDPD_ISA={isa}", f"-I{FOLDER}"]
    for path in templates():
        run([toolbox.need(compiler), "-fsyntax-only", *flags, path])


@pytest.mark.parametrize("kernels", range(len(SETS)), ids=SETS)
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (4, 4), (1, 17), (28, 28)])
@pytest.mark.parametrize("channels", [1, 3])
def test_encoding_looks_up_each_channel_in_its_own_row(kernels, size, channels):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (2, *size, channels), dtype=np.uint8)
    table = random.random((channels, 256), np.float32)
    found = encode(pixels, table, kernels=kernels)
    for n, y, x, c in np.ndindex(pixels.shape):
        assert found[n, c, y, x] == table[c, pixels[n, y, x, c]]


@pytest.mark.parametrize("kernels", range(len(SETS)), ids=SETS)
def test_every_pixel_value_is_looked_up(kernels):
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    table = np.random.default_rng(1).random((1, 256), np.float32)
    np.testing.assert_array_equal(encode(pixels, table, kernels=kernels).ravel(), table[0])


def test_encoders_do_not_share_what_they_encode_to():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for mean, std in ((None, None), (0.5, None), (None, 2.0), (0.5, 2.0), (None, None)):
        encoder = ImageEncoder(width=16, height=16, mean=mean, std=std)
        wanted = (np.arange(256) / 255 - (mean or 0)) / (std or 1)
        np.testing.assert_array_equal(encoder(image).ravel(), wanted.astype(np.float32))
