"""A net of several inputs and its data as a net that reads one vector, and its data."""

from collections.abc import Mapping
from typing import Any

from drypoint.data import Dataset
from drypoint.nn import Graph, Model

from ._prepared_model import Trainable


def join_inputs(
    given: Trainable, data: object, validation_data: object
) -> tuple[Trainable, object, object]:
    """What to train, data and validation data; of a data set of several inputs, or a pair of inputs
    by name and targets, the net reads one vector of all inputs, and the data have these vectors. A
    graph with its losses inside takes a dict of all ports, and stays as it is.
    """
    pairs = [_name_inputs(part) for part in (data, validation_data)]
    if isinstance(given, Graph) and _has_names(pairs[0]):
        given = Model(given).net
    net = given.net if isinstance(given, Model) else given
    joined, validation = (_join_pair(net, pair) for pair in pairs)
    return given, joined, validation


def _name_inputs(data: object) -> object:
    """A data set of several inputs as a pair of these by name and the names of the classes."""
    if isinstance(data, Dataset) and data.input_shapes:
        return data.inputs, [data.classes[i] for i in data.y]
    return data


def _has_names(data: object) -> bool:
    """Whether data are a pair of inputs by name and targets."""
    return isinstance(data, tuple) and len(data) == 2 and isinstance(data[0], Mapping)


def _join_pair(net: Any, data: object) -> object:
    """A pair with the vectors of its inputs."""
    if not _has_names(data):
        return data
    assert isinstance(data, tuple)  # as `_has_names` says
    inputs, targets = data
    return Model(net).encode(inputs), targets
