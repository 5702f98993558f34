"""The command line: one file for each command, and shared pieces."""


def main() -> int:
    """What ``drypoint`` runs; Ctrl-C is no traceback while the rest is imported, either."""
    try:
        from .__main__ import main as run  # noqa: PLC0415 - this is what may be interrupted
    except KeyboardInterrupt:
        return 130
    return run()
