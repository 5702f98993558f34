"""LeNet on test images: every layer's bytes by every runner. Oracle: the reference.

All 10,000 and by two compilers in CI; every day 1,000 by gcc, through the same code.
"""

from drypoint import data
from drypoint.engine import Compiled, Engine, verify
from drypoint.program import blob


def test_every_backend_and_compiler_gives_the_reference_on_test_images(toolbox, lenet, tmp_path):
    program = blob.loads((lenet / "lenet.dpt").read_bytes())
    runners = {name: Engine(program, backend=name) for name in Engine.backends()}
    for compiler in ("gcc", "clang") if toolbox.all_tools else ("gcc",):
        workdir = tmp_path / compiler
        workdir.mkdir()
        runners[compiler] = Compiled(
            program, lenet, name="lenet", workdir=workdir, compiler=toolbox.need(compiler)
        )
    count = toolbox.count(every_day=1_000, ci=10_000)
    images = data.load("mnist", "test").x[:count]
    found = verify(program, runners, images)
    assert found.examples == len(images) == count
    assert found.bytes_per_example == 2880 + 800 + 500 + 40
    assert found.differing_bytes == 0, found.differing
    assert set(found.outputs) == {"reference", *runners}
