"""Where a file's net ends: at its outputs, or at the tensors that a user cuts it at."""

from collections.abc import Callable, Collection, Hashable, Sequence
from itertools import accumulate
from typing import TypeVar

from drypoint.common import DrypointError, check_kind

from ._errors import ImportFileError

Name = TypeVar("Name", bound=Hashable)
Net = TypeVar("Net")
_NAMED = 6  # tensors that a message names
_TRIED = 8  # tensors that a file is cut at, one at a time
_ROOM = 3000  # characters of the tensors that a hint names


def output_tensors(
    cut: Sequence[str],
    outputs: Sequence[str],
    computed: Collection[str],
    n_inputs: int,
    error: type[ImportFileError],
) -> tuple[str, ...]:
    """The names of the tensors that a net ends in."""
    wanted = "a tuple of names, such as ('logits',)"
    check_kind(cut, (tuple, list), name="cut", wanted=wanted, error=error)
    for name in cut:
        check_kind(name, str, name="a name of cut", wanted="a str", error=error)
    unknown = [name for name in cut if name not in computed]
    if unknown:
        raise error(f"it computes no tensor {unknown[0]!r}; its outputs are {_names(outputs)}")
    ends = tuple(dict.fromkeys(cut or outputs))
    if not n_inputs or not ends:
        raise error(
            f"it has {n_inputs} inputs and {len(outputs)} outputs; wanted: one of each or several"
        )
    return ends


def read_up_to(cut: Sequence[str], read: Callable[[Sequence[str]], Net]) -> Net:
    """What ``read`` makes of a file up to the tensors of ``cut``. Where it refuses nodes, the error
    gets a last line that names tensors before them, up to which the file was read here.
    """
    try:
        return read(cut)
    except ImportFileError as error:
        lengths = accumulate(map(len, error.ends))
        pairs = zip(error.ends, lengths, strict=True)
        ends = tuple(name for name, n in pairs if n <= _ROOM and name.isprintable())
        if ends and not _is_read(ends, read):
            ends = tuple(name for name in ends[:_TRIED] if _is_read((name,), read))
            ends = ends[:1] if len(ends) > 1 and not _is_read(ends, read) else ends
        if ends:
            words = " ".join(map(repr, ends))
            error.hint = f"--cut {words} imports up to there; what comes after is for your own code"
        raise


def before_refused(
    ends: Collection[tuple[Sequence[Name], Sequence[Name]]],
    refused: Collection[int],
    outputs: Sequence[Name],
) -> list[Name]:
    """The computed tensors that refused nodes and their followers read from the other nodes, and
    the outputs that the other nodes compute; none where these are less than half of all nodes.
    """
    computed, lost, read, count = set[Name](), set[Name](), dict[Name, None](), 0
    for position, (inputs, written) in enumerate(ends):
        if position in refused or lost.intersection(inputs):
            count += 1
            lost.update(written)
            read |= dict.fromkeys(inputs)
        else:
            computed.update(written)
    read |= dict.fromkeys(outputs)
    return [name for name in read if name in computed] if 2 * count <= len(ends) else []


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(repr(name) for name in names[:_NAMED])}{more}"


def _is_read(cut: Sequence[str], read: Callable[[Sequence[str]], object]) -> bool:
    try:
        read(cut)
    except (DrypointError, MemoryError):
        return False
    return True
