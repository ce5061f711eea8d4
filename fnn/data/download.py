"""Downloading data sets with pooch: verified, from several mirrors, and without hanging.

Without a network a request can hang in many places: in the name lookup, in the connection to each
of a host's addresses, in the handshake, before the first byte. So every request runs in its own
thread, and a host whose first byte does not come in time is abandoned.
"""

from __future__ import annotations

import os
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from fnn.data.mirrors import Remote, RemoteFile
from fnn.errors import InputError, one_line

PATIENCE = 3.5  # seconds to wait for a host's first byte
BUDGET = 10.5  # seconds to wait for first bytes in one call of fetch, all hosts together
STALL = 10.0  # seconds to wait between two pieces of a body
PIECE = 1 << 16
ABANDONED = 86400.0  # seconds after which a partial download must be a killed process's


class DownloadError(InputError):
    """A data set could not be downloaded."""


def fetch(
    remote: Remote, directory: Path, patience: float = PATIENCE, budget: float = BUDGET
) -> None:
    """Download all files of `remote` into `directory`, or none.

    Files appear there complete and verified, by a rename. If a host fails in any way, the next one
    is tried, and the failed one is not asked again in this call. Silent hosts cost `patience`
    seconds each and `budget` seconds together; a body that keeps coming may take any time. A
    progress bar is shown on standard error if that is a terminal.
    Raises DownloadError, which says how each host failed and what to do.
    """
    import pooch

    pooch.get_logger().setLevel("ERROR")  # it would print each URL on standard error
    failed: dict[str, str] = {}
    silence = 0.0
    try:
        with _workshop(directory) as workshop:
            for file in remote.files:
                for mirror in remote.mirrors:
                    host = urlsplit(mirror).netloc
                    if host in failed:
                        continue
                    start = time.monotonic()
                    wait = min(patience, budget - silence)
                    heard, reason = _attempt(mirror + file.name, file, workshop, wait)
                    silence += 0.0 if heard else time.monotonic() - start
                    if not reason:
                        break
                    failed[host] = reason
                else:
                    raise _nowhere(remote, directory, failed)
            for file in remote.files:
                _settle(workshop / file.name, directory / file.name)
    except OSError as error:
        reason = f"{directory} cannot be written ({error.strerror or error})"
        raise _nowhere(remote, directory, {"this machine": reason}) from None


def _nowhere(remote: Remote, directory: Path, failed: dict[str, str]) -> DownloadError:
    how = "; ".join(f"{host}: {reason}" for host, reason in failed.items())
    by_hand = f"put {', '.join(file.name for file in remote.files)} into {directory}"
    advice = f"try again with a network connection, {by_hand}, or name another --data DIR"
    return DownloadError(f"{remote.name} could not be downloaded ({how}): {advice}")


@contextmanager
def _workshop(directory: Path) -> Iterator[Path]:
    """A temporary directory inside `directory`; on failure nothing new is left behind."""
    made = [d for d in (directory, *directory.parents) if not d.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.glob(".download-*"):
            with suppress(OSError):
                if time.time() - old.stat().st_mtime > ABANDONED:
                    shutil.rmtree(old)
        shop = TemporaryDirectory(prefix=".download-", dir=directory, ignore_cleanup_errors=True)
        with shop as name:
            yield Path(name)
    except BaseException:
        for d in made:
            with suppress(OSError):
                d.rmdir()
        raise


def _settle(path: Path, target: Path) -> None:
    with open(path, "rb+") as f:
        os.fsync(f.fileno())
    path.chmod(0o644)  # temporary files are private, but a data root may be shared
    os.replace(path, target)


def _attempt(url: str, file: RemoteFile, workshop: Path, patience: float) -> tuple[bool, str]:
    """Ask one host for one file: whether it sent a byte, and why it failed ("" for success)."""
    import pooch
    from tqdm import tqdm

    if patience <= 0:
        return False, "not asked, no time left"
    news: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # None: the first bytes have arrived
    gone = threading.Event()
    heard: list[bool] = []

    def tell(size: int) -> None:
        if gone.is_set():
            raise TimeoutError("given up")
        if not heard:
            heard.append(True)
            news.put(None)
        bar.update(size)

    def work() -> None:
        get = partial(_get, size=file.size, patience=patience, tell=tell)
        try:
            pooch.retrieve(url, file.sha256, fname=file.name, path=workshop, downloader=get)
            news.put("")
        except Exception as error:
            news.put(_reason(error))

    label = f"{file.name} from {urlsplit(url).netloc}"
    bar = tqdm(total=file.size, desc=label, unit="B", unit_scale=True, leave=False, disable=None)
    with bar:
        try:
            threading.Thread(target=work, daemon=True).start()
            word = news.get(timeout=patience)
            return (True, news.get() or "") if word is None else (False, word)
        except queue.Empty:
            return False, f"no answer within {patience:.1f} s"
        except RuntimeError:  # no more threads are allowed
            return False, "not asked, no thread could be started"
        finally:
            gone.set()


def _get(
    url: str, path: str, _: object, *, size: int, patience: float, tell: Callable[[int], None]
) -> None:
    """A downloader for pooch that keeps the bytes as sent and takes at most `size` of them."""
    import requests
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    # A .gz file that is unpacked on the way would have another hash.
    headers = {"Accept-Encoding": "identity"}
    got = 0
    with requests.get(url, stream=True, timeout=(patience, STALL), headers=headers) as answer:
        if answer.status_code != 200:
            raise DownloadError(one_line(f"HTTP {answer.status_code} {answer.reason}", 80))
        offered = answer.headers.get("Content-Length", str(size))
        if offered != str(size):
            raise DownloadError(f"the wrong file, {one_line(offered, 20)} bytes instead of {size}")
        try:
            with open(path, "wb") as out:
                for piece in answer.raw.stream(PIECE, decode_content=False):
                    got += len(piece)
                    tell(len(piece))
                    if got > size:
                        raise DownloadError(f"the wrong file, more than {size} bytes")
                    out.write(piece)
        except ReadTimeoutError:
            raise DownloadError(f"nothing more after {got} of {size} bytes") from None
        except HTTPError:
            got = min(got, size - 1)  # the connection broke before the end
    if got < size:
        raise DownloadError(f"the body ended after {got} of {size} bytes")


def _reason(error: Exception) -> str:
    """Why a request failed, in a few words: the innermost cause with a system message."""
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, ValueError) and "does not match the known hash" in str(error):
        return "the wrong file, its SHA-256 differs"
    if isinstance(error, DownloadError):
        return str(error)
    cause: BaseException | None = error
    words = ""
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            words = cause.strerror
        cause = cause.__cause__ or cause.__context__
    return words or " ".join(f"{type(error).__name__}: {error}".split())[:120]
