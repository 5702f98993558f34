"""What comes of going forward and back for a batch."""

from collections.abc import Mapping
from dataclasses import dataclass

from drypoint.autodiff import Array, Product, Tensor


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a batch of N examples.

    Attributes:
        outputs: of the graph, by port.
        losses: (N,).
    """

    outputs: Mapping[str, Tensor]
    losses: Array


@dataclass(frozen=True, eq=False)
class Pass(Outcome):
    """All of it, good until the next.

    Attributes:
        gradients: path -> that of the losses' sum over a divisor.
        products: path -> what the gradient is to be made of, where that is left to be done.
    """

    gradients: dict[str, Array]
    products: dict[str, Product]
