"""``python -m drypoint.devices``: the Debian packages that the targets need, one a line."""

from ._targets import debian_packages

if __name__ == "__main__":
    print("\n".join(debian_packages()))
