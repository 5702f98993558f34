"""The operators between a file's input and its output: planes, padding, constants."""

from collections import Counter

from drypoint.graph import Unsupported
from drypoint.program import Shape, Tensor

from .._errors import TfliteError
from .._functions import OPERATORS as FUNCTION_OPERATORS
from ..onnx.file import needed_positions
from .file import Array, File, FileTensor, Operator

RESHAPES = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}  # their output's shape says all
MAX_SHARED = 16  # bytes of constants and channels that operators read, for each of the file
FUNCTIONS = {*FUNCTION_OPERATORS, "LEAKY_RELU"}  # of one value
_HINTS = {
    "MIRROR_PAD": "pads with values of the plane, not with zeros",
    "RSQRT": "divides by a root, as a norm of the values itself does: train with batch norm",
    "ARG_MAX": "gives the number of the largest channel: compare the channels in your own code",
}


def operators(file: File) -> tuple[Operator, ...]:
    """The operators that the outputs depend on, in order of computation."""
    ends = [(activations(file, op), op.outputs) for op in file.operators]
    outputs = [*file.outputs.values()]
    if not {*outputs} <= {number for _, written in ends for number in written}:
        raise TfliteError("no operator computes its output")
    positions = needed_positions(ends, outputs, file.inputs, none=-1)
    line = tuple(file.operators[position] for position in positions)
    tensors = [file.tensors[n] for op in line for n in (*op.inputs, *op.outputs) if n >= 0]
    total = sum(t.constant.nbytes if t.constant is not None else sum(t.shape[-1:]) for t in tensors)
    if total > MAX_SHARED * file.size:
        raise TfliteError(
            f"its operators read {total:,} bytes of constants and channels, more than {MAX_SHARED} "
            "times the file"
        )
    return line


def activations(file: File, op: Operator) -> tuple[int, ...]:
    """The numbers of the tensors that an operator reads and that are no constants."""
    shaped = op.kind == "TRANSPOSE_CONV"  # its input 0 is a size, which its output has too
    inputs = op.inputs[:1] if op.kind in RESHAPES else op.inputs[1 if shaped else 0 :]
    return tuple(n for n in inputs if n >= 0 and file.tensors[n].constant is None)


def readers(file: File, line: tuple[Operator, ...]) -> Counter[int]:
    """How many of the operators, and of the outputs, read each tensor."""
    return Counter([*file.outputs.values(), *(n for op in line for n in activations(file, op))])


def hint(kind: str) -> str:
    """What to say of an operator that is not read."""
    return _HINTS.get(kind, "has no counterpart in drypoint")


def plane(file: File, tensor: FileTensor) -> Shape:
    """(N, h, w, c), (N, w, c) or (N, c) as a plane; N is the size of the input's first axis. Where
    it is 1, (cells, c) is a plane of a row, as a dense layer over the cells of a plane reads it.
    """
    shape, batch = tensor.shape, file.tensors[file.input].shape[:1]
    if is_cells(file, tensor):
        shape = (1, *shape)
    if not 2 <= len(shape) <= 4 or shape[:1] != batch:
        raise Unsupported(f"has a tensor {list(shape)}; wanted (N, h, w, c), (N, w, c) or (N, c)")
    size = Shape(*(1,) * (4 - len(shape)), *shape[1:])
    if problem := Tensor(size, "u8").problem():
        raise Unsupported(f"has a tensor that {problem}")
    return size


def is_cells(file: File, tensor: FileTensor) -> bool:
    """Whether a tensor is (cells, c), the cells of an example's plane one after the other."""
    return (
        file.tensors[file.input].shape[:1] == (1,)
        and len(tensor.shape) == 2
        and tensor.shape[0] > 1
    )


def constant(file: File, op: Operator, position: int) -> Array:
    """A constant input."""
    tensor = input_tensor(file, op, position)
    if tensor is None or tensor.constant is None:
        problem = "" if tensor is None else tensor.problem
        raise Unsupported(problem or f"has no constant as its input {position}")
    return tensor.constant


def input_tensor(file: File, op: Operator, position: int) -> FileTensor | None:
    """An input's tensor; None where the input is left out."""
    number = op.inputs[position] if position < len(op.inputs) else -1
    return file.tensors[number] if number >= 0 else None


def pair(op: Operator, height: str, width: str) -> tuple[int, int]:
    """Two options of at least 1."""
    numbers = op.options[height], op.options[width]
    if min(numbers) < 1:
        raise Unsupported(f"has {height} and {width} of {numbers}")
    return numbers
