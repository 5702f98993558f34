"""The command line: one file for each command, and shared pieces."""


def main() -> int:
    """What ``drypoint`` runs; Ctrl-C while modules are imported gives no traceback, either."""
    try:
        from .__main__ import main as run  # noqa: PLC0415 - this is what may be interrupted

        return run()
    except KeyboardInterrupt:
        return 130
