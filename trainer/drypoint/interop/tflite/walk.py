"""The operators between a file's input and its output: planes, padding, constants."""

from collections import Counter

from drypoint.graph import Pair, Sides, Unsupported, same_padding
from drypoint.program import Shape, Tensor

from .._errors import TfliteError
from .file import Array, File, FileTensor, Operator

NO_PADDING = (0, 0), (0, 0)
RESHAPES = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}  # their output's shape says all
MAX_SHARED = 16  # bytes of constants and channels that operators read, for each of the file
_HINTS = {
    "MIRROR_PAD": "pads with values of the plane, not with zeros",
    "RSQRT": "divides by a root, as a norm of the values itself does: train with batch norm",
    "ARG_MAX": "gives the number of the largest channel: compare the channels in your own code",
}


def operators(file: File) -> tuple[Operator, ...]:
    """The operators that the outputs depend on, in order of computation."""
    writers = {number: op for op in reversed(file.operators) for number in op.outputs}
    queue, needed_operators = [*file.outputs.values()], dict[int, Operator]()
    if not writers.keys() >= {*queue}:
        raise TfliteError("no operator computes its output")
    while queue:
        number = queue.pop()
        op = writers.get(number)
        if number in file.inputs or op is None or op.index in needed_operators:
            continue
        needed_operators[op.index] = op
        for read in activations(file, op):
            if read in writers and writers[read].index >= op.index and read not in file.inputs:
                raise TfliteError(f"damaged: {op.name} reads what is computed after it")
            queue.append(read)
    line = tuple(needed_operators[index] for index in sorted(needed_operators))
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


def padding(
    op: Operator, size: tuple[int, int], reach: tuple[int, int], stride: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """(top, bottom), (left, right) around windows that reach over rows and columns of a plane."""
    if op.options["Padding"] == "VALID":
        return NO_PADDING
    if op.options["Padding"] != "SAME":
        raise Unsupported(f"has the padding {op.options['Padding']}")
    return same_padding(size, reach, stride)


def sides(file: File, op: Operator, rank: int) -> tuple[Sides, Pair]:
    """What PAD and PADV2 add to a plane, and to its channels."""
    amounts = constant(file, op, 1)
    integers = amounts.shape == (rank, 2) and amounts.dtype.kind == "i"
    if not integers or rank < 3 or int(amounts.min()) < 0:
        raise Unsupported(f"pads {rank} axes by an array {list(amounts.shape)}")
    around = amounts.tolist()
    if any(around[0]):
        raise Unsupported("pads the batch")
    rows, columns = around[1:-1] if rank == 4 else ([0, 0], around[1])
    return (rows[0], columns[0], rows[1], columns[1]), (around[-1][0], around[-1][1])


def reduced_window(file: File, op: Operator, source: Shape, rank: int) -> tuple[int, int]:
    """The rows and columns that MEAN or REDUCE_MAX goes over."""
    array = constant(file, op, 1)
    axes = {int(axis) % rank for axis in array.ravel()} if array.dtype.kind == "i" else set()
    first = 4 - rank  # of a plane's axes
    if not axes or axes & {0, rank - 1}:
        raise Unsupported("goes over the batch or the channels; only rows and columns")
    over = {axis + first for axis in axes}
    return source.h if 1 in over else 1, source.w if 2 in over else 1
