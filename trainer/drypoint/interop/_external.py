"""Refuse ONNX files with data in other files, which are never opened."""

from typing import Any

from ._errors import OnnxError


def refuse_other_files(proto: Any, onnx: Any) -> None:
    """Check every message inside an ``onnx.ModelProto``: no tensor may name another file.

    Tensors occur in initializers, sparse initializers, attributes of nodes, inner graphs, functions
    and training graphs. Protobuf bounds the nesting of messages (100).

    Raises:
        OnnxError: a tensor has its data in another file.
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
