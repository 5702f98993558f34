"""``python -m drypoint``: the command line where no ``drypoint`` script is on the path."""

import sys

from drypoint.cli import main

if __name__ == "__main__":
    sys.exit(main())
