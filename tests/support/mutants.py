"""Mutated files: one field, length, offset, type or byte of a valid file is changed.

Each function takes a generator of random numbers and a good file, and gives a changed one.
Checksums are made right again, so that a reader comes to the field that is wrong.
"""

import io
import json
import struct
import zipfile
import zlib

RAW = "@raw@"
TOKENS = (  # JSON that no value of Python gives
    "NaN", "-Infinity", "1e999", "1" * 5000, "[" * 150 + "]" * 150, "[" * 100_000,
    '{"a":' * 100_000, '"\\ud800"', '{"a":1,"a":2}', "tru", "",
)  # fmt: skip
VALUES = (
    None, True, False, -1, 0, 1, 2, 255, 2**31, 2**31 - 1, 2**63 - 1, 2**63, -(2**63), 10**400,
    0.5, -0.0, 1e308, 5e-324, "", "x", "7", "\n\x1b[31m", "y" * 5000, [], {}, [[]], [-1],
    [1] * 300, {"type": "ReLU"},
)  # fmt: skip
ATOMS = (
    None, True, 0, -1, 1.5, 2**31, 10**30, 1e308, "", "x", ".", "a.b", [], {}, [1, [2]],
    {"type": "ReLU"},
)  # fmt: skip
CELLS = (
    "", "-1", "x", "1.5", "1e9", "2147483647", "9" * 5000, "1_0", "٣", '"', '"\n', "\0",
    "z" * 200_000, "\ud7ff", "\r", "-2147483648", "2147483648", "4294967296",
)  # fmt: skip
NUMBERS = (0, 1, 2, 3, 127, 255, 256, 65535, 1 << 20, 2**31 - 1, 2**31, 2**32 - 1)


def bytes_changed(rng, content):
    """A byte flipped, a part cut out, doubled or overwritten, or the end cut off."""
    content = bytearray(content)
    at, size = int(rng.integers(len(content))), int(rng.integers(1, 9))
    match int(rng.integers(5)):
        case 0:
            content[at] ^= 1 << int(rng.integers(8))
        case 1:
            del content[at : at + size]
        case 2:
            content[at:at] = content[at : at + size]
        case 3:
            content[at : at + size] = bytes([255 * int(rng.integers(2))] * size)
        case _:
            del content[at:]
    return bytes(content)


def json_changed(rng, text):
    """One value of a JSON text replaced, removed, renamed or doubled."""
    tree = json.loads(text)
    places = list(_places(tree))
    token = ""
    parent, key = places[int(rng.integers(len(places)))] if places else (None, None)
    match int(rng.integers(6)) if places else 5:
        case 0:
            del parent[key]
        case 1 if isinstance(parent, dict):
            parent[f"{key}_"] = parent.pop(key)
        case 2 if isinstance(parent, list):
            parent.insert(key, parent[key])
        case 3:
            parent[key] = RAW
            token = TOKENS[int(rng.integers(len(TOKENS)))]
        case 5 if not places or not rng.integers(10):
            tree = VALUES[int(rng.integers(len(VALUES)))]
        case _:
            parent[key] = VALUES[int(rng.integers(len(VALUES)))]
    return json.dumps(tree).replace(f'"{RAW}"', token)


def json_replacements(value):
    """A JSON value with itself, then each value in it in turn, replaced by every kind of value."""
    yield from ATOMS
    tree = json.loads(json.dumps(value))
    for holder, key in list(_places(tree)):
        before = holder[key]
        for atom in ATOMS:
            holder[key] = atom
            yield tree
        holder[key] = before


def _places(tree):
    """All (container, key) in a tree of JSON."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in list(items):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def zip_changed(rng, content):
    """A member of an uncompressed zip changed, removed, renamed or doubled; or bytes of the zip."""
    if not rng.integers(4):
        return bytes_changed(rng, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [[name, archive.read(name)] for name in archive.namelist()]
    facts = [i for i, (name, _) in enumerate(members) if name.endswith(".json")]
    at = int(rng.choice(facts)) if rng.integers(3) else int(rng.integers(len(members)))
    member = members[at]
    match int(rng.integers(8)):
        case 0:
            del members[at]
        case 1:
            member[0] += "x" if rng.integers(2) else "\n"
        case 2:
            members.append([f"{member[0]}2", member[1]])
        case _ if at in facts:
            member[1] = json_changed(rng, member[1]).encode()
        case _:
            member[1] = npy_changed(rng, member[1])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def npy_changed(rng, content):
    """The header of a .npy file with another type, order or shape; or other bytes."""
    header, rest = content.split(b"\n", 1)
    old, new = [
        (b"<f", b"<i"), (b"<f", b">f"), (b"f4", b"f8"), (b"f4", b"f2"), (b"<f4", b"|O8"),
        (b"False", b"True"), (b"(", b"(9" * 9), (b",)", b", 999999999,)"),
        (b"'shape'", b"'shapes'"), (b"NUMPY", b"numpy"), (b"\x01\x00", b"\x02\x00"),
    ][int(rng.integers(11))]  # fmt: skip
    if rng.integers(2):
        return bytes_changed(rng, content)
    return header.replace(old, new, 1) + b"\n" + rest


def message_changed(rng, message):
    """One field of a protobuf message changed, cleared or doubled, somewhere inside it."""
    field, owner = _fields(message)[int(rng.integers(len(_fields(message))))]
    value = getattr(owner, field.name)
    repeated = not isinstance(value, int | float | str | bytes) and not hasattr(value, "ListFields")
    scalar = {
        field.CPPTYPE_INT32: (0, 1, -1, 7, 16, 99, 2**31 - 1),
        field.CPPTYPE_INT64: (0, 1, -1, 2, 3, 2**31, 2**62, 2**63 - 1, -(2**63)),
        field.CPPTYPE_FLOAT: (0.0, -1.0, 1e38, float("nan"), float("inf")),
    }.get(field.cpp_type, ("", "x", "Conv", "Add", "Constant", "input", "\n\x1b[0m", "z" * 5000))
    if field.cpp_type == field.CPPTYPE_ENUM:  # protobuf refuses other numbers itself
        scalar = tuple(enum_value.number for enum_value in field.enum_type.values)
    chosen = scalar[int(rng.integers(len(scalar)))]
    if field.type == field.TYPE_BYTES:
        chosen = [b"", b"\xff" * 5, b"SAME_LOWER", b"?"][int(rng.integers(4))]
    if not rng.integers(4):
        owner.ClearField(field.name)
    elif field.type == field.TYPE_MESSAGE:
        if repeated and len(value):
            value.append(value[int(rng.integers(len(value)))])
    elif repeated:
        value[int(rng.integers(len(value)))] = chosen
    else:
        setattr(owner, field.name, chosen)


def _fields(message):
    """All set fields of a message and of its inner messages, as (field, message)."""
    found = []
    for field, value in message.ListFields():
        found.append((field, message))
        if field.type == field.TYPE_MESSAGE:
            for inner in [value] if hasattr(value, "ListFields") else value:
                found += _fields(inner)
    return found


def idx_changed(rng, content):
    """A field of an IDX header changed, or bytes."""
    content = bytearray(content)
    match int(rng.integers(3)):
        case 0:
            content[int(rng.integers(4))] = int(rng.integers(256))
        case 1:
            at = 4 + 4 * int(rng.integers(content[3]))
            content[at : at + 4] = struct.pack(">I", NUMBERS[int(rng.integers(len(NUMBERS)))])
        case _:
            return bytes_changed(rng, content)
    return bytes(content)


def png_changed(rng, content):
    """A chunk of a PNG changed, removed, doubled, moved or renamed, its checksum made right."""
    if not rng.integers(4):
        return bytes_changed(rng, content)
    chunks, at = [], 8
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        chunks.append([content[at + 4 : at + 8], content[at + 8 : at + 8 + size]])
        at += 12 + size
    chosen = chunks[int(rng.integers(len(chunks)))] if rng.integers(2) else chunks[0]
    match int(rng.integers(8)):
        case 0:
            chunks.remove(chosen)
        case 1:
            chunks.append(chosen)
        case 2:
            chosen[0] = [b"PLTE", b"tRNS", b"eXIf", b"iCCP", b"gAMA"][int(rng.integers(5))]
        case _ if chosen[0] == b"IHDR":
            fields = list(struct.unpack(">IIBBBBB", chosen[1]))
            place = int(rng.integers(7))
            large = place < 2
            fields[place] = NUMBERS[int(rng.integers(len(NUMBERS)))] % (1 << (32 if large else 8))
            chosen[1] = struct.pack(">IIBBBBB", *fields)
        case _ if chosen[1]:
            chosen[1] = bytes_changed(rng, chosen[1])
        case _:
            chosen[1] = b"x"
    made = (
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    )
    return content[:8] + b"".join(made)


def csv_changed(rng, text):
    """A cell of a CSV text changed, removed, or a line doubled."""
    rows = [line.split(",") for line in text.splitlines()]
    row = rows[int(rng.integers(len(rows)))]
    at = int(rng.integers(len(row)))
    match int(rng.integers(4)):
        case 0:
            del row[at]
        case 1:
            rows.append(row)
        case _:
            row[at] = CELLS[int(rng.integers(len(CELLS)))]
    return "\n".join(",".join(row) for row in rows) + "\n"
