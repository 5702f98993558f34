"""A drawing of a net: layers below their sources, and the shapes of the arrays between them."""

from dataclasses import dataclass

from drypoint.common import table_lines
from drypoint.nn import Model, Module, NetInfo, Shape
from drypoint.program import Program

from . import _look as look
from ._checks import PlotError
from ._picture import Layout, Panel, Panels, Picture, Placement, placement
from ._scheme import Link, Scheme, scheme_of, scheme_of_program, size_text

_STEP = 0.68  # inches a row
_HALF = 0.2  # of a box
_GAP = _STEP - 2 * _HALF  # between two rows: links that pass rows run along its top,
_ALONG, _LABEL = 0.06, 0.18  # labels lie below them


@dataclass(frozen=True, eq=False, repr=False)
class NetDrawing(Picture):
    """Layers from top to bottom, containers opened.

    Attributes:
        info: the net in numbers; or the program.
        scheme: its nodes and links.
    """

    info: NetInfo | Program
    scheme: Scheme

    @property
    def dot(self) -> str:
        """The graph in the DOT language, as Graphviz draws it."""
        names = self._ids
        lines = [
            "digraph net {",
            '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];',
            '  edge [fontname="sans-serif", fontsize=9];',
        ]
        for name, node in zip(names, self.scheme.nodes, strict=True):
            words = (node.name, node.kind) if node.kind else (node.name,)
            lines.append(
                f"  {name} [label={_quote(*words)}{'' if node.kind else ', shape=plaintext'}];"
            )
        for link in self.scheme.links:
            label = _quote(f" {link.label}")
            lines.append(f"  {names[link.source]} -> {names[link.target]} [label={label}];")
        return "\n".join([*lines, "}", ""])

    @property
    def _ids(self) -> list[str]:
        """The identifiers of nodes in DOT: port names where valid, numbers for layers."""
        count, names = 0, []
        for node in self.scheme.nodes:
            plain = node.name.isascii() and node.name.isidentifier() and len(node.name) < 20
            names.append(f"layer{count}" if node.kind else node.name if plain else f"port{count}")
            count += bool(node.kind)
        return names if len(set(names)) == len(names) else [f"n{i}" for i in range(len(names))]

    def render(self, width: int = 80, *, plain: bool = False) -> str:  # noqa: ARG002
        """A line for each layer; of a chain the shapes between, else what each one reads."""
        nodes, links = self.scheme.nodes, self.scheme.links
        if self.scheme.is_chain:
            wire, head = ("|", "v") if plain else ("│", "▼")
            left = max(len(node.name) for node in nodes if node.kind)
            lines = [nodes[0].name]
            for link in links:
                node = nodes[link.target]
                lines += [f"  {wire}  {size_text(link.shape)}", f"  {head}"]
                mark = f"{node.name:<{left}}  {'*' if node.learns else ' '} {node.kind}"
                lines.append(mark if node.kind else node.name)
        else:
            rows = []
            for i, node in enumerate(nodes):
                shapes = {size_text(k.shape) for k in links if k.source == i}
                read = ", ".join(
                    f"{k.port}: {nodes[k.source].name}" if k.port else nodes[k.source].name
                    for k in links
                    if k.target == i
                )
                mark = "*" if node.learns else ""
                rows.append(
                    (node.name, mark, node.kind, " ".join(shapes), f"<- {read}" if read else "")
                )
            lines = table_lines(rows, left=(0, 1, 2, 3, 4))
        mark = "has weights" if isinstance(self.info, Program) else "learns"
        return "\n".join([*lines, "", f"* {mark}; {self._totals}"])

    @property
    def layout(self) -> Layout:
        """Some six tenths of an inch a row."""
        return Layout(
            width=max(3.6, self.scheme.width + 0.4),
            height=0.6 + _STEP * (max(self.scheme.rows) + 1),
        )

    @property
    def _totals(self) -> str:
        if isinstance(self.info, Program):
            return f"{self.info.weight_bytes:,} weights, {self.info.macs:,} MACs an example"
        return f"{self.info.n_params:,} parameters, {self.info.macs:,} MACs an example"

    def _draw(self, axes: Panels) -> None:
        (ax,) = axes
        rows, centers = self.scheme.rows, self.scheme.centers
        for node, row, x in zip(self.scheme.nodes, rows, centers, strict=True):
            frame = look.ACCENT if node.learns else look.MUTED
            ax.text(
                x,
                -row * _STEP,
                f"{node.name}\n{node.kind}" if node.kind else node.name,
                fontsize=look.SMALL_SIZE,
                color=look.INK,
                horizontalalignment="center",
                verticalalignment="center",
                bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": frame}
                if node.kind
                else None,
                zorder=3,
                parse_math=False,
            )
        for i, link in enumerate(self.scheme.links):
            self._draw_link(ax, link, self.scheme.lanes.get(i))
        side = (self.layout.width - self.scheme.width) / 2
        ax.set_xlim(-side, self.scheme.width + side)
        ax.set_ylim(-(max(rows) + 0.5) * _STEP, 0.5 * _STEP)
        look.undress(ax, title=self._totals)

    def _draw_link(self, ax: Panel, link: Link, lane: float | None) -> None:
        scheme = self.scheme
        rows, centers = scheme.rows, scheme.centers
        x1, y1 = centers[link.source], -rows[link.source] * _STEP - _HALF
        x2, y2 = centers[link.target], -rows[link.target] * _STEP + _HALF + 0.02
        path = [(x1, y1)]
        if lane is not None:  # out of the side of a box, if nothing lies beside it
            if scheme.is_last(link.source):
                y1 += _HALF
                path = [(x1, y1)]
            else:
                y1 -= _ALONG
                path.append((x1, y1))
            if scheme.is_last(link.target):
                y2 -= _HALF + 0.02
                x2 += scheme.nodes[link.target].box / 2
                path += [(lane, y1), (lane, y2)]
            else:
                above = y2 - 0.02 + _GAP - _ALONG
                path += [(lane, y1), (lane, above), (x2, above)]
        if len(path) > 1:
            ax.plot(*zip(*path, strict=True), color=look.MUTED, linewidth=1, zorder=1)
        ax.annotate(
            "",
            (x2, y2),
            xytext=path[-1],
            arrowprops={"arrowstyle": "->", "color": look.MUTED, "shrinkA": 0, "shrinkB": 0},
            zorder=1,
        )
        x, side = self._label_place(link, lane)
        ax.text(
            x + (0.06 if side == "left" else -0.06),
            y1 - _LABEL if lane is None else (y1 + y2) / 2,
            link.label,
            fontsize=look.SMALL_SIZE,
            color=look.INK,
            horizontalalignment=side,
            verticalalignment="center",
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"},
            zorder=2,
        )

    def _label_place(self, link: Link, lane: float | None) -> tuple[float, str]:
        """Where a label begins, and the side of it that lies there: right of a straight link; of a
        slanted one, beyond the end that it has for itself.
        """
        if lane is not None:
            return lane, "left"
        x1, x2 = self.scheme.centers[link.source], self.scheme.centers[link.target]
        shared = sum(k.source == link.source for k in self.scheme.links) > 1
        here, other = (x2, x1) if shared else (x1, x2)
        return here, "right" if here < other else "left"


def net(
    shown: Module | Model | Program, *, input_shape: Shape | None = None, ax: Placement = None
) -> NetDrawing:
    """A net, layer by layer, with the shapes between; layers with parameters are highlighted.

    Args:
        shown: a layer, net, graph or model; containers inside are opened. Or a program, op by op.
        input_shape: the shape of one example; needed only if the net leaves its sizes open.
        ax: one axes to draw on.

    Raises:
        PlotError: ``shown`` is no net.
        ShapeError: the net's sizes are not known, or it does not take ``input_shape``.
    """
    if isinstance(shown, Program):
        return NetDrawing(info=shown, scheme=scheme_of_program(shown), placed=placement(ax))
    module = shown.net if isinstance(shown, Model) else shown
    if not isinstance(module, Module):
        raise PlotError(f"a net, layer or model is wanted, not {type(shown).__name__}")
    info = module.info(input_shape)
    return NetDrawing(info=info, scheme=scheme_of(module, info), placed=placement(ax))


def _quote(*lines: str) -> str:
    """A DOT string of lines."""
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'
