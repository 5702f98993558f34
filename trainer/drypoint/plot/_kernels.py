"""The filters of a convolution."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.nn import Conv2d, NotInitializedError

from . import _look as look
from ._blocks import fit_width, number, pool
from ._checks import PlotError
from ._grid import ImageGrid, image_grid
from ._picture import Layout, Panels, Picture, Placement, placement

_GAP = 1  # white pixels between kernels


@dataclass(frozen=True, eq=False, repr=False)
class KernelMosaic(Picture):
    """All kernels of a layer that has several input channels, in one scale around 0.

    Attributes:
        weight: float64 (filters, inputs, kh, kw), read-only; a row of the mosaic is a filter.
        sizes: float64 (filters, inputs), read-only: root of the sum of squares of each kernel.
        limit: the largest absolute weight; colours reach from ``-limit`` to ``limit``.
        title: the title of the picture.
    """

    weight: NDArray[np.float64]
    sizes: NDArray[np.float64]
    limit: float
    title: str

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """The size of each kernel as a shade: a line for each filter, a column for each input."""
        filters, inputs = self.sizes.shape
        ramp = " .:-=+*#%@" if plain else " ░▒▓█"
        highest = float(self.sizes.max())
        left = len(str(filters - 1))
        room = fit_width(width) - left - 3
        lines = [
            self.title,
            f"{filters} filters (lines) of {inputs} kernels (columns)",
            f"shades: root of the sum of a kernel's squares, 0 to {number(highest)}",
            "",
        ]
        for i, row in enumerate(self.sizes):
            shares = pool(row, room) / highest if highest > 0 else np.zeros(min(inputs, room))
            steps = np.rint(shares * (len(ramp) - 1)).astype(int).tolist()
            lines.append(f"{i:>{left}}  " + "".join(ramp[step] for step in steps).rstrip())
        return "\n".join(line.rstrip() for line in lines)

    @property
    def layout(self) -> Layout:
        """At most 12 inches, a tenth of an inch a weight below that."""
        height, width = self._mosaic.shape
        unit = min(0.1, 11 / max(width, height))
        return Layout(width=max(3.5, 1.6 + width * unit), height=max(2.2, 0.9 + height * unit))

    @property
    def _mosaic(self) -> NDArray[np.float64]:
        """The kernels side by side, NaN between them."""
        filters, inputs, high, wide = self.weight.shape
        cells = np.full((filters, high + _GAP, inputs, wide + _GAP), np.nan)
        cells[:, :high, :, :wide] = self.weight.transpose(0, 2, 1, 3)
        flat = cells.reshape(filters * (high + _GAP), inputs * (wide + _GAP))
        return flat[:-_GAP, :-_GAP]

    def _draw(self, axes: Panels) -> None:
        (ax,) = axes
        filters, inputs, high, wide = self.weight.shape
        bound = self.limit or 1.0
        shown = ax.imshow(
            np.ma.masked_invalid(self._mosaic),
            cmap=look.SIGNED_MAP,
            vmin=-bound,
            vmax=bound,
            interpolation="nearest",
        )
        look.dress(ax, title=self.title, x="input channel", y="filter")
        ax.spines[:].set_visible(False)
        for axis, n, size in ((ax.xaxis, inputs, wide), (ax.yaxis, filters, high)):
            step = max(1, -(-n // 10))
            places = np.arange(0, n, step)
            axis.set_ticks(places * (size + _GAP) + (size - 1) / 2, [str(i) for i in places])
        legend = ax.figure.colorbar(shown, ax=ax, shrink=0.5, aspect=30)
        legend.ax.tick_params(labelsize=look.SMALL_SIZE, color=look.MUTED)
        legend.set_label("weight", fontsize=look.LABEL_SIZE, color=look.INK)
        legend.outline.set_visible(False)


def kernels(
    layer: Conv2d,
    *,
    channel: int | None = None,
    title: str = "",
    ax: Placement = None,
) -> ImageGrid | KernelMosaic:
    """The weights of a convolution as images, all in one scale around 0.

    Args:
        layer: an initialized convolution, as ``net["conv1"]``.
        channel: shows the kernels that read this input channel only; None shows all: a grid for
            a layer with one input channel (of its group), else a mosaic of filters (rows) and
            inputs (columns).
        title: the title of the picture; "" gives the number and size of the kernels.
        ax: one axes to draw on.

    Raises:
        PlotError: the layer is no convolution, or has no such channel.
        NotInitializedError: it has no weights yet.
    """
    if not isinstance(layer, Conv2d):
        raise PlotError(f"kernels are drawn of a Conv2d, not of a {type(layer).__name__}")
    if "weight" not in layer.params:
        raise NotInitializedError("Conv2d", "has no weight to show; call initialize() or fit()")
    weight = layer.params["weight"].astype(np.float64)
    weight = weight[:, :, None] if weight.ndim == 3 else weight  # a Conv1d's: time to the right
    filters, inputs, high, wide = weight.shape
    if channel is not None and not 0 <= channel < inputs:
        raise PlotError(f"the layer reads channels 0 to {inputs - 1}, there is no {channel}")
    limit = float(np.abs(weight).max())
    size = f"{high} x {wide}"
    if channel is None and inputs > 1:
        sizes = np.sqrt((weight**2).sum(axis=(2, 3)))
        for array in (weight, sizes):
            array.flags.writeable = False
        return KernelMosaic(
            weight=weight,
            sizes=sizes,
            limit=limit,
            title=title or f"{filters} x {inputs} kernels of {size}",
            placed=placement(ax),
        )
    channel_weights = weight[:, channel or 0]
    of = "" if inputs == 1 else f", input channel {channel}"
    return image_grid(
        list(channel_weights),
        [str(i) for i in range(filters)],
        shared=(-limit, limit),
        scale="signed",
        title=title or f"{filters} kernels of {size}{of}",
        placed=placement(ax),
    )
