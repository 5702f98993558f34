"""The engine as one C file."""

import re
from collections.abc import Mapping

_LOCAL = re.compile(r'^#include "([^"]+)"[^\n]*\n', re.MULTILINE)
_DRIVER = "dpt_quads.h"
_HEAD = """\
/* drypoint, its engine in one file: generated, do not edit. With it goes drypoint.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
"""
_PLAIN = """\
#ifndef DPT_PLAIN_C
#define DPT_PLAIN_C /* the kernels for hosts are not in here */
#endif
"""


def amalgamated(engine: Mapping[str, str]) -> str:
    """Every source after the other, each header of ours once, where it is first wanted.

    The driver for hosts is a file that each of their backends compiles anew: it can be in here
    once. So one backend that uses it is kept, and where there are several all are left out. The
    names of static functions must differ from file to file: the compiler says so if they do not.
    """
    seen = {"drypoint.h"}

    def inlined(match: re.Match[str]) -> str:
        name = match[1]
        if name not in engine or name == "drypoint.h":
            return match[0]
        if name in seen:
            return ""
        seen.add(name)
        return _LOCAL.sub(inlined, engine[name])

    sources = [name for name in sorted(engine) if name.endswith(".c")]
    backends = [name for name in sources if _reads_driver(name, engine)]
    head = _HEAD
    if len(backends) > 1:
        head += _PLAIN
        sources = [name for name in sources if name not in backends]
    body = "".join(f"\n/* ---- {n} ---- */\n{_LOCAL.sub(inlined, engine[n])}" for n in sources)
    return head + body


def _reads_driver(name: str, engine: Mapping[str, str]) -> bool:
    included = [one for one in _LOCAL.findall(engine[name]) if one in engine]
    return _DRIVER in included or any(_reads_driver(one, engine) for one in included)
