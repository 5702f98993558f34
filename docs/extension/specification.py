"""The page of the specification in NumPy: the code of what each op computes, in order."""

import inspect
from textwrap import dedent
from typing import get_args

from drypoint.program import BinaryOp, Op, reference
from drypoint.program.ops import _arithmetic
from drypoint.program.ops._op import RequantizedOp
from drypoint.program.ops._weighted import ConvolutionOp
from drypoint.program.ops._windows import PaddedOp

_HEAD = """# The specification in NumPy

This is the code that says which integers a program gives; [NUMERICS.md](numerics.md) says the same
in words. Every backend, every compiler and every target gives these very integers. A plane is an
array [N, height, width, channels].
"""


def page() -> str:
    """The page: what ops have in common, then each op, then a run of a program."""
    public = [
        thing
        for name, thing in vars(_arithmetic).items()
        if not name.startswith("_") and getattr(thing, "__module__", "") == _arithmetic.__name__
    ]
    shared = [
        RequantizedOp.requantize,
        PaddedOp.pad_plane,
        ConvolutionOp.convolve,
        ConvolutionOp.pool_and_requantize,
        BinaryOp.compute,
    ]
    lines = [_HEAD, "## What ops have in common", *map(_code, [*public, *shared])]
    for op in get_args(Op):
        own = op.combine if issubclass(op, BinaryOp) else op.compute
        lines += [f"## {op.__name__}", inspect.cleandoc(op.__doc__ or ""), _code(own)]
    return "\n\n".join([*lines, "## A program", *map(_code, (reference.run, reference.trace))])


def _code(thing: object) -> str:
    return f"```python\n{dedent(inspect.getsource(thing)).rstrip()}\n```"  # type: ignore[arg-type]
