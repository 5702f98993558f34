"""Packs weights, at export, into the layouts that the kernels of small devices read.

A packed op is, in little-endian bytes: int32 biases, then int32 multipliers, of all channels; then
the weights. A convolution in groups is packed group after group, each as a convolution of its own.
Channels are grouped in blocks, the reduction (the window's values, or all inputs of a
dense op) in units: block after block, unit after unit, in each the weights in the order that the
kernel multiplies them. Incomplete blocks and units are padded with 0 (multipliers: 2).
``dpt_window.inc`` reads this layout in C; the arithmetic is exact modulo 2^32, so the proof of
NUMERICS.md section 4 covers the corrected biases too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ._packing_depthwise import Depthwise, pack_depthwise
from ._packing_mve import pack_mve
from ._packing_quads import Quads, pack_quads
from ._program import Program
from ._tensors import ProgramError
from .ops import Conv, Dense, DepthwiseConv, GroupedConv, Op
from .ops._weighted import WeightedOp

BYTES = Depthwise(panel=4, unit=1, dtype=np.int8, small=True)  # of depthwise convolutions
TABLES_CHANNELS = 32  # outputs of dense ops of 2 bits from which `blocks` reads sums from tables
SUMS_STACK = 48  # of a convolution that writes i32, beyond another one
ROWS_STACK = 640  # bytes of stack that running ops row by row adds
TAPS_STACK = 288  # the same of addresses of taps: depthwise, grouped and dilated convolutions
FEW_BITS_STACK = 832  # the same of `blocks` and weights of 4 or 2 bits
LISTEN_STACK = 320  # the same of NAME_listen, which calls a run: at most 304 were painted
Order = tuple[tuple[int, int], ...]  # (channel of the block, value of the unit) of each byte


@dataclass(frozen=True, kw_only=True)
class KernelSet:
    """Kernels in C that are used with packed weights.

    Attributes:
        name: the value of ``kernels=``.
        number: ``packing`` in C; 0: the weights are not packed.
        backend: the backend in C, ``dpt_neon``, whose kernels are ``dpt_neon_conv`` and so on.
            Generated code names the kernels that the model needs: the linker leaves out the others.
        size: of the kernels' buffers, "" or "small" or "tiny"; it is part of their names in C.
        quads: the layout of kernels that multiply quads, or None; with it, ``conv``, ``dense``,
            ``flips`` and ``stored`` are not used.
        conv, dense: the order of the bytes of a unit.
        flips: activations of this type are multiplied with their highest bit flipped: `i8` as if
            128 larger, `u8` as if 128 smaller. Packed biases correct for the difference.
        stored: the form of a packed weight: unchanged; 128 larger; or in 16-bit numbers, the
            weights of four channels a, b, c, d as (a + 128) + 256 b and c + 256 d.
        depthwise: the layout of depthwise convolutions, where ``quads`` is None; None: the layout
            of ``dpt_mve_depthwise.inc``.
        few_bits: whether its kernels read weights of 4 and 2 bits, but for packed depthwise
            convolutions; other weights an export has in 8 bits.
        smaller: sets of the same targets that take less stack or flash and more time, by time.
        stacks: a bound by kind of the bytes of stack of a run in which no op runs row by row, under
            the same conditions as ``stack``; "plain" of all kinds that are not named.
        stack: where no ``stacks`` are known, a bound of the bytes of stack of a run of weights of
            8 bits in which no op runs row by row or copies taps, for any model, on the targets that
            use the set, compiled by gcc with -Os to -O3; 0: none is known.
    """

    name: str
    number: int
    backend: str
    size: str = ""
    quads: Quads | None = None
    conv: Order = ()
    dense: Order = ()
    flips: Literal["u8", "i8"] | None = None
    stored: Literal["as it is", "128 larger", "16 bits"] = "as it is"
    depthwise: Depthwise | None = BYTES
    few_bits: bool = False
    smaller: tuple[str, ...] = ()
    stacks: Mapping[str, int] = field(default_factory=dict)
    stack: int = 0

    def kernel(self, kind: str, bits: int = 8) -> str:
        """The C function that runs ops of a kind with weights of some bits."""
        size = f"_{self.size}" * bool(self.size)
        return f"{self.backend}{bits if bits < 8 else ''}{size}_{kind}"


def _pairs(channels: int) -> Order:
    """In a unit of four values: the even values of all pairs of channels, then the odd values."""
    return tuple(
        (pair + low, half + even)
        for even in (0, 1)
        for pair in range(0, channels, 2)
        for half in (0, 2)
        for low in (0, 1)
    )


def _rows(channels: int, unit: int) -> Order:
    """Channel after channel."""
    return tuple((c, k) for c in range(channels) for k in range(unit))


def _columns(channels: int, unit: int) -> Order:
    """Value after value."""
    return tuple((c, k) for k in range(unit) for c in range(channels))


def _quads(name: str, backend: str, layout: Quads) -> KernelSet:
    return KernelSet(name=name, number=layout.number, backend=backend, quads=layout)


_BLOCKS = KernelSet(
    name="blocks",
    backend="dpt_blocks",
    number=0x1001,
    conv=_columns(4, 4),
    dense=_columns(4, 4),
    flips="i8",
    stored="128 larger",
    few_bits=True,
    smaller=("blocks-small", "blocks-tiny", "plain"),
    stacks={
        "conv8": 1104,
        "grouped8": 1280,
        "dense8": 832,
        "depthwise": 1088,
        "plain": 560,
        "conv4": 1520,
        "grouped4": 1808,
        "dense4": 832,
        "conv2": 1520,
        "grouped2": 1808,
        "dense2": 1664,
        "tables": 1984,
    },
)
_FEW_TAPS = replace(BYTES, most_taps=32)
_SMALL = replace(
    _BLOCKS,
    name="blocks-small",
    size="small",
    depthwise=_FEW_TAPS,
    smaller=(),
    stacks={
        "conv8": 800,
        "grouped8": 944,
        "dense8": 560,
        "depthwise": 832,
        "plain": 560,
        "conv4": 1120,
        "grouped4": 1296,
        "dense4": 560,
        "conv2": 1120,
        "grouped2": 1328,
        "dense2": 560,
        "tables": 1696,
    },
)
_TINY = replace(
    _SMALL,
    name="blocks-tiny",
    size="tiny",
    stacks={
        "conv8": 720,
        "grouped8": 848,
        "dense8": 560,
        "depthwise": 832,
        "plain": 560,
        "conv4": 896,
        "grouped4": 944,
        "dense4": 560,
        "conv2": 896,
        "grouped2": 944,
        "dense2": 560,
        "tables": 1536,
    },
)

KERNEL_SETS: Mapping[str, KernelSet] = {
    kernels.name: kernels
    for kernels in (
        KernelSet(name="scalar", backend="dpt_scalar", number=0, few_bits=True),
        _BLOCKS,
        # For targets whose registers are wider than 32 bits, or few: more stack.
        replace(_BLOCKS, name="blocks-any", smaller=(), stacks={}, stack=1664),
        _SMALL,
        _TINY,
        # The plain kernels on the targets of `blocks`: less code, and more time.
        KernelSet(
            name="plain", backend="dpt_scalar", number=0, few_bits=True, stacks={"plain": 560}
        ),
        KernelSet(
            name="dsp",
            backend="dpt_dsp",
            number=0x1002,
            conv=_pairs(4),
            dense=_pairs(4),
            flips="i8",
            stored="16 bits",
            depthwise=Depthwise(panel=4, unit=2, dtype=np.int16, small=True, strips=True),
            few_bits=True,
            stack=1664,
        ),
        KernelSet(
            name="mve",
            backend="dpt_mve",
            number=0x1003,
            conv=_rows(4, 16),
            dense=_rows(4, 16),
            flips="u8",
            depthwise=None,
            stack=2192,
        ),
        _quads("neon", "dpt_neon", Quads(lanes=4, blocks=2, flips="u8")),
        _quads("neon-armv7", "dpt_neon", Quads(lanes=4, blocks=1, flips="u8")),
        _quads("neondot", "dpt_neondot", Quads(lanes=4, blocks=5, flips="u8")),
        _quads("neoni8mm", "dpt_neoni8mm", Quads(lanes=4, blocks=5, flips="i8")),
        _quads("rvv", "dpt_rvv", Quads(lanes=32, blocks=1, flips="u8", finds_taps=True)),
        _quads("wasm", "dpt_wasm", Quads(lanes=4, blocks=2, flips="u8")),
    )
}


def stack_bound(kernels: KernelSet, program: Program) -> int:
    """A bound of the bytes of stack of a run, of a program with a front end of ``NAME_listen``,
    compiled by gcc with -Os to -O3; 0: none is known."""
    listens = LISTEN_STACK if program.front is not None else 0
    more = (ROWS_STACK if any(program.plan.rows) else 0) + listens
    if kernels.stacks:
        ops = (exported_op(op, kernels) for op in program.ops)
        return max(_stack_of(op, kernels.stacks) for op in ops) + more
    by_taps = any(map(_copies_taps, program.ops)) * TAPS_STACK
    exported = (exported_op(op, kernels) for op in program.ops)
    few_bits = any(isinstance(op, WeightedOp) and op.weight_bits < 8 for op in exported)
    tables = FEW_BITS_STACK if few_bits and kernels.backend == "dpt_blocks" else 0
    return kernels.stack and kernels.stack + by_taps + tables + more


def _stack_of(op: Op, stacks: Mapping[str, int]) -> int:
    """A bound of the stack of a run that ends with an op; sums as outputs take more with -O2."""
    sums = isinstance(op, Conv | GroupedConv) and op.output.type == "i32"
    return stacks.get(_stack_kind(op), stacks["plain"]) + SUMS_STACK * sums


def _stack_kind(op: Op) -> str:
    """The name in ``KernelSet.stacks`` of an op as it is exported."""
    if not isinstance(op, WeightedOp) or isinstance(op, DepthwiseConv):
        return op.kind
    if isinstance(op, Dense) and op.weight_bits == 2 and op.out_shape.c >= TABLES_CHANNELS:
        return "tables"
    grouped = isinstance(op, GroupedConv) or (isinstance(op, Conv) and op.dilated)
    return f"{'grouped' if grouped else op.kind}{op.weight_bits}"


def _copies_taps(op: Op) -> bool:
    """Whether the windows of an op are copied, or multiplied, tap by tap."""
    return isinstance(op, GroupedConv | DepthwiseConv) or (isinstance(op, Conv) and op.dilated)


def kernel_set(name: str) -> KernelSet:
    """The set of that name.

    Raises:
        ProgramError: there is none.
    """
    if name not in KERNEL_SETS:
        raise ProgramError(f"no kernels are called {name!r}; there are: {', '.join(KERNEL_SETS)}")
    return KERNEL_SETS[name]


def exported_op(op: Op, kernels: KernelSet) -> Op:
    """The op as generated code has it: with weights of 8 bits where the kernels read no other."""
    if not isinstance(op, WeightedOp) or op.weight_bits == 8:
        return op
    plain = kernels.number == 0
    unpacks = kernels.few_bits and (plain or not isinstance(op, DepthwiseConv))
    return op if unpacks else replace(op, weight_bits=8)


def pack(op: Op, kernels: KernelSet) -> bytes:
    """The packed op, or no bytes where the kernels read unpacked weights.

    Args:
        op: any op.
        kernels: the kernels that will read the packed op.

    Returns:
        A multiple of four bytes.
    """
    op = exported_op(op, kernels)
    if kernels.number == 0 or not isinstance(op, Conv | GroupedConv | Dense | DepthwiseConv):
        return b""
    if isinstance(op, DepthwiseConv):
        layout = kernels.quads or kernels.depthwise
        return pack_mve(op) if layout is None else pack_depthwise(op, layout)
    if kernels.quads is not None:
        return pack_quads(op, kernels.quads)
    groups = op.groups if isinstance(op, GroupedConv) else 1
    rows = np.split(np.arange(op.out_shape.c), groups)
    return b"".join(_pack_rows(op, own, kernels) for own in rows)


def _pack_rows(op: Conv | Dense | GroupedConv, own: NDArray[np.intp], kernels: KernelSet) -> bytes:
    """The output channels ``own`` of an op, which read the same input channels."""
    order = kernels.dense if isinstance(op, Dense) else kernels.conv
    channels, unit = max(c for c, _ in order) + 1, max(k for _, k in order) + 1
    weight = op.rows[own].astype(np.int64)
    n, length = weight.shape
    blocks, units = -(-n // channels), -(-length // unit)
    flipped = 0 if kernels.flips != op.in_type else (-128 if op.in_type == "u8" else 128)
    bias, mult = np.zeros(blocks * channels, np.int64), np.full(blocks * channels, 2, np.int64)
    bias[:n] = op.bias[own] - flipped * weight.sum(axis=1)
    mult[:n] = op.mult[own]
    words = np.concatenate([bias, mult]) & 0xFFFFFFFF
    if op.weight_bits < 8:
        by_tables = isinstance(op, Dense) and op.weight_bits == 2 and n >= TABLES_CHANNELS
        if by_tables and kernels.backend == "dpt_blocks":
            return words.astype("<u4").tobytes() + _pack_places(weight)
        return words.astype("<u4").tobytes() + _pack_few_bits(weight, op.weight_bits, kernels)

    stored = np.zeros((blocks * channels, units * unit), np.int64)
    stored[:n, :length] = weight + (128 if kernels.stored == "128 larger" else 0)
    if kernels.stored == "16 bits":
        stored[:n:4, :length] += 128  # a
        stored[3::4] -= stored[2::4] < 0  # c + 256 d borrows from d when c is negative
    tiles = stored.reshape(blocks, channels, units, unit)
    bytes_of_units = np.stack([tiles[:, c, :, k] for c, k in order], axis=-1)
    return words.astype("<u4").tobytes() + (bytes_of_units & 0xFF).astype(np.uint8).tobytes()


def _pack_few_bits(weight: NDArray[np.int64], bits: int, kernels: KernelSet) -> bytes:
    """Weights (channels, values) of 4 or 2 bits in blocks of four channels and units of four
    values. Each value of a unit has a number: the weights of the four channels, the first in the
    lowest bits, each 8 or 1 larger. Where kernels read the numbers of 4 bits as signed ones, the
    last weight is in two's complement, and the even values of a unit come first.
    """
    n, length = weight.shape
    blocks, units = -(-n // 4), -(-length // 4)
    signed = kernels.stored == "16 bits" and bits == 4
    stored = np.zeros((blocks * 4, units * 4), np.int64)
    stored[:n, :length] = weight + {4: 8, 2: 1}[bits]
    if signed:
        stored[3:n:4, :length] = weight[3::4] & 15
    tiles = stored.reshape(blocks, 4, units, 4)
    numbers = (tiles << (bits * np.arange(4))[:, None, None]).sum(axis=1)
    if signed:
        numbers = numbers[:, :, [0, 2, 1, 3]]
    table: bytes = numbers.astype("<u2" if bits == 4 else np.uint8).tobytes()
    return table


def _pack_places(weight: NDArray[np.int64]) -> bytes:
    """Weights (channels, values) of 2 bits as table places of sums of four: dpt_blocks_bits.inc."""
    n, length = weight.shape
    units = -(-length // 16)
    stored = np.zeros((n, units * 16), np.int64)
    stored[:, :length] = weight + 1
    places = stored.reshape(n, units, 4, 4) @ np.array([2, 8, 24, 72])
    table: bytes = places.transpose(1, 0, 2).astype(np.uint8).tobytes()
    return table
