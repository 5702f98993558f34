"""How many lines of code each part has, and the budgets of some: growth is seen, and a decision.

`python tests/support/line_counts.py` prints the table, and CI prints it too. A commit that needs
more lines than a budget has raises the budget, and says what the lines are for.
"""

from collections import Counter
from pathlib import Path

from drypoint.common import table_lines

ROOT = Path(__file__).parents[2]
CODE = {".py", ".c", ".h", ".inc"}
BUDGETS = {  # parts, and the most lines that they may have together
    # Fast depthwise convolutions, additions and pools took 3,100 lines: 1,000 for Helium, 700 for
    # other small devices, 450 for RISC-V V, 950 for x86-64 and the drivers that hosts share. Groups
    # of ops that run row by row took 310, the log of a run 100, streaming 240, planes that grow 40,
    # pairs of windows and 3x3 depthwise kernels in registers on x86-64 170, checks of what backends
    # assume of a target 50, several outputs 20. On small devices: dilation and groups 380, several
    # outputs a channel, pools and large kernels of depthwise convolutions 220, products and means
    # 90; sections for kernels 40. Sound took 1,080: 730 the front end (190 of them
    # complex numbers with and without the DSP extension, 200 for Helium), 150 listening, 180 the
    # check of a record. Vector instructions
    # for dilated, grouped and pooled convolutions, multipliers, products and planes one pixel wide
    # took 480, less what one driver saved. Slopes for each channel took 60, slices 60,
    # interpolation 100, transposes 45.
    # Weights of 4 and 2 bits took 660: plain 170, of Cortex-M4 220, of other
    # small devices 210, the rest gate and packing.
    # Groups of four channels took 400: 140 for Helium, 150 for other small devices, 110 for Arm's
    # dot product. Without them one layer kind costs up to 12 times its plain kind. Dense ops of
    # 4 bits, 30: 1.2 instructions a multiply-accumulate in place of 1.3 to 1.5. A stack of 2.5 KB
    # in place of 18 on RISC-V V, and words of activations there, took 100; pools and outputs of 32
    # bits of groups of four channels on Helium, 8 and 10 times faster, 70; with pools at less than
    # three times the plain kind, and on WebAssembly, 30. Windows of any size on RISC-V V in 2.5 KB
    # of stack took 90.
    # Depthwise planes on x86-64 whose rows are interleaved whole and whose tables stay in registers
    # took 135: a 3x3 kernel takes 0.25 to 0.9 of its time before, DS-CNN 0.72.
    # On x86-64, depthwise kernels of one row by quads of taps took 90: wake words take a seventh
    # less time. Turned blocks and bands of whole tiles took 110: four groups take a seventh less.
    # Products of planes in lanes of 16 bits took 80: half of the time, at every width of x86-64.
    # Pools after the columns of a depthwise op took 50: half of the time.
    # Doubled multipliers on AVX-512 took 60: MobileNet takes 3 to 4 % less time, ResNet8 2 to 3.
    "the engine's sources": (("engine_c/src",), 14_300),
    "what makes programs of nets and files": (
        ("pybridge/drypoint/graph", "pybridge/drypoint/quant", "trainer/drypoint/interop"),
        # Several outputs of a net took 70, wake words' manifests 110, files cut at a tensor 110,
        # linear models of scikit-learn 65, layouts and reductions of TensorFlow Lite 80, open
        # shapes 60, slopes for each channel 70, slices 110, interpolation 150,
        # transposes 60, several outputs of
        # files, read and written, 130, several inputs of nets and files 200. Few bits took 1,160:
        # scales by squared error 60, schemes 110, nets that train in integers 730 (150 of them
        # planes without weights, 60 several outputs and files), sensitivity and allocation 190.
        # What converters of TensorFlow write as several operators took 170, sizes
        # that a file leaves open 170, resizes, slices and transposes in files written 130, planes
        # that repeat an axis, blocks moved to channels and views by transposes 130.
        # planes that are reshaped, computed or refused, 50.
        14_910,
    ),
    "all but tests": (
        (
            "engine_c",
            "pybridge",
            "trainer",
            "tools",
            "training_bench",
            "examples",
            "docs/extension",
        ),
        # several outputs took 430: program 190, train 150, nn 70, others 20 or less; sound 2,500,
        # kernels of small devices 700, of hosts and the bench of layers 500; a verdict in a report,
        # its facts and the comparison of two reports, outputs that are no classes 1,400; few bits
        # 2,700: engine and program 800, quant 950, kernels of training 500, the example of small
        # nets 160; slices 330, interpolation 510; depthwise planes of the trainer 180, batch norm
        # with its clip 150; TensorFlow and JAX in its bench 230, layers 130; files of several
        # outputs and softmaxes of cells 180, a detector of cells 140; of keywords the detector
        # 330, noise and errors in a stream 320, WAV files 140, microphones' forms 160, mixednet 70;
        # groups of four channels 400, files of several inputs 140, integers in pairs of a training
        # step 150, a keyword net and hidden bands 130; on x86-64 signals and blocks of 16 channels
        # 200, depthwise planes 135, products 80; the stack of RISC-V V 100, groups of 4 on Helium
        # 70, the arena of a training step 100, hints and a new last layer for a trained net 120;
        # names and sizes of predefined nets, checked at once, 25; a size checked before programs
        # run 20; rows of a training's signals that the step copies 90; micro-batches that batch
        # norms join 600, Winograd tiles that are read where they lie 70: a fifth of ResNet8's time.
        101_960,
    ),
}


def lines_of(folder: str) -> int:
    """Lines of code below a folder of the repository."""
    files = (path for path in (ROOT / folder).rglob("*") if path.suffix in CODE and path.is_file())
    return sum(len(path.read_text("utf-8").splitlines()) for path in files)


def by_part() -> Counter[str]:
    """Lines of code by part, and by folder of the tests."""
    folders = [f"{top}/drypoint" for top in ("pybridge", "trainer", "tools")]
    parts = [f"{top}/{path.name}" for top in folders for path in (ROOT / top).iterdir()]
    parts += ["engine_c/src", "engine_c/include", "training_bench", "examples"]
    parts += [f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if path.is_dir()]
    return Counter({part: n for part in sorted(parts) if (n := lines_of(part))})


if __name__ == "__main__":
    rows = [("part", "lines"), *((part, f"{n:,}") for part, n in by_part().items())]
    print("\n".join(table_lines(rows, left=(0,))))
    for name, (folders, most) in BUDGETS.items():
        print(f"{name}: {sum(map(lines_of, folders)):,} lines of at most {most:,}")
