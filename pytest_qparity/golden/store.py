"""Goldens on disk: read whole and verified or not at all, written so that a kill leaves the old or the new one."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from pytest_qparity.digest import bytes_digest, write_digested
from pytest_qparity.durable import write_bytes, write_named
from pytest_qparity.golden import manifest as manifests
from pytest_qparity.golden.files import LfsPointerError, read_content
from pytest_qparity.golden.manifest import ELEMENT_TYPES, GoldenKey, Manifest, NewerFormatError, StoredOutput
from pytest_qparity.golden.npy import blocks_of, npy_blocks, parse_npy
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["Golden", "GoldenKey", "read_golden", "remove_golden", "write_golden"]

MANIFEST = "manifest.json"
LOCK_SECONDS = 60.0
REMEDY_OUTPUTS = "a model with named outputs of numbers, and test data that it can run"
UNWRITTEN = "0" * 64  # in the place of a digest, in the name of a file that is being written
REMEDY_DISK = "see to room, permission to write, and no other writer; then accept again"

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """The FP32 reference of a case: its outputs in the model's order, and what they were made from and by."""

    key: GoldenKey
    outputs: Mapping[str, Array]
    samples: int
    provenance: Mapping[str, str]


def read_golden(folder: Path, key: GoldenKey, accept_command: str) -> Golden:
    """The golden in `folder`, every byte of it verified; its arrays are read-only, large ones mapped from their files.

    Raises CannotJudge: missing, stale (`key` is another), corrupt, not finite, or of a newer format.
    """
    while True:
        content = _manifest_content(folder, accept_command)
        try:
            return _verified(folder, content, key, accept_command)
        except CannotJudge:
            # A writer may have put a new golden in place between the manifest and its arrays: then read that one.
            if _manifest_content(folder, accept_command) == content:
                raise


def write_golden(folder: Path, golden: Golden) -> None:
    """Store `golden` in `folder`: its arrays, then the manifest that makes them a golden, then away with the old ones.

    Raises CannotJudge before anything is written where the outputs cannot serve as a reference or a newer version's
    golden is there, and where the disk refuses; `folder` then still holds the golden it held.
    """
    outputs = {name: _storable(name, array) for name, array in golden.outputs.items()}
    if not outputs or "" in outputs:
        raise _unwritable(f"got {'an output without a name' if outputs else 'no outputs'}, should be named outputs")
    if golden.samples < 1:
        raise CannotJudge(Failure(Code.DATA_EMPTY, f"got {golden.samples} samples, should be at least 1", "add data"))
    with _locked(folder):
        _require_ours(folder)
        folder.mkdir(exist_ok=True)
        try:
            stored = tuple(_write_output(folder, index, *named) for index, named in enumerate(outputs.items()))
            manifest = Manifest(golden.key, stored, golden.samples, dict(golden.provenance))
            content = manifests.render(manifest).encode()
            manifests.parse(content)  # what a reader would refuse is not written
            write_bytes(folder / MANIFEST, content)
        except ValueError as error:
            raise _unwritable(str(error)) from error
        finally:
            _sweep(folder)


def remove_golden(folder: Path) -> None:
    """Remove the golden in `folder`, its manifest first; other people's files stay.

    Raises CannotJudge as writing does.
    """
    if not folder.is_dir():
        return
    with _locked(folder):
        _require_ours(folder)
        (folder / MANIFEST).unlink(missing_ok=True)
        _sweep(folder)


def _manifest_content(folder: Path, accept_command: str) -> bytes:
    try:
        return _manifest_bytes(folder)
    except FileNotFoundError:
        raise CannotJudge(
            Failure(
                Code.GOLDEN_MISSING, f"got no {MANIFEST} in {folder}, should be a golden", f"{accept_command} --missing"
            )
        ) from None
    except (OSError, ValueError) as error:
        raise _corrupt(folder / MANIFEST, error, accept_command) from None


def _require_ours(folder: Path) -> None:
    """What a newer version made is not understood here, so that it is neither replaced nor removed here."""
    try:
        manifests.parse(_manifest_bytes(folder))
    except NewerFormatError as error:
        raise _newer(folder / MANIFEST, error) from None
    except (OSError, ValueError):
        return  # none, or a damaged one: to be replaced


def _manifest_bytes(folder: Path) -> bytes:
    return read_content(folder / MANIFEST)[: manifests.LARGEST_BYTES + 1]


def _verified(folder: Path, content: bytes, key: GoldenKey, accept_command: str) -> Golden:
    try:
        manifest = manifests.parse(content)
    except NewerFormatError as error:
        raise _newer(folder / MANIFEST, error) from None
    except ValueError as error:
        raise _corrupt(folder / MANIFEST, error, accept_command) from None
    _require_current(manifest.key, key, accept_command)
    outputs = {}
    for stored in manifest.outputs:
        try:
            outputs[stored.name] = _read_output(folder / stored.file, stored)
        except (OSError, ValueError) as error:
            raise _corrupt(folder / stored.file, error, accept_command) from None
        _require_finite(stored.name, outputs[stored.name])
    return Golden(manifest.key, outputs, manifest.samples, manifest.provenance)


def _read_output(path: Path, stored: StoredOutput) -> Array:
    content = read_content(path)
    with memoryview(content) as view:
        digest = bytes_digest(view)
    if digest != stored.sha256:
        raise ValueError(f"got content of sha256 {digest[:12]}, should be {stored.sha256[:12]}")
    array = parse_npy(content)
    got, should_be = (array.dtype.str, array.shape), (ELEMENT_TYPES[stored.dtype], stored.shape)
    if got != should_be:
        raise ValueError(f"got type and shape {got}, should be {should_be} as in {MANIFEST}")
    return array.view(_bfloat16()) if stored.dtype == "bfloat16" else array


def _write_output(folder: Path, index: int, name: str, array: Array) -> StoredOutput:
    sha256 = UNWRITTEN

    def write(stream: BinaryIO) -> str:
        nonlocal sha256
        sha256 = write_digested(stream, npy_blocks(array))
        return manifests.file_name(index, name, sha256)

    file = write_named(folder / manifests.file_name(index, name, UNWRITTEN), write)
    return StoredOutput(name, file.name, array.dtype.name, array.shape, sha256, *_statistics(array))


def _statistics(array: Array) -> tuple[float, float, float]:
    """min, max, and mean to six digits: the last digits of a sum depend on the machine, and would be noise in git."""
    low, high, mean = np.inf, -np.inf, 0.0
    for block in blocks_of(array):
        values = block.astype(np.float32) if array.dtype.name == "bfloat16" else block
        low, high = min(low, np.min(values).item()), max(high, np.max(values).item())
        # Divided first: near the end of float64 a sum overflows where its mean does not.
        mean += float(np.sum(values / np.float64(array.size), dtype=np.float64))
    return (+low, +high, float(f"{mean:.6g}"))


def _storable(name: str, array: Array) -> Array:
    if array.dtype.name not in ELEMENT_TYPES:
        raise _unwritable(f'got type {array.dtype} of output "{name}", should be one of {", ".join(ELEMENT_TYPES)}')
    if array.ndim > manifests.LARGEST_RANK:
        raise _unwritable(f'got {array.ndim} dimensions of output "{name}", should be at most {manifests.LARGEST_RANK}')
    if not array.size:
        raise CannotJudge(
            Failure(
                Code.PARITY_EMPTY,
                f'got shape {array.shape} of output "{name}", should hold elements to compare with',
                "test data for which the model gives a result, or a model without this output",
            )
        )
    _require_finite(name, array)
    return array


def _require_finite(name: str, array: Array) -> None:
    if array.dtype.kind in "iub":
        return
    nan = infinite = 0
    for block in blocks_of(array):
        if not np.isfinite(block).all():
            nan += int(np.isnan(block).sum())
            infinite += int(np.isinf(block).sum())
    if nan or infinite:
        raise CannotJudge(
            Failure(
                Code.GOLDEN_NOT_FINITE,
                f'got {nan} NaN and {infinite} Inf among {array.size} elements of output "{name}", should be none',
                "mend the float model, or take out the test samples that lead there",
                "the float model overflows, or divides by zero, on some of the test data",
            )
        )


def _require_current(made_of: GoldenKey, key: GoldenKey, accept_command: str) -> None:
    parts = (
        ("model", "model"),
        ("test data", "data"),
        ("reference recipe (engine, threads, optimizer, batch)", "recipe"),
    )
    changed = [
        f"{word} {getattr(made_of, name)[:12]}, should be {getattr(key, name)[:12]}"
        for word, name in parts
        if getattr(made_of, name) != getattr(key, name)
    ]
    if changed:
        likely = None
        if made_of.data != key.data:
            likely = "the data have changed; those of a function that draws without a seed do at each call"
        sentence, remedy = f"got a golden of {'; of '.join(changed)}", f"{accept_command} --changed"
        raise CannotJudge(Failure(Code.GOLDEN_STALE, sentence, remedy, likely))


def _corrupt(path: Path, error: OSError | ValueError, accept_command: str) -> CannotJudge:
    if isinstance(error, LfsPointerError):
        return CannotJudge(Failure(Code.GOLDEN_CORRUPT, f"{error}: {path}", "git lfs pull"))
    if isinstance(error, OSError):
        wrong = f"got {error.strerror or error}, should be a file of the golden"
    else:
        wrong = str(error)
    return CannotJudge(
        Failure(
            Code.GOLDEN_CORRUPT,
            f"{wrong}: {path}",
            f"{accept_command} --changed",
            "not all files of the golden were committed, or one was edited, merged or changed by a filter of git",
        )
    )


def _newer(manifest: Path, error: NewerFormatError) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.GOLDEN_NEWER,
            f"{error}, since a newer pytest-qparity wrote it: {manifest}",
            "pip install --upgrade pytest-qparity, or restore the golden that this version wrote from git",
        )
    )


def _unwritable(sentence: str, remedy: str = REMEDY_OUTPUTS) -> CannotJudge:
    return CannotJudge(Failure(Code.GOLDEN_WRITE, sentence, remedy))


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time among all goldens beside `folder`; what the disk refuses becomes one clear error.

    The lock file stays: unlinking one that others wait for lets two in.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / ".lock", timeout=LOCK_SECONDS):
            yield
    except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
        reason = getattr(error, "strerror", None) or error
        raise _unwritable(f"got {reason}, should be a golden in {folder}", REMEDY_DISK) from error


def _sweep(folder: Path) -> None:
    """Remove what the manifest on disk does not name: of an older golden, or of a writer that failed or was killed.

    What cannot be removed (NFS keeps open files, under names of its own) harms nobody, since only the manifest makes
    an array part of a golden.
    """
    try:
        named = {stored.file for stored in manifests.parse(_manifest_bytes(folder)).outputs}
    except FileNotFoundError:
        named = set()
    except (OSError, ValueError):
        return
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            temporary = re.fullmatch(r"\.(.+)\.[^.]+\.tmp", path.name)
            if temporary:
                ours = temporary[1] == MANIFEST or manifests.is_array_file(temporary[1])
            else:
                ours = manifests.is_array_file(path.name) and path.name not in named
            if ours:
                with contextlib.suppress(OSError):
                    path.unlink()
    if not named:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _bfloat16() -> np.dtype[Any]:
    import ml_dtypes

    bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return bfloat16
