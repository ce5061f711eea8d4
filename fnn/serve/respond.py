"""What fnn-serve does: a function from a request to a response, which keeps nothing.

A request must name the loopback address in its Host header, so that no foreign name can be made to
lead here (DNS rebinding), and a question must come from the page itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

from fnn.errors import InputError
from fnn.recognizer.recognizer import Recognizer
from fnn.serve.answer import MOST, about, reply

LOOPBACK = "127.0.0.1"
WEB = Path(__file__).parents[1] / "web"
POLICY = "; ".join(
    (
        "default-src 'none'",
        *("script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"),
        *("worker-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TEXT, JSON = "text/plain; charset=utf-8", "application/json"
SCRIPT = "text/javascript; charset=utf-8"


class Request(NamedTuple):
    """What a response depends on; `headers` have lower-case names."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


class Response(NamedTuple):
    """A status, and a body of a media type."""

    status: HTTPStatus
    kind: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


Respond = Callable[[Request], Response]


def page() -> dict[str, tuple[str, bytes]]:
    """The files of the page by name: their media type and content."""
    kinds = {"html": "text/html; charset=utf-8", "css": "text/css", "js": SCRIPT}
    files = {"": "page.html", "page.css": "page.css", "page.js": "page.js", "worker.js": "http.js"}
    return {
        name: (kinds[file.rpartition(".")[2]], (WEB / file).read_bytes())
        for name, file in files.items()
    }


def responder(found: Recognizer, text: str, least: float = 0.0) -> Respond:
    """The function from requests to responses for a network, which `text` describes.

    Of digits, answers that are less probable than `least` are refused.
    """
    files = page() | {"network.json": (JSON, about(found, text).encode())}

    def respond(request: Request) -> Response:
        # a target may be a whole address (RFC 9112, section 3.2.2); the host was compared before
        path, _, query = re.sub("^http://[^/?]*", "", request.target).partition("?")
        name = path.removeprefix("/")
        if name == "answer":
            if request.method != "POST":
                return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "ask by POST", ("Allow", "POST"))
            return answered(found, query, request.body, least)
        if name not in files:
            return refusal(HTTPStatus.NOT_FOUND, "there is nothing here; the page is at /")
        if request.method not in ("GET", "HEAD"):
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "read by GET", ("Allow", "GET, HEAD"))
        return Response(HTTPStatus.OK, *files[name])

    return respond


def answered(found: Recognizer, query: str, body: bytes, least: float) -> Response:
    """The network's answer to the picture in a body, whose height and width are in the query."""
    given = parse_qs(query)
    sides = [",".join(given.get(name, ())) for name in ("height", "width")]
    if not all(re.fullmatch("[0-9]{1,7}", side) for side in sides):
        expected = "expected ?height=H&width=W, in pixels"
        return refusal(HTTPStatus.BAD_REQUEST, f"{expected}, found {query[:80]!r}")
    try:
        text = reply(found, int(sides[0]), int(sides[1]), body, least)
    except InputError as error:
        return refusal(HTTPStatus.BAD_REQUEST, str(error))
    return Response(HTTPStatus.OK, JSON, text.encode())


def refusal(status: HTTPStatus, why: str, *headers: tuple[str, str]) -> Response:
    return Response(status, TEXT, f"{why}\n".encode(), headers)


def unwanted(request: Request, port: int) -> Response | None:
    """Why a request is refused before its body is read, or None."""
    ends = (f":{port}", "") if port == 80 else (f":{port}",)
    hosts = {f"{name}{end}" for name in (LOOPBACK, "localhost") for end in ends}
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if host.lower() not in hosts:
        why = f"this server is {LOOPBACK}:{port}, not {host[:80]!r}"
        return refusal(HTTPStatus.MISDIRECTED_REQUEST, why)
    if origin is not None and origin.lower() not in {f"http://{name}" for name in hosts}:
        return refusal(
            HTTPStatus.FORBIDDEN, f"only this server's page may ask, not {origin[:80]!r}"
        )
    if request.method == "POST":
        length = request.headers.get("content-length", "")
        if not re.fullmatch("[0-9]{1,18}", length) or "transfer-encoding" in request.headers:
            return refusal(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length")
        if int(length) > MOST:
            why = f"a picture of {int(length)} bytes, expected at most {MOST}: make it smaller"
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why)
    return None
