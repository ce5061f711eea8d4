"""The web server of fnn-serve: one user, on this machine alone, by http.server."""

from __future__ import annotations

import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fnn.serve.answer import MOST
from fnn.serve.respond import HEADERS, LOOPBACK, Request, Respond, Response, refusal, unwanted

SECONDS = 10.0  # after which a silent connection is closed
IGNORED = 8 * MOST  # bytes of a refused body that are read: a client may send all before it reads


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # connections that wait: a browser opens several at once

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # the browser went away
            super().handle_error(request, client_address)


def listening(respond: Respond, port: int) -> Server:
    """A server at a port of the loopback address, 0 for any free one. Raises OSError if it is used.

    Questions are answered one at a time, since a network uses all cores.
    """
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = default_request_version = "HTTP/1.1"
        server_version, sys_version = "fnn", ""
        timeout = SECONDS

        def handle_method(self) -> None:
            request = self.request_without_body()
            if refused := unwanted(request, self.port()):
                self.close_connection = True
                self.send(refused)
                self.ignore_body(request)
                return
            size = int(request.headers["content-length"]) if request.method == "POST" else 0
            body = self.rfile.read(size)
            if len(body) == size:
                with turn:
                    response = respond(request._replace(body=body))
                self.send(response)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = handle_method

        def handle_expect_100(self) -> bool:
            """Ask for the body only if it is wanted."""
            if unwanted(self.request_without_body(), self.port()):
                return True
            return super().handle_expect_100()

        def port(self) -> int:
            return int(self.connection.getsockname()[1])

        def request_without_body(self) -> Request:
            """A header that comes twice has both values, which no host or length is."""
            every = {name.lower(): self.headers.get_all(name, []) for name in self.headers}
            headers = {name: ", ".join(values) for name, values in every.items()}
            return Request(self.command, self.path, headers)

        def ignore_body(self, request: Request) -> None:
            """Read what a client may be sending, so that it comes to read the response."""
            self.connection.settimeout(1.0)
            left = IGNORED if request.method == "POST" else 0
            while left > 0 and (some := self.rfile.read1(min(left, 1 << 16))):
                left -= len(some)

        def send(self, response: Response) -> None:
            self.send_response(response.status)
            size = ("Content-Length", str(len(response.body)))
            sent = ("Content-Type", response.kind), size, *HEADERS.items(), *response.headers
            for name, value in sent:
                self.send_header(name, value)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        def send_error(
            self, code: int, message: str | None = None, explain: str | None = None
        ) -> None:
            self.close_connection = True
            self.send(refusal(HTTPStatus(code), message or HTTPStatus(code).phrase))

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: every stroke would be a line."""

    return Server((LOOPBACK, port), Handler)
