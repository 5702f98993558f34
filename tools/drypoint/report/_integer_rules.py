"""Rules about what the integers cost; the heaviest is the first."""

from ._rule import Facts, Finding, NotLooked, Outcome, rule

HALF = 0.5  # share of the loss from which a percentile is named beside other advice
LOSSY_DB = 26.0  # "lossy layer": its noise alone is 5 % of the signal or more
LOSSY = 0.8  # "lossy layer": its share of the noise of all ops
_OF_INTEGERS = ("outliers", "lossy layer", "loss", "input bits", "error")


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


@rule(
    "calibration examples", limit=32, needs=("calibration",), explains=("saturation", *_OF_INTEGERS)
)
def _few_calibrated(facts: Facts, limit: float) -> Outcome:
    examples = facts["calibration"]["examples"]
    if examples >= limit:
        return None
    return Finding(f"{examples} were used", "calibrate with more examples")


@rule("saturation", limit=0.01, needs=("layers",), explains=_OF_INTEGERS)
def _saturation(facts: Facts, limit: float) -> Outcome:
    if (facts["outputs"] or {}).get("kind") == "reconstruction":
        return None  # anomalies lie beyond what an autoencoder has seen
    op = max(facts["layers"]["ops"], key=lambda op: op["clipped"])
    if op["clipped"] < limit:
        return None
    return Finding(
        f"{100 * op['clipped']:.1f} % of the values of {op['op']} lie beyond its range",
        "calibrate with examples like the test examples, or a higher --percentile",
    )


@rule("outliers", limit=0.9, needs=("quality.float",), explains=("lossy layer", "loss"))
def _outliers(facts: Facts, limit: float) -> Outcome:
    if facts["quality"]["percentiles"] == []:
        return NotLooked("no training examples to calibrate otherwise")
    found = _percentile_gain(facts)
    if found is None or found[2] < limit:
        return None
    percentile, accuracy, _ = found
    return Finding(
        f"{100 * accuracy:.1f} % right without the outermost values of the calibration, "
        f"{100 * facts['quality']['integers']['accuracy']:.1f} % with them",
        f"quantize with --percentile {percentile:g}",
    )


@rule("input bits", limit=0.05, needs=("outputs.rise",), explains=("lossy layer", "error"))
def _input_bits(facts: Facts, limit: float) -> Outcome:
    outputs = facts["outputs"]
    by_input, rise = outputs["input_rise"], outputs["rise"]
    if by_input is None or by_input["low"] <= 0 or by_input["share"] < limit:
        return None
    if by_input["share"] < HALF * rise["share"]:
        return None
    return Finding(
        f"8 bits an input alone raise the error by {100 * by_input['share']:.0f} % (between "
        f"{100 * by_input['low']:.0f} and {100 * by_input['high']:.0f})",
        "give each channel its own mean and deviation and clip rare values "
        "(SignalEncoder.from_data, clip=), or the difference of large channels as a channel",
    )


@rule("lossy layer", limit=LOSSY, needs=("layers",), explains=("loss", "error"))
def _lossy(facts: Facts, limit: float) -> Outcome:
    op, rise = lossy_op(facts, limit), (facts["outputs"] or {}).get("rise")
    if op is None or (rise is not None and rise["low"] <= 0):
        return None
    (sqnr,) = (each["sqnr"] for each in facts["layers"]["ops"] if each["op"] == op)
    return Finding(
        f"nearly all noise arises in {op}, {sqnr:.1f} dB",
        _against_loss(
            facts,
            f"train on with weight decay: channels that {op} reads or writes differ much in size",
        ),
    )


@rule("loss", limit=0.01, needs=("quality.float",))
def _loss(facts: Facts, limit: float) -> Outcome:
    found = paired_loss(facts["quality"])
    if found is None or found[0] < limit or found[0] <= found[1]:
        return None
    return Finding(
        f"the integers lose {100 * found[0]:.1f} points, in several layers",
        _against_loss(facts, "take a wider net, or train on with weight decay"),
    )


@rule("error", limit=0.05, needs=("outputs.rise",))
def _error(facts: Facts, limit: float) -> Outcome:
    rise = facts["outputs"]["rise"]
    if rise["low"] <= 0 or rise["share"] < limit:
        return None
    return Finding(
        f"the integers raise the error by {100 * rise['share']:.0f} % (between "
        f"{100 * rise['low']:.0f} and {100 * rise['high']:.0f})",
        "calibrate with --percentile 99.99, or train on with weight decay",
    )


def lossy_op(facts: Facts, share: float = LOSSY) -> str | None:
    """The op that adds nearly all the noise of the integers; None where none does."""
    ops = [] if facts["layers"] is None else facts["layers"]["ops"]
    noise = [0.0 if op["sqnr"] is None else 10 ** (-op["sqnr"] / 10) for op in ops]
    gains = [max(b - a, 0.0) for a, b in zip([0.0, *noise], noise, strict=False)]
    if not gains or max(gains) < 10 ** (-LOSSY_DB / 10):
        return None
    most = max(range(len(gains)), key=gains.__getitem__)
    return str(ops[most]["op"]) if gains[most] / sum(gains) >= share else None


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


def _against_loss(facts: Facts, otherwise: str) -> str:
    """What to do about a loss: first a percentile, if it wins back half."""
    found = _percentile_gain(facts)
    if found is None or found[2] < HALF:
        return otherwise
    percentile, accuracy, _ = found
    gives = f"which gives {100 * accuracy:.1f} %"
    return f"quantize with --percentile {percentile:g}, {gives}; {otherwise}"
