"""The one base of all errors that come from outside: input, files, arguments, the machine."""


class DrypointError(Exception):
    """Something from outside is not as wanted; ``str(error)`` is one line that teaches.

    The line says what came, what was wanted, where, and what to do. Each part derives its own
    errors from this one and, where Python has a fitting built-in (``ValueError``, ``KeyError``),
    from that as well. The command line prints the line and exits with 2; it never prints a
    traceback for a ``DrypointError``.
    """

    def __str__(self) -> str:
        """The message itself (``KeyError`` alone would show its ``repr``)."""
        return " ".join(str(a) for a in self.args)
