"""`from_onnx`: a net from an ONNX file."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from drypoint import nn
from drypoint.common import DrypointError, check_kind, how_to_install, read_bytes

from ._chain import Array, Chain, chain
from ._errors import OnnxError, Unsupported
from ._external import refuse_other_files
from ._layers import Converted, convert


def from_onnx(source: bytes | str | Path) -> nn.Sequential:
    """The net of an ONNX file that is a chain of layers that drypoint has.

    The operators are Conv, Gemm, MatMul (+ Add), MaxPool, AveragePool, GlobalAveragePool,
    BatchNormalization, Flatten, Reshape, Relu, Sigmoid, Tanh, Sin, Cos and Softmax, for float
    nets with images as (N, C, H, W). Dropout and Identity are dropped, since they have no effect
    in inference. Weights become float32. Layers get the default names of `nn.Sequential`.

    Args:
        source: a file, or its bytes. It is untrusted: nothing in it is executed, and no other
            file is opened. Reading takes memory in proportion to the file's size.

    Raises:
        OnnxError: no ONNX, data in other files, no chain, weights that are not finite in float32,
            or unsupported nodes (the message names the first eight).
        DrypointError: the file cannot be read, or the package ``onnx`` is not installed.
    """
    wanted = "the bytes or the path of an ONNX file"
    check_kind(source, (bytes, str, Path), name="source", wanted=wanted, error=OnnxError)
    onnx = _package()
    content = source if isinstance(source, bytes) else read_bytes(source)
    what = "the bytes are" if isinstance(source, bytes) else f"{source} is"
    proto = _parsed(content, onnx, what)
    try:
        return _net(chain(proto.graph, onnx))
    except (OnnxError, nn.ConfigError, nn.ShapeError) as error:
        raise OnnxError(f"{what} no net that can be read: {error}") from error


def _parsed(content: bytes, onnx: Any, what: str) -> Any:
    """The ``onnx.ModelProto`` of a file, checked, after shape inference.

    Raises:
        OnnxError: the file is no valid ONNX model, or has data in other files.
    """
    try:
        proto = onnx.load_model_from_string(content)
        refuse_other_files(proto, onnx)  # first: the checker looks for the other files
        onnx.checker.check_model(proto)
        return onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True)
    except OnnxError as error:
        raise OnnxError(f"{what} without its weights: {error}") from error
    except Exception as error:  # protobuf and the checker raise types of their own C++ side
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise OnnxError(f"{what} no ONNX model that can be read: {lines[0]}") from error


def _package() -> Any:
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise DrypointError(
            f"ONNX files are read with the package onnx: {how_to_install('interop')}"
        ) from error


def _net(found: Chain) -> nn.Sequential:
    """The layers of a chain as a net, with their arrays."""
    made: list[Converted] = []
    troubles = []
    for node in found.nodes:
        try:
            one = convert(node, made[-1] if made else None)
        except (Unsupported, nn.ConfigError) as trouble:
            troubles.append(f"{node.name} {trouble}")
            continue
        if one is not None and node.op == "Add":
            made[-1] = one
        elif one is not None:
            made.append(one)
    if troubles:
        more = f"; and {len(troubles) - 8} more" if len(troubles) > 8 else ""
        raise OnnxError(
            f"{len(troubles)} of {len(found.nodes)} nodes: {'; '.join(troubles[:8])}{more}"
        )
    if not made:
        raise OnnxError("the graph has no layers: nothing in it does anything")
    net = nn.Sequential([one.layer for one in made], found.input_shape)
    params: dict[str, Array] = {}
    buffers: dict[str, Array] = {}
    for name, one in zip(net.layers, made, strict=True):
        params |= {f"{name}.{k}": _as_float32(v, f"{name}.{k}") for k, v in one.params.items()}
        buffers |= {f"{name}.{k}": _as_float32(v, f"{name}.{k}") for k, v in one.buffers.items()}
    return net.with_params(params).with_buffers(buffers)


def _as_float32(array: Array, path: str) -> Array:
    if array.dtype.kind in "bcOSU":
        raise OnnxError(f"{path} holds {array.dtype}, not real numbers")
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise OnnxError(f"{path} holds values that are not finite in float32")
    return values
