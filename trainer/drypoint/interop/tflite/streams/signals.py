"""The signals of a streaming file, which becomes a file over a whole window.

A streaming file reads the newest rows of a signal, and keeps the earlier rows that its windows need
in variables. READ_VARIABLE, CONCATENATION with the new rows, STRIDED_SLICE and ASSIGN_VARIABLE are
a ring buffer: its content is the last rows of one signal. So a convolution that reads a buffer is a
convolution without padding over the signal. The file over the window has no variables. It reads as
many rows as the last output depends on, and each of its convolutions computes all of its rows that
later ones need. This file finds the buffers, `window.py` writes the operators.
"""

from dataclasses import replace

from drypoint.graph import Unsupported

from ..._errors import TfliteError
from ..file import File, FileTensor, Operator
from ..walk import activations
from .mixed import merge
from .views import ROWS, Step, View, join, pace, parts, rows_of, whole

VARIABLES = {"CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"}


class Signals:
    """Reads a streaming file: what each operator reads of which signal."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.tensors = list(file.tensors)
        self.steps: list[Step] = []  # the operators that compute
        streaming = any(op.kind == "READ_VARIABLE" for op in file.operators)
        rows = rows_of(file, file.input)
        # tensor -> its last rows that are new in a run; the others were computed in earlier runs
        # too. None where a run does not continue the last one
        self.new: dict[int, int | None] = {file.input: rows if streaming else None}
        self.views: dict[int, View] = {}
        self.step_of: dict[int, Step] = {}  # by output
        self.variables: dict[bytes, int] = {}  # name -> the tensor of its first READ_VARIABLE
        self.held: set[int] = set()  # these tensors
        self.sources: dict[int, int] = {}  # such a tensor -> the signal whose rows it holds
        if rows is not None:
            self.views[file.input] = whole(file, file.input)
        handles = {
            op.outputs[0]: b"/".join(op.options[f] or b"" for f in ("Container", "SharedName"))
            for op in file.operators
            if op.kind == "VAR_HANDLE" and op.outputs
        }
        assigned: set[bytes] = set()
        for op in file.operators:
            if op.kind in ("READ_VARIABLE", "ASSIGN_VARIABLE"):
                name = handles.get(op.inputs[0] if op.inputs else -1, b"")
                if name in assigned:
                    raise TfliteError(f"{op.title} uses a variable after its new value")
                self._variable(op, name)
                assigned |= {name} if op.kind == "ASSIGN_VARIABLE" else set()
            elif op.kind not in VARIABLES and op.inputs and op.outputs:
                self._operator(op)
        if set(self.variables) - assigned:
            raise TfliteError("a variable that no operator assigns: export the net without it")
        self.steps = [  # a variable may be read before the operator that says whose rows it holds
            replace(step, reads={i: self.resolve(view) for i, view in step.reads.items()})
            for step in self.steps
        ]

    def _variable(self, op: Operator, name: bytes) -> None:
        if op.kind == "READ_VARIABLE" and op.outputs and rows_of(self.file, op.outputs[0]):
            read = self.variables.setdefault(name, op.outputs[0])
            self.held.add(read)
            self.views[op.outputs[0]] = replace(whole(self.file, op.outputs[0]), of=read)
            return
        read = self.variables.get(name, -1)
        value = self.views.get(op.inputs[1]) if len(op.inputs) == 2 else None
        if read in self.sources and value is not None:
            source = self.sources[read]
            kept = replace(whole(self.file, read), of=source)
            if self.resolve(value) == kept:
                return
        raise TfliteError(
            f"{op.title} keeps something else than the last rows of a signal (N, rows, ...) "
            "that moves on with the input: a program has no such state; export the whole window"
        )

    def resolve(self, view: View) -> View:
        """A view of a variable as one of the signal that it holds: of rows before the new ones."""
        source = self.sources.get(view.of)
        if source is None:
            return view
        return view.move(source, self.new[source] or 0)

    def _operator(self, op: Operator) -> None:
        if self.step_of.keys() & set(op.outputs) or self.views.keys() & set(op.outputs):
            raise TfliteError(f"{op.title} writes what another operator computes")
        try:
            views = parts(self.file, op, self.views)
        except Unsupported:
            views = {}
        if not views and op.kind == "CONCATENATION":
            view = self._join_rows(op)
            views = {} if view is None else {op.outputs[0]: view}
        if views:
            self.views |= views
            return
        step = self._merge(op) or Step(op=op, reads=self._reads(op))
        self.steps.append(step)
        for number in op.outputs:
            self.step_of[number] = step
            if rows_of(self.file, number) is not None:
                self.views[number] = whole(self.file, number)
                self.new[number] = self._new(step, number)

    def _reads(self, op: Operator) -> dict[int, View]:
        """Position -> view, of the inputs with rows."""
        used = set(activations(self.file, op))
        inputs = {i: n for i, n in enumerate(op.inputs) if n in used and n in self.views}
        return {i: self.resolve(self.views[n]) for i, n in inputs.items()}

    def _join_rows(self, op: Operator) -> View | None:
        """The view of a CONCATENATION of rows that follow one another; it says whose rows a
        variable holds. None where it computes something else.
        """
        views = [self.views[n] for n in op.inputs if n in self.views]
        if op.options["Axis"] != ROWS or len(views) != len(op.inputs):
            return None
        last = views[-1].of
        for view in views[:-1]:
            if view.of in self.held and view.of != last and self.new.get(last):
                self.sources.setdefault(view.of, last)
        return join([self.resolve(view) for view in views])

    def _merge(self, op: Operator) -> Step | None:
        """One operator in place of a CONCATENATION of several; None where they stay."""
        steps = [self.step_of.get(n) for n in op.inputs]
        if op.kind != "CONCATENATION" or len(steps) < 2:
            return None
        known_steps = [step for step in steps if step is not None]
        return (
            merge(self.file, op, known_steps, self.add) if len(known_steps) == len(steps) else None
        )

    def add(self, tensor: FileTensor) -> int:
        """The number of a tensor that is made here."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _new(self, step: Step, number: int) -> int | None:
        """How many rows of an output are new in a run."""
        news = {self.new.get(view.of) for view in step.reads.values()}
        moves = pace(self.tensors, step, number)
        if moves is None or len(news) != 1 or None in news:
            return None
        (new,), (_, stride) = news, moves
        if not new or new % stride or new // stride > self.tensors[number].shape[ROWS]:
            return None
        return new // stride
