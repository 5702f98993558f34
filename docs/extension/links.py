"""Links to the repository, its issues and the licence, below every page: their addresses stand in
``[project.urls]`` of pyproject.toml, and nowhere else.
"""

import tomllib
from pathlib import Path

_PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
_PLACEHOLDER = "https://example.org/"  # docs/project.md puts the real address in


def footer(text: str | None = None) -> list[dict[str, str]]:
    """The links for the theme's footer; none while an address is the placeholder.

    Args:
        text: of pyproject.toml; its file if left out.
    """
    urls = tomllib.loads(text or _PYPROJECT.read_text("utf-8"))["project"]["urls"]
    repository = urls["Repository"]
    links = {
        "Repository": repository,
        "Issues": urls["Issues"],
        "Licence": f"{repository}/blob/main/LICENSE",
    }
    return [
        {"name": name, "url": url, "html": name, "class": ""}
        for name, url in links.items()
        if not url.startswith(_PLACEHOLDER)
    ]
