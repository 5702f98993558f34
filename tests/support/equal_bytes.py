"""Whether an executor of programs writes the reference's bytes: the one place that compares them.

An executor is a backend of the engine, a C program for this machine or for an emulated one, or C
generated for a program. Each test of an executor calls a function of this file.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from drypoint.engine import Engine
from drypoint.program import Program, reference

Planes = Sequence[np.ndarray]  # the output of each op for all inputs


def check_planes(program: Program, found: Planes, wanted: Planes, what: str = "") -> None:
    """Equal bytes, types and shapes of the output of each op."""
    for op, a, b in zip(program.ops, found, wanted, strict=True):
        name = f"{program.name}, {op.name} {what}".rstrip()
        np.testing.assert_array_equal(a, b, err_msg=name, strict=True)


def check_cases(
    cases: Sequence[tuple[Program, np.ndarray]],
    results: Iterable[tuple[int, Planes]],
    wanted: Iterable[Planes] | None = None,
) -> None:
    """The arena's size and the outputs of all ops, as `jobs.traces` gives them for each case;
    ``wanted``: of the reference, where it ran before.
    """
    if wanted is None:
        wanted = (reference.trace(program, x) for program, x in cases)
    for (program, _), (arena, found), right in zip(cases, results, wanted, strict=True):
        assert arena == program.arena_size, program.name
        check_planes(program, found, right)


def check_engine(
    program: Program, x: np.ndarray, backends: Iterable[str] = (), *, threads: int = 1
) -> list[Engine]:
    """The outputs of all ops and of a run, of the engine with these backends; without any named,
    with every backend that this CPU has. The engines that ran.
    """
    wanted, engines = reference.trace(program, x), []
    outputs = program.output_values(wanted)
    for backend in backends or Engine.backends():
        engine = Engine(program, backend=backend, threads=threads)
        check_planes(program, engine.trace(x), wanted, f"by {backend}")
        check_outputs(engine.run(x), outputs, f"{program.name} by {backend}")
        engines.append(engine)
    return engines


def check_outputs(found, wanted, what: str = "") -> None:
    """Equal outputs of runs: int32 (N, values), or of several outputs a dict of these by name."""
    found, wanted = (v if isinstance(v, dict) else {"": v} for v in (found, wanted))
    assert [*found] == [*wanted], what
    for name, values in found.items():
        np.testing.assert_array_equal(values, wanted[name], f"{what} {name}".strip(), strict=True)
