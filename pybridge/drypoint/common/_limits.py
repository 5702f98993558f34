"""Limits: of the memory that decoding a file may take, and of BLAS to one thread."""

from contextlib import AbstractContextManager

from ._errors import DrypointError

READ_LIMIT = 5 << 27
"""Bytes of memory (640 MiB) that one file may take while it is decoded, unless a caller says more.

Enough for EMNIST (522 MiB), the largest data set in IDX files, and for a picture of 27 megapixels
(24 bytes a pixel).
"""


def check_limit(needed: int, limit: int, *, what: str) -> None:
    """Refuse to decode a file that takes more memory than allowed, before memory is allocated.

    Args:
        needed: bytes of memory that decoding takes at most.
        limit: bytes that are allowed.
        what: the file or its content, which begins the message.

    Raises:
        DrypointError: ``needed`` is above ``limit``.
    """
    if needed > limit:
        raise DrypointError(
            f"{what} takes {needed:,} bytes of memory to decode, the limit is {limit:,}: "
            f"if you trust the file, read it in Python with limit={needed}"
        )


def one_blas_thread() -> AbstractContextManager[object]:
    """A context in which BLAS has one thread, in the whole process.

    drypoint's matrices are too small to gain from a second BLAS thread; on a busy machine, or where
    drypoint's own threads divide the work, a second BLAS thread makes products much slower. One
    thread also keeps the order of sums, so that bytes do not depend on the number of cores.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - a moment, only where it is used

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
