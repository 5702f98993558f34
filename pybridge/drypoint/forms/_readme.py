"""The README of an exported folder: what the models need, how to add them, how to call them."""

from ._parts import LICENCE_FILE, ModelParts, Parts


def readme(form: str, parts: Parts, *, use: str) -> str:
    """The README of a form: what the library holds, and how it is added to a project."""
    several = len(parts.models) > 1
    return parts.fill(
        "README.md.in",
        kind=f"{'Integer nets' if several else 'An integer net'} in C99 with "
        f"{'one' if several else 'its'} engine",
        models="\n\n".join(_table(model, several=several) for model in parts.models),
        cost="".join(model.cost for model in parts.models),
        use=use,
        calls="\n\n".join(_call(parts, model) for model in parts.models),
        shared=_SHARED if several else "",
        selftest=_selftest(parts),
        form=form,
        licence_file=LICENCE_FILE,
        licence=_licence(parts),
    )


_DETECT = """
    size_t {pre}keyword;
    if ({name}_keywords({pre}memory, {pre}scores, &{pre}keyword) == DPT_OK) {{
        /* dpt_label(&{name}, {pre}keyword) was spoken */
    }}"""
_SHARED = """\
Models that run one after the other may share one arena, of the largest `..._ARENA_SIZE`. Calls from
several threads need an arena each.

"""


def _licence(parts: Parts) -> str:
    """The licence of the models and the generated files, for the README."""
    several = len(parts.models) > 1
    what = (
        "The models and their generated files" if several else "The model and its generated files"
    )
    if parts.package.licence:
        return f"{what}: {parts.package.licence}."
    return f"{what}: not stated; `drypoint export --package licence=...` states it."


def _table(model: ModelParts, *, several: bool) -> str:
    head = f"| {model.name} | |" if several else "| | |"
    unit = "a step" if model.streaming else "an input"
    return "\n".join(
        [
            head,
            "|---|---|",
            *(f"| {what} | {amount} |" for what, amount in model.memory),
            f"| work | {model.macs:,} multiply-accumulates {unit} |",
        ]
    )


def _call(parts: Parts, model: ModelParts) -> str:
    """The lines of C that run a model, and the meaning of its input and outputs."""
    pre = f"{model.name}_" if len(parts.models) > 1 else ""
    texts = {"pre": pre, "reads": model.reads, "writes": model.writes}
    if model.sample_rate:
        detect = _DETECT.format(name=model.name, pre=pre) if model.detects else ""
        rate = f"{model.sample_rate:,}"
        return parts.fill_for(model, "call_listen.md.in", **texts, rate=rate, detect=detect)
    template = "call_stream.md.in" if model.streaming else "call.md.in"
    return parts.fill_for(model, template, **texts)


def _selftest(parts: Parts) -> str:
    calls = " and ".join(f"`{model.name}_selftest()`" for model in parts.models)
    text = (
        "The self-test runs a few inputs and compares every layer with the reference: "
        f"call {calls} on the board once; 0 means that every byte is right."
    )
    if parts.target:
        text += (
            f" The sources here are for {parts.target}: on another CPU, such as this computer's, "
            "they do not link. Build the self-test with your firmware, or export without "
            "`--target` to run it on this computer."
        )
    return text
