"""`from_torch`: the net of a PyTorch module, through PyTorch's own exporter to ONNX."""

import logging
import os
import warnings
from typing import Any

from drypoint import nn
from drypoint.common import accept

from .._aliases import FROM_TORCH
from .._errors import FrameworkError, OnnxError
from .._packages import package
from ..onnx.file import read_graph
from ..onnx.read import net_of


@accept(FROM_TORCH)
def from_torch(module: Any, example: Any) -> nn.Sequential | nn.Graph:
    """The float net of a PyTorch module, with its weights: a `Sequential` where it is a chain.

    ``torch.onnx.export`` traces the module in evaluation mode and does not change it; no file is
    written. The net takes the shape that the module takes, with the two exceptions of `from_onnx`.
    One error names all operations that no layer computes.

        net = interop.from_torch(module, torch.zeros(1, 1, 28, 28))
        encoder = data.ImageEncoder(width=28, height=28, mean=0.1307, std=0.3081)
        model = nn.Model(net, encoder=encoder, decoder=data.ClassDecoder(range(10)))
        print(interop.check(model, module, images))

    Args:
        module: a ``torch.nn.Module``. Several inputs have the names of the arguments of
            ``forward``; several outputs the keys of a dict that the module returns, else the names
            of the exporter.
        example: a batch of inputs, such as ``torch.zeros(1, 1, 28, 28)``; only its shape counts. Of
            a module of several inputs a tuple of batches.

    Raises:
        FrameworkError: the module cannot be traced, or has operations without a counterpart (the
            message has a line for each reason, by the names of ONNX's operators).
        MissingPackageError: PyTorch or onnxscript is not installed (the extra ``torch``).
    """
    torch = package("torch", extra="torch")
    if not isinstance(module, torch.nn.Module):
        hint = ""
        if isinstance(module, str | os.PathLike | dict):
            hint = "; a .pt file holds weights only: build the module and load them into it"
        raise FrameworkError(
            f"module is a {type(module).__name__}; wanted: a torch.nn.Module{hint}"
        )
    several = isinstance(example, tuple) and all(isinstance(x, torch.Tensor) for x in example)
    examples = [torch.as_tensor(x).float() for x in (example if several else (example,))]
    for x in examples:
        if x.ndim < 2 or 0 in x.shape:
            raise FrameworkError(
                f"example is of shape {tuple(x.shape)}; wanted: a batch, such as "
                "torch.zeros(1, 1, 28, 28)"
            )
    package("onnxscript", extra="torch")  # what the exporter needs
    content = _export(module, tuple(examples), torch)
    try:
        return net_of(*read_graph(content, "the module is"))
    except OnnxError as error:
        raise FrameworkError.of_nodes(error) from error


def _export(module: Any, examples: tuple[Any, ...], torch: Any) -> bytes:
    """The bytes of the module's ONNX file, with its batch norms."""
    training = {part: part.training for part in module.modules()}
    logger = logging.getLogger("torch.onnx")  # warns of packages that no net here needs
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        module.eval()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch about itself
            # The exporter's optimizer folds batch norms into convolutions, so it stays off.
            result = module(*examples)
            names = [*result] if isinstance(result, dict) else None
            program = torch.onnx.export(
                module, examples, dynamo=True, optimize=False, verbose=False, output_names=names
            )
            content: bytes = program.model_proto.SerializeToString()
            return content
    except Exception as error:  # the exporter raises errors of many kinds, of many lines
        cause = error.__cause__ or error
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        reason = lines[0] if lines else type(cause).__name__
        raise FrameworkError(f"torch.onnx.export cannot trace the module: {reason}") from error
    finally:
        logger.setLevel(level)
        for part, mode in training.items():
            part.training = mode
