"""Fuzzes the loader and the kernels until it is stopped: `make fuzz`; `ARGS=N` begins at mutant N.

Builds fuzz.c three times in build/fuzz (gcc and clang with their sanitizers, gcc with guard pages)
and gives each in turn the next mutants of the golden blobs. Ends at the first that fails; what the
failing program wrote says how to make this mutant again.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build/fuzz"
ROUND = 20_000  # mutants for each program
SANITIZE = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
BUILDS = {
    "gcc": ("gcc", *SANITIZE),
    "clang": ("clang-19" if shutil.which("clang-19") else "clang", *SANITIZE),
    "guard": ("gcc", "-O2", "-DGUARDED=guard_side"),
}


def build() -> list[Path]:
    """Compile the fuzz targets."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    sources = [ROOT / "tests/engine_c/fuzz.c", *sorted((ROOT / "engine_c/src").glob("*.c"))]
    programs = []
    for name, command in BUILDS.items():
        programs.append(FOLDER / name)
        words = [*command, "-std=c99", f"-I{ROOT / 'engine_c/include'}", *sources]
        subprocess.run([*words, "-o", programs[-1]], check=True)
    return programs


def main() -> int:
    """Round after round; the status of the program that failed."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time()) * ROUND
    blobs = sorted((ROOT / "tests/golden").glob("format-*/*.dpt"))
    programs = build()
    while True:
        for program in programs:
            command = [program, str(first), str(ROUND), *blobs]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                print(done.stderr[-4000:], f"the program: {program}", sep="\n")
                return 1
            *_, accepted, _, ran = done.stdout.splitlines()
            print(f"{program.name}: mutants from {first}: {accepted}, {ran}", flush=True)
            first += ROUND


if __name__ == "__main__":
    sys.exit(main())
