"""A net of several inputs and its data as a net that reads one vector, and its data."""

from collections.abc import Mapping
from typing import Any

from drypoint.data import Dataset
from drypoint.nn import Graph, Model

from ._prepared_model import Trainable


def join_inputs(
    given: Trainable, data: object, validation_data: object
) -> tuple[Trainable, object, object]:
    """What to train, data and validation data; of data that are pairs of inputs by name and
    targets, the net reads one vector of all inputs, and the data have these vectors. A graph with
    its losses inside takes a dict of all ports, and stays as it is.
    """
    if isinstance(given, Graph) and has_names(data):
        given = Model(given).net
    net = given.net if isinstance(given, Model) else given
    return given, _join_pair(net, data), _join_pair(net, validation_data)


def has_names(data: object) -> bool:
    """Whether data are a pair of inputs by name and targets, or a data set of several inputs."""
    if isinstance(data, Dataset):
        return bool(data.input_shapes)
    return isinstance(data, tuple) and len(data) == 2 and isinstance(data[0], Mapping)


def _join_pair(net: Any, data: object) -> object:
    """A pair with the vectors of its inputs."""
    if not has_names(data):
        return data
    assert isinstance(data, tuple)  # a data set has become a pair
    inputs, targets = data
    return Model(net).encode(inputs), targets
