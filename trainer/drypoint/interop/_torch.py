"""`from_torch`: the net of a PyTorch module, through ``torch.export``."""

import os
import warnings
from typing import Any

import numpy as np

from drypoint import nn
from drypoint.common import accept

from ._aliases import FROM_TORCH
from ._errors import FrameworkError
from ._nodes import Nodes
from ._onnx_file import needed
from ._packages import package
from ._torch_operations import OPERATIONS, REFUSED


@accept(FROM_TORCH)
def from_torch(module: Any, example: Any) -> nn.Sequential | nn.Graph:
    """The float net of a PyTorch module, with its weights: a `Sequential` where it is a chain.

    ``torch.export`` traces the module in evaluation mode and does not change it. The net takes the
    shape that the module takes, with the two exceptions of `from_onnx`. One error names all
    operations that no layer computes.

        net = interop.from_torch(module, torch.zeros(1, 1, 28, 28))
        encoder = data.ImageEncoder(width=28, height=28, mean=0.1307, std=0.3081)
        model = nn.Model(net, encoder=encoder, decoder=data.ClassDecoder(range(10)))
        print(interop.check(model, module, images))

    Args:
        module: a ``torch.nn.Module`` of one input and one output.
        example: a batch of inputs, such as ``torch.zeros(1, 1, 28, 28)``; only its shape counts.

    Raises:
        FrameworkError: the module cannot be traced, or has operations without a counterpart (the
            message has a line for each reason, by the names of ONNX's operators where they have
            one).
        MissingPackageError: PyTorch is not installed (the extra ``torch``).
    """
    torch = package("torch", extra="torch")
    if not isinstance(module, torch.nn.Module):
        hint = ""
        if isinstance(module, str | os.PathLike | dict):
            hint = "; a .pt file holds weights only: build the module and load them into it"
        raise FrameworkError(
            f"module is a {type(module).__name__}; wanted: a torch.nn.Module{hint}"
        )
    example = example if isinstance(example, torch.Tensor) else torch.as_tensor(example)
    if example.ndim < 2 or 0 in example.shape:
        raise FrameworkError(
            f"example is of shape {tuple(example.shape)}; wanted: a batch, such as "
            "torch.zeros(1, 1, 28, 28)"
        )
    program = _exported(module, example.float(), torch)
    nodes = Nodes()
    names, given = _inputs(program, nodes, torch)
    output = _output(program.graph)
    for node in _needed_calls(program.graph, output, given):
        names[node.name] = _converted(node, names, nodes)
    batch, *shape = example.shape
    return nodes.net(given, names[output], batch=batch, shape=tuple(shape), what="the module is")


def _exported(module: Any, example: Any, torch: Any) -> Any:
    """The traced module.

    Raises:
        FrameworkError: it cannot be traced.
    """
    training = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch about itself
            return torch.export.export(module, (example,))
    except Exception as error:  # torch.export raises errors of many kinds, of many lines
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0] if lines else type(error).__name__
        raise FrameworkError(f"torch.export cannot trace the module: {reason}") from error
    finally:
        for part, was in training.items():
            part.training = was


def _inputs(program: Any, nodes: Nodes, torch: Any) -> tuple[dict[str, str], str]:
    """Names of parameters and of the input in ``nodes``, and the input's name.

    Raises:
        FrameworkError: the module has several inputs.
    """
    kinds = torch.export.graph_signature.InputKind
    names: dict[str, str] = {}
    given: list[str] = []
    for spec in program.graph_signature.input_specs:
        name = spec.arg.name
        names[name] = name
        if spec.kind == kinds.USER_INPUT:
            given.append(name)
            continue
        held = program.state_dict if spec.target in program.state_dict else program.constants
        nodes.constant(held[spec.target].detach().cpu().numpy(), name)
    if len(given) != 1:
        raise FrameworkError(f"the module has {len(given)} inputs; wanted one")
    return names, given[0]


def _output(graph: Any) -> str:
    """The name of the node whose value is the output.

    Raises:
        FrameworkError: there are several outputs.
    """
    (found,) = next(node.args for node in graph.nodes if node.op == "output")
    if len(found) != 1:
        raise FrameworkError(f"the module has {len(found)} outputs; wanted one")
    if not hasattr(found[0], "name"):
        raise FrameworkError(f"the module's output is {found[0]!r}, not computed from its input")
    return str(found[0].name)


def _needed_calls(graph: Any, output: str, given: str) -> list[Any]:
    """The calls that the output depends on, in order of computation.

    Raises:
        FrameworkError: as `_check_in_place`.
    """
    calls = [node for node in graph.nodes if node.op == "call_function"]
    ends = [([one.name for one in node.all_input_nodes], [node.name]) for node in calls]
    found = [calls[i] for i in needed(ends, output, given)]
    _check_in_place(graph, calls, found)
    return found


def _check_in_place(graph: Any, calls: list[Any], reading: list[Any]) -> None:
    """Check that no call changes memory that one of ``reading`` reads later by an older name.

    torch.export renames a tensor that is changed as a whole, and no tensor that has a view.

    Raises:
        FrameworkError: a call does.
    """
    at = {node.name: i for i, node in enumerate(graph.nodes)}
    memory = {node.name: node.name for node in graph.nodes}  # the first node of equal memory
    for node in calls:
        if node.args and _aliases(node) and hasattr(node.args[0], "name"):
            memory[node.name] = memory[node.args[0].name]
    reads = [(at[node.name], one.name) for node in reading for one in node.all_input_nodes]
    for node in calls:
        if not getattr(getattr(node.target, "_schema", None), "is_mutable", False):
            continue
        for when, name in reads:
            if when > at[node.name] > at[name] and memory[name] == memory[node.name]:
                raise FrameworkError(
                    f"{node.target} '{node.name}' changes a part or a view of '{name}' in place: "
                    "compute a new tensor, as in x = x * 2"
                )


def _aliases(node: Any) -> bool:
    """Whether a call's output shares the memory of its first argument."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return getattr(node.target, "__name__", "") == "getitem"
    return bool(schema.returns) and schema.returns[0].alias_info is not None


def _converted(node: Any, names: dict[str, str], nodes: Nodes) -> str:
    """Add the nodes of an operation; the name of its output."""
    name = str(node.name)
    value = _first(node.meta.get("val"))
    if hasattr(value, "shape"):
        nodes.shapes[name] = tuple(int(n) for n in value.shape[1:])
    kind = str(node.target).removeprefix("aten.").partition(".")[0].removesuffix("_")
    if getattr(node.target, "__name__", "") == "getitem":
        kind = "getitem"
    operation = OPERATIONS.get(kind)
    if operation is None:
        reads = [names[one.name] for one in node.all_input_nodes]
        return nodes.add(REFUSED.get(kind, str(node.target)), reads, name)
    return operation(_Call(node, names, nodes))


def _first(value: Any) -> Any:
    """The value of a node; of one with several, such as maxima and their places, the first."""
    return value[0] if isinstance(value, tuple | list) and value else value


class _Call:
    """One call of an operation: its arguments by name, and the nodes that it adds.

    Attributes:
        name: the name of the output.
        nodes: where nodes are added.
    """

    def __init__(self, node: Any, names: dict[str, str], nodes: Nodes) -> None:
        self.node, self.names, self.nodes = node, names, nodes
        self.name = str(node.name)
        schema = getattr(node.target, "_schema", None)
        self._arguments: dict[str, Any] = dict(node.kwargs)
        if schema is not None:
            for one, value in zip(schema.arguments, node.args, strict=False):
                self._arguments[one.name] = value
            for one in schema.arguments:
                if one.name not in self._arguments and one.has_default_value():
                    self._arguments[one.name] = one.default_value

    def get(self, name: str, default: Any = None) -> Any:
        """An argument as the trace has it; ``default`` where it is None or left out."""
        value = self._arguments.get(name)
        return default if value is None else value

    def tensor(self, name: str = "input") -> str:
        """The name of an argument that is a tensor; a number becomes a constant."""
        value = self.get(name, self.get("self"))
        if isinstance(value, int | float):
            return self.nodes.constant(np.float32(value))
        return self.names[value.name]

    def tensors(self, name: str) -> list[str]:
        """The names of an argument that is a list of tensors."""
        return [self.names[one.name] for one in self.get(name)]

    def shape(self, name: str = "") -> tuple[int, ...]:
        """The shape of an argument, or of the output, with the batch axis."""
        node = self.node if not name else self.get(name, self.get("self"))
        return tuple(int(n) for n in _first(node.meta["val"]).shape)

    def ints(self, name: str, count: int, default: Any = None) -> tuple[int, ...]:
        """A number for each spatial axis."""
        value = self.get(name, default)
        values = [value] if isinstance(value, int) else list(value)
        return tuple(values * count if len(values) == 1 else values)

    def axis(self, name: str = "dim", default: int = -1) -> int:
        """An axis, counted from the first."""
        value = self.get(name, default)
        return int(value) % len(self.shape("input"))

    def add(self, op: str, inputs: list[str], **attributes: Any) -> str:
        """Add the node of the output."""
        return self.nodes.add(op, inputs, self.name, **attributes)

    def part(self, suffix: str, op: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node before that of the output."""
        return self.nodes.add(op, inputs, f"{self.name}.{suffix}", **attributes)

    def constant(self, values: Any) -> str:
        """Add a constant."""
        return self.nodes.constant(values)
