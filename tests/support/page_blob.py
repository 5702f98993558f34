"""The blob of BLOB.md section 8, read from the page."""

import re

from tools import ROOT

PAGE = (ROOT / "engine_c/BLOB.md").read_text("utf-8")


def read_page():
    """The blob of section 8, its input, and each op's output as bytes, all read from the page."""
    section = PAGE.split("\n## 10.")[0]  # section 10 shows another blob
    dump, given, outputs = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    data = b""
    for line in dump.splitlines():
        offset, row = line.split(maxsplit=1)
        assert int(offset) == len(data)
        data += bytes.fromhex(row)
    rows = (line.split(maxsplit=2) for line in outputs.splitlines())
    return data, bytes.fromhex(given.split(maxsplit=1)[1]), [bytes.fromhex(r[2]) for r in rows]
