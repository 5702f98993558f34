"""dpt_softmax against its specification in NumPy; the specification against float64's softmax."""

import nets
import numpy as np
import pytest
from last_output import with_last

from drypoint.engine._native import ffi, lib
from drypoint.program import blob, codegen, reference, softmax
from tools import ENGINE_FILES, INCLUDES, PLAIN, STRICT, run

NEEDED = ("dpt_softmax.c", "dpt_run.c", "dpt_rows.c", "dpt_scalar.c")
SOURCES = [ENGINE_FILES[name] for name in NEEDED]


def random_rows(seed):
    """A scale and outputs (1, n) that spread over 0 to 60 nats, or as far as int32 goes."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-9, 3)
    spread = min(2**30, max(1.0, rng.uniform(0, 60) / scale))
    n = int(rng.integers(1, 1000))
    return scale, np.round(rng.uniform(-spread, spread, (1, n))).astype(np.int32)


def in_c(row, scale):
    """dpt_softmax in place, a call that saves firmware memory."""
    values = np.array(row, np.int32)
    pointer = ffi.cast("int32_t *", values.ctypes.data)
    lib.dpt_softmax(pointer, len(values), {"mult": scale.mult, "shift": scale.shift}, pointer)
    return values


def loaded_scale(data):
    """The softmax's scale of a model that the loader fills."""
    ops, model = ffi.new("dpt_op[64]"), ffi.new("dpt_model *")
    assert lib.dpt_model_load(model, ops, 64, ffi.from_buffer(data), len(data)) == 0
    return {"mult": model.softmax.mult, "shift": model.softmax.shift}


def test_c_equals_the_specification():
    for seed in range(300):
        real, rows = random_rows(seed)
        scale = softmax.scale(real)
        np.testing.assert_array_equal(in_c(rows[0], scale), softmax.run(rows, scale)[0])


def test_c_equals_the_specification_at_the_ends_of_every_range():
    rows = [[0], [2**31 - 1, -(2**31)], [-(2**31)] * 3, [2**31 - 1] * 5, [5, 4, 3, 2**30]]
    for mult in (1, 2**31, 2**32 - 1):
        for shift in (0, 24, 63):
            scale = softmax.SoftmaxScale(mult, shift)
            for row in rows:
                expected = softmax.run(np.array([row], np.int32), scale)[0]
                np.testing.assert_array_equal(in_c(row, scale), expected)


def test_probabilities_are_as_near_to_the_exact_ones_as_the_page_says():
    for seed in range(1000):
        real, rows = random_rows(seed)
        values = rows * real
        powers = np.exp(values - values.max())
        error = softmax.run(rows, softmax.scale(real)) / 2**30 - powers / powers.sum()
        assert np.abs(error).max() < 2**-22 + rows.size * 2**-30, seed


@pytest.mark.parametrize(
    ("real", "expected"),
    [(0.5, (3098164009, 8)), (1e5, (2**32 - 1, 0)), (np.log(2), (2**31, 7)), (1e-30, (1, 63))],
)
def test_the_scale_has_32_significant_bits_where_the_shift_allows(real, expected):
    assert softmax.scale(real) == expected


def test_an_export_carries_the_scale_of_its_outputs(toolbox, tmp_path):
    """A program of ours in front of the model's file: gcc, the engine and nothing else."""
    program = with_last(nets.random_program(101), softmax=True, scale=3e-4)
    inputs = nets.random_inputs(program, 1)
    for name, text in codegen.generate(program, "net", inputs).items():
        (tmp_path / name).write_text(text)
    outputs = reference.run(program, inputs)[:1]
    n = outputs.shape[1]
    values = ", ".join(str(v) for v in outputs[0])
    (tmp_path / "main.c").write_text(
        '#include "net.h"\n#include <stdio.h>\n'
        f"int main(void) {{\n    int32_t y[NET_OUTPUT_COUNT] = {{{values}}};\n"
        "    dpt_softmax(y, NET_OUTPUT_COUNT, net.softmax, y);\n"
        f'    for (int i = 0; i < {n}; i++) {{\n        printf("%ld\\n", (long)y[i]);\n    }}\n'
        "    return 0;\n}\n"
    )
    files = [tmp_path / "main.c", tmp_path / "net.c", *SOURCES]
    binary = tmp_path / "main"
    run(
        [
            toolbox.need("gcc"),
            *STRICT,
            *PLAIN,
            *INCLUDES,
            f"-I{tmp_path}",
            *files,
            "-o",
            binary,
        ]
    )
    expected = softmax.run(outputs, softmax.scale(program.output_scale))[0]
    assert run([binary]).decode().split() == [str(v) for v in expected]


def test_a_blob_and_an_export_of_a_net_without_softmax_have_no_scale():
    program = with_last(nets.random_program(101), softmax=False)
    source = codegen.generate(program, "net", nets.random_inputs(program, 1))["net.c"]
    assert ".softmax = {0, 0}," in source
    assert loaded_scale(blob.dumps(program)) == {"mult": 0, "shift": 0}


def test_a_blob_carries_the_scale_of_its_outputs():
    for real in (1e-30, 3e-4, 0.5, 1e5):
        program = with_last(nets.random_program(101), softmax=True, scale=real)
        assert loaded_scale(blob.dumps(program)) == softmax.scale(real)._asdict()
