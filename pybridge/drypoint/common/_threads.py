"""The number of threads of NumPy's matrix products."""

from contextlib import AbstractContextManager


def one_blas_thread() -> AbstractContextManager[object]:
    """A context in which BLAS has one thread, in the whole process.

    drypoint's matrices are too small to gain from a second BLAS thread; on a busy machine, or where
    drypoint's own threads divide the work, a second BLAS thread makes products much slower. One
    thread also keeps the order of sums, so that bytes do not depend on the number of cores.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - a moment, only where it is used

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
