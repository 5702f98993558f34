"""Glob patterns of names, of which the first that matches a name counts."""

from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase


def hidden_pattern(
    patterns: Iterable[str],
    names: Collection[str],
    *,
    matches: Callable[[str, str], bool] = fnmatchcase,
) -> str | None:
    """What a message says of a pattern that matches only names of patterns before it; None: there
    is none. "*", all other names, may be left without a name.

    Args:
        patterns: in their order.
        names: of the ops or parameters.
        matches: whether a name matches a pattern.
    """
    earlier: list[str] = []
    for pattern in patterns:
        hiding = {
            next((first for first in earlier if matches(name, first)), None)
            for name in names
            if matches(name, pattern)
        }
        if pattern != "*" and hiding and None not in hiding:
            first = " and ".join(repr(each) for each in earlier if each in hiding)
            verb = "matches" if len(hiding) == 1 else "match"
            return (
                f"{pattern!r} has no effect: {first} before it {verb} every name that it matches, "
                f"and the first pattern counts; write {pattern!r} first, or leave it out"
            )
        earlier.append(pattern)
    return None
