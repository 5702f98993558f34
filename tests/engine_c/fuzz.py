"""Fuzzes the loader, the kernels and memory plans until it is stopped: `make fuzz`; `ARGS=N` begins
at number N.

Builds fuzz.c three times in build/fuzz (gcc and clang with their sanitizers, gcc with guard pages)
and fuzz_plans.c twice, and gives each in turn the next mutants of the golden blobs, or the next
nets with memory plans. Ends at the first that fails; what the failing program wrote says how to
make this mutant or net again.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build/fuzz"
NUMBERS = 10_000_000  # of a round
SANITIZE = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
BUILDS = {
    "gcc": ("fuzz.c", "gcc", *SANITIZE),
    "clang": ("fuzz.c", "clang-19" if shutil.which("clang-19") else "clang", *SANITIZE),
    "guard": ("fuzz.c", "gcc", "-O2", "-DGUARDED=guard_side"),
    "plans": ("fuzz_plans.c", "gcc", "-O2"),
    "plans-sanitized": ("fuzz_plans.c", "gcc", *SANITIZE),
}
# Each part of a round: the build, its mode, how many mutants or nets. A net has about one plan that
# the loader accepts. In an hour of two cores rounds check 100 million plans and 10 million streams.
PARTS = (
    ("gcc", "", 20_000),
    ("plans", "plans", NUMBERS),
    ("clang", "", 20_000),
    ("plans", "streams", NUMBERS // 4),
    ("guard", "", 20_000),
    ("plans-sanitized", "plans", NUMBERS // 100),
    ("plans-sanitized", "streams", NUMBERS // 100),
)


def build() -> None:
    """Compile the fuzz targets."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    engine = sorted((ROOT / "engine_c/src").rglob("*.c"))
    folders = {ROOT / "engine_c/include", *(path.parent for path in engine)}
    include = [f"-I{folder}" for folder in sorted(folders)]
    for name, (source, *command) in BUILDS.items():
        files = [ROOT / "tests/engine_c" / source, *engine]
        words = [*command, "-std=c99", *include, *map(str, files)]
        subprocess.run([*words, "-o", str(FOLDER / name)], check=True)


def main() -> int:
    """Round after round; the status of the program that failed."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time()) * NUMBERS
    blobs = sorted((ROOT / "tests/golden").glob("format-*/*.dpt"))
    build()
    while True:
        for name, mode, count in PARTS:
            words = [mode, str(first), str(count)] if mode else [str(first), str(count), *blobs]
            command = [FOLDER / name, *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                print(done.stderr[-4000:], f"the program: {command[0]}", sep="\n")
                return 1
            lines = [line for line in done.stdout.splitlines() if line.startswith("accepted: ")]
            print(f"{name}: {count} {mode or 'mutants'} from {first}: {lines[0]}", flush=True)
            first += count


if __name__ == "__main__":
    sys.exit(main())
