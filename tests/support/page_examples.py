"""Examples of pages that run only where another framework is installed."""

import re

from tools import ROOT


def examples(page, first):
    """The code block of a page that begins with a line."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(first))
    return found
