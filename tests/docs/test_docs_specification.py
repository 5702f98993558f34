"""The page of the specification has the code of every op, and can be read in ten minutes."""

import ast
import re
from typing import get_args

from drypoint.program import Op
from tools import ROOT


def test_the_page_has_the_code_of_every_op(monkeypatch):
    """Oracle: the files of the ops."""
    monkeypatch.syspath_prepend(str(ROOT / "docs/extension"))
    import specification

    text = specification.page()
    code = re.findall(r"```python\n(.*?)\n```", text, re.DOTALL)
    functions = [ast.parse(block).body[0].name for block in code]
    assert functions.count("compute") + functions.count("combine") == len(get_args(Op)) + 1
    assert {"requantize", "surround", "windows", "largest", "products"} <= {*functions}
    assert functions[-2:] == ["run", "trace"]
    titles = re.findall(r"^## (\w+)$", text, re.M)
    assert titles == [op.__name__ for op in get_args(Op)]
    assert len(text.splitlines()) < 500
