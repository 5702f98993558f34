"""Every fault of a reader of format 2.1 fails the rows of the conformance set that are for it.

Each fault is seeded into drypoint's own reader or reference, alone; the set is the oracle.
"""

import pytest
from conformance import passes, rows
from detection_seeds import BOXES
from program_seeds import KINDS, PLANS
from seeded import seed
from sound_seeds import DETECTORS, RECORDS, SOUND

FAULTS = PLANS | KINDS | SOUND | DETECTORS | BOXES
FAULTS |= {
    f"a record of sound: {name}": (places, [("sound_refused.jsonl", row) for row in found])
    for name, (places, found) in RECORDS.items()
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_reader_with_a_fault_fails_the_rows_that_are_for_it(monkeypatch, name):
    places, wanted = FAULTS[name]
    seed(monkeypatch, places)
    assert [row for file, row in wanted if passes(file, rows(file)[row])] == []


def test_a_reader_without_a_fault_passes_them():
    """And every row of sound, of detectors and of boxes."""
    wanted = {place for _, places in FAULTS.values() for place in places}
    for file in ("sound.jsonl", "sound_refused.jsonl", "detector.jsonl", "boxes.jsonl"):
        wanted |= {(file, name) for name in rows(file)}
    assert [place for place in wanted if not passes(place[0], rows(place[0])[place[1]])] == []


def test_every_refused_record_of_sound_is_for_a_fault():
    found = {name for _, names in RECORDS.values() for name in names}
    assert {*rows("sound_refused.jsonl")} == found
