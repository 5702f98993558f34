"""Lines and files of code by room, a folder, beside the ceilings of ``pyproject.toml``.

`python tests/support/rooms.py` prints the table, and fails where a room is above its ceiling; CI
prints it too. With `--lower` it first lowers each ceiling to the lines that its room has. A ceiling
rises only in the commit that closes an issue which states how many lines it adds.
"""

import re
import sys
import tomllib
from pathlib import Path

from drypoint.common import table_lines

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "pyproject.toml"
CODE = {".py", ".c", ".h", ".inc"}
PARTS = ("pybridge/drypoint", "trainer/drypoint", "tools/drypoint")  # each folder in them is a room
OTHER_ROOMS = (
    "docs/extension",
    "docs/surveys",
    "engine_c/include",
    "engine_c/src",
    "examples",
    "package/drypoint",
    "tests",
    "training_bench",
)


def measure_rooms() -> dict[str, tuple[int, int]]:
    """Room -> its lines and files of code."""
    parts = [f"{top}/{path.name}" for top in PARTS for path in (ROOT / top).iterdir()]
    found = {}
    for room in sorted([*parts, *OTHER_ROOMS]):
        files = [path for path in (ROOT / room).rglob("*") if path.suffix in CODE]
        if files:
            lines = sum(len(path.read_text("utf-8").splitlines()) for path in files)
            found[room] = (lines, len(files))
    return found


def read_ceilings() -> dict[str, int]:
    """Room -> the most lines that it may have."""
    ceilings: dict[str, int] = tomllib.loads(SETTINGS.read_text("utf-8"))["tool"]["drypoint"][
        "ceilings"
    ]
    return ceilings


def find_rooms_too_large() -> list[str]:
    """A line for each room above its ceiling or without one, and for each ceiling without room."""
    rooms, ceilings = measure_rooms(), read_ceilings()
    return [
        f"{room}: {lines:,} lines, at most {ceilings.get(room, 0):,} by pyproject.toml"
        for room, (lines, _) in rooms.items()
        if lines > ceilings.get(room, 0)
    ] + [f"{room}: a ceiling, but no such folder" for room in ceilings if room not in rooms]


def lower_ceilings() -> None:
    """Write the lines of each room in the place of a higher ceiling."""
    rooms, text = measure_rooms(), SETTINGS.read_text("utf-8")
    for room, most in read_ceilings().items():
        row, lines = rf'(?m)^("{re.escape(room)}" = )\d+$', rooms.get(room, (0, 0))[0]
        text = re.sub(row, rf"\g<1>{min(lines, most)}", text)
    SETTINGS.write_text(text, "utf-8")


def main() -> None:
    """Print the table of rooms; exit with 1 where a room is too large."""
    if "--lower" in sys.argv:
        lower_ceilings()
    ceilings = read_ceilings()
    rows = [("room", "lines", "ceiling", "files")]
    rows += [
        (room, f"{lines:,}", f"{ceilings.get(room, 0):,}", f"{files:,}")
        for room, (lines, files) in measure_rooms().items()
    ]
    print("\n".join(table_lines(rows, left=(0,))))
    too_large = find_rooms_too_large()
    print("\n".join(too_large))
    sys.exit(bool(too_large))


if __name__ == "__main__":
    main()
