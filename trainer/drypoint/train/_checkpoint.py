"""Checkpoints: the state of a run in a file, from which the run resumes to identical bytes.

The file ``checkpoint.npz`` is a zip of ``checkpoint.json`` and one ``.npy`` an array, written
atomically. It holds no random generator, since random numbers depend on seed, epoch and step
alone. The file may be untrusted: its JSON must describe the resuming run, and each of its arrays
must have the name, dtype and shape of one in that run.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import (
    DrypointError,
    check_writable,
    npy_header,
    pack_members,
    parse_json,
    read_bytes,
    unpack_members,
    write_atomic,
)

from ._errors import CheckpointError
from ._training_state import TrainingState

NAME = "checkpoint.npz"
FORMAT, VERSION = "drypoint-checkpoint", 1

_JSON = "checkpoint.json"
_LARGEST_JSON = 1 << 20  # bytes; bounds the parser's work
_COUNTS = ("epoch", "step", "examples", "best_epoch")

RunIdentity = Mapping[str, Any]
"""The settings, net and data that decide the bytes of a run, of JSON types."""


def check_folder(folder: Path) -> None:
    """Make the folder and check, before the training, that a checkpoint can be written to it."""
    check_writable(folder / NAME)


def checkpoint_files(folder: Path | None) -> tuple[Path, ...]:
    """The paths of the checkpoints in a folder: one, or none."""
    return (folder / NAME,) if folder is not None and (folder / NAME).exists() else ()


def save(path: Path, state: TrainingState, run: RunIdentity) -> None:
    """Write a state."""
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "run": dict(run),
        **{name: getattr(state, name) for name in _COUNTS},
        "seconds": state.seconds,
        "history": list(state.history),
    }
    arrays: dict[str, NDArray[Any]] = {**_figures(state), **state.arrays()}
    contents = {f"{name}.npy": _npy_header(a) + a.tobytes() for name, a in arrays.items()}
    write_atomic(path, pack_members({_JSON: json.dumps(facts).encode(), **contents}))


def restore(folder: Path, state: TrainingState, run: RunIdentity) -> str:
    """Load the checkpoint of a folder into the initial state of a run.

    Without a checkpoint in the folder the state stays unchanged, so that one command both starts a
    run and resumes it after a crash.
    """
    path = folder / NAME
    if not path.exists():
        return f"no checkpoint in {folder} yet: the run starts from the beginning"
    content = read_bytes(path)
    try:
        members = unpack_members(content)
    except DrypointError as error:
        raise _damage_error(path, f"it is no zip of arrays: {error}") from error
    facts = _facts(members.pop(_JSON, b""), path)
    _check_run(facts["run"], run, path)
    numbers = {f"history/{name}": facts["epoch"] for name in facts["history"]}
    numbers["batch_loss"] = facts["step"]
    short = [name for name, n in numbers.items() if 8 * n > len(members.get(f"{name}.npy", b""))]
    if facts["epoch"] > run["epochs"] or short:  # bounds what is allocated
        raise _damage_error(path, "it has fewer figures than steps or epochs")
    for name in _COUNTS:
        setattr(state, name, facts[name])
    state.seconds = facts["seconds"]
    state.history = {name: [0.0] * state.epoch for name in facts["history"]}
    state.batch_loss = [0.0] * state.step
    if state.best_epoch:
        state.store_best()
        state.best_epoch = facts["best_epoch"]
    figures, arrays = _figures(state), state.arrays()
    wanted: dict[str, NDArray[Any]] = {**figures, **arrays}
    if set(members) != {f"{name}.npy" for name in wanted}:
        raise _damage_error(path, "arrays are missing, or there are too many")
    for name, array in wanted.items():
        array[...] = _array(members[f"{name}.npy"], like=array, name=name, path=path)
    state.batch_loss = figures["batch_loss"].tolist()
    state.history = {name: figures[f"history/{name}"].tolist() for name in state.history}
    state.weights.store_buffers(state.weights.buffers)
    return f"resumed after epoch {state.epoch} from {folder}"


def _figures(state: TrainingState) -> dict[str, NDArray[np.float64]]:
    history = {f"history/{name}": np.array(v) for name, v in state.history.items()}
    return {"batch_loss": np.array(state.batch_loss, np.float64), **history}


def _facts(text: bytes, path: Path) -> dict[str, Any]:
    """The parsed JSON, checked for format, version and possible counts."""
    try:
        facts = parse_json(text, largest=_LARGEST_JSON)
    except DrypointError as error:
        raise _damage_error(path, f"{_JSON}: {error}") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise CheckpointError(f"{path} is no checkpoint: {_JSON} does not say {FORMAT}")
    if facts.get("version") != VERSION:
        raise CheckpointError(
            f"{path} has format version {facts.get('version')!r}, this drypoint reads {VERSION}"
        )
    counts = [facts.get(name) for name in _COUNTS]
    seconds, history = facts.get("seconds"), facts.get("history")
    sound = (
        isinstance(facts.get("run"), dict)
        and all(type(n) is int and 0 <= n < 1 << 40 for n in counts)
        and isinstance(seconds, int | float)
        and seconds >= 0
        and isinstance(history, list)
        and all(isinstance(name, str) for name in history)
        and facts["best_epoch"] <= facts["epoch"] <= facts["step"]
    )
    if not sound:
        raise _damage_error(path, f"{_JSON} has impossible values")
    return facts


def _check_run(there: RunIdentity, here: RunIdentity, path: Path) -> None:
    for name in here:
        if there.get(name) != here[name]:
            raise CheckpointError(
                f"{path} is of another run: {name} was {_short(there.get(name))}, now it is "
                f"{_short(here[name])}; give the same settings, or another folder"
            )
    if set(there) != set(here):
        raise CheckpointError(f"{path} is of another run: it has {sorted(set(there) - set(here))}")


def _damage_error(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path} is damaged: {why}; remove it to start from the beginning")


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) == 64 else text


def _array(content: bytes, *, like: NDArray[Any], name: str, path: Path) -> NDArray[Any]:
    """One array, checked to have the dtype and shape of `like`."""
    header = _npy_header(like)
    if len(content) != len(header) + like.nbytes or not content.startswith(header):
        raise _damage_error(path, f"{name} is not {like.dtype} {like.shape}")
    return np.frombuffer(content, like.dtype, offset=len(header)).reshape(like.shape)


def _npy_header(array: NDArray[Any]) -> bytes:
    return npy_header(array.shape, array.dtype.newbyteorder("<").str)
