"""The graph of a net and a loss that training minimizes, and the loss that fits a net."""

from ._activations import Sigmoid, Softmax
from ._container import Container
from ._graph import Graph
from ._layer import Layer
from ._losses import BinaryCrossEntropyLoss, CrossEntropyLoss, Loss, MSELoss
from ._module import Module
from ._user_functions import Function


def default_loss(net: Module) -> Loss:
    """Cross-entropy after a softmax, binary cross-entropy after a sigmoid, else mean squares.

        nn.default_loss(nn.lenet())  # CrossEntropyLoss(from_logits=False, label_smoothing=0.0)

    Args:
        net: a loss is its own; of a container the layer that gives its only output counts.
    """
    if isinstance(net, Loss):
        return net
    last = last_layer(net)
    if isinstance(last, Softmax):
        return CrossEntropyLoss()
    if isinstance(last, Sigmoid) or (isinstance(last, Function) and last.name == "sigmoid"):
        return BinaryCrossEntropyLoss()
    return MSELoss()


def last_layer(net: Module) -> Module | None:
    """The layer that gives the only output, containers opened; None if there is no such one."""
    while isinstance(net, Container):
        ends = list(net.wiring.outputs.values())
        if len(ends) != 1 or not ends[0][0]:
            return None
        net = net.layers[ends[0][0]]
    return net


def TrainingGraph(net: Layer, loss: Loss, *, name: str = "net") -> Graph:  # noqa: N802
    """A net and a loss as one graph of the ports input, target -> loss.

    It is named like what it makes. An encoder or decoder of a `Model` stays outside: give
    ``model.net``, and put the trained ``graph["net"]`` back by ``model.with_net``.

    Args:
        net: of one input and one output.
        loss: on its output; gives a number for each example.
        name: of the net in the graph, so that its parameters are at "net.conv1.bias".

    Raises:
        PortError: the net has several inputs or outputs.
        ShapeError: the loss does not take what the net gives.
    """
    takes, gives = net.input_ports, net.output_ports
    return Graph(
        {name: net, "loss": loss},
        [
            ("input", f"{name}.{takes[0]}"),
            (f"{name}.{gives[0]}", "loss.input"),
            ("target", "loss.target"),
        ],
    )
