"""The engine as one C file."""

import re
from collections.abc import Mapping

_LOCAL = re.compile(r'^#include "([^"]+)"[^\n]*\n', re.MULTILINE)
_DRIVER = "dpt_quads.inc"
_PUBLIC = {"drypoint.h", "drypoint_kernels.h"}
_HEAD = """\
/* drypoint, its engine in one file: generated, do not edit. With it go drypoint.h and
 * drypoint_kernels.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
"""
_PLAIN = """\
#ifndef DPT_PLAIN_C
#define DPT_PLAIN_C /* the kernels for hosts are not in here */
#endif
"""


def amalgamate(engine: Mapping[str, str]) -> str:
    """All sources in one text; the engine's headers and fragments where they are first included.

    Every host backend compiles the driver for hosts for itself, but one text can hold the driver
    once. So a single backend that uses the driver is kept, and several are all left out. The
    names of static functions must differ between files: the compiler refuses the text otherwise.
    """
    seen: set[str] = set()

    def inline(match: re.Match[str]) -> str:
        name = match[1]
        if name not in engine or name in _PUBLIC:
            return match[0]
        if name in seen:
            return ""
        seen.add(name)
        return _LOCAL.sub(inline, engine[name])

    sources = [name for name in sorted(engine) if name.endswith(".c")]
    backends = [name for name in sources if _reads_driver(name, engine)]
    head = _HEAD
    if len(backends) > 1:
        head += _PLAIN
        sources = [name for name in sources if name not in backends]
    body = "".join(f"\n/* ---- {n} ---- */\n{_LOCAL.sub(inline, engine[n])}" for n in sources)
    return head + body


def _reads_driver(name: str, engine: Mapping[str, str]) -> bool:
    included = [file for file in _LOCAL.findall(engine[name]) if file in engine]
    return _DRIVER in included or any(_reads_driver(file, engine) for file in included)
