"""The graph that is trained: a net and what its output is worth."""

from ._graph import Graph
from ._layer import Layer
from ._losses import Loss


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
