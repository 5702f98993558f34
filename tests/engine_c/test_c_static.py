"""A program that is one file, the net in it: small, soon ready, and right about every image."""

import re
import subprocess
import time

import numpy as np

from drypoint.program import blob, reference
from tools import ENGINE_SOURCES, INCLUDES, ONLY_CI, ROOT, WARNINGS, run

SOURCE = ROOT / "examples/c/classify.c"
NET = ROOT / "trainer/drypoint/models/shipped/lenet-mnist.dpt"


@ONLY_CI
def test_a_static_program_is_small_and_right(toolbox, capsys):
    """Oracle: ``program.reference``. The file stays under 800 KB, memory under 3 MB; the times are
    printed, since a busy machine may take any."""
    compiler = toolbox.need("musl-gcc")
    flags = ("-std=c99", *WARNINGS, "-Os", "-static", "-s", f'-DMODEL="{NET}"', *INCLUDES)
    program = toolbox.build("classify", [compiler, *flags, SOURCE, *ENGINE_SOURCES])
    x = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1)).astype(np.uint8)
    lenet = blob.loads(NET.read_bytes())
    wanted = [lenet.labels[i] for i in reference.run(lenet, x).argmax(axis=1)]
    done = subprocess.run([program], input=x.tobytes(), capture_output=True, check=True)
    assert done.stdout.decode().split() == wanted
    memory, first = re.findall(r"(\d+) (?:KB|us)", done.stderr.decode())
    assert program.stat().st_size < 800_000
    assert int(memory) < 3000
    best = min(whole_run(program, x[:1].tobytes()) for _ in range(20))
    with capsys.disabled():
        print(
            f"\nstatic LeNet: {program.stat().st_size:,} bytes, {memory} KB of memory, "
            f"first result {first} us after main; start to end of a process {1e3 * best:.1f} ms"
        )


def whole_run(program, image):
    """Seconds from before a process starts until it has answered and ended."""
    begin = time.perf_counter()
    run([program], data=image)
    return time.perf_counter() - begin
