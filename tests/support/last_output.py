"""The outputs of programs that tests make: one output, or a program with another last output."""

from dataclasses import replace
from typing import Any

from drypoint.program import Output, Program


def only_output(scale: float = 1.0, **fields: Any) -> tuple[Output]:
    """The outputs of a program that has one."""
    return (Output("output", scale, **fields),)


def with_last(program: Program, **fields: Any) -> Program:
    """The program with other fields of its last output."""
    *earlier, last = program.outputs
    return replace(program, outputs=(*earlier, replace(last, **fields)))
