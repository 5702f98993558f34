"""A headless Chromium for tests: pages are opened, pointers moved, files chosen, JavaScript run.

The protocol is Chromium's (DevTools) over two pipes, so that no driver needs to be installed.
``python tests/support/browser.py`` draws on the page of ``drypoint serve`` and prints how long the
page took: it measures the table "The page to draw on" of docs/figures.md. With ``--picture FILE``
it writes a picture of the page instead, for README.
"""

import base64
import contextlib
import importlib.util
import json
import math
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

TIMEOUT_S = 60  # of one answer: a shared machine may stop for seconds


class Browser:
    """One Chromium with one tab."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._rest, self._last, self._session = b"", 0, None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """The result of a method of the protocol."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._last:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._receive], [], [], TIMEOUT_S)
            assert ready, "Chromium does not answer"
            part = os.read(self._receive, 1 << 20)
            assert part, "Chromium has ended"
            self._rest += part
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, address: str, *, ready: str = "document.body.dataset.ready") -> None:
        """Open a page, by default one of ``drypoint serve``, and wait until a condition in
        JavaScript holds."""
        self.events.clear()
        self.call("Page.navigate", url=address)
        self.wait(ready)

    def wait(self, condition: str) -> None:
        """Wait until a condition in JavaScript holds, checked at each frame."""
        poll = f"() => {{ try {{ return {condition}; }} catch {{ return false; }} }}"
        self.run(
            f"""new Promise((resolve, reject) => {{
              const ends = performance.now() + {TIMEOUT_S * 1000 // 2};
              const poll = {poll};
              const look = () => poll() ? resolve(true) : performance.now() > ends
                ? reject(new Error("never true")) : setTimeout(look, 5);
              look();
            }})"""
        )

    def run(self, code: str) -> Any:
        """The value of an expression in JavaScript, awaited, of JSON types."""
        found = self.call(
            "Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def stroke(self, points: list[tuple[float, float]], *, kind: str = "mouse") -> None:
        """A stroke through points of the window in CSS pixels, by mouse, pen or finger."""
        if kind == "touch":
            self._touch(points)
            return
        steps = ["mousePressed", *["mouseMoved"] * (len(points) - 1), "mouseReleased"]
        for step, (x, y) in zip(steps, [*points, points[-1]], strict=True):
            self.call(
                "Input.dispatchMouseEvent", type=step, x=x, y=y, button="left", buttons=1,
                clickCount=1, pointerType=kind,
            )  # fmt: skip

    def _touch(self, points: list[tuple[float, float]]) -> None:
        for i, (x, y) in enumerate(points):
            kind = "touchMove" if i else "touchStart"
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def choose(self, selector: str, path: Path) -> None:
        """Choose a file in an input element."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def drop(self, path: Path, x: float, y: float) -> None:
        """Drag a file into the window and drop it at a point."""
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for step in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=step, x=x, y=y, data=data)

    def requests(self) -> list[str]:
        """The addresses that the page has requested since `open`, without data in addresses."""
        self.run("0")
        sent = [e["params"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        found = [message["request"]["url"] for message in sent]
        return [address for address in found if not address.startswith(("data:", "blob:"))]

    def errors(self) -> list[str]:
        """Exceptions of the page that nothing has caught since `open`."""
        self.run("0")
        thrown = [e["params"] for e in self.events if e["method"] == "Runtime.exceptionThrown"]
        return [str(error["exceptionDetails"]) for error in thrown]


@contextlib.contextmanager
def chromium(program: str, *flags: str) -> Iterator[Browser]:
    """A browser, with its own empty profile, that ends with the context."""
    profile = tempfile.mkdtemp(prefix="drypoint-chromium-")
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()

    def as_3_and_4() -> None:
        os.dup2(os.dup(theirs_in), 3)
        os.dup2(os.dup(theirs_out), 4)

    command = [program, "--headless=new", "--no-sandbox", "--remote-debugging-pipe"]
    command += ["--no-first-run", "--disable-gpu", "--disable-extensions", "--disable-sync"]
    command += ["--disable-component-update", "--disable-background-networking", "--mute-audio"]
    process = subprocess.Popen(
        [*command, f"--user-data-dir={profile}", *flags, "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=as_3_and_4,  # noqa: PLW1509 - it duplicates four numbers, and locks nothing
        close_fds=False,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(ours_out, ours_in)
    finally:
        process.kill()
        process.wait()
        os.close(ours_out)
        os.close(ours_in)
        shutil.rmtree(profile, ignore_errors=True)


def axe_source(toolbox: Any) -> str:
    """The JavaScript of axe-core, from a package that ships it."""
    toolbox.need_package("axe_playwright_python")
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None and found.origin is not None
    return Path(found.origin).with_name("axe.min.js").read_text("utf-8")


def look(tab: Browser, width: int, scheme: str = "light") -> None:
    """Show pages in a window of so many CSS pixels, "light" or "dark"."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    tab.call("Emulation.setDeviceMetricsOverride", **size)
    chosen = [{"name": "prefers-color-scheme", "value": scheme}]
    tab.call("Emulation.setEmulatedMedia", features=chosen)


def violations(tab: Browser, axe: str) -> list[tuple[str, str]]:
    """(rule, element) of each violation that axe-core finds on the open page."""
    tab.run(f"{axe};0")
    found = tab.run(
        "axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) =>"
        " nodes.map((node) => [id, node.html.slice(0, 200)])))"
    )
    return [(rule, element) for rule, element in found]


@contextlib.contextmanager
def page_of_lenet(width: int, height: int) -> Iterator[tuple[Browser, "Place"]]:
    """The page to draw on, with the shipped LeNet, in a window of CSS pixels; and a function from a
    place on the pad, in [0, 1], to a point of the window."""
    from drypoint import models, serve

    with tempfile.TemporaryDirectory() as folder, chromium(shutil.which("chromium") or "") as tab:
        path = Path(folder) / "index.html"
        page = serve.make_page(
            models.load_program("lenet-mnist"), model=models.load("lenet-mnist"), examples=None
        )
        path.write_text(page, "utf-8")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        tab.call("Emulation.setDeviceMetricsOverride", **size)
        tab.open(path.as_uri())
        pad = "document.getElementById('pad').getBoundingClientRect()"
        left, top, side = tab.run(f"(({{ x, y, width }}) => [x, y, width])({pad})")
        yield tab, lambda x, y: (left + side * x, top + side * y)


Place: TypeAlias = Callable[[float, float], tuple[float, float]]


def measure_page() -> None:
    """Draw ten circles on the page of the shipped LeNet, and print a table of the milliseconds from
    the arrival of each pointer event to the answer shown."""
    with page_of_lenet(1280, 900) as (tab, place):
        tab.run(
            "window.found = []; const before = pad.changed; pad.changed = (since) => {"
            "before(since); found.push([drypoint.answer.latency, drypoint.answer.milliseconds]); }"
        )
        turns = [i / 40 * 2 * math.pi for i in range(41)]
        around = [place(0.5 + 0.3 * math.cos(t), 0.5 + 0.3 * math.sin(t)) for t in turns]
        for _ in range(10):
            tab.run("document.getElementById('clear').click()")
            tab.stroke(around)
        answers, runs = zip(*tab.run("found"), strict=True)
    print("| LeNet, milliseconds | median | 95 of 100 below | worst |")
    print("|---|---|---|---|")
    for name, values in (("pointer event to answer shown", answers), ("of it the engine", runs)):
        found = sorted(values)
        shown = (found[len(found) // 2], found[len(found) * 95 // 100], found[-1])
        print(f"| {name} | {' | '.join(f'{figure:.1f}' for figure in shown)} |")


def photograph_page(path: Path) -> None:
    """Draw a three on the page of the shipped LeNet, and write the pad and the answer as PNG."""
    turns = [math.pi * (-0.85 + 1.35 * i / 20) for i in range(21)]
    three = [(0.48 + 0.17 * math.cos(t), 0.33 + 0.15 * math.sin(t)) for t in turns]
    turns = [math.pi * (-0.5 + 1.35 * i / 20) for i in range(21)]
    three += [(0.48 + 0.2 * math.cos(t), 0.65 + 0.17 * math.sin(t)) for t in turns]
    with page_of_lenet(1000, 620) as (tab, place):
        tab.call("Emulation.setScrollbarsHidden", hidden=True)
        tab.stroke([place(x, y) for x, y in three])
        tab.wait("drypoint.answer.latency")
        tab.run("document.querySelector('.read').style.visibility = 'hidden'")
        clip = {"x": 24, "y": 128, "width": 952, "height": 448, "scale": 1}
        shown = tab.call("Page.captureScreenshot", clip=clip)
        path.write_bytes(base64.b64decode(shown["data"]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--picture"]:
        photograph_page(Path(sys.argv[2]))
    else:
        measure_page()
