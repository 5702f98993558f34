"""Which names the generated C may give to a model: none that C, C++ or its own files use."""

import re

from ._tensors import ProgramError

KEYWORDS = (
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl "
    "concept const const_cast consteval constexpr constinit continue co_await co_return "
    "co_yield decltype default delete do double dynamic_cast else enum explicit export extern "
    "false float for friend goto if inline int long mutable namespace new noexcept not not_eq "
    "nullptr operator or or_eq private protected public register reinterpret_cast requires "
    "restrict return short signed sizeof static static_assert static_cast struct switch "
    "template this thread_local throw true try typedef typeid typename union unsigned using "
    "virtual void volatile wchar_t while xor xor_eq"
)
# What model.c, selftest.c and a driver of the model declare, and the files and names of the C
# library that they include. A test takes these from the generated text.
DECLARED = (
    "add_output arena at available begin bits compare counts crcs error exponent failed found "
    "fraction fread fwrite i input inputs integer k keep kernels labels main memcpy "
    "memset nearest next op "
    "ops output outputs p printf progress rest result samples selftest size size_t status stdin "
    "stdout step trace user write_output wrong wrong_op"
)
# Files of these names would hide the headers of the C library.
HEADERS = (
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal "
    "stdarg stdbool stddef stdint stdio stdlib string tgmath time wchar wctype drypoint"
)
# Windows has no files of these names, whatever their extension.
DEVICES = "aux con nul prn"
TAKEN = frozenset(f"{KEYWORDS} {DECLARED} {HEADERS} {DEVICES}".split())
NUMBERED = re.compile(
    r"(weight|table|bias|mult|pad|packed)[0-9]+|kernel_[a-z]+|u?int(_least|_fast)?[0-9]+_t|u?int(max|ptr)_t"
    r"|(com|lpt)[0-9]"
)
LONGEST = 63  # characters: of an Arduino library's name, and of an identifier that C99 tells apart


def c_name(text: str) -> str:
    """A name that generated C may have, from any text: ``my_net`` from "My-Net" or "9 my-net"."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_").lstrip("0123456789_")[:LONGEST]
    if not name or _is_taken(name):
        name = f"my_{name}"[:LONGEST] if name else "net"
    return name


def check_c_name(name: str) -> None:
    """Refuse what cannot name a model and its files.

    Raises:
        ProgramError: no lower-case C identifier of at most 63 characters, or one that is taken.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ProgramError(
            f"{name!r} cannot name C files: start with a lower-case letter and use only lower-case "
            f"letters, digits and _, such as {c_name(str(name))}"
        )
    if len(name) > LONGEST:
        raise ProgramError(
            f"{name[:20]!r}... cannot name C files: it has {len(name):,} characters; wanted: at "
            f"most {LONGEST}"
        )
    if _is_taken(name):
        raise ProgramError(
            f"{name!r} cannot name C files: C or the generated code uses it already; "
            f"take another, such as my_{name}"
        )


def _is_taken(name: str) -> bool:
    return name in TAKEN or NUMBERED.fullmatch(name) is not None or name.startswith("dpt")
