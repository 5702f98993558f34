"""Which share of the learning rate each parameter gets."""

import math
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from ._errors import TrainError

Groups = Mapping[float, tuple[str, ...]]
"""Multiplier -> paths of parameters."""


def rate_groups(
    paths: Iterable[str], multipliers: Mapping[str, float | None], *, prefix: str = ""
) -> Groups:
    """Parameters by the multiplier of the first pattern that matches them; 1 where none does.

    Args:
        paths: of the parameters.
        multipliers: glob pattern of a parameter's path ("conv1.weight") or of a layer that it is
            in ("conv1", "block") -> factor of the learning rate; 0 or None freezes.
        prefix: of paths, that patterns do not have.

    Raises:
        TrainError: a pattern matches nothing, a factor is negative, or all is frozen.
    """
    for pattern, factor in multipliers.items():
        if factor is not None and (
            isinstance(factor, bool)
            or not isinstance(factor, int | float)
            or not (math.isfinite(factor) and factor >= 0)
        ):
            raise TrainError(
                f"lr_multipliers[{pattern!r}] is {factor!r}, not a number of at least 0, or None"
            )
    groups: dict[float, list[str]] = {}
    used: set[str] = set()
    known = list(paths)
    for path in known:
        matching = [p for p in multipliers if _matches(path.removeprefix(prefix), p)]
        used.update(matching)
        factor = multipliers[matching[0]] if matching else 1.0
        groups.setdefault(float(factor or 0.0), []).append(path)
    unused = [pattern for pattern in multipliers if pattern not in used]
    if unused:
        names = ", ".join(path.removeprefix(prefix) for path in known)
        raise TrainError(f"lr_multipliers: {unused[0]!r} matches no parameter; there are {names}")
    if not groups:
        raise TrainError("the net has no parameters: there is nothing to train")
    if not set(groups) - {0.0}:
        raise TrainError("lr_multipliers freezes every parameter: there is nothing to train")
    return {factor: tuple(members) for factor, members in groups.items()}


def _matches(path: str, pattern: str) -> bool:
    """Whether a pattern is of the path or of a part that it begins with."""
    parts = path.split(".")
    return any(fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1))
