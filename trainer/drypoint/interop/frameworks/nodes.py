"""Graphs of ONNX's operators that are made in memory, of a module or model of another framework.

`from_torch` and `from_keras` translate each operation to nodes; the reader of ONNX files makes a
net of the nodes, as of a file's nodes. The package onnx is not needed for that.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from drypoint import nn

from .._errors import FrameworkError, ImportFileError
from .._tensor_view import Array, Shape
from ..onnx.file import Graph, Node
from ..onnx.read import net_of


@dataclass(frozen=True, eq=False, kw_only=True)
class MadeGraph(Graph):
    """A graph without a file."""

    error: ClassVar[type[ImportFileError]] = FrameworkError
    # name -> shape of a tensor for one example
    shapes: dict[str, Shape] = field(default_factory=dict)

    def inferred_shapes(self) -> dict[str, Shape]:
        """``shapes``."""
        return dict(self.shapes)


class Nodes:
    """Nodes, constants and shapes, in order of computation."""

    def __init__(self) -> None:
        # name -> shape of a tensor for one example, where the framework says it
        self.shapes: dict[str, Shape] = {}
        self._nodes: list[Node] = []
        self._constants: dict[str, Array] = {}
        self._calls: Counter[str] = Counter()

    def free_name(self, name: str) -> str:
        """A name for the output of a call: a layer that is called again gets a number behind it."""
        self._calls[name] += 1
        return name if self._calls[name] == 1 else f"{name}:{self._calls[name]}"

    def constant(self, values: Any, name: str = "") -> str:
        """Add a constant; its name."""
        name = name or f"constant{len(self._constants)}"
        self._constants[name] = np.asarray(values)
        return name

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node; the name of its output."""
        node = Node(
            op=op,
            name=output,
            inputs=tuple(inputs),
            outputs=(output,),
            attributes=attributes,
            proto=None,
        )
        self._nodes.append(node)
        return output

    def net(
        self,
        inputs: Mapping[str, Shape],
        outputs: Mapping[str, str],
        *,
        batch: int,
        subject: str,
    ) -> nn.Sequential | nn.Graph:
        """The net of the nodes."""
        read = {name for node in self._nodes for name in node.inputs}
        graph = MadeGraph(
            nodes=tuple(self._nodes),
            constants=self._constants,
            inputs={n: s for n, s in inputs.items() if n in read or len(inputs) == 1},
            outputs=outputs,
            batch=batch,
            opset=0,
            size=sum(array.nbytes for array in self._constants.values()),
            proto=None,
            shapes=self.shapes,
        )
        return net_of(graph, subject)
