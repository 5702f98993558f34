"""The form of a model that listens as an external component of ESPHome."""

from ._amalgamation import amalgamate
from ._parts import Files, Parts, within


def esphome(parts: Parts) -> tuple[str, Files]:
    """How the form is added to a project, and its files: a flat folder, the self-test outside."""
    (model,) = parts.models
    rate, host = model.sample_rate, model.name.replace("_", "-")
    use = (
        "Copy `components` beside your YAML file and add the lines of `example.yaml` from "
        "`external_components` on; the whole file is an example for an ESP32-C3."
    )
    headers = {n: text for n, text in parts.engine.items() if n.startswith("drypoint")}
    component = {
        "__init__.py": parts.fill_for(model, "esphome.py.in", rate=rate),
        f"{model.name}_listener.h": parts.fill_for(model, "esphome.h.in"),
        **model.model,
        **headers,
        "drypoint.c": amalgamate(parts.engine),
    }
    return use, {
        "example.yaml": parts.fill_for(model, "esphome.yaml.in", rate=rate, host=host),
        **within(f"components/{model.name}", component),
        "selftest.c": model.selftest,
    }
