"""The conformance set finds readers with faults: each is planted in a copy of the second reader
(checks.h), whose checks are written from the pages."""

import json
import struct

import pytest

from tools import C_TESTS, INCLUDE, ROOT, run

HEADERS = ("kinds.h", "checks.h", "plan_checks.h", "stream_checks.h")
# What is wrong: the header, the expression, the expression in its place, and the blobs of the set
# that find the fault. No other blob of the set does.
FAULTS = {
    "a zero point of u8 in the header": (
        "checks.h", "type_is_bad(blob, 24, 1, 0)", "blob[30] > 1",
        {"a zero point of u8 in the header alone"},
    ),
    "the bound of a product without its first zero point": (
        "kinds.h", "(a + (uint64_t)(zero_a < 0 ? -zero_a : zero_a))", "a",
        {"a product of i8 and u8 above the bound"},
    ),
    "the bound of a product without its second zero point": (
        "kinds.h", "(b + (uint64_t)(zero_b < 0 ? -zero_b : zero_b))", "b",
        {"a product of u8 and i8 above the bound"},
    ),
    "weights of 4 bits in minor 0": (
        "kinds.h", "minor == 1 && (bits == 4 || bits == 2)", "(bits == 4 || bits == 2)",
        {
            "weights of 4 bits in minor 0",
            "weights of 4 bits in a blob of minor 0",
            "weight bits 4 of conv",
            "weight bits 2 of dense",
            "weight bits 4 of depthwise",
            "weight bits of 4, and a reserved byte",
            "checks 9 and 11",
        },
    ),
    "slopes of few bits": (
        "kinds.h", "few && kind != PRELU", "few", {"slopes of 4 bits"},
    ),
    "bits behind a tap": (
        "checks.h", "place + 1 == length && byte >> (at + n) != 0",
        "!depthwise && place + 1 == length && byte >> (at + n) != 0",
        {"bits behind a tap"},
    ),
    "padding values not counted": (
        "checks.h", "lengths[2] + lengths[3]", "lengths[2]",
        {"padding values of more than four times the blob"},
    ),
    "a product of a pixel and a plane": (
        "checks.h", "same_bytes(blob, r + 8, r + 24, 4)",
        "same_bytes(blob, r + 8, r + 24, 4) || second_may_be_pixel(kind)",
        {"a product whose first input is the pixel"},
    ),
    "a second input of one row, or of one column, as a pixel": (
        "checks.h", "u16_at(blob, r + 16) == 1 && u16_at(blob, r + 18) == 1",
        "u16_at(blob, r + 16) == 1 || u16_at(blob, r + 18) == 1",
        {"a product of a plane and a row", "a product of a plane and a column"},
    ),
    "any second input of as many channels": (
        "checks.h", "(pixel && u16_at(blob, r + 20) == oc)",
        "second_may_be_pixel(kind) && u16_at(blob, r + 20) == oc",
        {
            "a product of a plane and a row",
            "a product of a plane and a column",
            "a product of a plane and a smaller one",
        },
    ),
    "a sum with a pixel": (
        "checks.h", "pixel && u16_at(blob, r + 20) == oc",
        "u16_at(blob, r + 16) == 1 && u16_at(blob, r + 18) == 1 && u16_at(blob, r + 20) == oc",
        {"a sum of a plane and a pixel"},
    ),
    "rule 2 although another op of the group reads the plane": (
        "plan_checks.h", "k == op && may_lie_over_input(kind)",
        "may_lie_over_input(kind) && reads_tensor(blob, op, other + 1)",
        {"a sum in place of rows that its group still reads"},
    ),
    "an output that begins later": (
        "plan_checks.h", "ahead < 0", "0", {"an output that begins later than the plane"},
    ),
    "an output that ends later": (
        "plan_checks.h", "ahead + kept_size(blob, other) < kept_size(blob, op)", "0",
        {"an output that ends later than the plane"},
    ),
    "the pixel of a product as a plane": (
        "plan_checks.h", "rows_of(blob, op) == 0 || reads_pixel(blob, k, other + 1)",
        "rows_of(blob, op) == 0", {"an output that ends with the pixel of a product"},
    ),
    "a pixel where the plane has one row": (
        "plan_checks.h", "u16_at(blob, r + 16) != u16_at(blob, r + 8)",
        "u16_at(blob, r + 16) != u16_at(blob, r + 8) || "
        "u16_at(blob, r + 18) != u16_at(blob, r + 10)",
        {
            "a ring for the second input of a product of one row",
            "an output over the second input of a product of one row",
        },
    ),
    "the first row alone": (
        "plan_checks.h", "y + q <= (int64_t)height_of(blob, op)", "y < 1",
        {
            "an output whose last row alone lies over rows that are still read",
            "an output over a row that no window reads",
            "an output over rows that an op before a shorter one still reads",
        },
    ),
    "the first ring of the group for the last one": (
        "plan_checks.h", "rows_of(blob, last - 1)",
        "rows_of(blob, group_first(blob, k))",
        {
            "an output over rows that a short last ring does not save",
            "an output over rows that a long last ring saves",
            "an output over rows that padded windows of a ring do not save",
            "an output over a plane that has been read to its end",
        },
    ),
    "padding of as many rows as a window above": (
        "plan_checks.h", "m.pad >= m.reach", "m.pad > m.reach", {"one row of padding alone above"},
    ),
    "padding of as many rows as a window below": (
        "plan_checks.h", "field_at(blob, record_at(op) + 48) >= m.reach",
        "field_at(blob, record_at(op) + 48) > m.reach", {"one row of padding alone below"},
    ),
    "padding on the other side": (
        "plan_checks.h", "n * m.stride - m.pad", "n * m.stride + m.pad",
        {
            "an output over rows that its padded windows still read",
            "a sum in place of rows that its group still reads",
            "a slice of later rows over the plane that it reads",
        },
    ),
    "a ring with a second reader": (
        "plan_checks.h", "reads_tensor(blob, i, op + 1)", "0",
        {"a ring with two readers, beside all others"},
    ),
    "at most 1,024 rows": (
        "plan_checks.h", "rows > height", "rows > height || rows > 1024",
        {"a ring of 1,050 rows for windows of 1,030"},
    ),
    "any first step": (
        "stream_checks.h", "is_lent(blob, h, ready)", "1",
        {"an output over a row that was read in an earlier step than it came"},
    ),
    "any number of histories": (
        "stream_checks.h", "histories(blob) > MOST_HISTORIES", "0",
        {"129 histories", "a delay and 128 histories"},
    ),
    "a delay read by any op": (
        "stream_checks.h", "reads_tensor(blob, i, op + 1) && i >= writer", "0",
        {
            "a delay that an op reads behind the carried tensor's",
            "a delay that the op that writes over it reads, a maximum",
        },
    ),
    "a carried tensor at any place": (
        "stream_checks.h", "!same_bytes(blob, r + 72, s + 72, 4)", "0",
        {
            "a carried tensor elsewhere",
        },
    ),
    "a carried tensor of any descriptor": (
        "stream_checks.h", "!same_bytes(blob, r + 24, s + 24, 8)", "0",
        {
            "a delay of another type",
        },
    ),
    "values of 16 bits in any program": (
        "stream_checks.h", "blob[record_at(i) + 30] == I16 && histories(blob) == 0", "0",
        {
            "i16 without a state",
        },
    ),
    "values of 16 bits bounded as of 8": (
        "kinds.h", "type == I16 ? 32768 : 128", "128",
        {
            "a mean of i16 with a shift of 16",
            "a product of i16 with a shift",
            "a sum of i16 that may reach 2^31",
        },
    ),
    "a delay that carries any tensor before the last": (
        "checks.h", "carried < op + 2", "carried == 0",
        {
            "a delay that carries its own output",
        },
    ),
    "a byte for a value of 16 bits": (
        "kinds.h", "type == I16 ? 2 : 1", "1",
        {
            "a product of i16",
            "a table of i16 that ends outside",
            "factors of i16 at the bound",
            "first values in the header",
            "first values outside the blob",
            "the cell of the walkthrough",
            "the largest shift of a mean of i16",
        },
    ),
    "an output of an op in the middle, of minor 0": (
        "checks.h", "u16_at(blob, 6) == 0", "0",
        {
            "two outputs in minor 0",
            "i32 between maxima, then an unknown kind",
            "i32 between ops, and an odd multiplier",
        },
    ),
    "a last op of any type, of minor 1": (
        "checks.h", "out != I32 && last", "out != I32 && last && u16_at(blob, 6) == 0",
        {"a last op without an output of the program"},
    ),
    "labels for all outputs": (
        "checks.h", "values_at(blob, out)",
        "u32_at(blob, out + 48) + values_at(blob, out)",
        {
            "labels for the values of all outputs",
            "format-2.1/net1033",
        },
    ),
    "outputs anywhere behind the outputs before": (
        "plan_checks.h", "u32_at(blob, record_at(i) + 72) != values",
        "u32_at(blob, record_at(i) + 72) < values",
        {
            "an output one value too late",
            "an output in bytes",
            "a first output that is not at 0",
            "the last op has an offset in the arena",
        },
    ),
    "the values of outputs in 32 bits": (
        "plan_checks.h", "values > 1u << 28", "(values & 0xFFFFFFFF) > 1u << 28",
        {"outputs of 2^32 values together"},
    ),
    "outputs in other steps": (
        "stream_checks.h", "ready[i + 1].first != ready[n].first", "0",
        {"outputs of a stream in other steps"},
    ),
    "outputs of other periods": (
        "stream_checks.h", "ready[i + 1].period != ready[n].period", "0",
        {"outputs of a stream in one first step and other periods"},
    ),
    "an output that counts among the tensors alive": (
        "plan_checks.h", "is_placed(blob, i) && dies_later",
        "(is_placed(blob, i) && dies_later) || is_output(blob, i)",
        {"an output while 16 others are alive"},
    ),
    "an op of two inputs with the earlier first step": (
        "stream_checks.h", "a.first > b.first", "a.first < b.first",
        {
            "a sum that runs first when its first input is ready",
            "a sum that runs first when its second input is ready",
        },
    ),
}  # fmt: skip


STATUSES = {
    "SIZE": -4, "MAGIC": -5, "VERSION": -6, "CRC": -7, "FIELD": -9, "SHAPE": -10, "TABLE": -11,
    "OVERFLOW": -12, "PLAN": -13,
}  # fmt: skip


def conformance_set():
    """Name to status, 0 where a reader must take the blob, and blob."""
    found = {}
    for name in ("accepted.jsonl", "refused.jsonl"):
        text = (ROOT / "tests/golden/conformance" / name).read_text("utf-8")
        for row in map(json.loads, text.splitlines()):
            status = STATUSES[row["status"]] if "status" in row else 0
            found[row["name"]] = status, bytes.fromhex(row["blob"])
    return found


SET = conformance_set()


@pytest.fixture(scope="module")
def reader(toolbox, tmp_path_factory):
    """The second reader with every fault planted, one of which an argument puts into effect."""
    folder = tmp_path_factory.mktemp("reader")
    texts = {name: (C_TESTS / name).read_text("utf-8") for name in (*HEADERS, "verdicts.c")}
    for number, (header, right, wrong, _) in enumerate(FAULTS.values(), start=1):
        before, found, after = texts[header].partition(right)
        assert found, f"{header} has no {right}"
        texts[header] = f"{before}(fault == {number} ? ({wrong}) : ({right})){after}"
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    binary = folder / "verdicts"
    run([toolbox.need("gcc"), "-O1", f"-I{INCLUDE}", folder / "verdicts.c", "-o", binary])
    return binary


def verdicts(reader, number):
    """For each blob of the set its name, the status that a reader must answer, and the one that the
    reader answers which has a fault."""
    data = b"".join(struct.pack("=I", len(blob)) + blob for _, blob in SET.values())
    found = map(int, run([reader, number], data=data).split())
    return [
        (name, want, verdict) for (name, (want, _)), verdict in zip(SET.items(), found, strict=True)
    ]


def test_the_second_reader_passes_the_set(reader):
    assert [
        (name, want, verdict) for name, want, verdict in verdicts(reader, 0) if verdict != want
    ] == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_reader_with_a_fault_fails_the_blobs_that_are_for_it(reader, name):
    """And no other: without these blobs it passed the set."""
    found = {
        what
        for what, want, verdict in verdicts(reader, 1 + [*FAULTS].index(name))
        if verdict != want
    }
    assert found == FAULTS[name][-1]
