"""Makes _native.c: the cdef is the marked part of drypoint.h, and of bridge.h."""

import re
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).parent


def marked(header: Path) -> str:
    """What stands between the marks ``cffi: begin`` and ``cffi: end`` of a header."""
    found = re.search(
        r"/\* cffi: begin.*?\*/(.*)/\* cffi: end", header.read_text("utf-8"), re.DOTALL
    )
    if found is None:
        raise SystemExit(f"{header} has no part marked for cffi")
    return found[1]


ffibuilder = FFI()
ffibuilder.cdef(marked(HERE.parents[2] / "engine_c/include/drypoint.h"))
ffibuilder.cdef(marked(HERE / "bridge.h"))
ffibuilder.set_source("drypoint.engine._native", '#include "drypoint.h"\n#include "bridge.h"\n')
