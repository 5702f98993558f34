"""The page of nets with several inputs: its C prints what its Python computes."""

from pathlib import Path

from page_examples import run_c, run_examples


def test_the_c_of_the_page_prints_what_its_python_computes(toolbox):
    """Oracle: the engine in Python, on the page's own scenes."""
    page = run_examples("docs/inputs.md")
    scenes = zip(page["test"]["image"], page["test"]["weather"], strict=True)
    data = b"".join(image.tobytes() + weather.tobytes() for image, weather in scenes)
    printed = run_c("docs/inputs.md", Path(page["folder"]), data, toolbox)
    assert [*map(int, printed)] == page["c"](page["test"])
