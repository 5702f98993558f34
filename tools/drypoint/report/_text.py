"""The report as a screen of text."""

import textwrap
from collections.abc import Mapping
from typing import Any

from drypoint.common import count_of, interval_text, printable, table_lines
from drypoint.tasks import ReportTexts

from ._remembers import describe_memory
from ._verdict import not_looked_text, output_texts

Facts = Mapping[str, Any]
NOT_KNOWN = "not known: there are no test examples (--data DATA)"
WIDTH = 80  # columns
CLASS_FIGURES = ("precision", "recall", "f1")
MOST_CLASSES = 30  # rows of a table
GUESSED = "calibrated on random inputs: costs and bytes hold, scales do not"


def text(facts: Facts) -> str:
    """A line for each headline figure; the layers and the costs as tables."""
    blocks = [verdict_text(facts["verdict"])]
    blocks.append("\n".join(table_lines(_headline(facts), left=(0, 1), width=WIDTH)))
    if facts["layers"] is not None:
        blocks.append("\n".join(table_lines(_layers(facts["layers"]), left=(0, 1))))
    if facts["bits"] is not None:
        lines = table_lines(bits_rows(facts["bits"]))
        head = f"{bits_figure(facts['bits'])} where one op has few bits"
        blocks.append("\n".join([head, *lines]))
    if facts["quality"] is not None:
        blocks.append("\n".join(table_lines(class_rows(facts["quality"]["integers"]))))
    for target, cost in facts["costs"].items():
        if "not_measured" in cost:
            blocks.append(f"{target}: not measured: {cost['not_measured']}")
        else:
            rows = table_lines(_ops(cost), left=(0,))
            time = describe_time(cost)
            times = [f"RAM: {cost['account_text']}"]
            times += [f"{cost['instructions']:,} instructions, {time}"] if time else []
            times += [f"{n:,} cycles on {core}, simulated" for core, n in cost["cycles"].items()]
            if cost["frame_instructions"] is not None:
                times.append(f"a frame of the front end: {cost['frame_instructions']:,} more")
            blocks.append("\n".join([f"{target}, {cost['built_with']}", *rows, *times]))
    return "\n\n".join([printable(facts["name"]), *blocks])


def verdict_text(verdict: Facts) -> str:
    """The sentence of the verdict, a line for each finding with its advice, and where there are
    findings the rules that could not look."""
    rows = [(each["rule"], f"{each['finding']}: {each['advice']}") for each in verdict["findings"]]
    lines = textwrap.wrap(verdict["summary"], WIDTH)
    if rows:
        lines += table_lines(rows, left=(0, 1), width=WIDTH)
        lines += textwrap.wrap(blind_text(verdict), WIDTH)
    return "\n".join(lines)


def blind_text(verdict: Facts) -> str:
    """The rules that could not look, of a verdict whose sentence does not have them; or ""."""
    shown = verdict["findings"] and verdict["not_looked"]
    return not_looked_text(verdict["not_looked"]) if shown else ""


def accuracy(measured: Facts) -> str:
    """Accuracy with its interval."""
    return interval_text(measured["accuracy"], *measured["accuracy_interval"])


def first_loss(layers: Facts) -> str:
    """The first op with a visible loss, in words."""
    limit = layers["visible_below_db"]
    if layers["first_visible"] is None:
        ratios = [op["sqnr"] for op in layers["ops"] if op["sqnr"] is not None]
        least = min(ratios, default=None)
        lowest = "" if least is None else f"; the lowest is {least:.1f} dB"
        return f"no layer is below {limit:g} dB{lowest}"
    return f"{layers['first_visible']} is the first layer below {limit:g} dB"


def describe_proof(proof: Facts, *, unit: str = "example", random: bool = False) -> str:
    """The comparison of bytes, in words; a run is of one ``unit``."""
    what = f"random {'inputs' if unit == 'example' else f'{unit}s'}" if random else f"{unit}s"
    verification = proof["verification"]
    return (
        f"{verification['differing_bytes']:,} of {proof['verified_bytes']:,} bytes differ from the "
        f"reference, on {verification['examples']:,} {what}: "
        f"{', '.join(verification['runners'])}"
    )


def describe_rounding(rounding: Facts) -> str:
    """How often the framework of an imported file gives another byte, in words."""
    reachable, differing = (
        sum(op[k] for op in rounding["ops"]) for k in ("reachable", "differing")
    )
    most = max((op["most"] for op in rounding["ops"]), default=0)
    share = 100 * differing / max(reachable, 1)
    return (
        f"{rounding['framework']} gives another byte for {differing:,} of {reachable:,} "
        f"accumulators ({share:.3f} %), by at most {most}"
    )


def describe_time(cost: Facts) -> str:
    """The estimated time of a run, in words; "" where instructions or a clock are not known."""
    time = cost["estimated_milliseconds"]
    if time is None:
        return ""
    low, high = (f"{time[key]:.3g}" for key in ("low", "high"))
    return f"{low} to {high} ms at {time['clock_mhz']:g} MHz, an estimate"


def _headline(facts: Facts) -> list[tuple[str, str]]:
    quality, program, layers = facts["quality"], facts["program"], facts["layers"]
    if (words := output_texts(facts)) is not None:
        rows = _outputs(facts["outputs"], words)
    else:
        rows = [("accuracy", NOT_KNOWN)] if quality is None else _quality(quality)
    if facts["inputs"]["calibration_random"]:
        rows.append(("integers", GUESSED))
    if facts["rounding"] is not None:
        rows.append(("rounding", describe_rounding(facts["rounding"])))
    if facts["remembers"] is not None:
        rows.append(("remembers", describe_memory(facts["remembers"])))
    if layers is not None:
        rows.append(("layers", first_loss(layers)))
    run = "a step" if program["unit"] == "step" else "an example"
    return [
        *rows,
        ("model", f"{program['file_bytes']:,} bytes"),
        ("RAM", facts["memory"]["account_text"]),
        ("work", f"{program['macs']:,} multiply-accumulates {run}"),
        (
            "verified",
            describe_proof(facts["proof"], unit=program["unit"], random=facts["inputs"]["random"]),
        ),
    ]


def _quality(quality: Facts) -> list[tuple[str, str]]:
    rows = [("integers", accuracy(quality["integers"]))]
    if quality["float"] is not None:
        rows.append(("float net", accuracy(quality["float"])))
        count = len(quality["differing_decisions"])
        rows.append(("decisions that differ", f"{count:,} of {quality['examples']:,}"))
    return [*rows, ("calibration error", f"{quality['integers']['ece']:.4f}")]


def _outputs(outputs: Facts, words: ReportTexts) -> list[tuple[str, str]]:
    """The error of outputs that are no classes, and what the task adds."""
    of = words.of or count_of(outputs["examples"], "example")
    rows = [(words.error, f"{outputs['error']:.4g} of {of}")]
    if outputs["float_error"] is not None:
        rows.append(("  of the float net", f"{outputs['float_error']:.4g}"))
    return [*rows, *words.headline]


def _layers(layers: Facts) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("op", "type", "SQNR, dB", "clipped", "largest error")]
    for op in layers["ops"]:
        sqnr = "exact" if op["sqnr"] is None else f"{op['sqnr']:.1f}"
        rows.append(
            (op["op"], op["dtype"], sqnr, f"{100 * op['clipped']:.2f} %", f"{op['max_error']:.3g}")
        )
    return rows


def bits_rows(bits: Facts) -> list[tuple[str, ...]]:
    """A row of heads, then each op with its accuracy, or squared error, at 8, 4 and 2 bits a
    weight, all other ops at 8 bits."""
    found = [("op", "weights", *(f"{n} bits" for n in bits["ops"][0]["loss"]))]
    for op in bits["ops"]:
        shares = [f"{100 * share:.2f} %" for share in op["accuracy"].values()]
        figures = shares or [f"{loss:.4g}" for loss in op["loss"].values()]
        found.append((op["op"], f"{op['n_weights']:,}", *figures))
    return found


def bits_figure(bits: Facts) -> str:
    """What `bits_rows` lists, in words."""
    return "accuracy" if bits["ops"][0]["accuracy"] else "squared error against the float net"


def class_rows(measured: Facts) -> list[tuple[str, ...]]:
    """A row of heads, then precision, recall and F1 of each class and its number of examples; of
    many classes the ones with the lowest F1."""
    counts = [sum(row) for row in measured["confusion_matrix"]]
    figures = (measured["classes"], *(measured[key] for key in CLASS_FIGURES), counts)
    found = sorted(enumerate(zip(*figures, strict=True)), key=lambda each: each[1][3])
    shown = sorted(found[:MOST_CLASSES])
    head = ("class", "precision", "recall", "F1", "examples")
    return [
        head,
        *(
            (str(name), *(f"{100 * value:.1f} %" for value in values), f"{n:,}")
            for _, (name, *values, n) in shown
        ),
    ]


def _ops(cost: Facts) -> list[tuple[str, ...]]:
    total = ("all", cost["flash_bytes"], cost["stack_bytes"])
    rows: list[tuple[str, ...]] = [("op", "flash", "stack", "instructions")]
    for op in cost["ops"]:
        rows.append(_row(op["op"], op["table_bytes"], op["stack_bytes"], op["instructions"]))
    rows.append(_row("engine's code", cost["code_bytes"], None, None))
    rows.append(_row("compiler's helpers", cost["helper_bytes"], None, None))
    return [*rows, _row(*total, cost["instructions"])]


def _row(name: str, *numbers: int | None) -> tuple[str, ...]:
    return (name, *("-" if n is None else f"{n:,}" for n in numbers))
