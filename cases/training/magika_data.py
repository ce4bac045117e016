"""cases/large/data/magika_*.npz: the first and last 1,024 bytes of files whose kind is known, as magika is fed.

    python cases/training/magika_data.py

The files are this project's own, and what Python's standard library makes of them (archives, tables, sounds, a data
base). Those that calibrate are others than those that test. Written once: the project's files change, the data do not.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import pickle
import random
import sqlite3
import tarfile
import wave
import xml.etree.ElementTree as ElementTree
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent.parent
TARGET = ROOT / "cases" / "large" / "data"
BLOCK, EDGE, PAD = 4096, 1024, 256
TEST, CALIBRATION = 10, 4  # of each kind, at most
# No .html: this project's are templates, which are another kind.
BY_SUFFIX = {
    ".py": "python", ".md": "markdown", ".toml": "toml", ".json": "json", ".npy": "npy", ".npz": "npz", ".onnx": "onnx",
    ".yml": "yaml", ".c": "c",
}  # fmt: skip


def features(content: bytes) -> np.ndarray:
    """int32 (2048,): the bytes at both ends without the white space around them, 256 where there are none."""
    begin, end = content[:BLOCK].lstrip()[:EDGE], content[-BLOCK:].rstrip()[-EDGE:]
    fed = np.full(2 * EDGE, PAD, np.int32)
    fed[: len(begin)] = np.frombuffer(begin, np.uint8)
    fed[2 * EDGE - len(end) :] = np.frombuffer(end, np.uint8)
    return fed


def zipped(text: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("file.txt", text)
    return stream.getvalue()


def tarred(text: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("file.txt")
        entry.size = len(text.encode())
        archive.addfile(entry, io.BytesIO(text.encode()))
    return stream.getvalue()


def table(text: str) -> bytes:
    stream = io.StringIO()
    csv.writer(stream).writerows(
        (number, len(line), line[:40].strip()) for number, line in enumerate(text.splitlines())
    )
    return stream.getvalue().encode()


def lines_of_json(text: str) -> bytes:
    return "".join(f"{json.dumps({'number': n, 'text': line})}\n" for n, line in enumerate(text.splitlines())).encode()


def markup(text: str) -> bytes:
    root = ElementTree.Element("lines")
    for line in text.splitlines():
        ElementTree.SubElement(root, "line", length=str(len(line))).text = line
    return b'<?xml version="1.0"?>\n' + ElementTree.tostring(root)


def sound(text: str) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(
            (np.sin(np.cumsum(np.frombuffer(text.encode(), np.uint8) / 200)) * 9000).astype("<i2").tobytes()
        )
    return stream.getvalue()


def data_base(text: str) -> bytes:
    with sqlite3.connect(":memory:") as base:
        base.execute("create table lines (number integer, text text)")
        base.executemany("insert into lines values (?, ?)", enumerate(text.splitlines()))
        base.commit()
        return base.serialize()


MADE: dict[str, Callable[[str], bytes]] = {
    "zip": zipped,
    "tar": tarred,
    "gzip": lambda text: gzip.compress(text.encode(), mtime=0),
    "bzip": lambda text: bz2.compress(text.encode()),
    "xz": lambda text: lzma.compress(text.encode()),
    "zlibstream": lambda text: zlib.compress(text.encode()),
    "csv": table,
    "jsonl": lines_of_json,
    "xml": markup,
    "wav": sound,
    "sqlite": data_base,
    "pickle": lambda text: pickle.dumps(text.splitlines()),
}


def files() -> Iterator[tuple[str, list[bytes]]]:
    """Kind and contents."""
    hidden = (".venv", ".git", ".qparity", "__pycache__")
    paths = [path for path in sorted(ROOT.rglob("*")) if path.is_file() and not set(path.parts) & set(hidden)]
    shuffled = random.Random(20261126)
    shuffled.shuffle(paths)
    for suffix, kind in BY_SUFFIX.items():
        yield kind, [path.read_bytes() for path in paths if path.suffix == suffix and path.stat().st_size > 200]
    texts = [path.read_text(encoding="utf-8") for path in paths if path.suffix in (".py", ".md")]
    texts = [text for text in texts if len(text) > 2000]
    for index, (kind, make) in enumerate(MADE.items()):
        yield kind, [make(text) for text in texts[20 * index : 20 * index + 20]]


def main() -> None:
    names = (TARGET / "magika_classes.txt").read_text(encoding="utf-8").split()
    test, calibration, labels = [], [], []
    for kind, contents in files():
        distinct = list(dict.fromkeys(contents))
        held = min(CALIBRATION, len(distinct) // 3)
        calibration += [features(content) for content in distinct[:held]]
        judged = [features(content) for content in distinct[held : held + TEST]]
        test += judged
        labels += [names.index(kind)] * len(judged)
    np.savez_compressed(TARGET / "magika_test.npz", bytes=np.stack(test), labels=np.array(labels, np.int64))
    np.savez_compressed(TARGET / "magika_calibration.npz", bytes=np.stack(calibration))
    print(len(test), "test samples,", len(calibration), "to calibrate")


if __name__ == "__main__":
    main()
