"""The graph of a net and a loss that training minimizes, and the loss that fits a net."""

from .._layers.activations import LogSoftmax, Sigmoid, Softmax
from .._layers.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, Loss, MSELoss
from .._layers.user_functions import Function
from .._module.layer import Layer
from .._module.module import Module
from .container import Container
from .graph import Graph


def default_loss(net: Module) -> Loss:
    """Cross-entropy for a net that ends in a softmax or a log-softmax, binary cross-entropy for one
    that ends in a sigmoid, else the mean squared error.

        nn.default_loss(nn.lenet())  # CrossEntropyLoss(from_logits=False, label_smoothing=0.0)

    Args:
        net: a net, layer or loss; the last layer is the one that computes the only output. A loss
            is returned itself.
    """
    if isinstance(net, Loss):
        return net
    last = last_layer(net)
    if isinstance(last, Softmax):
        return CrossEntropyLoss()
    if isinstance(last, LogSoftmax):
        return CrossEntropyLoss(from_logits=True)  # logarithms of probabilities are logits
    if isinstance(last, Sigmoid) or (isinstance(last, Function) and last.name == "sigmoid"):
        return BinaryCrossEntropyLoss()
    return MSELoss()


def last_layer(net: Module) -> Module | None:
    """The layer that computes the only output, inside containers too; None if there is none."""
    while isinstance(net, Container):
        ends = list(net.wiring.outputs.values())
        if len(ends) != 1 or not ends[0][0]:
            return None
        net = net.layers[ends[0][0]]
    return net


def TrainingGraph(net: Layer, loss: Loss, *, name: str = "net") -> Graph:  # noqa: N802
    """A net and a loss as one graph of the ports input, target -> loss.

    The function is named like a class because it makes a `Graph`. For a `Model` give
    ``model.net``, and put the trained ``graph["net"]`` back by ``model.with_net``.

    Args:
        net: a layer or net with one input and one output.
        loss: the loss of the net's output; one number for each example.
        name: the name of the net in the graph: its parameters are at "net.conv1.bias".

    Raises:
        PortError: the net has several inputs or outputs.
        ShapeError: the loss does not take the net's output.
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
