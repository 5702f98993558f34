"""The loss that goes with a net's last layer."""

from ._container import Container
from ._elementwise import Sigmoid
from ._losses import BinaryCrossEntropyLoss, CrossEntropyLoss, Loss, MSELoss
from ._module import Module
from ._softmax import Softmax
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
