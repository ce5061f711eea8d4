"""Unpickling: every protocol and both Pythons, and nothing that a hostile file asks for."""

import os
import pickle
import pickletools
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnn.errors import InputError
from fnn.files.read import read_bytes
from fnn.files.unpickle import safe_load
from fnn.files.unpickle_opcodes import Reader

PROTOCOLS = range(6)


def same(found, expected) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        # NumPy's pickles, too, come back in the machine's byte order, or not
        native = [a.astype(a.dtype.newbyteorder("=")) for a in (found, expected)]
        np.testing.assert_array_equal(*native, strict=True)
    elif isinstance(expected, np.generic):
        assert found.dtype == expected.dtype
        assert found == expected
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        same(list(found.values()), list(expected.values()))
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            same(a, b)
    else:
        assert found == expected


VALUES = {
    "numbers": [0, 1, 255, 256, 65536, -1, 2**31, -(2**40), 10**30, 1.5, -0.0, 1e300, 2 - 1j],
    "constants": [None, True, False, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], {}],
    "strings": ["", "a\n\\'é€😀", "x" * 300, b"", b"\x00\n\\\xff'", bytes(range(256)) * 3],
    "bytearrays": [bytearray(), bytearray(b"a\xff")],
    "sets": [{1, 2}, frozenset({"a", None}), set(), frozenset()],
    "dicts": {"a": 1, b"b": [2], 3: {None: (4,)}, 1.5: {}},
    "numpy scalars": [np.float32(1.5), np.uint8(200), np.bool_(True), np.str_("ab"), np.int64(-1)],
    "batch": {b"data": np.arange(12, dtype=np.uint8).reshape(2, 6), b"labels": [3, 9]},
    "long list": list(range(5000)),
}
DTYPES = [
    "?",
    "u1",
    "i1",
    "<u2",
    ">u2",
    "i4",
    ">i8",
    "u8",
    "f2",
    "f4",
    ">f4",
    "f8",
    "g",
    "S3",
    "U2",
]
ARRAYS = {
    **{dtype: (np.arange(60).reshape(3, 4, 5) % 7).astype(dtype) for dtype in DTYPES},
    "fortran": np.asfortranarray(np.arange(2400, dtype=np.int16).reshape(40, 60)),
    "transposed": np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2),
    "strided": np.arange(24)[::2],
    "reversed": np.arange(5, dtype=">u4")[::-1],
    "zero-dimensional": np.array(7, np.uint8),
    "empty": np.zeros((0, 784), np.float32),
    "large": np.arange(5000, dtype=">i4"),
    "read-only": np.frombuffer(b"abcd", np.uint8),
}


@pytest.mark.parametrize("name", VALUES)
def test_plain_values(name):
    for protocol in PROTOCOLS:
        same(safe_load(pickle.dumps(VALUES[name], protocol)), VALUES[name])


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name):
    array = ARRAYS[name]
    written = [pickle.dumps([array, array], protocol) for protocol in PROTOCOLS]
    # the name by which NumPy 1 has it; from 4 on the length of a name comes before it
    written += [data.replace(b"numpy._core", b"numpy.core") for data in written[:4]]
    for data in written:
        first, second = safe_load(data)
        same(first, array)
        assert first is second
        assert not first.flags.writeable


def test_core_by_its_old_name_in_protocol_4():
    written = pickle.dumps(ARRAYS["u1"], 4)[11:]  # without PROTO and FRAME
    old = written.replace(b"\x16numpy._core.multiarray", b"\x15numpy.core.multiarray")
    assert old != written
    same(safe_load(b"\x80\x04" + old), ARRAYS["u1"])


def python2_array(array: np.ndarray, protocol: int) -> bytes:
    """The array as Python 2.7 with NumPy 1.x pickles it (cPickle, which counts PUTs from 1)."""
    order, code = (array.dtype.byteorder.replace("=", "<"), array.dtype.str[1:])
    sizes, raw = array.shape, array.tobytes("A")
    fortran = int(array.flags.fnc)
    if protocol == 0:
        shape = "".join(f"I{n}\n" for n in sizes)
        contents = repr(raw)[1:]  # the same escapes as Python 2's, with either quote
        return (
            "cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\np2\n(I0\ntp3\nS'b'\np4\n"
            f"tp5\nRp6\n(I1\n({shape}tp7\ncnumpy\ndtype\np8\n(S'{code}'\np9\nI0\nI1\ntp10\nRp11\n"
            f"(I3\nS'{order}'\np12\nNNNI-1\nI-1\nI0\ntp13\nbI0{fortran}\nS{contents}\np14\n"
            "tp15\nb."
        ).encode("ascii")

    def short(text: str) -> bytes:
        return b"U" + bytes([len(text)]) + text.encode()

    shape = b"(" + b"".join(b"M" + struct.pack("<H", n) for n in sizes) + b"tq\x07"
    start, flag = b"", b"I0%d\n" % fortran
    if protocol == 2:
        start, flag = b"\x80\x02", (b"\x89", b"\x88")[fortran]
    return (
        start
        + b"cnumpy.core.multiarray\n_reconstruct\nq\x01(cnumpy\nndarray\nq\x02(K\x00tq\x03U\x01b"
        + b"tq\x05Rq\x06(K\x01"
        + shape
        + b"cnumpy\ndtype\nq\x08("
        + short(code)
        + b"K\x00K\x01tq\x0aRq\x0b(K\x03"
        + short(order)
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0db"
        + flag
        + b"T"
        + struct.pack("<I", len(raw))
        + raw
        + b"tb."
    )


@pytest.mark.parametrize(
    "name", ["?", "u1", "i1", "<u2", ">u2", ">i8", "f4", ">f4", "f8", "fortran"]
)
def test_arrays_of_python_2(name):
    for protocol in (0, 1, 2):
        written = python2_array(ARRAYS[name], protocol)
        same(safe_load(written), ARRAYS[name])
        np.testing.assert_array_equal(pickle.loads(written, encoding="bytes"), ARRAYS[name])


def test_every_opcode_is_known():
    # a new one of a later Python is refused until someone has looked at it
    refused = {
        *("INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "PERSID", "BINPERSID"),
        *("EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"),
    }
    for opcode in pickletools.opcodes:
        assert (ord(opcode.code) in Reader.dispatch) == (opcode.name not in refused)


def test_frames_mean_nothing():
    frame = b"\x95\x04" + bytes(7)
    assert safe_load(b"\x80\x04" + frame + b"C\x06abcdef" + frame + b"0K\x07.") == 7


def test_every_byte_in_a_string_of_python_2():
    pixels = np.arange(256, dtype=np.uint8)
    for protocol in (0, 1, 2):
        same(safe_load(python2_array(pixels, protocol)), pixels)
    assert safe_load(b"S'it\\'s'\n.") == b"it's"
    assert safe_load(b'S"it\'s \\x00\\t\\\\"\n.') == b"it's \x00\t\\"


def test_a_dict_of_python_2():
    written = (
        b"(dp1\nS'data'\np2\n"
        + python2_array(ARRAYS["u1"], 0)[:-1]
        + b"sS'labels'\np20\n(lp21\nI6\naL9L\nasS'u'\nV\\u20ac\nsS'yes'\nI01\ns."
    )
    expected = {b"data": ARRAYS["u1"], b"labels": [6, 9], b"u": "€", b"yes": True}
    same(safe_load(written), expected)


def test_opcodes_that_few_picklers_write():
    assert safe_load(b"(I1\nI2\n(I3\n1l.") == [1, 2]  # POP_MARK
    assert safe_load(b"N0K\x0520N(K\x010000K\x05.") == 5  # POP, DUP, POP of a mark
    assert safe_load(b"\x80\x04]\x94K\x01a(K\x02K\x03eh\x00\x86.") == ([1, 2, 3],) * 2
    assert safe_load(b"(K\x01K\x02d.") == {1: 2}
    assert safe_load(b"N\x940j\x00\x00\x00\x00.") is None


class Call:
    """Pickles as a call of `function` with `args`."""

    def __init__(self, function, *args):
        self.parts = function, args

    def __reduce__(self):
        return self.parts


def stack_global(module: str, name: str) -> bytes:
    names = (b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
    return b"\x80\x04" + b"".join(names) + b"\x93"


def array_of(code: bytes, shape: bytes, raw: bytes) -> bytes:
    """A protocol 1 array; `shape` and `raw` are opcodes."""
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01"
        + shape
        + b"cnumpy\ndtype\n(U"
        + bytes([len(code)])
        + code
        + b"tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbI00\n"
        + raw
        + b"tb."
    )


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
CALLS = {
    # each would make the file "sentinel" in the current directory
    "system": (b"cposix\nsystem\n(S'touch sentinel'\ntR.", "posix.system"),
    "system 4": (stack_global("os", "system") + b"\x8c\x0etouch sentinel\x85R.", "os.system"),
    "eval": (b'cbuiltins\neval\n(S\'open("sentinel", "w")\'\ntR.', "builtins.eval"),
    "eval 2": (b'c__builtin__\neval\n(S\'open("sentinel", "w")\'\ntR.', "__builtin__.eval"),
    "open": (b"cbuiltins\nopen\n(S'sentinel'\nS'w'\ntR.", "builtins.open"),
    "getattr": (b"cbuiltins\ngetattr\n(cos\nS'system'\ntR.", "builtins.getattr"),
    "import": (b"cbuiltins\n__import__\n(S'os'\ntR.", "builtins.__import__"),
    "partial": (b"cfunctools\npartial\n(tR.", "functools.partial"),
    "popen": (b"csubprocess\nPopen\n((S'touch'\nS'sentinel'\nltR.", "subprocess.Popen"),
    "runstring": (b"cnumpy.testing._private.utils\nrunstring\n(tR.", "utils.runstring"),
    "numpy.load": (b"cnumpy\nload\n(S'sentinel'\ntR.", "numpy.load"),
    "numpy.fromfile": (b"cnumpy\nfromfile\n(S'sentinel'\ntR.", "numpy.fromfile"),
    "numpy.memmap": (b"cnumpy\nmemmap\n(S'sentinel'\nS'u1'\nS'w+'\ntR.", "numpy.memmap"),
    "numpy.zeros": (b"cnumpy\nzeros\n(L9000000000000L\ntR.", "numpy.zeros"),
    "multiarray": (b"cnumpy.core.multiarray\nfromstring\n(tR.", "multiarray.fromstring"),
    "dotted": (
        stack_global("numpy.core.multiarray", "_reconstruct.__globals__") + b".",
        "_reconstruct.__globals__",
    ),
    "dotted 2": (b"\x80\x04cnumpy\nndarray.tofile\n(S'sentinel'\ntR.", "numpy.ndarray.tofile"),
    "newline": (stack_global("o\ns", "system") + b".", "o\\ns.system"),
    # found by fuzzing: a name that grows when it is escaped
    "control characters": (b"\x80\x02c" + b"\x01" * 99 + b"\n" + b"\x02" * 99 + b"\n.", "x01"),
    "copyreg": (b"ccopy_reg\n_reconstructor\n(tR.", "copy_reg._reconstructor"),
    "own class": (pickle.dumps(Call(os.path.join, "a")), "posixpath.join"),
    "codecs": (b"c_codecs\ndecode\n(S'a'\nS'rot13'\ntR.", "_codecs.decode"),
    "INST": (b"(S'touch sentinel'\nios\nsystem\n.", "INST"),
    "OBJ": (b"(cos\nsystem\nS'touch sentinel'\no.", "os.system"),
    "NEWOBJ": (b"\x80\x02csubprocess\nPopen\n(S'touch sentinel'\nt\x81.", "subprocess.Popen"),
}
OTHERS = {
    "INST of an array": (b"(I9\ninumpy\nndarray\n.", "INST"),
    "OBJ of an array": (b"(cnumpy\nndarray\nI9\no.", "OBJ"),
    "NEWOBJ of an array": (b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85\x81.", "NEWOBJ"),
    "NEWOBJ_EX": (b"\x80\x04cnumpy\nndarray\n)}\x92.", "NEWOBJ_EX"),
    "call of ndarray": (b"cnumpy\nndarray\n((L99999999999L\nttR.", "numpy.ndarray"),
    "EXT1": (b"\x80\x02\x82\x01.", "EXT1"),
    "EXT2": (b"\x80\x02\x83\x01\x00.", "EXT2"),
    "EXT4": (b"\x80\x02\x84\x01\x00\x00\x00.", "EXT4"),
    "PERSID": (b"Pfile\n.", "PERSID"),
    "BINPERSID": (b"NQ.", "BINPERSID"),
    "buffer": (b"\x80\x05\x97.", "NEXT_BUFFER"),
    "read-only buffer": (b"\x80\x05\x98.", "READONLY_BUFFER"),
    "global as data": (b"(lcnumpy\nndarray\na.", "function"),
    "dtype as data": (b"cnumpy\ndtype\n(S'u1'\ntR.", "Kind"),
    "call of a list": (b"](tR.", "call to a list"),
    "call with a list": (b"cnumpy\ndtype\n]R.", "call"),
    "state of a dict": (b"}(NNNNtb.", "state of a dict"),
    "state of a function": (b"cnumpy\nndarray\n}b.", "state of a function"),
    "objects": (array_of(b"O8", b"(K\x01t", b"(I7\nl"), "'O8'"),
    "objects, short": (array_of(b"O", b"(K\x01t", b"(I7\nl"), "'O'"),
    "structure": (array_of(b"V8", b"(K\x01t", b"U\x01a"), "'V8'"),
    "fields in a code": (array_of(b"i4,O", b"(K\x01t", b"U\x01a"), "'i4,O'"),
    "date": (array_of(b"M8[s]", b"(K\x01t", b"U\x08aaaaaaaa"), "M8[s]"),
    "complex array": (array_of(b"c8", b"(K\x01t", b"U\x08aaaaaaaa"), "'c8'"),
    "giant element": (array_of(b"U999999999", b"(K\x01t", b"U\x01a"), "'U999999999'"),
    "empty element": (array_of(b"S0", b"(L99999999999L\nt", b"U\x00"), "'S0'"),
    "list for bytes": (array_of(b"u1", b"(K\x01t", b"(I7\nl"), "list"),
    "too many": (array_of(b"u1", b"(L999999999999L\nt", b"U\x01a"), "999999999999"),
    "too few": (array_of(b"u1", b"(K\x01t", b"U\x02ab"), "2 are there"),
    "negative": (array_of(b"u1", b"(I-1\nI-1\nt", b"U\x01a"), "sizes"),
    "overflow": (array_of(b"u1", b"(I00\nL4611686018427387904L\nt", b"U\x00"), "sizes"),
    "zero times much": (array_of(b"u8", b"(" + b"L1099511627775L\n" * 3 + b"K\x00t", b"U\x00"), ""),
    "too many axes": (array_of(b"u1", b"(" + b"K\x01" * 33 + b"t", b"U\x01a"), "sizes"),
    "float size": (array_of(b"u1", b"(F1\nt", b"U\x01a"), "sizes"),
    "no shape": (array_of(b"u1", b"N", b"U\x01a"), "shape"),
    "big at first": (RECONSTRUCT + b"(cnumpy\nndarray\n(K\x01K\x02tU\x01btR.", "empty"),
    "other class": (RECONSTRUCT + b"(cnumpy\ndtype\n(K\x00tU\x01btR.", "empty"),
    "encode": (b"c_codecs\nencode\n(VYQ==\nVbase64\ntR.", "_codecs.encode"),
    "bytearray": (b"cbuiltins\nbytearray\n(L99999999999L\ntR.", "bytearray"),
    "bytes": (b"cbuiltins\nbytes\n(L99999999999L\ntR.", "damaged"),
    "complex": (b"cbuiltins\ncomplex\n(S'1'\nF1\ntR.", "complex"),
    "set": (b"cbuiltins\nset\n(cnumpy\nndarray\ntR.", "set"),
    "unhashable": (b"\x80\x04}]Ns.", "key"),
    "tuple key": (b"\x80\x04})Ns.", "key"),
    "long key": (b"}X\xd0\x07\x00\x00" + b"a" * 2000 + b"Ns.", "key"),
    "colliding key": (b"}L2305843009213693951L\nNs.", "key"),
    "itself": (b"]q\x00h\x00a.", "in itself"),
    "deep": (b"]" * 500 + b"a" * 499 + b".", "deep"),
    "very deep": (b"]" * 150_000 + b"a" * 149_999 + b".", "deep"),
    "deep tuples": (b"N" + b"\x85" * 100_000 + b".", "deep"),
    "deep marks": (b"(" * 100_000, "deep"),
    "deep in memory": (
        # each list holds the one before, and the last all of them, so that none seems deep
        b"]q\x000" + b"".join(b"]h%cah%ca" % (i, i) + b"q%c0" % (i + 1) for i in range(80)) + b"("
        + b"".join(b"h%c" % i for i in range(80)) + b"l.",
        "",
    ),
    "doubling": (
        b"]q\x000" + b"".join(b"(h%ch%clq%c0" % (i, i, i + 1) for i in range(60)) + b"h\x3c.",
        "larger than its file",
    ),
    "doubling keys": (
        b")q\x000" + b"".join(b"h%ch%c\x86q%c0" % (i, i, i + 1) for i in range(60)) + b"}h\x3cNs.",
        "key",
    ),
    "huge index": (b"Nr\xff\xff\xff\xff0j\xfe\xff\xff\xff.", "damaged"),
    "huge integer": (b"I" + b"9" * 100_000 + b"\n.", "damaged"),
    "huge string": (b"T\xff\xff\xff\x7fabc", "truncated"),
    "huge bytes": (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x0fabc", "truncated"),
    "too huge bytes": (b"\x80\x04\x8e" + b"\xff" * 8 + b"abc", "damaged"),
    "huge bytearray": (b"\x80\x05\x96" + b"\xff" * 7 + b"\x0fabc", "truncated"),
    "huge frame": (b"\x80\x04\x95" + b"\xff" * 8 + b"N.", "truncated"),
    "empty": (b"", "is empty"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "not a pickle"),
    "text": (b"hello", "not a pickle"),
    "protocol 6": (b"\x80\x06N.", "protocol 6"),
    "no end": (b"K", "truncated"),
    "two values": (b"NN.", "one value"),
    "open mark": (b"N(.", "one value"),
    "no value": (b".", "one value"),
    "more": (b"N.N.", "2 bytes follow"),
    "underflow": (b"a.", "damaged"),
    "below the mark": (b"](Na.", "damaged"),
    "odd dict": (b"(Nd.", "damaged"),
    "append to a number": (b"K\x01Na.", "damaged"),
    "bad escape": (b"S'\\q'\n.", "damaged"),
    "bad quote": (b"S'a\"\n.", "damaged"),
    "bad unicode": (b"V\\u12\n.", "damaged"),
    "bad UTF-8": (b"U\x00X\x01\x00\x00\x00\xff.", "damaged"),
    "bad float": (b"Fone\n.", "damaged"),
}  # fmt: skip


def refused(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        safe_load(data, "some file")
    message = str(caught.value)
    assert message.startswith("some file: ")
    assert "\n" not in message
    assert len(message) < 300
    return message


@pytest.mark.parametrize("name", CALLS)
def test_no_call_but_those_of_arrays(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, asked = CALLS[name]
    message = refused(data)
    assert "refused" in message
    assert asked in message
    # also behind a good array and inside a dict
    inside = b"(dS'data'\n" + python2_array(ARRAYS["u1"], 0)[:-1] + b"sS'x'\n" + data
    assert asked in refused(inside)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else(name):
    data, expected = OTHERS[name]
    assert expected in refused(data)


def test_the_sentinel_would_be_made(tmp_path, monkeypatch):
    # the table above is only worth something if Python's own unpickler falls for it
    monkeypatch.chdir(tmp_path)
    for name in ("system", "system 4", "INST"):
        pickle.loads(CALLS[name][0])
        (tmp_path / "sentinel").unlink()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_truncation(protocol):
    written = pickle.dumps({"data": ARRAYS["u1"], "labels": [1, 2, (3.5, b"x")]}, protocol)
    for end in range(len(written)):
        refused(written[:end])


BOMBS = {
    "sets": b"](" + b"\x8f" * 2**18 + b"e.",
    "dicts": b"](" + b"}" * 2**18 + b"e.",
    "entries": b"}(" + b"".join(b"J%sN" % struct.pack("<i", i) for i in range(2**16)) + b"u.",
    "constants": b"](" + b"N" * 2**17 + b"e.",
    "strings": b"](" + b"\x8c\x02\xc4\x80" * 2**15 + b"e.",
    "references": b"N" + b"\x94" * 2**18 + b".",
    "tuples": b"N" + b"\x85" * 2**17 + b".",
    "marks": b"(" * 2**20,
    "one string": b"X" + struct.pack("<I", 2**20) + b"a" * (2**20 - 4) + b"\xf0\x9f\x98\x80.",
    "copies": b"c_codecs\nencode\nq\x00X" + struct.pack("<I", 2**20) + b"a" * 2**20
    + b"X\x06\x00\x00\x00latin1\x86q\x010](" + b"h\x00h\x01R" * 1000 + b"e.",
    "arrays": python2_array(ARRAYS["large"], 2)[:-1] + b"q\x20" + b"h\x20h\x20bb" * 1000 + b".",
    "set copies": b"cbuiltins\nset\nq\x00](" + b"M\xff\x01" * 2**16 + b"e\x85q\x01](" +
    b"h\x00h\x01R" * 1000 + b"e.",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_memory_is_bounded(name):
    data = BOMBS[name]
    tracemalloc.start()
    try:
        safe_load(data)
    except InputError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak <= 2**26 + 40 * len(data)


def test_an_array_takes_little_memory():
    for protocol in PROTOCOLS:
        written = pickle.dumps(np.arange(2**20, dtype=np.uint8), protocol)
        tracemalloc.start()
        safe_load(written)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= 4 * len(written)


def test_files(tmp_path):
    path = tmp_path / "x.pickle"
    path.write_bytes(pickle.dumps([1]))
    assert safe_load(path) == safe_load(str(path)) == [1]
    path.write_bytes(b"")
    for source, expected in (
        (path, "x.pickle: is empty"),
        (tmp_path / "missing", r"missing: there is no such file"),
        (path / "x", r"cannot be read \(Not a directory"),
        (tmp_path, "is a directory, not a regular file"),
        ("/dev/zero", "is not a regular file"),
        ("a\0b", "cannot be read"),
    ):
        with pytest.raises(InputError, match=expected):
            safe_load(source)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a regular file"):
        read_bytes(tmp_path / "pipe")
    os.truncate(path, 2**31)  # sparse
    with pytest.raises(InputError, match="at most"):
        safe_load(path)


SEEDS = [
    *(pickle.dumps(VALUES[name], p) for name in ("batch", "sets", "strings") for p in PROTOCOLS),
    *(pickle.dumps([ARRAYS["fortran"][:2, :3], np.float32(1), 1j], p) for p in PROTOCOLS),
    *(python2_array(ARRAYS[name], p) for name in ("u1", ">u2") for p in (0, 1, 2)),
    *(data for data, _ in (CALLS | OTHERS).values() if len(data) < 500),
]
PARTS = st.sampled_from([part for seed in SEEDS for part in (seed[:40], seed[-40:])])


@st.composite
def mutations(draw) -> bytes:
    """A good or hostile pickle with some bytes changed, cut, doubled or from another pickle."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["flip", "cut", "insert", "splice", "double"]))
        if kind == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del data[at : at + draw(st.integers(1, 30))]
        elif kind == "insert":
            data[at:at] = draw(st.binary(max_size=6))
        elif kind == "splice":
            data[at:at] = draw(PARTS)
        elif kind == "double":
            data[at:at] = data[at : at + 20]
    return bytes(data)


def load_or_refuse(data: bytes) -> None:
    try:
        value = safe_load(data)
    except InputError as error:
        # a message of one line
        assert str(error).isprintable()  # noqa: PT017
    else:
        repr(value)


@settings(max_examples=300)
@given(mutations())
def test_mutated_pickles_load_or_are_refused(data):
    load_or_refuse(data)


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda b: b"\x80\x04" + b)))
def test_arbitrary_bytes_load_or_are_refused(data):
    load_or_refuse(data)


TEXT = st.text()
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(TEXT | st.integers(-(2**59), 2**59), inner)
    ),
)


@settings(max_examples=50)
@given(PLAIN, st.integers(0, 5))
def test_plain_data_survives(value, protocol):
    same(safe_load(pickle.dumps(value, protocol)), value)


REAL = Path(os.environ.get("FNN_DATA", "")) / "cifar-10-batches-py" / "data_batch_1"


@pytest.mark.skipif(
    "FNN_DATA" not in os.environ or not REAL.exists(),
    reason="FNN_DATA names no directory with CIFAR-10",
)
def test_a_real_batch_agrees_with_pickle():
    with REAL.open("rb") as file:
        expected = pickle.load(file, encoding="bytes")
    same(safe_load(REAL), expected)
