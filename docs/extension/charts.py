"""The chart of speeds on the first pages, drawn from tables of figures.md and engine_c/README.md.

``make pictures`` writes the chart; a test compares the chart with the tables.
"""

import re
from html import escape
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs/static/speed.svg"
NETS = {
    "lenet": "LeNet",
    "kws": "keywords",
    "ic": "images",
    "vww": "person or not",
    "ad": "anomalies",
    "sww": "wake word",
}
"""Row of both tables -> its name in the chart: LeNet and the nets of MLPerf Tiny."""

_LINE, _LABEL, _FULL, _GAP, _TOP = 20, 100, 150, 84, 58  # pixels; _FULL: a bar of 100 %
_LONGEST = 1.12  # a longer bar is cut, and its number ends in an arrow
_NUMBERS = 176  # where numbers begin: right of the longest bar and of the line at 100 %
_STYLE = """<style>
.speed { --ink: #22272e; --muted: #5b626d; --pale: #b9bec6; --accent: #0068a8;
  --over: #b35900; }
@media (prefers-color-scheme: dark) { .speed { --ink: #e6edf3; --muted: #9aa3af;
  --pale: #5c6570; --accent: #5ab3ec; --over: #f0a35e; } }
</style>"""


class Panel(NamedTuple):
    """Bars beside each other's names.

    Attributes:
        title, unit: two lines above the bars.
        shares: name -> drypoint's figure over the peer's.
    """

    title: str
    unit: str
    shares: dict[str, float]


def panels() -> list[Panel]:
    """The panels: time on a host, instructions on two devices.

    Raises:
        ValueError: a table has lost a row or a column.
    """
    nets = (ROOT / "docs/figures.md").read_text("utf-8").partition("<!-- begin nets -->")[2]
    devices = (ROOT / "engine_c/README.md").read_text("utf-8")
    cpu = re.search(r"Measured on [\d-]+, ([^,]+),", nets)
    if cpu is None:
        raise ValueError("the table of nets does not name its CPU")
    host = {
        name: float(_cell(nets, "net", key, "share of the best peer").split()[0])
        for key, name in NETS.items()
    }
    return [
        Panel(f"{cpu[1]}, time", "fastest of three peers = 100 %", host),
        *(
            Panel(f"{title}, instructions", "CMSIS-NN = 100 %", _device_shares(devices, target))
            for title, target in (("Cortex-M4", "cortex-m4"), ("Cortex-M55", "cortex-m55"))
        ),
    ]


def _device_shares(text: str, target: str) -> dict[str, float]:
    """Name -> drypoint's instructions over CMSIS-NN's: LeNet has a table of its own."""
    return {
        name: _percent(
            _cell(text, "target", target, "the best peer")
            if key == "lenet"
            else _cell(text, "net", key, target)
        )
        for key, name in NETS.items()
    }


def _cell(text: str, table: str, row: str, column: str) -> str:
    """A cell of the table whose first column is called ``table``."""
    head = _cells(text, table)
    rest = text[text.index(f"\n| {table} |") :]
    return _cells(rest, row)[head.index(column)]


def _cells(text: str, begin: str) -> list[str]:
    found = re.search(rf"^\| {re.escape(begin)} \|.*$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no line of the tables begins with {begin!r}")
    return [cell.strip() for cell in found[0].strip("| ").split("|")]


def _percent(cell: str) -> float:
    found = re.search(r"(\d+) %", cell)
    if found is None:
        raise ValueError(f"{cell!r} has no share in percent")
    return int(found[1]) / 100


def svg() -> str:
    """The chart, light or dark as its reader's screen is; a page may set the five colours."""
    drawn = panels()
    width = _LABEL + len(drawn) * (_FULL + _GAP)
    height = _TOP + len(NETS) * _LINE + 10
    parts = [_bars(panel, _LABEL + i * (_FULL + _GAP)) for i, panel in enumerate(drawn)]
    names = [
        _text(_LABEL - 10, _TOP + i * _LINE + 12, name, anchor="end")
        for i, name in enumerate(NETS.values())
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="speed" role="img" '
            f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="system-ui, sans-serif" font-size="12">',
            f"<title>{escape(describe(drawn))}</title>",
            _STYLE,
            *names,
            *(line for part in parts for line in part),
            "</svg>",
            "",
        ]
    )


def describe(drawn: list[Panel]) -> str:
    """The chart in a sentence for each panel."""
    return (
        " ".join(
            f"{panel.title}, {panel.unit}: "
            + ", ".join(f"{name} {share:.0%}" for name, share in panel.shares.items())
            + "."
            for panel in drawn
        )
        .replace("%", " %")
        .replace("  %", " %")
    )


def _bars(panel: Panel, left: int) -> list[str]:
    bottom = _TOP + len(NETS) * _LINE
    lines = [
        _text(left, 16, panel.title, weight="600"),
        _text(left, 32, panel.unit, colour="muted"),
        f'<path d="M{left + _FULL} {_TOP - 6}V{bottom}" stroke="var(--pale)" '
        'stroke-dasharray="3 3"/>',
        _text(left + _FULL, _TOP - 10, "100 %", colour="muted", anchor="middle"),
    ]
    for i, share in enumerate(panel.shares.values()):
        y = _TOP + i * _LINE
        end = left + round(min(share, _LONGEST) * _FULL)
        colour = "accent" if share <= 1 else "over"
        lines.append(
            f'<rect x="{left}" y="{y + 2}" width="{end - left}" height="{_LINE - 6}" rx="2" '
            f'fill="var(--{colour})"/>'
        )
        arrow = " →" if share > _LONGEST else ""
        lines.append(_text(left + _NUMBERS, y + 13, f"{share * 100:.0f} %{arrow}"))
    return lines


def _text(
    x: int, y: int, words: str, *, colour: str = "ink", anchor: str = "start", weight: str = "400"
) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="var(--{colour})" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(svg(), "utf-8")
    print(f"wrote {PICTURE}")
