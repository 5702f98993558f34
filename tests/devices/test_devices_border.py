"""Every target makes the integers of the specification from floats, in hardware or software, and
from counts."""

import dataclasses

import numpy as np

from drypoint import devices, nn, quant
from drypoint.program import Tensor, codegen
from tools import ENGINE_SOURCES

ENGINE = [path for path in ENGINE_SOURCES if path.name == "dpt_run.c"]
# Debian's compiler for RISC-V has no library that computes floats on 32-bit cores without an FPU.
WITHOUT_FLOATS = ("riscv32", "xtensa")
ENCODER = {"type": "signal", "window": 4, "channels": 2, "hop": None, "clip": None}
ENCODER |= {"mean": [0.3, -900.0], "std": [1.7, 0.2], "count": 1 / 2048}


def sensor():
    """A program whose input has a zero point, and a mean and deviation of each channel."""
    net = nn.Sequential([nn.Flatten(), nn.Linear(2)], (2, 4)).initialize(0)
    x = np.random.default_rng(0).normal(size=(9, 2, 4)).astype(np.float32)
    program = quant.quantize(net, quant.calibrate(net, x))
    (op,) = program.ops
    op = dataclasses.replace(op, inputs=(Tensor(op.inputs[0].shape, "i8", 11),))
    return dataclasses.replace(program, ops=(op,), encoder=ENCODER, input_scale=0.03)


def samples(program):
    """Ties, their neighbours, and random bits: float32 (N, 2)."""
    rng, rule = np.random.default_rng(3), program.border
    ties = rule.mean + np.arange(-290, 290)[:, None] / (2 * rule.gain.astype(np.float64))
    ties = ties.astype(np.float32)
    near = np.nextafter(ties, np.float32(np.inf))
    bits = rng.integers(0, 2**32, (500, 2), np.uint32).view(np.float32)
    special = np.array([[np.nan, np.inf], [-np.inf, -0.0], [1e-45, 3e38]], np.float32)
    return np.concatenate([ties, near, bits, special])


def source(values, n_counts, *, floats):
    """The program of a target; without floats it makes integers of counts alone."""
    words = ", ".join(f"0x{word:08X}u" for word in values.view(np.uint32).ravel().tolist())
    return (
        f"{'' if floats else '#define DPT_NO_FLOAT'}\n"
        '#include "sensor.h"\n#include "port.h"\n#include <string.h>\n'
        f"static const uint32_t words[] = {{{words}}};\n"
        f"static {'float' if floats else 'uint32_t'} samples[{values.size}];\n"
        f"static int16_t counts[{2 * n_counts}];\n"
        f"static int8_t answer[{max(values.size, 2 * n_counts)}];\n"
        "int device_main(void) {\n"
        "    memcpy(samples, words, sizeof samples);\n"
        + (
            f"    sensor_quantize(samples, {values.size}, answer);\n"
            f"    port_write(answer, {values.size});\n"
            if floats
            else ""
        )
        + f"    for (int i = 0; i < {2 * n_counts}; i++) {{\n"
        "        counts[i] = (int16_t)(i / 2 * 31 - 32768);\n    }\n"
        f"    sensor_quantize_counts(counts, {2 * n_counts}, answer);\n"
        f"    port_write(answer, {2 * n_counts});\n"
        "    return 0;\n}\n"
    )


def test_the_border_equals_the_specification(target, tmp_path):
    program = sensor()
    header = codegen.generate(program, "sensor", np.zeros((1, 4, 1, 2), np.int8))["sensor.h"]
    values, counts = samples(program), np.arange(-(2**15), 2**15, 31, dtype=np.int16)
    (tmp_path / "sensor.h").write_text(header)
    floats = target.name not in WITHOUT_FLOATS
    (tmp_path / "main.c").write_text(source(values, len(counts), floats=floats))
    binary = devices.build(target, [tmp_path / "main.c"], tmp_path / "main", engine=ENGINE)
    answer = np.frombuffer(devices.emulate(target, binary, b""), np.int8)
    rule = program.border
    both = np.stack([counts, counts], axis=1)
    expected = [rule.quantize(values).ravel()] if floats else []
    expected.append(rule.quantize_counts(both).ravel())
    np.testing.assert_array_equal(answer, np.concatenate(expected))
