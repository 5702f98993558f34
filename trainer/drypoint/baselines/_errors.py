"""The error of baselines; each message is one line."""

from drypoint.common import DrypointError


class BaselineError(DrypointError, ValueError):
    """A setting is out of range, nothing could be trained, or scikit-learn is missing."""
