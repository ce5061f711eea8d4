"""The server's function from requests to responses, and the server itself over real sockets."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import numpy as np
import pytest
from test_answer import COLORS, FOUND, drawn

from fnn.serve import server as module
from fnn.serve.answer import MOST
from fnn.serve.respond import HEADERS, POLICY, WEB, Request, responder, unwanted

PIXELS = drawn()
ASK = "/answer?height={}&width={}".format(*PIXELS.shape[:2])
RESPOND = responder(FOUND, "A network.")


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        *((way, name, 200) for way in ("GET", "HEAD")
          for name in ("/", "/page.css", "/page.js", "/worker.js", "/network.json", "/?x=1",
                       "http://localhost/page.js", "http://localhost?x")),
        *(("GET", name, 404) for name in
          ("/page.html", "/nonesuch", "/../answer.py", "/%2e%2e/x", "//x", "/page.js/", "/answer/",
           "/pyodide.js", "")),
        ("GET", ASK, 405), ("PUT", ASK, 405), ("POST", "/", 405), ("DELETE", "/page.js", 405),
        ("POST", "/answer", 400), ("POST", "/answer?height=56", 400),
        ("POST", "/answer?height=56&width=x", 400), ("POST", "/answer?height=56&width=-56", 400),
        ("POST", "/answer?height=56&width=56&width=56", 400),
        ("POST", "/answer?height=56&width=57", 400), ("POST", "/answer?height=٣&width=56", 400),
        ("POST", ASK, 200),
    ],
)  # fmt: skip
def test_responses(method, target, status):
    response = RESPOND(Request(method, target, {}, PIXELS.tobytes() if method == "POST" else b""))
    if target == "" and status == 404:
        status = 200  # no path is the root
    assert response.status == status
    if status >= 400:
        assert response.kind.startswith("text/plain")
        assert response.body.decode().count("\n") == 1
    if status == 405:
        assert dict(response.headers)["Allow"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8000"}, None),
        ({"host": "localhost:8000"}, None),
        ({"host": "LOCALHOST:8000", "origin": "http://localhost:8000"}, None),
        ({}, 421),
        ({"host": ""}, 421),
        ({"host": "127.0.0.1"}, 421),
        ({"host": "127.0.0.1:8001"}, 421),
        ({"host": "evil.example:8000"}, 421),
        ({"host": "127.0.0.1.evil.example:8000"}, 421),
        ({"host": "127.0.0.1:8000", "origin": "http://evil.example"}, 403),
        ({"host": "127.0.0.1:8000", "origin": "null"}, 403),
        ({"host": "127.0.0.1:8000", "origin": "https://127.0.0.1:8000"}, 403),
    ],
)
def test_who_may_ask(headers, status):
    refused = unwanted(Request("GET", "/", headers), 8000)
    assert (refused and refused.status) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-length": "0"}, None),
        ({"content-length": str(MOST)}, None),
        ({"content-length": str(MOST + 1)}, 413),
        ({"content-length": "9" * 18}, 413),
        ({"content-length": "9" * 5000}, 411),
        ({"content-length": "-1"}, 411),
        ({"content-length": "1e3"}, 411),
        ({}, 411),
        ({"content-length": "5", "transfer-encoding": "chunked"}, 411),
    ],
)
def test_how_much_may_be_asked(headers, status):
    refused = unwanted(Request("POST", ASK, {"host": "localhost", **headers}), 80)
    assert (refused and refused.status) == status


@pytest.fixture
def port():
    with module.listening(RESPOND, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(port, method, target, body=None, headers=None):
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_only_the_loopback_address_is_bound(port):
    with module.listening(RESPOND, 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_the_page_over_a_socket(port):
    response, body = ask(port, "GET", "/")
    assert response.status == 200
    assert body == (WEB / "page.html").read_bytes()
    for name, value in HEADERS.items():
        assert response.headers[name] == value
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    response, body = ask(port, "HEAD", "/")
    assert (response.status, body) == (200, b"")


def test_an_answer_over_a_socket(port):
    response, body = ask(port, "POST", ASK, PIXELS.tobytes())
    assert response.status == 200
    assert len(json.loads(body)["probabilities"]) == 10


def test_many_at_once(port):
    expected = ask(port, "POST", ASK, PIXELS.tobytes())[1]
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda _: ask(port, "POST", ASK, PIXELS.tobytes()), range(64)))
    assert {(response.status, body) for response, body in found} == {(200, expected)}


def test_several_questions_on_one_connection(port):
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    for target, status in ((ASK, 200), ("/answer", 400), (ASK, 200)):
        connection.request("POST", target, PIXELS.tobytes())
        response = connection.getresponse()
        assert response.status == status
        response.read()
    connection.close()


@pytest.mark.parametrize("size", [MOST + 1, 3 * MOST])
def test_a_large_body_gets_its_answer(port, size):
    response, body = ask(port, "POST", ASK, bytes(size))
    assert response.status == 413
    assert str(size) in body.decode()
    assert ask(port, "GET", "/")[0].status == 200


def test_a_wrong_host_over_a_socket(port):
    response, body = ask(port, "GET", "/", headers={"Host": "evil.example"})
    assert response.status == 421
    assert b"evil.example" in body
    response, body = ask(port, "POST", ASK, PIXELS.tobytes(), {"Origin": "http://evil.example"})
    assert response.status == 403


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"POST /answer HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n",
        bytes(range(256)),
    ],
)
def test_what_is_no_http(port, sent, capfd):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        answer = b""
        while some := raw.recv(1 << 16):
            answer += some
    assert answer == b"" or b" 4" in answer.split(b"\r\n")[0] or b" 5" in answer.split(b"\r\n")[0]
    assert ask(port, "GET", "/")[0].status == 200
    assert capfd.readouterr().err == ""


def test_a_client_that_goes_away_is_no_error(port, capfd):
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            head = f"POST {ASK} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 99\r\n\r\n"
            raw.sendall(head.encode())
    assert ask(port, "GET", "/")[0].status == 200
    assert capfd.readouterr().err == ""


def test_expect_continue(port):
    """A client that asks first is told at once, before it sends a large body."""
    for size, start in ((len(PIXELS.tobytes()), b"HTTP/1.1 100"), (MOST + 1, b"HTTP/1.1 413")):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
            head = f"POST {ASK} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: {size}\r\n"
            raw.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
            assert raw.recv(64).startswith(start)


def test_names_of_classes_with_markup_stay_text():
    odd = COLORS._replace(spec=COLORS.spec._replace(names=("<b>", "&amp;", "\N{GRINNING FACE}")))
    body = responder(odd, "")(Request("GET", "/network.json", {})).body
    assert json.loads(body)["names"] == ["<b>", "&amp;", "\N{GRINNING FACE}"]


def test_a_picture_that_the_other_thread_changes_is_not_shared():
    """Answers of one thread and of another are of their own pictures."""
    other = PIXELS[::-1].copy()
    bodies = {
        picture.tobytes(): RESPOND(Request("POST", ASK, {}, picture.tobytes())).body
        for picture in (PIXELS, other)
    }
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda b: RESPOND(Request("POST", ASK, {}, b)).body, [*bodies] * 8))
    assert again == [*bodies.values()] * 8
    assert len(np.unique([*bodies.values()])) == 2
