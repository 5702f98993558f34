"""Faults of a reader of programs of format 2.1: the changes of drypoint's source that make each
(`seeded.seed`), and the rows of the conformance set that find it."""

from drypoint.program import _blob, _plan, _records, _sound_record
from drypoint.program.ops import _bits, _op, _weighted, prelu, resize, transpose
from drypoint.program.ops import slice as slices


def to_take(*names):
    """Rows of blobs that a reader must take."""
    return [("accepted.jsonl", name) for name in names]


def to_refuse(*names):
    """Rows of blobs that a reader must refuse."""
    return [("refused.jsonl", name) for name in names]


_COMPARED = "_record(program, tables) != blob[offset : offset + RECORD.size]"


def skip_bytes(first, end):
    """A record of sound whose bytes from `first` up to `end` no reader looks at."""
    return (
        _sound_record,
        _COMPARED,
        "[x for i, x in enumerate(_record(program, tables)) "
        f"if not {first} <= i < {end}] != "
        "[x for i, x in enumerate(blob[offset : offset + RECORD.size]) "
        f"if not {first} <= i < {end}]",
    )


PLANS = {
    "an upsample over what it reads": (
        [(_plan, "in ops[k : group.last + 1])", "in ops[k + 1 : group.last + 1])")],
        to_refuse("an upsample far enough over what it reads", "a resize over what it reads"),
    ),
    "a group over what is read before its upsample": (
        [(_plan, "in ops[k : group.last + 1])", "in ops[k : k + 1])")],
        to_refuse(
            "a group far enough over what is read before its upsample",
            "a group over what is read before its resize",
        ),
    ),
    "an upsample that lies over the plane": (
        [(_plan, "any(op.resamples for", 'any(op.kind == "resize" for')],
        to_refuse(
            "an upsample far enough over what it reads",
            "a group far enough over what is read before its upsample",
        ),
    ),
    "a resize that lies over the plane": (
        [(_plan, "any(op.resamples for", 'any(op.kind == "upsample" for')],
        to_refuse("a resize over what it reads", "a group over what is read before its resize"),
    ),
    "F without the pool": (
        [(_weighted, "RowMap(stride * self.pool[0],", "RowMap(stride,")],
        to_take("a convolution that pools over the plane that it reads"),
    ),
    "n without the padding of the last op": (
        [(_plan, "y * stride - pad + ring", "y * stride + ring")],
        to_refuse("an output over rows that padding of its own windows still reads"),
    ),
    "n without the height": (
        [(_plan, "min(height, y * stride - pad + ring)", "y * stride - pad + ring")],
        to_refuse("an output over rows that an op before a shorter one still reads"),
    ),
    "a transpose by rows": (
        [(transpose, "        return False", "        return True")],
        to_refuse("a transpose by rows", "a ring for a transpose", "a ring of a transpose"),
    ),
    "a resize that reads one row": (
        [(resize, "min(parts, 2)", "1")], to_refuse("a ring of one row for a resize of four parts"),
    ),
    "a resize of one part that reads two rows": (
        [(resize, "min(parts, 2)", "2")], to_take("a ring of one row for a resize of one part"),
    ),
    "the first row of a slice, its sign": (
        [(slices, "1, -self.first[0])", "1, self.first[0])")],
        to_take("a slice of later rows over the plane that it reads"),
    ),
    "a slice of every row": (
        [(slices, "RowMap(self.stride[0], 1", "RowMap(1, 1")],
        to_take("a slice of every second row over a plane"),
    ),
    "the rule of padding for a slice": (
        [(
            _op,
            'some rows of its input."""\n        return True',
            'some rows of its input."""\n        return -self.row_map.pad < self.row_map.reach',
        )],
        to_take("a slice of later rows over the plane that it reads"),
    ),
    "a slice in place": (
        [(_plan, "and out.in_place", 'and (out.in_place or out.kind == "slice")')],
        to_refuse("a slice in place"),
    ),
}  # fmt: skip
KINDS = {
    **{
        f"order {number} with a wrong shape": (
            [(
                transpose, "self.check_shape(Shape(*(self.in_shape[axis] for axis in self.order)))",
                f"self.record_fields()['groups'] == {number} or "
                "self.check_shape(Shape(*(self.in_shape[axis] for axis in self.order)))",
            )],
            to_refuse(f"a transpose in order {number} with the shape of another"),
        )
        for number in range(1, 6)
    },
    **{
        f"order {number} with wrong values": (
            [(
                transpose, "return x.transpose(0, *(axis + 1 for axis in self.order))",
                "return x.transpose(0, *(axis + 1 for axis in self.order))"
                f"[:, :: -1 if self.record_fields()['groups'] == {number} else 1]",
            )],
            to_take(f"a transpose in order {number}"),
        )
        for number in range(1, 6)
    },
    "a prelu that compares with 0": (
        [(prelu, "np.where(values >= 0", "np.where(x >= 0")],
        to_take("a prelu of the zero point -50", "a prelu of the zero point 60"),
    ),
    "factors of 0": (
        [(prelu, "all(1 <= factor", "all(0 <= factor")],
        to_refuse(
            "factor 0 of a prelu, at least at zero", "factor 0 of a prelu, below zero"
        ),
    ),
    "factors above 32767": (
        [(prelu, "factor <= MAX_FACTOR", "factor <= 65535")],
        to_refuse(
            "factor 32768 of a prelu, at least at zero", "factor 32768 of a prelu, below zero"
        ),
    ),
    "a slope of -128": (
        [(prelu, "self.need(bool((self.weight != -128).all())", "self.need(True")],
        to_refuse("a slope of -128"),
    ),
    "the bound without the zero point": (
        [(prelu, "(tensor.magnitude + abs(tensor.zero))", "tensor.magnitude")],
        to_refuse("a prelu of a zero point above the bound"),
    ),
    "the bound without the first factor": (
        [(prelu, "max(self.factors[0], self.factors[1] * slope)", "self.factors[1] * slope")],
        to_refuse("a prelu whose first factor is the larger above the bound"),
    ),
    "the bound without the second factor": (
        [(prelu, "max(self.factors[0], self.factors[1] * slope)", "self.factors[0]")],
        to_refuse("a prelu whose second factor is the larger above the bound"),
    ),
    "a resize that ends at the end": (
        [(resize, "ok = last < (", "ok = last <= (")],
        to_refuse(
            "a last row of a resize at the end", "a last column of a resize at the end"
        ),
    ),
    "the bound without the columns' parts": (
        [(resize, "self.inputs[0].magnitude * self.parts[0] * self.parts[1]",
          "self.inputs[0].magnitude * self.parts[0]")],
        to_refuse("a resize of other rows than columns above the bound"),
    ),
    "the bound without the rows' parts": (
        [(resize, "self.inputs[0].magnitude * self.parts[0] * self.parts[1]",
          "self.inputs[0].magnitude * self.parts[1]")],
        to_refuse("a resize of other rows than columns above the bound"),
    ),
    "lo and hi": (
        [(_op, "ok = low <= self.lo <= self.hi <= high", "ok = True")],
        to_refuse(*(
            f"{what} in a {kind}"
            for what in ("lo above hi", "lo of -1", "hi of 256") for kind in ("prelu", "resize")
        )),
    ),
    "kinds of minor 1 in minor 0": (
        [(_blob, "number > LAST_OF_2_0:", "number > 99:")],
        to_refuse(*(f"a {kind} in minor 0" for kind in ("resize", "slice", "transpose", "prelu"))),
    ),
    "labels for channels in minor 0": (
        [(_blob, "header.version[1] == 0 and _has", "False and _has")],
        to_refuse("labels for channels in minor 0"),
    ),
    "weights of 1 bit": (
        [(_records, "bits not in LARGEST_WEIGHT", "bits not in (8, 4, 2, 1)"),
         (_weighted, "self.need(bits in LARGEST_WEIGHT", "self.need(bits in (8, 4, 2, 1)"),
         (_weighted, "LARGEST_WEIGHT[bits]", "LARGEST_WEIGHT.get(bits, 1)")],
        to_refuse("weights of 1 bit"),
    ),
    "half a byte too few in the sum of tables": (
        [(_records, " used += size\n", " used += size - (record.weight_bits == 4)\n")],
        to_refuse("tables of 4 bits of more than four times the blob"),
    ),
    "half a byte too few in a table": (
        [(_bits, "-(-count * bits // 8)", "count * bits // 8")],
        to_take(
            "dense weights of 4 bits that end with the blob",
            "taps of 2 bits that end with the blob",
        ),
    ),
    "check 28": (
        [(_sound_record, "if offset + RECORD.size > len(blob):", "if False:")],
        to_refuse("a record of sound that ends behind the blob"),
    ),
    "check 29": (
        [skip_bytes(10, 12)], to_refuse("a record of sound of other rows than the input"),
    ),
}  # fmt: skip
