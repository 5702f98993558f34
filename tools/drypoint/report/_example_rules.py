"""Rules about what the examples can show; the lightest of all."""

from ._rule import Facts, Finding, Outcome, best_decisions, rule


@rule("constant channels", limit=1, needs=("data",))
def _constant(facts: Facts, limit: float) -> Outcome:
    constant = facts["data"]["constant_channels"]
    if len(constant) < limit:
        return None
    shown = ", ".join(map(str, constant[:8])) + (", ..." if len(constant) > 8 else "")
    return Finding(
        f"input channels that never change: {shown}",
        "leave them out, or mend the sensor or reader that gives them",
    )


@rule("test examples", limit=0.15, needs=("quality",))
def _few_tested(facts: Facts, limit: float) -> Outcome:
    found = best_decisions(facts)
    low, high = found["accuracy_interval"]
    if high - low < limit:
        return None
    return Finding(
        f"{found['n']:,} test examples leave the accuracy between {100 * low:.0f} and "
        f"{100 * high:.0f} %",
        "test on more examples before you compare or choose",
    )
