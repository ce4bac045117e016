"""Faults of case files and of what they name: text that is no case, data that are no data, functions that go wrong."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.faults.bench import Bench, books_of
from tests.faults.fault import Area, Fault


def _fault(name: str, what: str, verdict: str, inject: Callable[[Bench], str]) -> Fault:
    return Fault(f"case-{name}", Area.CASE, what, verdict, inject)


def _case(change: Callable[[str], str | bytes]) -> Callable[[Bench], str]:
    """The verdict of a case file whose text `change` has been at."""

    def inject(bench: Bench) -> str:
        changed = change(bench.case_file.read_text())
        bench.case_file.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
        return bench.outcome()

    return inject


def _data(spoil: Callable[[Path], None], name: str = "test.npz") -> Callable[[Bench], str]:
    """The verdict of a case whose test data `spoil` has been at."""

    def inject(bench: Bench) -> str:
        spoil(bench.case_file.parent / "data" / name)
        return bench.outcome()

    return inject


def _calibration(spoil: Callable[[Path], None]) -> Callable[[Bench], str]:
    """The same for calibration data, which no variant in the cache was made with."""
    return _data(spoil, "calibration.npz")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)


def _rewritten(change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        arrays = change(_arrays(path))
        np.savez(path, **arrays)  # type: ignore[arg-type]

    return spoil


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _pickled(path: Path) -> None:
    """An object array, which a reader that unpickles would execute."""
    stored = io.BytesIO()
    np.save(stored, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("input.npy", stored.getvalue())


def _bomb(path: Path) -> None:
    """A member that declares 4.3 GB: whoever makes room for it by its word has none left."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("input.npy", bytes(10**6))
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (2**32 - 2).to_bytes(4, "little")  # uncompressed size (APPNOTE 4.3.12)
    path.write_bytes(content)


def _function(body: str) -> Callable[[Bench], str]:
    """The verdict of a case whose test data come from a function with this body."""

    def inject(bench: Bench) -> str:
        (bench.case_file.parent / "samples.py").write_text(f"import os, sys\n\ndef test():\n    {body}\n")
        text = bench.case_file.read_text().replace('test = "data/test.npz"', 'test = "samples:test"')
        bench.case_file.write_text(text)
        return bench.outcome()

    return inject


def _leaves_in_a_function(bench: Bench) -> str:
    """The user's own code runs in pytest's process, and `_exit(0)` ends that."""
    (bench.case_file.parent / "samples.py").write_text("import os\n\ndef test():\n    os._exit(0)\n")
    text = bench.case_file.read_text().replace('test = "data/test.npz"', 'test = "samples:test"')
    bench.case_file.write_text(text)
    return books_of(bench.session("--backend=ort"))


SYNTAX, VALUE, DATA = "QP-CASE-001", "QP-CASE-003", "QP-DATA-001"

CASE_FAULTS = (
    _fault("empty", "the case file is empty", VALUE, _case(lambda text: "")),
    _fault("cut", "the case file is cut in the middle of a word", SYNTAX, _case(lambda text: text[:12])),
    _fault("binary", "the case file is no text", SYNTAX, _case(lambda text: bytes(range(256)))),
    _fault("brackets", "a hundred thousand brackets", SYNTAX, _case(lambda text: f"a = {'[' * 100_000}")),
    _fault("digits", "a number of a million digits", SYNTAX, _case(lambda text: f"a = {'9' * 10**6}\n{text}")),
    _fault("misspelt", "a key is misspelt", "QP-CASE-002", _case(lambda text: text.replace("margin", "margn"))),
    _fault("no-limits", "a limit of zero seconds", VALUE, _case(lambda text: f"{text}\n[limits]\nrun_s = 0\n")),
    _fault("data-cut", "half of the test data are there", DATA, _data(_cut)),
    _fault("data-pickled", "the test data hold pickled objects", DATA, _data(_pickled)),
    _fault("data-bomb", "the test data claim to unpack to four gigabytes", DATA, _data(_bomb)),
    _fault(
        "data-nan",
        "the test data hold NaN",
        "QP-DATA-003",
        _data(_rewritten(lambda a: {**a, "input": a["input"] * np.nan})),
    ),
    _fault(
        "data-empty",
        "the test data hold no sample",
        "QP-DATA-004",
        _data(_rewritten(lambda a: {n: v[:0] for n, v in a.items()})),
    ),
    _fault(
        "data-changed",
        "the test data are not those of the golden",
        "QP-GOLDEN-002",
        _data(_rewritten(lambda a: {**a, "input": a["input"] + 1})),
    ),
    _fault(
        "calibration-zeros",
        "the calibration data are zeros",
        "QP-CAL-002",
        _calibration(_rewritten(lambda a: {n: v * 0 for n, v in a.items()})),
    ),
    _fault("function-raises", "the data's function raises", DATA, _function("raise RuntimeError('no camera')")),
    _fault("function-exits", "the data's function calls exit(0)", DATA, _function("sys.exit(0)")),
    _fault(
        "function-leaves",
        "the data's function calls _exit(0)",
        "status 70, unjudged, no end, does not pass",
        _leaves_in_a_function,
    ),
)
