"""Every target gives the probabilities of the specification: 64-bit products, shifts, divisions."""

import numpy as np

from drypoint import devices
from drypoint.program import softmax
from tools import ENGINE_SOURCES

ORDER = {"little": "<i4", "big": ">i4"}
ENGINE = [path for path in ENGINE_SOURCES if path.name in {"dpt_softmax.c", "dpt_run.c"}]


def cases():
    """Scales with rows of ten outputs: near and far from each other, and at the ends of int32."""
    rng = np.random.default_rng(5)
    for _ in range(60):
        real = 10.0 ** rng.uniform(-9, 2)
        spread = min(2**30, max(1.0, rng.uniform(0, 40) / real))
        yield softmax.scale(real), rng.integers(-int(spread), int(spread) + 1, 10)
    for shift in (0, 24, 63):
        yield softmax.SoftmaxScale(2**32 - 1, shift), np.array([2**31 - 1, *[-(2**31)] * 9])


def source(rows):
    scales = ", ".join(f"{{{scale.mult}u, {scale.shift}}}" for scale, _ in rows)
    values = ", ".join(
        "INT32_MIN" if y == -(2**31) else str(y) for _, row in rows for y in row.tolist()
    )
    return (
        '#include "drypoint.h"\n#include "port.h"\n'
        f"static const dpt_softmax_scale scales[] = {{{scales}}};\n"
        f"static int32_t outputs[] = {{{values}}};\n"
        "int device_main(void) {\n"
        f"    for (size_t i = 0; i < {len(rows)}; i++) {{\n"
        "        dpt_softmax(outputs + 10 * i, 10, scales[i], outputs + 10 * i);\n"
        "    }\n"
        "    port_write(outputs, sizeof outputs);\n"
        "    return 0;\n}\n"
    )


def test_probabilities_equal_the_specification(target, tmp_path):
    rows = list(cases())
    (tmp_path / "main.c").write_text(source(rows))
    binary = devices.build(target, [tmp_path / "main.c"], tmp_path / "main", engine=ENGINE)
    answer = np.frombuffer(devices.emulate(target, binary, b""), ORDER[target.byte_order])
    expected = [softmax.run(row[None].astype(np.int32), scale)[0] for scale, row in rows]
    np.testing.assert_array_equal(answer, np.concatenate(expected))
