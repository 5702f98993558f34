"""What a net costs on a target, from its topology alone: no training, no compiler, no emulator."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drypoint.program import Account, Program, account, fuse_rows, packing, simplify

from ._budget import BudgetError, arena_limit
from ._cost import LEVELS
from ._flash import estimate_flash
from ._instructions import Prediction, predict_instructions
from ._targets import Target, with_kernels
from ._targets import target as find_target

if TYPE_CHECKING:
    from drypoint.nn import Layer, Model
    from drypoint.quant import Scheme


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Bytes and instructions of a net on a target, before it is trained.

    Attributes:
        target, optimize: for which the estimate is; the target with the chosen kernels.
        program: as it would be exported; its values say nothing if the net is not trained.
        account: RAM and flash, part by part, to the byte: the stack is the bound in the exported
            header.
        plain_arena: bytes of arena if no op ran row by row.
        instructions: of a run at -O3, and the error of that prediction; None: not known.
    """

    target: Target
    optimize: str
    program: Program
    account: Account
    plain_arena: int
    instructions: Prediction | None

    def find_excess(self, budget: dict[str, int]) -> dict[str, int]:
        """The bytes of each memory that exceeds its limit in a budget of `parse_budget`."""
        flash = self.account.flash_bytes or 0
        sizes = {"ram": self.account.ram_bytes, "flash": flash}
        sizes |= {name: self.account.size(name) for name in ("arena", "stack")}
        return {name: sizes[name] for name, limit in budget.items() if sizes[name] > limit}


def estimate(
    net: "Model | Layer | Program",
    target: Target | str,
    bits: "int | Scheme | None" = None,
    optimize: str = LEVELS[0],
    *,
    budget: dict[str, int] | None = None,
    by_rows: bool = True,
    may_link: bool = True,
) -> Estimate:
    """Flash, RAM and instructions of a net on a bare Cortex-M target.

    Flash, arena and stack equal, to the byte, what ``drypoint export`` measures of the net after
    training, unless training makes channels constant, which the export leaves out, or a padded
    plane of values to one side of 0, which takes a table of a byte for each channel more.

        >>> from drypoint import devices, nn
        >>> net = nn.create_net("tcn:8,8", input_shape=(1, 40), classes=10)
        >>> found = devices.estimate(net, "cortex-m0+", optimize="-Os")
        >>> found.account.size("arena")
        960

    Args:
        net: a net of known input shape, a model, or a program.
        target: a row of the table, or its name.
        bits: of the weights, 8, 4 or 2, or a `quant.Scheme`; None: 8, or the program's own.
        optimize: the compiler's level, one of `LEVELS`.
        budget: as of `parse_budget`; ops run row by row as it needs, and kernels with less stack,
            the fastest that keep it, are taken; where none does, the kernels of least stack.
        by_rows: whether ops may run row by row; without, an estimate takes less time.
        may_link: whether a program that reads samples or finds boxes is compiled and linked, which
            takes seconds; without, the flash leaves the code of that out.

    Raises:
        DeviceError: the target is no bare board, or its parts are not known and a tool is missing.
        BudgetError: an unknown level.
        QuantizationError: the net has no integer form.
    """
    row = find_target(target) if isinstance(target, str) else target
    level = f"-{optimize.removeprefix('-')}"
    if level not in LEVELS:
        raise BudgetError(f"optimize is {optimize!r}; there are: {', '.join(LEVELS)}")
    if isinstance(net, Program):
        whole = simplify(net).program
    else:
        from drypoint.quant import sketch  # noqa: PLC0415 ; most callers have programs

        whole = sketch(net, weights=bits)
    rows = with_kernels(row) if budget else (row,)
    for each in rows:
        found = _estimate(whole, each, level, budget or {}, by_rows=by_rows, may_link=may_link)
        if not found.find_excess(budget or {}):
            break
    return found


def _estimate(
    whole: Program,
    row: Target,
    level: str,
    budget: dict[str, int],
    *,
    by_rows: bool,
    may_link: bool,
) -> Estimate:
    """The estimate of a simplified program with a target's kernels."""
    program = whole
    if by_rows:
        program = fuse_rows(whole, arena=arena_limit(budget, whole, row))
    stack = packing.stack_bound(packing.kernel_set(row.kernels), program)
    flash = estimate_flash(row, program, level, may_link=may_link)
    on_target = replace(flash, stack=stack or None, stack_is="bound for any model")
    return Estimate(
        target=row,
        optimize=level,
        program=program,
        account=account(program, on_target),
        plain_arena=whole.arena_size,
        instructions=predict_instructions(row, program),
    )
