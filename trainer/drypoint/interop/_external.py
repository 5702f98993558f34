"""Data that an ONNX file keeps in other files, which are never opened."""

from typing import Any

from ._errors import OnnxError


def refuse_other_files(proto: Any, onnx: Any) -> None:
    """Look at every message inside an ``onnx.ModelProto``: no tensor may name another file.

    Tensors are found wherever the format has them: initializers, sparse ones, attributes of nodes,
    inner graphs, functions, training graphs. Protobuf bounds how deep messages nest (100).

    Raises:
        OnnxError: a tensor keeps its data in another file.
    """
    waiting = [proto]
    while waiting:
        message = waiting.pop()
        if isinstance(message, onnx.TensorProto):
            if message.external_data or message.data_location == onnx.TensorProto.EXTERNAL:
                raise OnnxError(f"'{message.name}' is in another file; save all in one")
            continue  # what is left are numbers
        for field, value in message.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting += [value] if hasattr(value, "ListFields") else value
