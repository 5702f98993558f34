"""What this part raises."""

from drypoint.common import DrypointError


class AutodiffError(DrypointError, ValueError):
    """An operation was given arrays that it cannot take: shapes, dtypes, classes, hyper-parameters.

    Also raised when a gradient does not fit the tensor it belongs to.
    """


class GradcheckError(AutodiffError):
    """The gradient of a function differs from its finite differences."""
