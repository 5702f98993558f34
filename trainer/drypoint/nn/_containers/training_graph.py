"""The graph of a net and a loss that training minimizes, and the loss that fits a net."""

from collections.abc import Mapping

from drypoint.common import check_kind

from .._errors import PortError
from .._layers.activations import LogSoftmax, Sigmoid, Softmax
from .._layers.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, Loss, MSELoss
from .._layers.user_functions import Function
from .._module.layer import Layer
from .._module.module import Module
from .container import Container
from .graph import Graph


def default_loss(net: Module, output: str | None = None) -> Loss:
    """Cross-entropy for a net that ends in a softmax or a log-softmax, binary cross-entropy for one
    that ends in a sigmoid, else the mean squared error.

        nn.default_loss(nn.lenet())  # CrossEntropyLoss(from_logits=False, label_smoothing=0.0)

    Args:
        net: a net, layer or loss; the last layer is the one that computes the output. A loss is
            returned itself.
        output: the port of one of several outputs.
    """
    if isinstance(net, Loss):
        return net
    last = last_layer(net, output)
    if isinstance(last, Softmax):
        return CrossEntropyLoss()
    if isinstance(last, LogSoftmax):
        return CrossEntropyLoss(from_logits=True)  # logarithms of probabilities are logits
    if isinstance(last, Sigmoid) or (isinstance(last, Function) and last.name == "sigmoid"):
        return BinaryCrossEntropyLoss()
    return MSELoss()


def last_layer(net: Module, output: str | None = None) -> Module | None:
    """The layer that computes the output of that port, or the only one, inside containers too; None
    if there is none.
    """
    while isinstance(net, Container):
        ends = net.wiring.outputs
        if output is None and len(ends) != 1:
            return None
        layer, output = next(iter(ends.values())) if output is None else ends[output]
        if not layer:
            return None
        net = net.layers[layer]
    return net


def TrainingGraph(  # noqa: N802
    net: Layer, loss: Loss | Mapping[str, Loss], *, name: str = "net"
) -> Graph:
    """A net and a loss as one graph of the ports input, target -> loss. A net with several outputs
    has a loss for each: the ports are input and the names of the outputs, for the targets ->
    "<output>_output" and "<output>_loss".

    The function is named like a class because it makes a `Graph`. For a `Model` give
    ``model.net``, and put the trained ``graph["net"]`` back by ``model.with_net``.

    Args:
        net: a layer or net with one input.
        loss: the loss of the net's output, one number for each example; of several outputs port ->
            loss.
        name: the name of the net in the graph: its parameters are at "net.conv1.bias".

    Raises:
        PortError: the net has several inputs, or a port has no loss.
        ShapeError: a loss does not take the net's output.
    """
    check_kind(net, Layer, name="net", wanted="a net or layer of nn")
    takes, gives = net.input_ports, net.output_ports
    if isinstance(loss, Mapping):
        return _with_losses(net, loss, name)
    if len(takes) > 1 or len(gives) > 1:
        raise PortError(
            f"the net has the ports {net.ports}; wanted: one input, and a loss by output"
        )
    return Graph(
        {name: net, "loss": loss},
        [
            ("input", f"{name}.{takes[0]}"),
            (f"{name}.{gives[0]}", "loss.input"),
            ("target", "loss.target"),
        ],
    )


def _with_losses(net: Layer, losses: Mapping[str, Loss], name: str) -> Graph:
    """The training graph of a net with several outputs."""
    ports = net.output_ports
    if len(net.input_ports) > 1 or set(losses) != set(ports):
        raise PortError(
            f"the net has the ports {net.ports}, and there are losses for {', '.join(losses)}; "
            "wanted: one input, and a loss for each output"
        )
    if "input" in ports:
        raise PortError("an output of the net is called input, as its input is: rename it")
    edges = [(".input", f"{name}.{net.input_ports[0]}")]
    for port in ports:
        edges += [
            (f"{name}.{port}", f"{port}_loss.input"),
            (f".{port}", f"{port}_loss.target"),
            (f"{name}.{port}", f".{port}_output"),
            (f"{port}_loss", f".{port}_loss"),
        ]
    return Graph({name: net, **{f"{port}_loss": losses[port] for port in ports}}, edges)
