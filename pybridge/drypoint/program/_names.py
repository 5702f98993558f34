"""Names of inputs and outputs, which the exported header makes macros of: BLOB.md section 6."""

import re
from collections.abc import Sequence

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST = 32  # characters of a name from a text


def name_problem(
    names: Sequence[str], what: str, macros: Sequence[str], taken: Sequence[str]
) -> str:
    """What is wrong with the names of several inputs or outputs, or ""."""
    for i, name in enumerate(names):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return (
                f"an {what} is named {name!r:.80}; wanted: small letters, digits and _, a letter "
                "first"
            )
        if name in names[:i]:
            return f"two {what}s are named {name!r}"
        stem, _, part = name.rpartition("_")
        if name in taken or (part in macros and stem in names):
            return (
                f"an {what} is named {name!r}, but the exported header has a macro of this name "
                f"already; take another, such as {name}s"
            )
    return ""


def names_of(
    texts: Sequence[str], what: str, macros: Sequence[str], taken: Sequence[str]
) -> list[str]:
    """Lower-case C identifiers of texts: ``heat_1`` of "Heat:1"; numbers where a name is taken."""
    names: list[str] = []
    for text in texts:
        stem = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_LONGEST].strip("_")
        stem = stem if stem[:1].isalpha() else f"{what}_{stem}".rstrip("_")
        candidates = (stem, *(f"{stem}_{i}" for i in range(2, len(texts) + 2)))
        names.append(
            next(n for n in candidates if not name_problem([*names, n], what, macros, taken))
        )
    return names
