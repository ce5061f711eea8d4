"""fnn-serve: a page on which one draws a digit and sees what the network makes of it."""

from __future__ import annotations

import errno
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from fnn.cli.help import THREADS
from fnn.cli.inputs import add_params_argument, chosen_file, find_reader, history
from fnn.cli.program import Parser, argument, asked_to_stop, main_of, parser
from fnn.errors import InputError
from fnn.files.picture import check_pillow
from fnn.recognizer.picture import reads_digits
from fnn.recognizer.recognizer import PRETRAINED, Recognizer, file_of, load_origin
from fnn.serve.pyodide import from_cdn, from_folder
from fnn.serve.respond import LOOPBACK, responder
from fnn.serve.server import listening
from fnn.serve.site import packages_for, write_site
from fnn.training.kinds import whole

PORT = 8000
WAIT = 0.2  # seconds in which a signal is seen


def arguments() -> Parser:
    p = parser(
        "fnn-serve",
        "Serve a page on which one draws a digit, or opens a photo of one, and sees the network's "
        "answer while drawing. Only this machine sees the page. For a network of other images, the "
        "page takes pictures.",
        "fnn-serve --params params.npz",
        "name the parameters with --params {0}",
        (THREADS,),
    )
    add_params_argument(p)
    p.add_argument(
        "--port",
        metavar="N",
        type=argument(whole(0, 65535)),
        help=f"the port of {LOOPBACK}; 0 is any free one ({PORT})",
    )
    p.add_argument(
        "--site",
        metavar="DIR",
        help="write the page as static files to DIR instead, for any web server: there fnn runs in "
        "the browser, by Pyodide",
    )
    p.add_argument(
        "--pyodide",
        metavar="DIR",
        help="for --site: a directory with a distribution of Pyodide, which is copied beside the "
        "page; without it, the page loads Pyodide from cdn.jsdelivr.net, checked by its hashes",
    )
    return p


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    if args.site is None and args.pyodide is not None:
        raise InputError("--pyodide: only used with --site DIR; add that, or leave it out")
    if args.site is not None and args.port is not None:
        raise InputError("--port: not used with --site, which serves nothing; leave it out")
    found, least = find_reader(args.params, args.model)
    file = chosen_file(args.params)
    known = history(found.spec, None if file is None else load_origin(file), None)
    text = f"The network: {known.strip(' ()')}."
    if args.site is not None:
        write(args, found, file, text, least)
    else:
        serve(found, text, PORT if args.port is None else args.port, least)


def serve(found: Recognizer, text: str, port: int, least: float) -> None:
    """Serve the page until Ctrl-C, SIGTERM or a hangup."""
    if not reads_digits(found.spec):
        check_pillow()
    try:
        server = listening(responder(found, text, least), port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = "is in use" if error.errno == errno.EADDRINUSE else "is not allowed"
        raise InputError(f"--port {port}: {why}; choose another, or 0 for any free one") from None
    with server, asked_to_stop() as stop:
        server.timeout = WAIT
        print(f"http://{LOOPBACK}:{server.server_port}/ (Ctrl-C ends it)", flush=True)
        while not stop():
            server.handle_request()


def write(args: Namespace, found: Recognizer, file: Path | None, text: str, least: float) -> None:
    """Write the page for a network to the directory --site."""
    if file is None:
        raise InputError("--params random: is no file for a page; name one with --params FILE")
    if args.model is not None and not args.model.rpartition(":")[0].endswith(".py"):
        raise InputError(f"--model {args.model}: the page of --site needs FILE.py:NAME")
    packages = packages_for(found)
    folder = args.pyodide and Path(args.pyodide)
    pyodide = from_folder(folder, packages) if folder else from_cdn(packages)
    params = None if file == file_of(PRETRAINED) else file
    size = write_site(Path(args.site), found, text, params, pyodide, args.model, least)
    print(f"{args.site}: {size / 1e6:.1f} MB; look at it with python -m http.server -d {args.site}")


main = main_of("fnn-serve", body)
