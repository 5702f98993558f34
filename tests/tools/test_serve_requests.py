"""What the server of the page answers, request by request, and what it refuses."""

import contextlib
import socket
import threading
from http.client import HTTPConnection

import numpy as np
import pytest

from drypoint import models, nn, serve
from drypoint.serve import _server

PROGRAM = models.load_program("lenet-mnist")
PIXELS = bytes(784)


@pytest.fixture(scope="module")
def port():
    """The port of a server with the float net, in this process."""
    model = nn.Model(nn.lenet(seed=0), encoder=models.load("lenet-mnist").encoder)
    with serve.make_server("<p>page", PROGRAM, model=model) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found.server_port
        found.shutdown()
        thread.join()


def answer(port, method="GET", path="/", body=None, **headers):
    """(status, headers, body) of a request with exactly these headers; None leaves Host out."""
    connection = HTTPConnection("127.0.0.1", port, timeout=300)
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": f"127.0.0.1:{port}", **headers}.items():
            for host in value if isinstance(value, list) else [value]:
                if host is not None:
                    connection.putheader(name, host.replace("PORT", str(port)))
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        found = connection.getresponse()
        return found.status, found.headers, found.read()


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "LocalHost:PORT"])
def test_the_server_answers_its_own_names(port, host):
    status, headers, body = answer(port, Host=host, Origin=f"http://{host}")
    assert (status, body) == (200, b"<p>page")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    status, headers, body = answer(port, "POST", "/float", PIXELS, Host=host)
    assert (status, headers["X-Content-Type-Options"]) == (200, "nosniff")
    assert len(np.fromstring(body.strip(b"[]").decode(), sep=",")) == 10


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example:PORT"},  # DNS rebinding: a name that resolves to 127.0.0.1
        {"Host": "127.0.0.1.attacker.example:PORT"},
        {"Host": "127.0.0.1:1"},
        {"Host": "127.0.0.1"},
        {"Host": "[::1]:PORT"},  # the server does not listen there
        {"Host": "0.0.0.0:PORT"},
        {"Host": ""},
        {"Host": None},
        {"Host": ["127.0.0.1:PORT", "attacker.example"]},
        {"Origin": "http://attacker.example"},
        {"Origin": "http://attacker.example:PORT"},
        {"Origin": "https://127.0.0.1:PORT"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "null"},
        {"Origin": ["http://127.0.0.1:PORT", "http://attacker.example"]},
    ],
)
def test_another_host_or_origin_is_forbidden(port, headers):
    for request in (("GET", "/"), ("HEAD", "/"), ("POST", "/float", PIXELS), ("PUT", "/")):
        status, found, body = answer(port, *request, **headers)
        assert status == 403
        assert b"page" not in body
        assert found["X-Content-Type-Options"] == "nosniff"


def test_head_has_the_headers_alone(port):
    for path in ("/", "/other"):
        status, headers, body = answer(port, "HEAD", path)
        whole = answer(port, "GET", path)
        assert (status, body) == (whole[0], b"")
        assert headers["Content-Length"] == str(len(whole[2]))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get"])
def test_other_methods_are_not_allowed(port, method):
    status, headers, body = answer(port, method)
    assert status == 405
    assert headers["Allow"] == "GET, HEAD, POST"
    assert method.encode() not in body.replace(b"GET", b"")


@pytest.mark.parametrize(
    "text",
    [
        b"GET /\r\n\r\n",  # HTTP/0.9 has no Host
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\na: " + b"b" * 70_000 + b"\r\n\r\n",
        b"GET <script> HTTP/1.1 \x1b[31m\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_not_quoted(port, capfd, text):
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(text)
        found = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65536):
                found += piece
    assert b"page" not in found
    assert b"<script>" not in found
    assert not found or found.startswith(b"wanted: ") or found.split()[1][:1] in b"45"
    assert capfd.readouterr().err == ""


def test_a_connection_that_says_nothing_ends(monkeypatch):
    """A thread of the server would wait for it until the command ends."""
    monkeypatch.setattr(_server, "_SECONDS", 0.05)
    with serve.make_server("page", PROGRAM) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        for text in (b"", b"GET / HT", b"POST /float HTTP/1.1\r\nContent-Length: 784\r\n"):
            with (
                socket.create_connection(found.server_address, timeout=300) as connection,
                contextlib.suppress(ConnectionError),  # it has ended before the text came
            ):
                connection.sendall(text)
                assert connection.recv(1) == b""
        found.shutdown()
        thread.join()


def test_a_browser_that_is_gone_prints_nothing(port, capfd):
    for text in (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port, b"POST /float HT"):
        connection = socket.create_connection(("127.0.0.1", port), timeout=300)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(text)
        connection.close()  # a reset
    assert answer(port)[0] == 200
    assert capfd.readouterr().err == ""
