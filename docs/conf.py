"""The settings of Sphinx for ``make docs``; with ``-t fast`` it runs the short walkthrough."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extension"))

import links  # noqa: E402 - of the folder above

project = "drypoint"
version = release = version_of("drypoint")
copyright = "the drypoint authors, Apache-2.0"  # noqa: A001 - Sphinx reads this name

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "docstrings",
    "pages",
]
exclude_patterns = ["conf.py", "extension", "surveys"]
default_role = "py:obj"
html_theme = "furo"
html_title = "drypoint"
html_theme_options = {"footer_icons": links.footer()}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["reach.js"]
html_favicon = "static/favicon.svg"
html_show_sphinx = False
html_show_sourcelink = False
html_domain_indices = False  # the reference lists the parts

suppress_warnings = ["ref.python"]  # `dtype` of NumPy's annotations is an attribute of many classes
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases: dict[str, str] = {}
autosummary_generate = False
autosummary_ignore_module_all = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# The walkthrough is a Python file in cells. Sphinx runs it; the page shows its output and pictures.
nb_custom_formats = {
    ".py": ["pages.notebook", {"arguments": ["--fast"] if tags.has("fast") else []}]  # noqa: F821
}
nb_execution_mode = "off" if tags.has("still") else "force"  # noqa: F821
nb_execution_timeout = 1800
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
