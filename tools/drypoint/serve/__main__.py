"""``python -m drypoint.serve``: builds the engine for pages again, as ``make wasm`` does."""

import sys

from drypoint.common import DrypointError

from ._page import update_shipped_engine


def main() -> int:
    """Build and write the module; exit code 2: a tool is missing or fails."""
    try:
        path = update_shipped_engine()
    except DrypointError as error:
        print(f"drypoint.serve: {error}", file=sys.stderr)
        return 2
    print(f"{path}: {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
