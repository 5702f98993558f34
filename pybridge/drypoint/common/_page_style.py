"""The style sheet that drypoint's HTML pages share."""

from importlib.resources import files


def page_style() -> str:
    """CSS: colours by role, light and dark, as custom properties; text, figures and tables."""
    return (files(__package__) / "page.css").read_text("utf-8")
