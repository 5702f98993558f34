"""Serves a page on this machine, and the float net's answers for what is drawn on it."""

import contextlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from drypoint.nn import Model
from drypoint.program import Program

from ._page import ServeError, float_outputs

_HOST = "127.0.0.1"


def make_server(
    page: str, program: Program, *, model: Model | None = None, port: int = 0
) -> ThreadingHTTPServer:
    """A server for this machine alone: ``serve_forever()`` serves, ``server_port`` is its port.

    It answers ``GET /`` by the page, and, with a model, ``POST /float`` of one picture's bytes by
    the float net's outputs as JSON.

    Args:
        page: `make_page` with ``live=True``, if there is a model.
        program: the page's program, whose pictures are posted.
        model: the float net.
        port: 0: any that is free.

    Raises:
        ServeError: the port is not free, or none.
    """
    if not 0 <= port < 1 << 16:
        raise ServeError(f"port {port} is none: ports are 0 to 65535")
    shape, content = tuple(program.input_shape), page.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in ("/", "/index.html"):
                self._answer(200, "text/html; charset=utf-8", content)
            else:
                self._answer(404, "text/plain", b"there is one page: /\n")

        def do_POST(self) -> None:
            size = self.headers.get("Content-Length", "")
            if model is None or self.path != "/float" or size != str(int(np.prod(shape))):
                self._answer(404, "text/plain", b"wanted: POST /float, the bytes of one picture\n")
                return
            body = self.rfile.read(int(size))
            if len(body) != int(size):  # the browser has closed the connection
                return
            pixels = np.frombuffer(body, np.uint8).reshape(shape)
            answer = json.dumps(float_outputs(model, pixels)).encode()
            self._answer(200, "application/json", answer)

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the browser may be gone
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a line for each drawing would hide the address."""

    try:
        return ThreadingHTTPServer((_HOST, port), Handler)
    except OSError as error:
        raise ServeError(f"port {port}: {error.strerror}; --port names another") from error
