"""The error of the bench."""

from drypoint.common import DrypointError


class BenchError(DrypointError, RuntimeError):
    """A net that cannot be timed, or a timed process that failed; the message says which."""
