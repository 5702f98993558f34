"""How many threads NumPy's matrix products take."""

from contextlib import AbstractContextManager


def one_blas_thread() -> AbstractContextManager[object]:
    """One BLAS thread while it lasts, in the whole process.

    The matrices here are too small to gain from a second one; on a busy machine, or where the work
    is shared out among threads already, they lose much. The sums keep their order besides, so
    that bytes do not depend on the number of cores.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - a moment, only where it is used

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
