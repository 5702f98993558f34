"""The picture of a terminal on the first pages: commands and their output.

``make pictures`` writes it; a test compares it with the output of the commands.
"""

import io
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from html import escape
from pathlib import Path

from PIL import Image

from drypoint import data, models
from drypoint.cli.__main__ import main
from drypoint.program import blob

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs/static/terminal.svg"
COMMANDS = ("run seven.png four.png --engine --model lenet.dpt", "info lenet.dpt")
DIGITS = {"seven.png": 0, "four.png": 4}  # name -> place among the test images
_LINE, _LETTER, _EDGE = 20, 8.4, 16


def session() -> str:
    """The commands, each with its output, in a folder with the pictures and the shipped LeNet."""
    lines = []
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for name, place in DIGITS.items():
            Image.fromarray(data.load("mnist", "test").x[place]).save(name)
        Path("lenet.dpt").write_bytes(blob.dumps(models.load_program("lenet-mnist")))
        for command in COMMANDS:
            with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()):
                assert main(command.split()) == 0, command
            lines += [f"$ drypoint {command}", *out.getvalue().rstrip().splitlines(), ""]
    return "\n".join(lines[:-1])


def svg(text: str) -> str:
    """An SVG of the text, light on dark."""
    lines = text.splitlines()
    width = round(max(map(len, lines)) * _LETTER + 2 * _EDGE)
    height = len(lines) * _LINE + 2 * _EDGE
    rows = [
        f'<text x="{_EDGE}" y="{_EDGE + 14 + i * _LINE}" xml:space="preserve"'
        f"{' fill=' + chr(34) + '#7ee787' + chr(34) if line.startswith('$') else ''}>"
        f"{escape(line)}</text>"
        for i, line in enumerate(lines)
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="monospace" font-size="14" fill="#e6edf3">'
    )
    window = f'<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>'
    return "\n".join([head, window, *rows, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(svg(session()), "utf-8")
    print(f"wrote {PICTURE}")
