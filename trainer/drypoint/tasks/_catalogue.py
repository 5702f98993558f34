"""All tasks, the task of a net, and what a net says of inputs."""

from collections.abc import Mapping
from typing import Any

from drypoint.common import kind_of, unknown
from drypoint.data import Dataset
from drypoint.nn import Model
from drypoint.program import Program

from ._answer import Answer, join_answers
from ._box_decoder import box_decoder_of
from ._classes import Classes, classes_of
from ._detect import Detect
from ._keywords import Keywords
from ._numbers import Numbers
from ._pixels import Pixels, decides_pixels
from ._reconstruction import Reconstruction
from ._reconstruction_errors import reconstructs
from ._task import Runner, Task, TaskError, output_names

TASKS: tuple[Task, ...] = (
    Classes(),
    Keywords(),
    Numbers(),
    Pixels(),
    Detect(),
    Reconstruction(),
)
"""A task of each kind."""


def find_task(word: str | Task | None, dataset: Dataset | None = None) -> Task:
    """The task of a name: of `Task.name`, or of the ``task`` of `data.read`; None: "pixels" for a
    data set of label maps, "detect" for one with boxes, else "classes".

    Raises:
        TaskError: there is no such task.
    """
    if isinstance(word, Task):
        return word
    if word is None and dataset is not None and dataset.has_maps:
        return Pixels()
    if word is None and dataset is not None and dataset.boxes is not None:
        return Detect()
    names = {name: task for task in TASKS for name in (task.read_as, task.name) if name}
    if word is None or (isinstance(word, str) and word in names):
        return names[word or Classes.name]
    shown = word if isinstance(word, str) else kind_of(word)
    known = [task.name for task in TASKS]
    raise TaskError(unknown("there is no task", shown, known, {}))


def task_of(reader: Model | Program) -> Task:
    """The task of a net, by its own and its file's facts: "keywords" or "numbers" if it was trained
    so, or detects keywords; "pixels" if its last output is planes of classes; "detect" if it has a
    decoder of boxes; "reconstruction" if it has as many outputs as inputs, no classes and no
    softmax; else "classes".

    Raises:
        TaskError: it is no `Model` and no `Program`.
    """
    boxes = box_decoder_of(reader, output_names(reader)[-1])
    if isinstance(reader, Program) and reader.detector is not None:
        return Keywords()
    if boxes is not None:
        return Detect(cells=boxes.cells)
    saved = _saved_name(reader)
    for task in (Keywords(), Numbers()):
        if saved in (task.name, task.read_as):
            return task
    if decides_pixels(reader):
        return Pixels()
    return Reconstruction() if reconstructs(reader) else Classes()


def tasks_of(reader: Model | Program) -> dict[str, Task]:
    """Output -> its task: of the only output `task_of` the net. Of several outputs a decoder of
    boxes makes "detect"; classes, known by a decoder, labels or a softmax, "pixels" where each
    pixel has one, else "classes"; a threshold "reconstruction"; others give values.
    """
    names = output_names(reader)
    if len(names) == 1:
        return {names[0]: task_of(reader)}
    return {name: _task_of_output(reader, name) for name in names}


def _task_of_output(reader: Model | Program, name: str) -> Task:
    if (boxes := box_decoder_of(reader, name)) is not None:
        return Detect(cells=boxes.cells)
    if decides_pixels(reader, name):
        return Pixels()
    if classes_of(reader, name) is not None:
        return Classes()
    outputs = () if isinstance(reader, Model) else reader.outputs
    thresholds = {output.name: output.threshold for output in outputs}
    return Task() if thresholds.get(name) is None else Reconstruction()


def answer_heads(heads: Mapping[str, Task], runner: Runner, x: Any, *, top: int) -> list[Answer]:
    """The answers to inputs, one an input: each of several outputs answers by its task."""
    found = {name: task.answer(runner, x, top=top, output=name) for name, task in heads.items()}
    return join_answers(found) if len(found) > 1 else next(iter(found.values()))


def answer_inputs(
    model: Runner, x: Any, *, top: int = 3, task: Task | str | None = None
) -> list[Answer]:
    """The answers to inputs, one an input, by the task of the net: the likeliest classes, boxes,
    whether it is an anomaly, or values. Each of several outputs answers by its task.

    Args:
        model: a `Model`, or an `Engine` of a program of single inputs.
        x: what the model takes (N, ...); several inputs by name.
        top: classes in a text.
        task: by which the net was trained; None: `tasks_of` its outputs.

    Raises:
        TaskError: it is no such model, or ``top`` no number.
        DrypointError: the net does not take these inputs.
    """
    if isinstance(model, Program) or type(top) is not int:
        raise TaskError(
            f"the model is {kind_of(model)}, top {kind_of(top)}; wanted: a Model or an Engine, and "
            "a number of classes"
        )
    reader: Any = getattr(model, "program", model)
    if task is not None:
        return find_task(task).answer(model, x, top=top)
    return answer_heads(tasks_of(reader), model, x, top=top)


def _saved_name(reader: Model | Program) -> object:
    """The name of a task in the file of a model, or of the model of a program: untrusted bytes."""
    facts: Any = reader.provenance
    if isinstance(reader, Program):
        facts = facts.get("model")
    if not isinstance(facts, Mapping):
        return None
    if isinstance(facts.get("task"), str):
        return facts["task"]
    for key in ("data", "read", "task"):
        facts = facts.get(key) if isinstance(facts, Mapping) else None
    return facts
