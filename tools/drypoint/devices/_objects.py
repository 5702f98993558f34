"""Sections of compiled C files, what each needs, and their bytes after linking: 32-bit ELF."""

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

ALLOCATED = 2  # the flag of sections that lie in memory
SYMBOLS, RELOCATIONS = 2, (4, 9)  # types of sections: 4 with an addend
UNWINDING, ENTRY = ".ARM.exidx", 8  # of code that nothing unwinds, the linker keeps one entry
HEADER, SYMBOL = struct.Struct("<10I"), struct.Struct("<IIIBBH")


class Section(NamedTuple):
    """A section of an object file.

    Attributes:
        name: as in the file.
        size: bytes.
        align: its address is a multiple of this number.
        needs: the sections that are linked if this one is, by their index among all sections, and
            in a single file the names of symbols of other files.
        symbols: the global symbols that it defines.
        is_engine: whether it is the engine's, not a library's.
    """

    name: str
    size: int
    align: int
    needs: tuple[int | str, ...]
    symbols: tuple[str, ...] = ()
    is_engine: bool = True

    @property
    def is_code(self) -> bool:
        """Whether the linker puts it before the constants."""
        return self.name.startswith(".text")


def read_object(content: bytes, *, is_engine: bool = True) -> list[Section]:
    """The sections of a compiler's object file that lie in memory."""
    (at,) = struct.unpack_from("<I", content, 32)
    count, names = struct.unpack_from("<HH", content, 48)
    headers = [HEADER.unpack_from(content, at + 40 * i) for i in range(count)]
    places: dict[int, int] = {}
    for i, (_, _, flags, _, _, size, *_) in enumerate(headers):
        if flags & ALLOCATED and size:
            places[i] = len(places)
    symbols = next((h for h in headers if h[1] == SYMBOLS), None)
    owners: list[int | str] = []
    defined: dict[int, list[str]] = {}
    if symbols is not None:
        texts = headers[symbols[6]][4]
        for offset in range(symbols[4], symbols[4] + symbols[5], SYMBOL.size):
            start, _, _, info, _, section = SYMBOL.unpack_from(content, offset)
            name = _text(content, texts + start)
            owners.append(places.get(section, "") if section else name)
            if info >> 4 and section in places and not name.startswith("$"):
                defined.setdefault(section, []).append(name)
    needs: dict[int, list[int | str]] = {i: [] for i in places}
    for header in headers:
        if header[1] in RELOCATIONS and header[7] in places:
            for offset in range(header[4], header[4] + header[5], header[9]):
                needs[header[7]].append(
                    owners[struct.unpack_from("<I", content, offset + 4)[0] >> 8]
                )
    titles = {i: _text(content, headers[names][4] + headers[i][0]) for i in places}
    for i, place in places.items():
        if titles[i].startswith(UNWINDING):
            needs[headers[i][6]].append(place)
    return [
        Section(
            titles[i],
            headers[i][5],
            max(headers[i][8], 1),
            tuple(dict.fromkeys(need for need in needs[i] if need not in ("", place))),
            tuple(defined.get(i, ())),
            is_engine,
        )
        for i, place in places.items()
    ]


def _text(content: bytes, at: int) -> str:
    return content[at : content.index(b"\0", at)].decode()


def join_objects(objects: Iterable[Sequence[Section]]) -> list[Section]:
    """The sections of several files, in order; needs that no file has are left out."""
    files = list(objects)
    places = {
        s: (f, i) for f, each in enumerate(files) for i, x in enumerate(each) for s in x.symbols
    }
    firsts = [sum(map(len, files[:f])) for f in range(len(files))]

    def find(file: int, need: int | str) -> int | None:
        if isinstance(need, int):
            return firsts[file] + need
        other = places.get(need)
        return None if other is None else firsts[other[0]] + other[1]

    return [
        section._replace(
            needs=tuple(n for n in (find(f, need) for need in section.needs) if n is not None)
        )
        for f, each in enumerate(files)
        for section in each
    ]


def reach(sections: Sequence[Section], roots: Iterable[str]) -> list[int]:
    """The sections that the linker keeps for the roots, in order."""
    places = {symbol: i for i, section in enumerate(sections) for symbol in section.symbols}
    found: set[int] = set()
    todo: list[int] = [places[root] for root in roots]
    while todo:
        at = todo.pop()
        if at not in found:
            found.add(at)
            todo += [need for need in sections[at].needs if isinstance(need, int)]
    return sorted(found)


def bare_size(sections: Iterable[Section]) -> int:
    """The bytes of sections in one relocatable file: sections of one name are put together."""
    ends: dict[str, int] = {}
    for section in sections:
        ends[section.name] = _align(ends.get(section.name, 0), section.align) + section.size
    return sum(ends.values())


def linked_size(sections: Sequence[Section]) -> int:
    """The bytes of sections in a program: code, then constants, each at its alignment."""
    unwinding = [section for section in sections if section.name.startswith(UNWINDING)]
    others = [section for section in sections if section not in unwinding]
    end = 0
    for section in sorted(others, key=lambda section: not section.is_code):
        end = _align(end, section.align) + section.size
    return _align(end, 4) + (ENTRY if unwinding else 0)


def _align(address: int, align: int) -> int:
    return -(-address // align) * align
