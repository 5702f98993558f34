"""The compiled kernels of data; they give the bytes of their NumPy references."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .counter_random import Keys
from .warp_map import ElasticGrid, Ints

try:
    from .._native import ffi, lib
except ModuleNotFoundError:  # a checkout without compiled kernels: NumPy computes everything
    ffi = lib = None

Pixels = NDArray[np.uint8]


def instruction_sets() -> tuple[str, ...]:
    """The names of the kernel sets that this CPU can run, fastest first; empty if none is
    compiled."""
    names: list[str] = []
    while lib is not None and (kernels := lib.dpd_available(len(names))):
        names.append(ffi.string(kernels.name).decode())
    return tuple(names)


def warp_compiled(
    images: Pixels, keys: Keys, maps: Ints, grid: ElasticGrid | None, *, kernels: int = 0
) -> Pixels:
    """`warp_reference` by the compiled kernels, which release the GIL."""
    images = np.ascontiguousarray(images)
    keys, maps = np.ascontiguousarray(keys), np.ascontiguousarray(maps)
    n, height, width, channels = images.shape
    settings = {"height": height, "width": width, "channels": channels}
    if grid is not None:
        settings |= {
            "n_rows": len(grid.rows),
            "n_columns": len(grid.columns),
            "gain": grid.gain,
            "rows": _pointer("int32_t", grid.rows),
            "columns": _pointer("int32_t", grid.columns),
        }
    warp = ffi.new("dpd_warp *", settings)
    scratch = np.empty(lib.dpd_warp_scratch_size(warp), np.int32)
    out = np.empty_like(images)
    lib.dpd_available(kernels).warp_images(
        warp,
        n,
        _pointer("uint8_t", images),
        _pointer("uint64_t", keys),
        _pointer("int32_t", maps),
        _pointer("int32_t", scratch),
        _pointer("uint8_t", out),
    )
    return out


def encode(pixels: Pixels, table: NDArray[np.float32], *, kernels: int = 0) -> NDArray[np.float32]:
    """``table[c, pixels[n, y, x, c]]`` as float32 (N, C, H, W); the kernels release the GIL."""
    n, height, width, channels = pixels.shape
    if lib is None:
        planes = np.moveaxis(pixels, 3, 1)
        return np.ascontiguousarray(table[np.arange(channels)[:, None, None], planes])
    pixels = np.ascontiguousarray(pixels)
    out = np.empty((n, channels, height, width), np.float32)
    size = height * width
    lib.dpd_available(kernels).encode(
        n,
        size,
        channels,
        _pointer("uint8_t", pixels),
        _pointer("float", table),
        _pointer("float", out),
    )
    return out


def _pointer(kind: str, array: NDArray[Any]) -> Any:
    """The address of the first element; the caller keeps the array alive."""
    return ffi.cast(f"{kind} *", array.__array_interface__["data"][0])
