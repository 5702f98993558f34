"""The engine as one C file."""

import re
from collections.abc import Mapping

_LOCAL = re.compile(r'^#include "([^"]+)"[^\n]*\n', re.MULTILINE)
_DRIVER = "dpt_quads.h"
_HEAD = """\
/* drypoint, all of its engine in one file: generated, do not edit. With it goes drypoint.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DPT_PLAIN_C
#define DPT_PLAIN_C /* the kernels for hosts are not in here */
#endif
"""


def amalgamated(engine: Mapping[str, str]) -> str:
    """Every source after the other, each header of ours once, where it is first wanted.

    Left out are the backends that share the driver for hosts, a file that each compiles anew. The
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

    sources = [n for n in sorted(engine) if n.endswith(".c") and not _reads_driver(n, engine)]
    body = "".join(f"\n/* ---- {n} ---- */\n{_LOCAL.sub(inlined, engine[n])}" for n in sources)
    return _HEAD + body


def _reads_driver(name: str, engine: Mapping[str, str]) -> bool:
    included = [one for one in _LOCAL.findall(engine[name]) if one in engine]
    return _DRIVER in included or any(_reads_driver(one, engine) for one in included)
