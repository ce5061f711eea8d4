"""fnn-export: a network as a file that other programs run (ONNX)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from fnn.cli.help import THREADS
from fnn.cli.inputs import DEFAULT, add_params_argument, find_recognizer, in_run
from fnn.cli.program import Parser, argument, main_of, parser
from fnn.errors import InputError, kind, say
from fnn.export import check_onnx, recognizer_to_onnx
from fnn.export.model import ends_of
from fnn.export.node import Entries
from fnn.files.atomic import check_writable, write_atomically
from fnn.models.own import blamed, own_value
from fnn.recognizer.recognizer import file_of
from fnn.training.kinds import Kind

ENTRIES = Kind(
    "FILE.py:NAME, a dict of entries",
    str,
    lambda v: type(v) is str and ":" in v,
    ("mine.py:entries",),
)


def arguments() -> Parser:
    p = parser(
        "fnn-export",
        "Write a network as an ONNX model, which many other programs run. Its input is 'images', "
        "uint8 (N, H, W) for grey images or (N, H, W, 3) for color, in 0..255; its outputs are "
        "'logits' and 'probabilities', float32 (N, classes). Networks that answer together, and "
        "their views of an image, are part of the model. OUT is written whole or not at all.",
        "fnn-export --params mine.npz mine.onnx",
        "the parameters are named with --params {0}",
        (THREADS,),
    )
    p.add_argument("out", metavar="OUT", help="the file to write, such as mine.onnx")
    add_params_argument(p)
    p.add_argument(
        "--entries",
        metavar="FILE.py:NAME",
        type=argument(ENTRIES),
        help="run FILE.py, whose NAME is a dict that says how layers of your own are written in "
        "ONNX, by their names (in Python, help(fnn.export) explains it)",
    )
    return p


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    target = check_writable(args.out)
    check_onnx()
    entries = {} if args.entries is None else own_entries(args.entries)
    named = [option.rpartition(":")[0] for option in (args.model, args.entries) if option]
    for source in map(Path, (file_of(in_run(args.params or DEFAULT)), *named)):
        if target.exists() and source.exists() and target.samefile(source):
            raise InputError(f"{args.out}: is what the network is read from; name another file")
    found = find_recognizer(args.params, model=args.model)
    with nullcontext() if args.entries is None else blamed(args.entries):
        model = recognizer_to_onnx(found, entries)
    content = model.SerializeToString()
    write_atomically(args.out, lambda file: file.write(content))
    say(f"network written to {args.out}: {ends_of(found.spec)}; {len(content):,} bytes")


def own_entries(name: str) -> Entries:
    """The dict of entries that FILE.py:NAME names; InputError if it is none."""
    found = own_value("--entries", name, "a dict of entries")
    if not isinstance(found, Mapping):
        raise InputError(f"--entries {name}: expected a dict of entries, found {kind(found)}")
    return found


main = main_of("fnn-export", body)
