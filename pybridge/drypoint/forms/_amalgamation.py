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


_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_MACRO = re.compile(r"^# *define (\w+)", re.MULTILINE)
_DIRECTIVE = re.compile(r"^#(?:[^\n]*\\\n)*[^\n]*\n", re.MULTILINE)
# A block without inner blocks: without all its blocks a file has its declarations only.
_BLOCK = re.compile(r"\{[^{}]*\}")
_DECLARED = re.compile(
    r"\b(?!dpt_|DPT_|__)([a-z]\w*)(?= *\(|(?:\[\w*\])* =)|(?:struct|STATIC_ASSERT\() ?(\w+)"
    r"|([a-z]\w*);"
)


def amalgamate(engine: Mapping[str, str]) -> str:
    """All sources in one text; the engine's headers and fragments where they are first included.

    Every host backend compiles the driver for hosts for itself, but one text can hold the driver
    once. So a single backend that uses the driver is kept, and several are all left out. The
    names of static functions must differ between files: the compiler refuses the text otherwise. A
    file that only sets macros, as the files for few bits, has a copy of each fragment
    that reads these macros, and the names of the copy end in the file's name.
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
    body = ""
    for name in sources:
        text = _variant(name, engine) if _only_sets_macros(engine[name]) else engine[name]
        body += f"\n/* ---- {name} ---- */\n{_LOCAL.sub(inline, text)}"
    return head + body


def _only_sets_macros(text: str) -> bool:
    lines = _COMMENT.sub("", text).splitlines()
    return all(not line.strip() or line.startswith("#") for line in lines)


def _variant(name: str, engine: Mapping[str, str]) -> str:
    """A file with the fragments that read its macros; others are still to be included."""
    macros = set(_MACRO.findall(engine[name]))

    def inline(match: re.Match[str]) -> str:
        text = engine.get(match[1], "")
        if match[1].endswith(".h") or macros.isdisjoint(re.findall(r"\w+", text)):
            return match[0]
        macros.update(_MACRO.findall(text))
        return _LOCAL.sub(inline, text)

    text = _LOCAL.sub(inline, engine[name])
    own = macros | _names_declared(text)
    stem = name.removesuffix(".c")
    return re.sub(r"\w+", lambda word: f"{word[0]}_{stem}" if word[0] in own else word[0], text)


def _names_declared(text: str) -> set[str]:
    """Functions, tables, types and constants of a text of C, but for the engine's public names."""
    text = _DIRECTIVE.sub("", _COMMENT.sub("", text))
    names: set[str] = set()
    count = 1
    while count:
        for constants in re.findall(r"enum \{([^{}]*)\}", text):
            names.update(re.findall(r"(?:^|,)\s*([A-Z]\w*)", constants))
        text, count = _BLOCK.subn("", text)
    names.update(word for found in _DECLARED.findall(text) for word in found if word)
    return names


def _reads_driver(name: str, engine: Mapping[str, str]) -> bool:
    included = [file for file in _LOCAL.findall(engine[name]) if file in engine]
    return _DRIVER in included or any(_reads_driver(file, engine) for file in included)
