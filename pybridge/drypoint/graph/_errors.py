"""The errors of lowering."""


class Unsupported(Exception):  # noqa: N818 (never leaves the readers: it becomes a line of an error)
    """The reason why a layer or an operator of a file has no integer form, without its name."""


class LoweringError(Exception):
    """Nodes of a graph have no integer form.

    Attributes:
        troubles: the title of each node ("" for the net as a whole), and the reason.
    """

    def __init__(self, troubles: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{title}: {reason}".lstrip(": ") for title, reason in troubles))
        self.troubles = troubles
