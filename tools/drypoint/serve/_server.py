"""Serves a page on this machine, and the float net's answers for what is drawn on it."""

import contextlib
import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from drypoint.nn import Model
from drypoint.program import Program

from ._page import ServeError, float_outputs

_HOST = "127.0.0.1"
_NAMES = (_HOST, "localhost")
_SECONDS = 10.0  # that a connection may wait for its next byte, while it holds a thread


def make_server(
    page: str, program: Program, *, model: Model | None = None, port: int = 0
) -> ThreadingHTTPServer:
    """A server for this machine alone: ``serve_forever()`` serves, ``server_port`` is its port.

    It answers ``GET /`` by the page, and, with a model, ``POST /float`` of one picture's bytes by
    the float net's outputs as JSON. It listens on 127.0.0.1 and answers a request only where the
    header ``Host`` is 127.0.0.1 or localhost with its port, and ``Origin``, if there is one, is
    one of these: so that no page of another site reads the model, under a name of its own that
    resolves to 127.0.0.1 (DNS rebinding). Other requests get 403, other methods 405.

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
        timeout = _SECONDS

        def handle_one_request(self) -> None:
            with contextlib.suppress(ConnectionError):  # the browser may be gone
                super().handle_one_request()

        def parse_request(self) -> bool:
            """Read the request's head; answer and give False if it is no request to answer."""
            if not super().parse_request():
                return False
            if not self._is_local():
                self._answer(
                    403, "text/plain", b"wanted: the address that drypoint serve printed\n"
                )
                return False
            return True

        def do_GET(self) -> None:
            if self.path in ("/", "/index.html"):
                self._answer(200, "text/html; charset=utf-8", content)
            else:
                self._answer(404, "text/plain", b"there is one page: /\n")

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            size = self.headers.get("Content-Length", "")
            if model is None or self.path != "/float" or size != str(int(np.prod(shape))):
                self._answer(404, "text/plain", b"wanted: POST /float, the bytes of one picture\n")
                return
            body = self.rfile.read(int(size))
            if len(body) != int(size):  # the browser has closed the connection
                return
            pixels = np.frombuffer(body, np.uint8).reshape(shape)
            answer = json.dumps(float_outputs(program, model, pixels)).encode()
            self._answer(200, "application/json", answer)

        def send_error(
            self,
            code: int,
            message: str | None = None,  # noqa: ARG002 - it quotes the request
            explain: str | None = None,  # noqa: ARG002
        ) -> None:
            """Answer what is no HTTP, or a method without a function above."""
            status = 405 if code == HTTPStatus.NOT_IMPLEMENTED else code
            self._answer(status, "text/plain", b"wanted: GET /\n")

        def _is_local(self) -> bool:
            """Whether the request names this server, and comes from no page of another one."""
            own = self.connection.getsockname()[1]
            places = {f"{name}:{own}" for name in _NAMES} | (set(_NAMES) if own == 80 else set())
            hosts, origins = (self.headers.get_all(name, []) for name in ("Host", "Origin"))
            return (
                len(hosts) == 1
                and hosts[0].lower() in places
                and {origin.lower() for origin in origins}
                <= {f"http://{place}" for place in places}
            )

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            if status == 405:
                self.send_header("Allow", "GET, HEAD, POST")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a line for each drawing would hide the address."""

    try:
        return ThreadingHTTPServer((_HOST, port), Handler)
    except OSError as error:
        raise ServeError(f"port {port}: {error.strerror}; --port names another") from error
