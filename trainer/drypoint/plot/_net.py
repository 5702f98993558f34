"""A net as a drawing: layers in order, and the shape of what passes between them."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from drypoint.nn import Layer, Model, NetInfo, Shape

from . import _look as look
from ._errors import PlotError
from ._picture import Layout, Picture, Placement, placement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEP = 0.62  # inches a layer


@dataclass(frozen=True, eq=False, repr=False)
class NetDrawing(Picture):
    """Layers from top to bottom.

    Attributes:
        info: the net in numbers.
    """

    info: NetInfo

    @property
    def boxes(self) -> tuple[tuple[str, str, bool], ...]:
        """Of each layer, containers opened: path, kind with the parameters, whether it learns."""
        return tuple(
            (
                layer.path or layer.kind,
                f"{layer.kind}, {layer.n_params:,} parameters" if layer.n_params else layer.kind,
                layer.trainable,
            )
            for layer in self.info.layers
        )

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Of the input, and of what comes out of each layer, for one example."""
        return (self.info.input_shape, *(layer.output_shape for layer in self.info.layers))

    @property
    def dot(self) -> str:
        """The graph in the DOT language, as Graphviz draws it."""
        lines = [
            "digraph net {",
            '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];',
            '  edge [fontname="sans-serif", fontsize=9];',
            '  input [label="input", shape=plaintext];',
            '  output [label="output", shape=plaintext];',
        ]
        names = ["input"]
        for i, (path, kind, _) in enumerate(self.boxes):
            names.append(f"layer{i}")
            lines.append(f"  layer{i} [label={_quoted(path, kind)}];")
        names.append("output")
        for (one, other), shape in zip(pairwise(names), self.shapes, strict=True):
            lines.append(f'  {one} -> {other} [label=" {_size(shape)}"];')
        return "\n".join([*lines, "}", ""])

    def render(self, width: int = 80, *, plain: bool = False) -> str:  # noqa: ARG002
        """A line for each layer, and between two of them the shape that passes."""
        wire, head = ("|", "v") if plain else ("│", "▼")
        left = max(len(path) for path, _, _ in self.boxes)
        lines = ["input"]
        for shape, (path, kind, learns) in zip(self.shapes, self.boxes, strict=False):
            lines += [f"  {wire}  {_size(shape)}", f"  {head}"]
            lines.append(f"{path:<{left}}  {'*' if learns else ' '} {kind}")
        lines += [f"  {wire}  {_size(self.shapes[-1])}", f"  {head}", "output"]
        return "\n".join([*lines, "", f"* learns; {self._totals}"])

    @property
    def layout(self) -> Layout:
        """Some six tenths of an inch a layer."""
        longest = max(max(len(path), len(kind)) for path, kind, _ in self.boxes)
        return Layout(
            width=max(3.6, 1.0 + 0.085 * longest), height=0.6 + _STEP * (len(self.boxes) + 2)
        )

    @property
    def _totals(self) -> str:
        return f"{self.info.n_params:,} parameters, {self.info.macs:,} MACs an example"

    def _draw(self, axes: "tuple[Axes, ...]") -> None:
        (ax,) = axes
        nodes = [("input", "", False), *self.boxes, ("output", "", False)]
        for i, (path, kind, learns) in enumerate(nodes):
            frame = look.ACCENT if learns else look.MUTED
            ax.text(
                0.5,
                -i,
                f"{path}\n{kind}" if kind else path,
                fontsize=look.SMALL_SIZE,
                color=look.INK,
                horizontalalignment="center",
                verticalalignment="center",
                bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": frame}
                if kind
                else None,
                zorder=3,
                parse_math=False,
            )
        for i, shape in enumerate(self.shapes):
            ax.annotate(
                "",
                (0.5, -i - 0.66),
                xytext=(0.5, -i - 0.3),
                arrowprops={"arrowstyle": "->", "color": look.MUTED, "shrinkA": 0, "shrinkB": 0},
            )
            ax.text(
                0.53,
                -i - 0.5,
                _size(shape),
                fontsize=look.SMALL_SIZE,
                color=look.INK,
                verticalalignment="center",
            )
        ax.set_xlim(0, 1)
        ax.set_ylim(-len(nodes) + 0.5, 0.5)
        look.undress(ax, title=self._totals)


def net(
    shown: Layer | Model, *, input_shape: Shape | None = None, ax: Placement = None
) -> NetDrawing:
    """A net, layer by layer, with the shapes between; those that learn stand out.

    Args:
        shown: a layer, net or model.
        input_shape: of one example; needed only where the net leaves its sizes open.
        ax: one axes to draw on.

    Raises:
        PlotError: it is no net.
        ShapeError: its sizes are not known, or it does not take that shape.
    """
    layer = shown.net if isinstance(shown, Model) else shown
    if not isinstance(layer, Layer):
        raise PlotError(f"a net, layer or model is wanted, not {type(shown).__name__}")
    return NetDrawing(info=layer.info(input_shape), placed=placement(ax))


def _size(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def _quoted(*lines: str) -> str:
    """A DOT string of lines."""
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'
