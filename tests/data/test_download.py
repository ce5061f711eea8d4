"""Downloads from a server on this machine that behaves well, badly, or not at all."""

import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from fnn.data import download, mirrors
from fnn.data.download import DownloadError, fetch
from fnn.data.mirrors import Remote, RemoteFile

BODIES = {"a.gz": bytes(range(256)) * 1000, "b.gz": b"second"}
FILES = tuple(RemoteFile(n, len(b), hashlib.sha256(b).hexdigest()) for n, b in BODIES.items())

Handler = http.server.BaseHTTPRequestHandler


def good(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def wrong_bytes(handler: Handler, body: bytes) -> None:
    good(handler, body[::-1][1:] + b"?")


def wrong_page(handler: Handler, body: bytes) -> None:
    good(handler, b"<html>Log in to this network</html>")


def truncated(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])


def short_and_unannounced(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(body[:-1])


def endless(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(1 << 16))
    except OSError:
        pass


def stalled(handler: Handler, body: bytes) -> None:
    truncated(handler, body)
    handler.wfile.flush()
    time.sleep(1)


def not_found(handler: Handler, body: bytes) -> None:
    handler.send_error(404)


def broken(handler: Handler, body: bytes) -> None:
    handler.send_error(503)


def hung_up(handler: Handler, body: bytes) -> None:
    handler.close_connection = True


def redirected_in_circles(handler: Handler, body: bytes) -> None:
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.end_headers()


@contextmanager
def serve(behave: Callable[[Handler, bytes], None]) -> Iterator[tuple[str, list[str]]]:
    """A server's address, and the list of the files that it is asked for."""
    asked: list[str] = []

    class Answer(Handler):
        def do_GET(self) -> None:
            asked.append(self.path[1:])
            behave(self, BODIES[self.path[1:]])

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", asked
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def closed() -> Iterator[str]:
    """An address where nothing listens."""
    with closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{s.getsockname()[1]}/"


@contextmanager
def mute() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as s:
        yield f"http://127.0.0.1:{s.getsockname()[1]}/"


@pytest.fixture(autouse=True)
def directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy between the tests and this machine, and short waits."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "STALL", 0.4)


def remote(*mirrors: str, files: tuple[RemoteFile, ...] = FILES) -> Remote:
    return Remote("letters", files, mirrors)


def assert_fetched(directory: Path) -> None:
    assert {p.name: p.read_bytes() for p in directory.iterdir()} == BODIES


def test_good_files_arrive_whole_and_nothing_else(tmp_path, capsys):
    with serve(good) as (address, asked):
        fetch(remote(address), tmp_path / "new" / "set")
    assert_fetched(tmp_path / "new" / "set")
    assert asked == list(BODIES)
    assert capsys.readouterr() == ("", "")  # no bar where there is no terminal
    for path in (tmp_path / "new" / "set").iterdir():
        assert path.stat().st_mode & 0o777 == 0o644


FAILURES = {
    wrong_bytes: "the wrong file, its SHA-256 differs",
    wrong_page: "the wrong file, 35 bytes instead of 256000",
    truncated: "the body ended after .* of 256000 bytes",
    short_and_unannounced: "the body ended after 255999 of 256000 bytes",
    endless: "the wrong file, more than 256000 bytes",
    stalled: "nothing more after .* of 256000 bytes",
    not_found: "HTTP 404 Not Found",
    broken: "HTTP 503 Service Unavailable",
    hung_up: "Remote end closed connection",
    redirected_in_circles: "30 redirects",
}


@pytest.mark.parametrize(("behave", "words"), FAILURES.items(), ids=[f.__name__ for f in FAILURES])
def test_a_failing_host_is_asked_once_then_the_next_serves(tmp_path, behave, words):
    with serve(behave) as (bad, asked):
        with serve(good) as (address, _):
            fetch(remote(bad, address), tmp_path)
        assert_fetched(tmp_path)
        assert set(asked) == {"a.gz"}
        if behave is not redirected_in_circles:
            assert len(asked) == 1
        with pytest.raises(DownloadError, match=words) as error:
            fetch(remote(bad), tmp_path / "x" / "y")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "x").exists()


def test_a_host_that_fails_late_leaves_nothing_of_what_it_gave_before(tmp_path):
    def first_only(handler: Handler, body: bytes) -> None:
        (good if body == BODIES["a.gz"] else not_found)(handler, body)

    with serve(first_only) as (one, _), pytest.raises(DownloadError, match="404"):
        fetch(remote(one), tmp_path)
    assert not list(tmp_path.iterdir())
    with serve(first_only) as (one, asked), serve(good) as (two, rest):
        fetch(remote(one, two), tmp_path)
    assert_fetched(tmp_path)
    assert (asked, rest) == (["a.gz", "b.gz"], ["b.gz"])


def test_without_a_network_every_address_is_named_and_what_to_do(tmp_path):
    with closed() as one, closed() as two, pytest.raises(DownloadError) as error:
        fetch(remote(one, two), tmp_path / "set")
    line = str(error.value)
    for word in (one[7:-1], two[7:-1], "refused", "a.gz, b.gz", str(tmp_path / "set"), "--data"):
        assert word in line
    assert "\n" not in line
    assert not list(tmp_path.iterdir())


def test_hosts_that_never_answer_cost_no_more_than_the_budget(tmp_path):
    with ExitStack() as stack:
        hosts = [stack.enter_context(mute()) for _ in range(4)]
        with pytest.raises(DownloadError, match=r"no answer within 0\.3 s.*not asked"):
            fetch(remote(*hosts), tmp_path, patience=0.3, budget=0.5)
        with serve(good) as (address, _):
            fetch(remote(hosts[0], address), tmp_path, patience=0.3)
    assert_fetched(tmp_path)


def test_a_name_that_is_never_resolved_costs_no_more_than_patience(tmp_path, monkeypatch):
    given_up = threading.Event()

    def hang(*_: object, **__: object) -> None:
        given_up.wait(60)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(DownloadError, match=r"mirror\.invalid: no answer within 0\.2 s"):
        fetch(remote("https://mirror.invalid/"), tmp_path, patience=0.2)
    given_up.set()
    assert not list(tmp_path.iterdir())


def test_the_default_waits_leave_time_to_start_within_15_seconds():
    assert download.BUDGET <= 11
    for known in mirrors.SETS.values():
        assert len(known.mirrors) >= 3
        assert len({m.split("/")[2] for m in known.mirrors}) == len(known.mirrors)
        assert len(known.mirrors) * download.PATIENCE <= download.BUDGET


def test_a_directory_that_cannot_be_made_is_a_download_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with serve(good) as (address, asked):
        with pytest.raises(DownloadError, match="cannot be written"):
            fetch(remote(address), tmp_path / "file" / "set")
        assert not asked


def test_an_interrupted_download_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_settle", interrupted)
    with serve(good) as (address, _), pytest.raises(KeyboardInterrupt):
        fetch(remote(address), tmp_path / "set")
    assert not list(tmp_path.iterdir())


def test_what_a_killed_download_left_is_swept_away_in_time(tmp_path):
    for name, age in (("old", download.ABANDONED + 10), ("new", 0)):
        left = tmp_path / f".download-{name}"
        left.mkdir()
        (left / "half").write_bytes(b"half")
        os.utime(left, (0, time.time() - age))
    with serve(good) as (address, _):
        fetch(remote(address), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {*BODIES, ".download-new"}


def test_two_downloads_at_once_both_succeed(tmp_path):
    with serve(good) as (address, _):
        threads = [
            threading.Thread(target=fetch, args=(remote(address), tmp_path)) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert_fetched(tmp_path)


def test_importing_it_brings_in_nothing_slow():
    program = (
        "import sys, fnn.data.catalogue, fnn.data.mnist, fnn.data.download;"
        "print({'pooch', 'requests', 'urllib3', 'mnist', 'tqdm', 'platformdirs'} & {*sys.modules})"
    )
    root = Path(download.__file__).parents[2]
    ran = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("set()\n", "")


def shouting(handler: Handler, body: bytes) -> None:
    handler.send_response(404, "\x1b[31m" + 60_000 * "A")
    handler.end_headers()


def odd_header(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "\x1b[31m" + 60_000 * "9")
    handler.end_headers()


@pytest.mark.parametrize("behave", [shouting, odd_header])
def test_what_a_server_says_is_printable_and_short(tmp_path, behave):
    with serve(behave) as (url, _), pytest.raises(download.DownloadError) as caught:
        download.fetch(remote(url), tmp_path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_without_a_thread_for_it_a_download_fails_in_one_line(tmp_path, monkeypatch):
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with serve(good) as (url, asked):
        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(download.DownloadError, match="no thread could be started"):
            download.fetch(remote(url), tmp_path)
        monkeypatch.undo()
    assert asked == []
