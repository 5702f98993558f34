"""The documentation site, built once, with the walkthrough run in its short form."""

import sys

import pytest

from tools import ROOT, run


@pytest.fixture(scope="session")
def site(toolbox):
    """The folder of the built site; a warning of Sphinx is a failure. Only CI builds it: Sphinx
    takes over a minute."""
    if not toolbox.all_tools:
        pytest.skip("only CI runs them (--all-tools)")
    toolbox.need("cc")
    toolbox.need_package("myst_nb")
    folder = toolbox.folder / "site/html"
    with toolbox.locked("site"):
        if not (folder / "index.html").exists():
            flags = ["-q", "-W", "--keep-going", "-t", "fast", "-b", "html"]
            run([sys.executable, "-m", "sphinx", *flags, ROOT / "docs", folder])
    return folder
