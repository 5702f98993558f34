"""Nets and programs as files of other frameworks."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import nn
from drypoint.common import check_kind, kind_of
from drypoint.program import ONLY_OUTPUT, Program, Values, reference

from ._errors import ExportError
from ._packages import package
from .onnx.write_net import net_to_onnx
from .onnx.write_program import program_to_onnx
from .tflite.write_program import program_to_tflite

_PROGRAM = "a Program, as quant.quantize gives it"
_INPUTS = (
    "inputs of the program, such as test.x[:50], whose largest output sets the scale of the file's "
    "8-bit output"
)


def to_onnx(
    source: nn.Model | nn.Layer | Program,
    inputs: ArrayLike | None = None,
    *,
    outputs: Values | None = None,
    batch: int = 1,
) -> bytes:
    """The bytes of an ONNX file of a float net or of a program.

    A float net gives a node for each layer, in float32, for batches of any size: "input" is the
    net's input behind the encoder, (N, C, H, W), (N, C, L) or (N, I); the encoder is in the
    metadata.

    A program gives integers in QDQ form (QuantizeLinear, DequantizeLinear) with the program's own
    int8 weights: "input" is uint8 (batch, C, H, W), the program's input or, for i8, 128 more; the
    output is uint8, with zero point 128. A runtime rounds in its own way: a value may differ from
    the program's by a step.

    Args:
        source: a trained net or a program.
        inputs: of a program: typical inputs, as `Engine.run` takes them; the largest value of each
            output sets the scale of the file's output.
        outputs: of a program: what it gives for typical inputs, in place of ``inputs``; of several
            outputs a dict by name.
        batch: of a program: the number of inputs of a call.

    Raises:
        ExportError: layers or ops have no counterpart; the message names them.
        MissingPackageError: the package onnx is not installed (the extra ``interop``).
    """
    _refuse_several_inputs(source)
    if isinstance(source, Program):
        return program_to_onnx(source, _outputs(source, inputs, outputs), batch)
    expected = "a Model, a net, or a Program"
    check_kind(source, (nn.Model, nn.Layer), name="source", wanted=expected, error=ExportError)
    return net_to_onnx(source if isinstance(source, nn.Model) else nn.Model(source))


def _refuse_several_inputs(source: object) -> None:
    """Refuse a net or a program of several inputs."""
    net = source.net if isinstance(source, nn.Model) else source
    several = isinstance(net, nn.Graph) and (
        len(net.input_ports) > 1
        or any(isinstance(layer, nn.InputPart) for layer in net.layers.values())
    )
    if several or (isinstance(source, Program) and source.input_parts):
        raise ExportError("files are written of nets of one input; this one has several")


def to_tflite(
    program: Program,
    inputs: ArrayLike | None = None,
    *,
    outputs: Values | None = None,
    batch: int = 1,
) -> bytes:
    """The bytes of a ``.tflite`` file of a program, int8, with the program's own weights.

    The input is int8 (batch, H, W, C): the program's input, less 128 for u8. The output is int8.
    TensorFlow Lite rounds in its own way, so that a value may differ from the program's by a step.

    Args:
        program: the program.
        inputs, outputs: as for `to_onnx`.
        batch: the number of inputs of a call.

    Raises:
        ExportError: an op has no counterpart; the message names it.
        MissingPackageError: the package ai-edge-litert is not installed (the extra ``tflite``).
    """
    check_kind(program, Program, name="program", wanted=_PROGRAM, error=ExportError)
    _refuse_several_inputs(program)
    return program_to_tflite(program, _outputs(program, inputs, outputs), batch)


def to_torch_state_dict(net: nn.Model | nn.Module) -> dict[str, Any]:
    """The arrays of a net as tensors under PyTorch's names, for ``module.load_state_dict``.

    The key of an array is the path of its layer here and PyTorch's name of it: "conv1.weight",
    "norm.running_var". So the modules of the PyTorch net must have the names of the layers.

    Raises:
        ExportError: the net is untrained.
        MissingPackageError: PyTorch is not installed (the extra ``torch``).
    """
    state, torch = _state(net), package("torch", extra="torch")
    return {name: torch.from_numpy(array) for name, array in state.items()}


def to_safetensors(net: nn.Model | nn.Module) -> bytes:
    """The arrays of `to_torch_state_dict` as the bytes of a ``.safetensors`` file, without PyTorch.

    Raises:
        ExportError: the net is untrained.
        MissingPackageError: the package safetensors is not installed (the extra ``interop``).
    """
    state = _state(net)
    content: bytes = package("safetensors.numpy", extra="interop").save(state)
    return content


def _outputs(
    program: Program, inputs: ArrayLike | None, outputs: Values | None
) -> dict[str, NDArray[np.int32]]:
    """Typical values of each output, by name."""
    names = [output.name for output in program.outputs]
    if outputs is not None:
        by_name = outputs if isinstance(outputs, dict) else {ONLY_OUTPUT: outputs}
        if {*by_name} != {*names}:
            raise ExportError(f"outputs has {', '.join(by_name)}; the program {', '.join(names)}")
        for values in by_name.values():
            if not isinstance(values, np.ndarray) or values.dtype != np.int32 or not values.size:
                raise ExportError(
                    f"outputs is {kind_of(values)}; wanted: int32, as Engine.run gives"
                )
        return by_name
    if inputs is None:
        raise ExportError(f"inputs is None; wanted: {_INPUTS}")
    read = program.check_input(inputs)
    if len(read) == 0:
        raise ExportError(f"inputs is empty; wanted: {_INPUTS}")
    values = reference.run(program, read)
    return values if isinstance(values, dict) else {ONLY_OUTPUT: values}


_NORM = {
    "scale": "weight",
    "shift": "bias",
    "running_mean": "running_mean",
    "running_variance": "running_var",
}


def _state(net: nn.Model | nn.Module) -> dict[str, NDArray[Any]]:
    """PyTorch's names -> writable copies of the arrays."""
    kinds = (nn.Model, nn.Module)
    check_kind(net, kinds, name="net", wanted="a Model or a net", error=ExportError)
    net = net.net if isinstance(net, nn.Model) else net
    if not net.initialized:
        raise ExportError("the net is untrained: train.fit(net, data).model is the trained copy")
    state: dict[str, NDArray[Any]] = {}
    for path, layer in net.leaves():
        at = f"{path}." if path else ""
        names = _NORM if isinstance(layer, nn.BatchNorm) else {n: n for n in layer.param_names}
        arrays = {**layer.params, **layer.buffers}
        state |= {f"{at}{names[name]}": np.array(array) for name, array in arrays.items()}
        if isinstance(layer, nn.BatchNorm):
            state[f"{at}num_batches_tracked"] = np.array(0, np.int64)
    return state
