"""What can be wrong with data that come from outside; each message is one line."""

from drypoint.common import DrypointError


class FormatError(DrypointError, ValueError):
    """Bytes are not what their format asks for: an IDX file, a wheel, a pickle, a checksum."""


class DatasetError(DrypointError, ValueError):
    """Arrays do not make a data set, or an index, count or fraction does not fit the set."""


class DatasetNotFoundError(DrypointError, LookupError):
    """No source gave the data set; the message names each that was tried and what to do."""


class CoderError(DrypointError, ValueError):
    """An encoder or decoder was given something it cannot take, or was set up wrongly."""


class UnknownClassError(DrypointError, KeyError):
    """A label is not one of the classes; the message lists them."""


class AugmentError(DrypointError, ValueError):
    """An amount of distortion is out of its range, or what is to be distorted is no images."""
