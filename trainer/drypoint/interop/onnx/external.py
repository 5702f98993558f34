"""Tensors of an ONNX file whose data lie in a file beside it, as PyTorch's exporter writes them.

Protobuf bounds a message to 2 GiB, so an exporter may put weights into another file, which the
tensor names. The name is untrusted: only a file in the folder of the ONNX file is opened.
"""

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from drypoint.common import READ_LIMIT, read_bytes

from .._errors import OnnxError

MAX_SHARED = 4  # bytes that tensors take from a data file, for each of the file's


def load_weights(graph: Any, folder: Path | None, onnx: Any) -> None:
    """Put the data of initializers that lie in files beside the model into the model."""
    files: dict[str, memoryview] = {}
    left: dict[str, int] = {}
    sizes = {"files": 0, "tensors": 0}

    def count(subject: str, size: int) -> None:
        sizes[subject] += size
        if sizes[subject] > READ_LIMIT:
            raise OnnxError(
                f"its data {subject} have {sizes[subject]:,} bytes, the limit is {READ_LIMIT:,}"
            )

    for tensor in graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        name = _check_name(tensor.name, entries.get("location", ""))
        if folder is None:
            raise OnnxError(
                f"'{tensor.name}' is in the file '{name}' beside the ONNX file: give the path, not "
                "the bytes, or save all in one file"
            )
        if name not in files:
            path = _inside(folder, name)
            count("files", path.stat().st_size if path.is_file() else 0)
            files[name] = memoryview(read_bytes(path))
            left[name] = MAX_SHARED * len(files[name])
        start, size = _span(tensor.name, entries, len(files[name]))
        left[name] -= size
        if left[name] < 0:
            raise OnnxError(f"its tensors take more than {MAX_SHARED} times the bytes of '{name}'")
        count("tensors", size)
        tensor.raw_data = bytes(files[name][start : start + size])
        del tensor.external_data[:]
        tensor.data_location = onnx.TensorProto.DEFAULT


def _check_name(tensor: str, name: str) -> str:
    """The name of a data file."""
    plain = name not in ("", ".", "..") and "\0" not in name and name.isprintable()
    if not plain or PurePosixPath(name).name != name or PureWindowsPath(name).name != name:
        raise OnnxError(
            f"'{tensor}' has its data in '{name}'; wanted a file beside the ONNX file, by its name"
        )
    return name


def _inside(folder: Path, name: str) -> Path:
    """The path of a data file."""
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise OnnxError(f"the data file '{name}' is a link to another folder; copy the file here")
    return path


def _span(tensor: str, entries: dict[str, str], size: int) -> tuple[int, int]:
    """Where a tensor's data begin in a file of ``size`` bytes, and how many bytes they are."""
    numbers = entries.get("offset", "0"), entries.get("length", "")
    if not all(n.isascii() and n.isdigit() and len(n) < 19 for n in numbers if n):
        raise OnnxError(f"'{tensor}' has the offset and length {numbers} in its data file")
    start = int(numbers[0] or "0")
    length = int(numbers[1]) if numbers[1] else size - start
    if start + length > size or length < 0:
        raise OnnxError(f"'{tensor}' ends at byte {start + length:,} of a data file of {size:,}")
    return start, length


def refuse_other_files(proto: Any, onnx: Any) -> None:
    """Check every message inside an ``onnx.ModelProto``: no tensor may name another file.

    Tensors occur in initializers, sparse initializers, attributes of nodes, inner graphs, functions
    and training graphs. Protobuf bounds the nesting of messages (100).
    """
    waiting = [proto]
    while waiting:
        message = waiting.pop()
        if isinstance(message, onnx.TensorProto):
            if message.external_data or message.data_location == onnx.TensorProto.EXTERNAL:
                raise OnnxError(f"'{message.name}' is in another file; save all in one")
            continue  # the other fields hold no messages
        for field, value in message.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting += [value] if hasattr(value, "ListFields") else value
