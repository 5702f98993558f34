"""Rules about boxes and cells that a net finds."""

from ._rule import Facts, Finding, NotLooked, Outcome, rule

FEW = 10  # objects of a class or size below which nothing is said of it


@rule("seen pictures", limit=0.01, kind="detect")
def _seen(facts: Facts, limit: float) -> Outcome:
    outputs = facts["outputs"]
    if outputs["seen"] is None:
        return NotLooked("no training examples")
    n = outputs["examples"]
    if outputs["seen"] < limit * n:
        return None
    return Finding(
        f"{outputs['seen']:,} of {n:,} test pictures are training pictures",
        "take them out of one part: the figures are too good",
    )


@rule("small objects", limit=0.1, kind="detect", explains=("missed class", "few found"))
def _small(facts: Facts, limit: float) -> Outcome:
    outputs = facts["outputs"]
    small, *others = outputs["integers"]["by_size"]
    n, rest = small["objects"], sum(row["objects"] for row in others)
    found = sum(row["objects"] * row.get("recall", 0.0) for row in others)
    usual = found / rest if rest >= FEW else 0.5
    if n < max(FEW, limit * (n + rest)) or small["interval"][1] >= usual:
        return None
    of_others = f", {100 * found / rest:.0f} % of larger objects" if rest >= FEW else ""
    return Finding(
        f"{n:,} of {n + rest:,} objects are smaller than a cell of {outputs['cell']:g} pixels; "
        f"{100 * small['recall']:.0f} % of them are found{of_others}",
        "read the pictures larger (--size), or cut them into parts",
    )


@rule("missed class", limit=0.5, kind="detect")
def _class_recall(facts: Facts, limit: float) -> Outcome:
    rows = facts["outputs"]["integers"]["by_class"]
    right, objects = (sum(row[name] for row in rows.values()) for name in ("right", "objects"))
    missed = [
        (name, row)
        for name, row in rows.items()
        if row["objects"] >= FEW
        and row["R"] * (objects - row["objects"]) < limit * (right - row["right"])
    ]
    if not missed:
        return None
    words = (f"{row['right']:,} of {row['objects']:,} of {name}" for name, row in missed[:4])
    more = ", ..." * (len(missed) > 4)
    return Finding(
        f"of {objects:,} objects {right:,} are found, and {', '.join(words)}{more}",
        "train with more boxes of this class, and look at its labels",
    )


@rule("few found", limit=0.5, kind="detect")
def _few_found(facts: Facts, limit: float) -> Outcome:
    found = facts["outputs"]["integers"]
    best = max(float(row["F1"]) for row in found["curve"])
    if best >= limit or sum(row["objects"] for row in found["by_class"].values()) < FEW:
        return None
    return Finding(
        f"F1 is at most {100 * best:.1f} %, at any conf",
        "train longer, with more pictures, or a larger net",
    )


@rule("duplicate boxes", limit=0.05, kind="detect")
def _duplicates(facts: Facts, limit: float) -> Outcome:
    found = facts["outputs"]["integers"]
    if found["duplicates"] < max(1, limit * found["found"]):
        return None
    return Finding(
        f"{found['duplicates']:,} of {found['found']:,} boxes are of objects that another box has",
        "lower iou, the overlap from which a box is left out",
    )


@rule("threshold", limit=0.02, kind="detect", explains=("missed class", "small objects"))
def _threshold(facts: Facts, limit: float) -> Outcome:
    found = facts["outputs"]["integers"]
    best = max(found["curve"], key=lambda row: float(row["F1"]))
    if best["F1"] - found["F1"] < limit:
        return None
    return Finding(
        f"F1 is {100 * found['F1']:.1f} % at conf {found['conf']:g}, {100 * best['F1']:.1f} % at "
        f"{best['conf']:g}",
        f"choose conf on validation pictures, about {best['conf']:g}",
    )
