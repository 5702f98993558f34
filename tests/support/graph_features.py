"""What an op of a program shows: its kind with the types of its tensors, and what is special about
it. Tests ask whether the programs that they use have all of it.
"""

import itertools
from collections import Counter
from collections.abc import Iterable

from nets import OF_GRAPHS

from drypoint.program import Dense, DType, Op, Program, Resize, Transpose, Upsample
from drypoint.program.ops._weighted import ConvolutionOp
from drypoint.program.ops._windows import PaddedOp

Feature = tuple[str, ...]  # kind, types of the inputs, type of the output, what is special

CONVOLUTIONS = tuple(kind for kind in OF_GRAPHS if issubclass(kind, ConvolutionOp))
PADDED = tuple(kind for kind in OF_GRAPHS if issubclass(kind, PaddedOp))
IN_PLACE = tuple(kind for kind in OF_GRAPHS if kind.in_place)
COPIES = tuple(
    kind for kind in OF_GRAPHS if kind.nature != "computes"
)  # write values of their inputs
OF_KIND = ("skip", "fused", "by rows, over an input")  # whatever the types
NEVER = {Dense: OF_KIND[1:], Upsample: OF_KIND[2:], Resize: OF_KIND[2:], Transpose: OF_KIND[1:]}
BYTES: tuple[DType, ...] = ("u8", "i8")


def features(program: Program) -> set[Feature]:
    """Every feature that the ops of a program show."""
    found = set[Feature]()
    for i, (op, reads) in enumerate(zip(program.ops, program.reads, strict=True)):
        kind, types = type(op), tuple(tensor.type for tensor in op.inputs)
        names = (kind.__name__, *types, op.output.type)
        special = {
            "": True,
            "zero point read": any(tensor.zero != 0 for tensor in op.inputs),
            "zero point written": op.output.zero != 0,
            "padding value": isinstance(op, PADDED) and op.pad is not None and bool(op.pad.any()),
            "dilation": isinstance(op, CONVOLUTIONS) and op.dilation != (1, 1),
            "in place": program.plan.in_place[i] and kind in IN_PLACE,
        }
        found |= {(*names, what) for what, holds in special.items() if holds}
        of_kind = {
            "skip": any(0 < number < i for number in reads),  # over one op at least
            "fused": program.plan.is_fused(i),
            "by rows, over an input": program.plan.in_place[i] and program.plan.rows_of(i) > 0,
        }
        found |= {(kind.__name__, what) for what, holds in of_kind.items() if holds}
    return found


def count(programs: Iterable[Program]) -> Counter[Feature]:
    """In how many of the programs each feature is."""
    return Counter(itertools.chain.from_iterable(map(features, programs)))


def every_feature() -> set[Feature]:
    """Every feature that NUMERICS.md section 3 allows an op to show."""
    wanted = set[Feature]()
    for kind in OF_GRAPHS:
        name = kind.__name__
        wanted |= {(name, what) for what in OF_KIND if what not in NEVER.get(kind, ())}
        for types in _types(kind):
            *read, written = types
            special = [""]
            if "i8" in read and not (kind in COPIES and written == "i32"):
                special.append("zero point read")
            if written == "i8":
                special.append("zero point written")
            if kind in PADDED:
                special.append("padding value")
            if kind in CONVOLUTIONS:
                special.append("dilation")
            if kind in IN_PLACE and written != "i32":
                special.append("in place")
            wanted |= {(name, *types, what) for what in special}
    return wanted


def in_the_museum(found: Iterable[Feature]) -> set[Feature]:
    """What the golden blobs show: each kind with all types, each kind with every special
    feature. The golden blobs show nothing of histories.
    """
    found = {feature for feature in found if feature[0] in {kind.__name__ for kind in OF_GRAPHS}}
    return {(*feature[:-1], "") for feature in found if feature[-1] == ""} | {
        (feature[0], feature[-1]) for feature in found if feature[-1] not in ("", "skip")
    }


def _types(kind: type[Op]) -> list[tuple[DType, ...]]:
    """The types of inputs and output that a kind may have together."""
    if kind in COPIES:
        pairs = [(read, written) for read in BYTES for written in (read, "i32")]
        return [(*(read,) * kind.arity, written) for read, written in pairs]
    return list(itertools.product(*(BYTES,) * kind.arity, (*BYTES, "i32")))
