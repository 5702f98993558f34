"""Rules about the net and the examples, before any integers; the heaviest is the first."""

from collections.abc import Iterator

from ._rule import (
    Facts,
    Finding,
    NotLooked,
    Outcome,
    best_decisions,
    paired_interval,
    rule,
    share_interval,
)

CERTAIN = 0.87  # "label noise": least probability of wrong decisions over that of right ones
DECIDED = 0.3  # "test labels": mean probability above the accuracy of a net that learned something
FEW = 5  # test examples of a class below which nothing is said of it
LEARNED = 0.6  # "label noise": least accuracy on training examples: a net that learned them
MANY = 100  # training examples from which the distances to neighbours are compared
RARE = 5  # "class imbalance": the commonest class has this many times the examples of a rare one
SEEN = 10  # "missing class": test examples of a class from which it is known to be never decided
SURE = 0.995  # "input variant": the confidence of the interval, since several variants are tried
UNLIKE = 0.1  # share by which distances of test and training examples to their neighbours differ

_OF_GAPS = ("overfit", "float accuracy")
_OF_FITS = ("label noise", "class imbalance", *_OF_GAPS)
_OF_NETS = ("missing class", "untrained", "test labels", *_OF_FITS)


@rule(
    "dead layer",
    limit=0.5,
    needs=("activity",),
    explains=("input variant", *_OF_NETS[:2], "class imbalance", "float accuracy", "anomalies"),
)
def _dead(facts: Facts, limit: float) -> Outcome:
    dead = [op for op in facts["activity"] if op["constant"] >= limit * op["channels"]]
    if not dead:
        return None
    op = dead[0]
    return Finding(
        f"{op['constant']:,} of {op['channels']:,} channels of {op['op']} never change",
        f"train again with a smaller learning rate, or make {op['op']} smaller",
    )


@rule("input variant", limit=0.2, needs=("quality",), explains=_OF_NETS)
def _variant(facts: Facts, limit: float) -> Outcome:
    variants = facts["data"]["variants"]
    if variants is None:
        return NotLooked("sounds and several inputs have no variants to try")
    best, n = variants["best"], variants["examples"]
    if best is None:
        return None
    low, high = paired_interval(best["gained"], best["lost"], n, SURE)
    accuracy = best["as_read"] + (best["gained"] - best["lost"]) / n
    baseline, learned = best_decisions(facts)["baseline_accuracy"], facts["data"]["train_accuracy"]
    wanted = max(limit, 0 if learned is None else _way(learned, baseline) / 2)
    if low <= 0 or _way(accuracy, baseline) < wanted:
        return None
    return Finding(
        f"{100 * accuracy:.1f} % right {best['variant']}, "
        f"{100 * best['as_read']:.1f} % as read: {100 * low:.1f} to {100 * high:.1f} points more",
        best["advice"],
        explains=accuracy - best["as_read"] >= (learned or 0.0) - accuracy,
    )


@rule("swapped classes", limit=0.5, needs=("quality",), explains=_OF_NETS)
def _class_order(facts: Facts, limit: float) -> Outcome:
    quality = best_decisions(facts)
    rows, names = quality["confusion_matrix"], quality["classes"]
    if quality["n"] < FEW * len(rows):
        return NotLooked(f"fewer than {FEW} test examples a class")
    taken = {i: max(range(len(row)), key=row.__getitem__) for i, row in enumerate(rows)}
    taken = {i: j for i, j in taken.items() if i != j and rows[i][j] > limit * sum(rows[i])}
    if {*taken} != {*taken.values()} or not taken:
        return None
    decided = {j: sum(row[j] for row in rows) for j in taken}
    if any(rows[i][j] <= limit * decided[j] for i, j in taken.items()):
        return None  # the class is decided for others too: no order of the classes is wrong
    right = sum(row[taken.get(i, i)] for i, row in enumerate(rows)) / quality["n"]
    if _way(right, quality["baseline_accuracy"]) < limit:
        return None
    words = ", ".join(f"{names[i]} is taken for {names[j]}" for i, j in taken.items())
    return Finding(words, "put the class names in the order of the outputs (--labels A,B,...)")


@rule("missing class", limit=1, needs=("quality",), explains=("test labels", *_OF_GAPS))
def _missing(facts: Facts, limit: float) -> Outcome:
    quality, data = best_decisions(facts), facts["data"]
    counts = {name: n for name, n in data["test_by_class"].items() if n >= limit}
    known = data["train_by_class"]
    if known is not None:
        missing = [name for name in counts if not known.get(name)]
        found = f"none of {data['train_examples']:,} training examples is of"
    elif quality["accuracy_interval"][0] <= quality["baseline_accuracy"]:
        return None  # the net decides nothing, whatever the class
    else:
        decided = map(sum, zip(*quality["confusion_matrix"], strict=True))
        never = dict(zip(map(str, quality["classes"]), decided, strict=True))
        missing = [name for name, n in counts.items() if n >= SEEN and not never[name]]
        found = "no test example is decided as"
    if not missing:
        return None
    shown = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
    return Finding(f"{found} {shown}", f"train with examples of {shown}, or leave the class out")


@rule("untrained", limit=0.05, needs=("quality",), explains=_OF_FITS)
def _no_learning(facts: Facts, limit: float) -> Outcome:
    found, data = best_decisions(facts), facts["data"]
    if found["accuracy_interval"][0] > found["baseline_accuracy"]:
        return None
    learned = data["train_accuracy"]
    if learned is not None and learned > data["train_baseline"] + limit:
        return None
    return Finding(
        f"{100 * found['accuracy']:.1f} % right, {100 * found['baseline_accuracy']:.1f} % by "
        "always naming the commonest class",
        "train the net, or read the file that holds its trained weights",
    )


@rule("no better than the mean", limit=0, needs=("outputs",), explains=("error",))
def _no_numbers(facts: Facts, limit: float) -> Outcome:
    low, high = facts["outputs"].get("won_over_mean", (1.0, 1.0))
    if low > limit:
        return None
    return Finding(
        f"R2 lies between {low:.2f} and {high:.2f}: always giving the mean may be as good",
        "train the net, or check that inputs and numbers of the test are in one order",
    )


@rule("leak", limit=0.01, needs=("data", "data.train_examples"))
def _leak(facts: Facts, limit: float) -> Outcome:
    shared, n = (facts["data"][key] for key in ("shared_examples", "test_examples"))
    if shared < max(2, limit * n):
        return None
    return Finding(
        f"{shared:,} of {n:,} test examples are training examples too",
        "take them out of one part: the accuracy is too good",
    )


@rule("label noise", limit=0.1, needs=("quality", "data.train_accuracy"), explains=_OF_GAPS)
def _noise(facts: Facts, limit: float) -> Outcome:
    share, words = max(_noise_evidence(facts), default=(0.0, ""))
    if (neighbours := facts["data"]["neighbours"]) is not None:
        share = min(share, 1 - neighbours["train"]["accuracy"])  # they decide the others right
    if share < limit:
        return None
    return Finding(
        words.format(f"{100 * share:.0f} % of the training labels"),
        "look at these examples and correct their labels: Measurement.worst lists them",
    )


@rule("test labels", limit=0.1, needs=("quality",), explains=("untrained", *_OF_GAPS))
def _test_labels(facts: Facts, limit: float) -> Outcome:
    found, data = best_decisions(facts), facts["data"]
    advice = "look at the labels of the test: names, order, and which file belongs to which"
    if data["train_accuracy"] is None:
        if found["accuracy_interval"][0] > found["baseline_accuracy"] or found["ece"] < DECIDED:
            return NotLooked("no training examples")
        return Finding(
            f"{100 * found['accuracy']:.1f} % right, though the net is certain of its decisions",
            f"{advice}; or the net was trained on examples that were read otherwise",
        )
    neighbours = data["neighbours"]
    if neighbours is None:
        return NotLooked("too few training examples for neighbours")
    train, test = neighbours["train"], neighbours["test"]
    if share_interval(train["accuracy"], train["examples"])[0] <= data["train_baseline"]:
        return NotLooked("the nearest training examples do not decide the class")
    if abs(_distance(neighbours)) > UNLIKE:
        return NotLooked("the test's examples are unlike the training's: no neighbours decide them")
    share = test["contradicted"]
    low, _ = share_interval(share, test["examples"])
    _, usual = share_interval(train["contradicted"], train["examples"])
    if share < limit or low <= usual:
        return None
    return Finding(
        f"the net and the nearest training examples contradict {100 * share:.0f} % of the test "
        "labels",
        advice,
    )


@rule("class imbalance", limit=0.2, needs=("quality", "data.train_examples"), explains=_OF_GAPS)
def _imbalance(facts: Facts, limit: float) -> Outcome:
    found, data = best_decisions(facts), facts["data"]
    counts, tested = data["train_by_class"], data["test_by_class"]
    recalls = dict(zip(map(str, found["classes"]), found["recall"], strict=True))
    many = max(counts.values())
    rare = [name for name, n in counts.items() if n and n * RARE <= many and tested.get(name)]
    others = [recalls[name] for name, n in tested.items() if n and name not in rare]
    mean = sum(others) / max(len(others), 1)
    for name in sorted(rare, key=lambda name: recalls[name]):
        high = share_interval(recalls[name], tested[name])[1]
        if mean - recalls[name] >= limit and high < mean:
            return Finding(
                f"{name} has {counts[name]:,} training examples, the commonest class {many:,}; "
                f"{100 * recalls[name]:.0f} % of {name} are found, {100 * mean:.0f} % of others",
                f"collect more examples of {name}, or train with --balance",
            )
    few = [name for name in rare if tested[name] < FEW]
    return NotLooked(f"fewer than {FEW} test examples of {few[0]}") if few else None


@rule("overfit", limit=0.05, needs=("quality", "data.train_accuracy"), explains=("float accuracy",))
def _overfit(facts: Facts, limit: float) -> Outcome:
    found, data = best_decisions(facts), facts["data"]
    if data["train_accuracy"] - found["accuracy_interval"][1] < limit:
        return None
    text = f"{100 * data['train_accuracy']:.1f} % of training examples right, "
    text += f"{100 * found['accuracy']:.1f} % of test examples"
    if abs(farther := _distance(data["neighbours"])) >= UNLIKE:
        where = "farther from" if farther > 0 else "nearer to"
        text += f", which lie {100 * abs(farther):.0f} % {where} training examples than these"
        return Finding(text, "record and read both parts alike, or train on such examples too")
    return Finding(text, "train on more examples, with --augment strong, or a smaller net")


@rule("float accuracy", limit=0.6, needs=("quality",))
def _weak(facts: Facts, limit: float) -> Outcome:
    found = best_decisions(facts)
    baseline = found["baseline_accuracy"]
    if baseline == 1 or _way(found["accuracy_interval"][1], baseline) >= limit:
        return None
    return Finding(
        f"the net itself decides {100 * found['accuracy']:.1f} % right before any integers"
        if facts["quality"]["float"]
        else f"{100 * found['accuracy']:.1f} % right",
        "train longer or a larger net: integers cannot be better than it",
    )


@rule("anomalies", limit=0.8, kind="reconstruction")
def _no_anomalies(facts: Facts, limit: float) -> Outcome:
    found = facts["outputs"]["anomalies"]
    if found is None:
        return NotLooked("which classes are normal is not known: --normal")
    low, high = found["auc_interval"]
    if low > 0.5 and high >= limit:
        return None
    chance = ": no better than chance" if low <= 0.5 else ""
    return Finding(
        f"the AUC of anomalies is {found['auc']:.2f}, between {low:.2f} and {high:.2f}{chance}",
        "train on more normal examples, with a narrower middle, or give inputs in which anomalies "
        "differ",
    )


def _distance(neighbours: Facts | None) -> float:
    """The share by which test examples lie farther from training examples than these; 0 of few."""
    if neighbours is None or neighbours["train"]["examples"] < MANY:
        return 0.0
    return float(neighbours["test"]["distance"] / neighbours["train"]["distance"] - 1)


def _way(accuracy: float, baseline: float) -> float:
    """The share of the way from always naming the commonest class to all right."""
    return (accuracy - baseline) / max(1 - baseline, 1e-9)


def _noise_evidence(facts: Facts) -> Iterator[tuple[float, str]]:
    """Shares of training labels that may be wrong, and what says so."""
    data, found, neighbours = facts["data"], best_decisions(facts), facts["data"]["neighbours"]
    if data["error_certainty"] >= CERTAIN and data["train_accuracy"] >= LEARNED:
        yield data["contradicted"], "the net contradicts {} with certainty"
    if neighbours is not None:
        train, test = neighbours["train"], neighbours["test"]
        yield train["contradicted"], "the net and the nearest training examples contradict {}"
        if abs(_distance(neighbours)) >= UNLIKE:
            return  # one part is harder than the other
        words = "the nearest training examples contradict {}, and fewer of the test"
        yield _wrong(train, test), words
    if data["train_accuracy_as_test"] is not None:
        part = {"accuracy": data["train_accuracy_as_test"], "examples": data["train_measured"]}
        tested = {"accuracy": found["accuracy"], "examples": found["n"]}
        yield _wrong(part, tested), "the net contradicts {}, and fewer of the test"


def _wrong(train: Facts, test: Facts) -> float:
    """The share of training labels that must be wrong for the two accuracies; 0 of chance."""
    low, _ = share_interval(test["accuracy"], test["examples"])
    _, high = share_interval(train["accuracy"], train["examples"])
    return 1 - train["accuracy"] / test["accuracy"] if high < low else 0.0
