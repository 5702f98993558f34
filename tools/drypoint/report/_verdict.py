"""The verdict of a report: whether the model fits, what the integers lose, and what to do.

A rule is a pure function of the report's facts. `docs/report.md` has the table of the rules with
their limits and reasons; `RULES` has them in the order of their weight.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drypoint import devices

Facts = Mapping[str, Any]
Advice = tuple[str, str]
"""What was found, and what to do."""

LIMITS = {
    "bytes": 1,  # bytes that differ from the reference
    "RAM": 1.0,  # of the budget
    "flash": 1.0,  # of the budget
    "dead layer": 0.75,  # share of an op's channels that are constant
    "swapped classes": 0.5,  # share of a class that is taken for the other one
    "input scaling": 0.10,  # accuracy that another mean and deviation gain, and half the errors
    "untrained": 0.05,  # accuracy on training examples above the commonest class
    "leak": 0.01,  # share of test examples that are training examples
    "label noise": 0.10,  # share of training labels that the net contradicts with certainty
    "class imbalance": 0.20,  # recall of a rare class below the mean of the others
    "overfit": 0.05,  # accuracy on training examples above the interval of the test accuracy
    "float accuracy": 0.60,  # share of the way from the commonest class to 100 %
    "calibration examples": 32,
    "saturation": 0.01,  # share of an op's values beyond the range of its integers
    "outliers": 0.90,  # share of the loss that another percentile of the calibration wins back
    "lossy layer": 0.80,  # share of the noise of all ops
    "loss": 0.01,  # accuracy that the integers lose
    "error": 0.10,  # share by which the integers raise the error of an autoencoder or a regression
    "constant channels": 1,  # input channels
    "test examples": 0.15,  # width of the 95 % interval of the accuracy
}
"""Rule -> the limit from which it speaks."""
CERTAIN = 0.87  # "label noise": least probability of wrong decisions over that of right ones
LEARNED = 0.6  # "label noise": least accuracy on training examples: a net that learned them
RARE = 5  # "class imbalance": the commonest class has this many times the examples of a rare one
HALF = 0.5  # share of the loss from which a percentile is named beside other advice
LOSSY_DB = 26.0  # "lossy layer": its noise alone is 5 % of the signal or more


@dataclass(frozen=True)
class Rule:
    """A rule: its name in `LIMITS`, its function, and the rules whose findings it explains."""

    name: str
    find: Callable[[Facts], Advice | None]
    explains: Sequence[str] = field(default=())


def find_verdict(facts: Facts) -> dict[str, Any]:
    """The verdict in a sentence, and the findings: rule, what was found, what to do.

    A finding that another finding explains is left out.
    """
    advice = {rule.name: found for rule in RULES if (found := rule.find(facts)) is not None}
    explained = {name for rule in RULES if rule.name in advice for name in rule.explains}
    findings = [
        {"rule": name, "finding": found, "advice": do}
        for name, (found, do) in advice.items()
        if name not in explained
    ]
    parts = [_fit(facts), _loss_text(facts)]
    if findings:
        first = findings[0]
        parts.append(f"first: {first['advice']} ({first['finding']})")
    elif facts["quality"] is not None or facts["outputs"] is not None:
        parts.append("no rule finds a fault")
    return {"summary": "; ".join(part for part in parts if part), "findings": findings}


def _fit(facts: Facts) -> str:
    """Whether the model fits its budget; without one, what it needs."""
    budget = facts["budget"]
    ram, flash, target = needs(facts)
    if budget is not None:
        over = _over(facts, "ram", ram) or _over(facts, "flash", flash)
        found = [(ram, budget["ram"], "bytes of RAM"), (flash, budget["flash"], "of flash")]
        sizes = ", ".join(f"{n:,} of {most:,} {what}" for n, most, what in found if n and most)
        return f"{'does not fit' if over else 'fits'} {budget['name']} ({sizes})"
    if flash is not None:
        return f"needs {ram:,} bytes of RAM and {flash:,} of flash on {target}"
    return f"needs {ram:,} bytes of RAM and the stack"


def needs(facts: Facts) -> tuple[int, int | None, str]:
    """RAM and flash in bytes, and the target on which they were measured; without one, the RAM
    without the stack, None and ""."""
    for target, cost in facts["costs"].items():
        if "not_measured" not in cost:
            return cost["ram_bytes"], cost["flash_bytes"], target
    return facts["memory"]["ram_bytes_without_stack"], None, ""


def _over(facts: Facts, what: str, need: int | None) -> bool:
    limit = (facts["budget"] or {}).get(what)
    share = LIMITS["RAM" if what == "ram" else "flash"]
    return limit is not None and need is not None and need > share * limit


def paired_loss(quality: Facts) -> tuple[float, float] | None:
    """The accuracy that the integers lose, and half its 95 % interval, both in [0, 1]; None
    without a float net.

    Decisions on the same examples are pairs: only the examples that one of the two decides right
    count. The interval is that of their difference, by the normal distribution.
    """
    if quality["float"] is None:
        return None
    n = quality["examples"]
    lost = quality["float"]["accuracy"] - quality["integers"]["accuracy"]
    differ = len(quality["differing_decisions"])
    spread = max(differ / n - lost * lost, 0.0)
    return lost, 1.96 * float((spread / n) ** 0.5)


def _loss_text(facts: Facts) -> str:
    """What the integers lose, in words."""
    quality = facts["quality"]
    if facts["outputs"] is not None:
        return _outputs_text(facts["outputs"])
    if quality is None:
        return "accuracy not known: no test examples"
    found = paired_loss(quality)
    right = f"{100 * quality['integers']['accuracy']:.1f} %"
    if found is None:
        return f"{right} right"
    lost, interval = found
    if lost <= interval:
        return f"{right} right, no loss against the float net on {quality['examples']:,} examples"
    op = _lossy_op(facts)
    where = f", nearly all in {op}" if op else ""
    return f"{right} right, loses {100 * lost:.1f} points against the float net{where}"


def _outputs_text(outputs: Facts) -> str:
    """The error of outputs that are no classes, in words."""
    what = "root mean squared error" if outputs["kind"] == "numbers" else "mean squared error"
    text = f"{what} {outputs['error']:.4g}"
    if outputs["float_error"] is not None:
        text += f", float net {outputs['float_error']:.4g}"
    found = outputs.get("anomalies")
    return text if found is None else f"{text}; AUC of anomalies {found['auc']:.3f}"


def _best(facts: Facts) -> Facts | None:
    """The figures of the float net, else of the integers; None without test examples."""
    quality = facts["quality"]
    return None if quality is None else quality["float"] or quality["integers"]


def _bytes(facts: Facts) -> Advice | None:
    differing = facts["proof"]["verification"]["differing_bytes"]
    if differing < LIMITS["bytes"]:
        return None
    return (
        f"{differing:,} bytes differ from the reference",
        "do not ship: drypoint diff names the first op, and the cause",
    )


def _ram(facts: Facts) -> Advice | None:
    need, _, target = needs(facts)
    if not _over(facts, "ram", need):
        return None
    there = f"{need:,} bytes of RAM, {facts['budget']['ram']:,} are there"
    found = (facts["costs"][target] if target else facts["memory"])["account"]
    part, size = devices.largest_part(found["ram"])
    if part != "arena":
        return f"{there}; most for the {part}, {size:,}", devices.REMEDIES[part]
    most = max(facts["memory"]["ops"], key=lambda op: op["bytes_in_use"])
    return (
        f"{there}; most while {most['op']} runs, {most['bytes_in_use']:,}",
        f"pool or stride before {most['op']}, or take fewer channels there",
    )


def _flash(facts: Facts) -> Advice | None:
    _, need, target = needs(facts)
    if need is None or not _over(facts, "flash", need):
        return None
    there = f"{need:,} bytes of flash, {facts['budget']['flash']:,} are there"
    part, size = devices.largest_part(facts["costs"][target]["account"]["flash"])
    if part != "tables":
        return f"{there}; most for the {part}, {size:,}", devices.REMEDIES[part]
    most = max(facts["costs"][target]["ops"], key=lambda op: op["table_bytes"])
    return (
        f"{there}; most for {most['op']}, {most['table_bytes']:,}",
        f"take weights of 4 or 2 bits (drypoint quantize --weights 4), or fewer channels or inputs "
        f"in {most['op']}",
    )


def _dead(facts: Facts) -> Advice | None:
    dead = [
        op
        for op in facts["activity"] or ()
        if op["constant"] / op["channels"] >= LIMITS["dead layer"]
    ]
    if not dead:
        return None
    op = dead[0]
    return (
        f"{op['constant']:,} of {op['channels']:,} channels of {op['op']} never change",
        f"train again with a smaller learning rate, or make {op['op']} smaller",
    )


def _class_order(facts: Facts) -> Advice | None:
    found = _best(facts)
    if found is None:
        return None
    taken: dict[int, int] = {}
    for i, row in enumerate(found["confusion_matrix"]):
        most = max(range(len(row)), key=row.__getitem__)
        if most != i and row[most] > LIMITS["swapped classes"] * sum(row):
            taken[i] = most
    if len(taken) < 2 or {*taken} != {*taken.values()}:
        return None
    names = found["classes"]
    words = ", ".join(f"{names[i]} is taken for {names[j]}" for i, j in taken.items())
    return words, "put the class names in the order of the net's outputs (--labels A,B,...)"


def _scaling(facts: Facts) -> Advice | None:
    found, data = _best(facts), facts["data"]
    if found is None or data["scaling"] is None:
        return None
    other = data["scaling"]
    gain = other["accuracy"] - found["accuracy"]
    if gain < max(LIMITS["input scaling"], (1 - found["accuracy"]) / 2):
        return None
    mean, std = (" ".join(f"{v:.4g}" for v in other[key]) for key in ("mean", "std"))
    return (
        f"{100 * other['accuracy']:.1f} % with mean {mean} and deviation {std}, "
        f"{100 * found['accuracy']:.1f} % as encoded",
        f"encode inputs as in training: --mean {mean} --std {std}",
    )


def _no_learning(facts: Facts) -> Advice | None:
    found, data = _best(facts), facts["data"]
    if found is None or found["accuracy_interval"][0] > found["baseline_accuracy"]:
        return None
    learned = data["train_accuracy"]
    if learned is not None and learned > data["train_baseline"] + LIMITS["untrained"]:
        return None
    return (
        f"{100 * found['accuracy']:.1f} % right, {100 * found['baseline_accuracy']:.1f} % by "
        "always naming the commonest class",
        "train the net, or read the file that holds its trained weights",
    )


def _leak(facts: Facts) -> Advice | None:
    data = facts["data"]
    if data is None or not data["shared_examples"]:
        return None
    shared, n = data["shared_examples"], data["test_examples"]
    if shared < max(2, LIMITS["leak"] * n):
        return None
    return (
        f"{shared:,} of {n:,} test examples are training examples too",
        "take them out of one part: the accuracy is too good",
    )


def _noise(facts: Facts) -> Advice | None:
    data = facts["data"]
    if data is None or data["contradicted"] is None:
        return None
    certain = data["error_certainty"] >= CERTAIN
    learned = data["train_accuracy"] >= LEARNED
    if data["contradicted"] < LIMITS["label noise"] or not (certain and learned):
        return None
    return (
        f"the net contradicts {100 * data['contradicted']:.0f} % of the training labels with "
        "certainty",
        "look at these examples and correct their labels: Measurement.worst lists them",
    )


def _overfit(facts: Facts) -> Advice | None:
    found, data = _best(facts), facts["data"]
    if found is None or data["train_accuracy"] is None:
        return None
    if data["train_accuracy"] - found["accuracy_interval"][1] < LIMITS["overfit"]:
        return None
    return (
        f"{100 * data['train_accuracy']:.1f} % of training examples right, "
        f"{100 * found['accuracy']:.1f} % of test examples",
        "train on more examples, with --augment strong, or a smaller net",
    )


def _imbalance(facts: Facts) -> Advice | None:
    found, data = _best(facts), facts["data"]
    if found is None or not data["train_by_class"]:
        return None
    counts = data["train_by_class"]
    recalls = dict(zip(map(str, found["classes"]), found["recall"], strict=True))
    many = max(counts.values())
    rare = [name for name, n in counts.items() if n and n * RARE <= many and name in recalls]
    for name in sorted(rare, key=lambda name: recalls[name]):
        others = [recall for other, recall in recalls.items() if other not in rare]
        mean = sum(others) / max(len(others), 1)
        if mean - recalls[name] >= LIMITS["class imbalance"]:
            return (
                f"{name} has {counts[name]:,} training examples, the commonest class {many:,}; "
                f"{100 * recalls[name]:.0f} % of {name} are found, {100 * mean:.0f} % of others",
                f"collect more examples of {name}, or train with --balance",
            )
    return None


def _weak(facts: Facts) -> Advice | None:
    found = _best(facts)
    if found is None:
        return None
    baseline = found["baseline_accuracy"]
    way = (found["accuracy"] - baseline) / max(1 - baseline, 1e-9)
    if baseline == 1 or way >= LIMITS["float accuracy"]:
        return None
    return (
        f"the net itself decides {100 * found['accuracy']:.1f} % right before any integers"
        if facts["quality"]["float"]
        else f"{100 * found['accuracy']:.1f} % right",
        "train longer or a larger net: integers cannot be better than it",
    )


def _few_calibrated(facts: Facts) -> Advice | None:
    calibration = facts["calibration"]
    if calibration is None or calibration["examples"] >= LIMITS["calibration examples"]:
        return None
    return f"{calibration['examples']} were used", "calibrate with more examples"


def _saturation(facts: Facts) -> Advice | None:
    ops = [] if facts["layers"] is None else facts["layers"]["ops"]
    if not ops or (facts["outputs"] or {}).get("kind") == "reconstruction":
        return None  # anomalies lie beyond what an autoencoder has seen
    op = max(ops, key=lambda op: op["clipped"])
    if op["clipped"] < LIMITS["saturation"]:
        return None
    return (
        f"{100 * op['clipped']:.1f} % of the values of {op['op']} lie beyond its range",
        "calibrate with examples like the test examples, or a higher --percentile",
    )


def _percentile_gain(facts: Facts) -> tuple[float, float, float] | None:
    """The best percentile of a calibration, the accuracy with it, and the share of the loss that
    it wins back; None if none was tried.
    """
    found = None if facts["quality"] is None else paired_loss(facts["quality"])
    if found is None or not facts["quality"]["percentiles"]:
        return None
    best = max(facts["quality"]["percentiles"], key=lambda each: each["accuracy"])
    gain = best["accuracy"] - facts["quality"]["integers"]["accuracy"]
    return best["percentile"], best["accuracy"], gain / found[0]


def _outliers(facts: Facts) -> Advice | None:
    found = _percentile_gain(facts)
    if found is None or found[2] < LIMITS["outliers"]:
        return None
    percentile, accuracy, _ = found
    return (
        f"{100 * accuracy:.1f} % right without the outermost values of the calibration, "
        f"{100 * facts['quality']['integers']['accuracy']:.1f} % with them",
        f"quantize with --percentile {percentile:g}",
    )


def _against_loss(facts: Facts, otherwise: str) -> str:
    """What to do about a loss: first a percentile, if it wins back half."""
    found = _percentile_gain(facts)
    if found is None or found[2] < HALF:
        return otherwise
    percentile, accuracy, _ = found
    gives = f"which gives {100 * accuracy:.1f} %"
    return f"quantize with --percentile {percentile:g}, {gives}; {otherwise}"


def _lossy_op(facts: Facts) -> str | None:
    """The op that adds nearly all the noise of the integers; None where none does."""
    ops = [] if facts["layers"] is None else facts["layers"]["ops"]
    noise = [0.0 if op["sqnr"] is None else 10 ** (-op["sqnr"] / 10) for op in ops]
    gains = [max(b - a, 0.0) for a, b in zip([0.0, *noise], noise, strict=False)]
    if not gains or max(gains) < 10 ** (-LOSSY_DB / 10):
        return None
    most = max(range(len(gains)), key=gains.__getitem__)
    share = gains[most] / sum(gains)
    return str(ops[most]["op"]) if share >= LIMITS["lossy layer"] else None


def _lossy(facts: Facts) -> Advice | None:
    op = _lossy_op(facts)
    if op is None:
        return None
    (sqnr,) = (each["sqnr"] for each in facts["layers"]["ops"] if each["op"] == op)
    return (
        f"nearly all noise arises in {op}, {sqnr:.1f} dB",
        _against_loss(
            facts,
            f"train on with weight decay: channels that {op} reads or writes differ much in size",
        ),
    )


def _loss(facts: Facts) -> Advice | None:
    found = None if facts["quality"] is None else paired_loss(facts["quality"])
    if found is None or found[0] < LIMITS["loss"] or found[0] <= found[1]:
        return None
    return (
        f"the integers lose {100 * found[0]:.1f} points, in several layers",
        _against_loss(facts, "take a wider net, or train on with weight decay"),
    )


def _error(facts: Facts) -> Advice | None:
    outputs = facts["outputs"]
    if outputs is None or not outputs["float_error"]:
        return None
    more = outputs["error"] / outputs["float_error"] - 1
    if more < LIMITS["error"]:
        return None
    return (
        f"the integers raise the error by {100 * more:.0f} %",
        "calibrate with --percentile 99.99, or train on with weight decay",
    )


def _constant(facts: Facts) -> Advice | None:
    constant = [] if facts["data"] is None else facts["data"]["constant_channels"]
    if len(constant) < LIMITS["constant channels"]:
        return None
    shown = ", ".join(map(str, constant[:8])) + (", ..." if len(constant) > 8 else "")
    return (
        f"input channels that never change: {shown}",
        "leave them out, or mend the sensor or reader that gives them",
    )


def _few_tested(facts: Facts) -> Advice | None:
    found = _best(facts)
    if found is None:
        return None
    low, high = found["accuracy_interval"]
    if high - low < LIMITS["test examples"]:
        return None
    return (
        f"{found['n']:,} test examples leave the accuracy between {100 * low:.0f} and "
        f"{100 * high:.0f} %",
        "test on more examples before you compare or choose",
    )


_OF_FLOATS = ("untrained", "overfit", "class imbalance", "float accuracy", "label noise")
_OF_INTEGERS = ("outliers", "lossy layer", "loss", "error")
RULES = (
    Rule("bytes", _bytes),
    Rule("RAM", _ram),
    Rule("flash", _flash),
    Rule("dead layer", _dead, ("untrained", "class imbalance", "float accuracy")),
    Rule("swapped classes", _class_order, _OF_FLOATS),
    Rule("input scaling", _scaling, _OF_FLOATS),
    Rule("untrained", _no_learning, _OF_FLOATS[1:]),
    Rule("leak", _leak),
    Rule("label noise", _noise, ("overfit", "float accuracy")),
    Rule("class imbalance", _imbalance, ("overfit", "float accuracy")),
    Rule("overfit", _overfit, ("float accuracy",)),
    Rule("float accuracy", _weak),
    Rule("calibration examples", _few_calibrated, ("saturation", *_OF_INTEGERS)),
    Rule("saturation", _saturation, _OF_INTEGERS),
    Rule("outliers", _outliers, ("lossy layer", "loss")),
    Rule("lossy layer", _lossy, ("loss", "error")),
    Rule("loss", _loss),
    Rule("error", _error),
    Rule("constant channels", _constant),
    Rule("test examples", _few_tested),
)
"""The rules, the heaviest first."""
