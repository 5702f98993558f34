"""Errors of a search."""

from drypoint.common import DrypointError


class SearchError(DrypointError, ValueError):
    """A search cannot begin or go on; the message says why and what to do."""
