"""Files that end too early, or that are something else altogether."""

from __future__ import annotations

import gzip
import os
import pickle
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.faults.hostile.building import sane
from tests.faults.hostile.entry import Hostile, Interface, of_bytes
from tests.faults.hostile.wire import MODEL_GRAPH, nested, number, tag, varint

_entry = partial(of_bytes, "truncation", interface=Interface.OWN)


def sane_bytes() -> bytes:
    return sane().SerializeToString(deterministic=True)


def _cut(share: float) -> bytes:
    whole = sane_bytes()
    return whole[: int(len(whole) * share)]


def _cut_after(mark: bytes, more: int) -> bytes:
    whole = sane_bytes()
    return whole[: whole.index(mark) + len(mark) + more]


def _cut_inside_the_graph_length() -> bytes:
    """The graph is longer than 127 bytes, so that its length takes two bytes; the second is missing."""
    whole = sane_bytes()
    return whole[: whole.index(tag(MODEL_GRAPH, 2)) + 2]


def _graph_that_claims(length: bytes) -> bytes:
    return number(1, 10) + tag(MODEL_GRAPH, 2) + length + b"\x0a\x00"


def _hole() -> bytes:
    """A page that never reached the disk reads as zeros."""
    whole = sane_bytes()
    third = len(whole) // 3
    return whole[:third] + bytes(third) + whole[2 * third :]


def _twice() -> bytes:
    """Protobuf merges: the second graph is appended to the first, with the same names."""
    return sane_bytes() * 2


def _flipped(seed: int, flips: int) -> bytes:
    chosen = random.Random(seed)
    whole = bytearray(sane_bytes())
    for _ in range(flips):
        whole[chosen.randrange(len(whole))] ^= 1 << chosen.randrange(8)
    return bytes(whole)


_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 1234567\n"

CUT = (
    _entry("truncated-empty", "The file has no bytes.", lambda: b""),
    _entry("truncated-one-byte", "The file has one byte.", lambda: sane_bytes()[:1]),
    _entry("truncated-two-bytes", "The file ends after the IR version.", lambda: sane_bytes()[:2]),
    *(
        _entry(
            f"truncated-at-{percent}-percent",
            f"The file ends after {percent} % of its bytes.",
            partial(_cut, percent / 100),
        )
        for percent in (10, 25, 50, 75, 90)
    ),
    _entry("truncated-last-byte", "The last byte is missing.", lambda: sane_bytes()[:-1]),
    _entry(
        "truncated-in-varint", "The file ends inside the varint of the graph's length.", _cut_inside_the_graph_length
    ),
    _entry("truncated-in-name", "The file ends inside a node's operator.", partial(_cut_after, b"QuantizeL", 0)),
    _entry(
        "truncated-in-raw-data", "The file ends inside the weight's bytes.", partial(_cut_after, bytes([0xF8, 0xF9]), 3)
    ),
)

GARBLED = (
    _entry("garbled-one-zero-byte", "The file is one zero byte.", lambda: b"\x00"),
    _entry("garbled-zeros", "The file is 1,024 zero bytes.", lambda: bytes(1024)),
    _entry("garbled-random", "The file is 1,024 random bytes.", lambda: random.Random(7).randbytes(1024)),
    _entry("garbled-ones", "The file is 1,024 bytes 0xFF: a varint without an end.", lambda: b"\xff" * 1024),
    _entry("garbled-text", "The file is a sentence.", lambda: b"this is no model\n"),
    _entry("garbled-html", "The file is the error page of a download.", lambda: b"<!doctype html><h1>404</h1>\n"),
    _entry("garbled-lfs-pointer", "The file is a Git LFS pointer.", lambda: _LFS),
    _entry("garbled-gzip", "The file is a gzipped model.", lambda: gzip.compress(sane_bytes(), mtime=0)),
    _entry("garbled-pickle", "The file is a pickle.", lambda: pickle.dumps({"weights": [1.0]}, protocol=4)),
    _entry("garbled-hole", "A third of the file is zeros.", _hole),
    _entry("garbled-trailing-text", "A sane model is followed by text.", lambda: sane_bytes() + b"\ntrailing text"),
    _entry("garbled-twice", "Two models in one file, which protobuf merges.", _twice),
    _entry("garbled-long-varint", "A length takes eleven bytes.", lambda: _graph_that_claims(b"\x80" * 10 + b"\x01")),
    _entry("garbled-length-2-to-31", "The graph claims 2³¹ bytes.", lambda: _graph_that_claims(varint(1 << 31))),
    _entry("garbled-length-2-to-63", "The graph claims 2⁶³ bytes.", lambda: _graph_that_claims(varint(1 << 63))),
    _entry("garbled-wire-type", "The graph is written as a number.", lambda: number(1, 10) + number(MODEL_GRAPH, 5)),
    _entry("garbled-open-group", "A protobuf group never ends.", lambda: number(1, 10) + tag(30, 3)),
    _entry("garbled-field-zero", "A field has number 0.", lambda: number(1, 10) + nested(0, b"abc")),
    *(
        _entry(f"garbled-flips-{seed}", f"{flips} random bits are flipped.", partial(_flipped, seed, flips))
        for seed, flips in enumerate((1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 16, 32))
    ),
)


def _directory(path: Path) -> None:
    path.mkdir()


def _dev_zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere.onnx")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _in_place_of_a_file(put: Callable[[Path], None], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    put(path)
    return path


NO_FILES = tuple(
    Hostile(name, "no file", wrong, partial(_in_place_of_a_file, put), Interface.OWN)
    for name, wrong, put in (
        ("no-file-directory", "The model is a directory.", _directory),
        ("no-file-fifo", "The model is a FIFO that nobody writes to.", os.mkfifo),
        ("no-file-dev-zero", "The model is a link to /dev/zero: it never ends.", _dev_zero),
        ("no-file-dangling-link", "The model is a link to nowhere.", _dangling),
        ("no-file-link-to-itself", "The model is a link to itself.", _loop),
    )
)

ENTRIES = (*CUT, *GARBLED, *NO_FILES)
