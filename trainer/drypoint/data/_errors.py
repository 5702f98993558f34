"""The errors of data; each message is one line."""

from drypoint.common import DrypointError


class FormatError(DrypointError, ValueError):
    """Bytes do not have their format or checksum: an IDX file, a wheel, a pickle."""


class DatasetError(DrypointError, ValueError):
    """Arrays do not make a data set, or an index, count or fraction does not fit the set."""


class DatasetNotFoundError(DrypointError, LookupError):
    """No source has the data set; the message names each source tried and what to do."""


class CoderError(DrypointError, ValueError):
    """A setting or an input of an encoder or decoder is not valid."""


class UnknownClassError(DrypointError, KeyError):
    """A label is not one of the classes; the message lists them."""


class AugmentError(DrypointError, ValueError):
    """An amount of distortion is out of range, or the input is no array of images or signals."""
