"""LeNet on test images: every layer's bytes by every runner. Oracle: the reference.

All 10,000 where all tools are asked for, as in CI; else 1,000, through the same code.
"""

from drypoint import data
from drypoint.engine import Compiled, Engine, verify
from drypoint.program import blob


def test_every_backend_and_compiler_gives_the_reference_on_test_images(toolbox, lenet, tmp_path):
    program = blob.loads((lenet / "lenet.dpt").read_bytes())
    runners = {name: Engine(program, backend=name) for name in Engine.backends()}
    for compiler in ("gcc", "clang"):
        workdir = tmp_path / compiler
        workdir.mkdir()
        runners[compiler] = Compiled(
            program, lenet, name="lenet", workdir=workdir, compiler=toolbox.need(compiler)
        )
    count = 10_000 if toolbox.all_tools else 1_000
    images = data.load("mnist", "test").x[:count]
    found = verify(program, runners, images)
    assert found.images == len(images) == count
    assert found.bytes_per_image == 2880 + 800 + 500 + 40
    assert found.differing_bytes == 0, found.differing
    assert set(found.outputs) == {"reference", *runners}
