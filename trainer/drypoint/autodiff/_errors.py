"""The errors of autodiff."""

from drypoint.common import DrypointError


class AutodiffError(DrypointError, ValueError):
    """An operation refuses its arrays or hyper-parameters: shapes, dtypes, class indices, ranges.

    Also raised when a gradient does not fit its tensor.
    """


class GradcheckError(AutodiffError):
    """The gradient of a function differs from its finite differences."""
