"""Labels of samples put together, and classes by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pytest_qparity.case.names import nearest
from pytest_qparity.verdict import CannotJudge, Code, Failure

__all__ = ["Classes", "classes_from_file", "classes_from_names", "label_array"]

Array = np.ndarray[Any, Any]
PADDING = -1  # of labels with fewer items than another sample's: no class, no box


class Classes:
    """Classes by name, in their order."""

    def __init__(self, names: Sequence[str], origin: str) -> None:
        self._index = {name: index for index, name in enumerate(names)}
        self._origin = origin

    def __len__(self) -> int:
        return len(self._index)

    def index_of(self, label: object, where: str) -> int:
        """The index of a class by its name, or by itself. Raises CannotJudge where there is no such class."""
        if isinstance(label, str) and label in self._index:
            return self._index[label]
        if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(self):
            return label
        near = nearest(str(label), self._index) if isinstance(label, str) else None
        remedy = f'write "{near}"' if near is not None else f"correct the label, or add the class to {self._origin}"
        should = f"one of the {len(self)} classes of {self._origin}"
        raise _wrong(f"{where}: got label {_shown(label)}, should be {should}.", remedy)


def classes_from_file(path: Path) -> Classes:
    """One name a line, in the order of the model's classes. Raises CannotJudge at an empty line or a second one."""
    try:
        names = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        got = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise _wrong(f"{path.name}: got {got}, should be names of classes, one a line.", f"check {path}") from None
    seen: dict[str, int] = {}
    for line, name in enumerate((each.strip() for each in names), start=1):
        if not name:
            raise _wrong(f"{path.name}, line {line}: got no name, should be that of a class.", "remove the line")
        if name in seen:
            sentence = f'{path.name}, line {line}: got "{name}" as in line {seen[name]}, should be classes of one name.'
            raise _wrong(sentence, "give each class a name of its own")
        seen[name] = line
    if not seen:
        raise _wrong(f"{path.name}: got no class, should be one a line.", "write the names of the model's classes")
    return Classes(list(seen), path.name)


def classes_from_names(names: Sequence[str], origin: str) -> Classes:
    """Names of folders, sorted. Raises CannotJudge where two differ in case or blanks alone."""
    seen: dict[str, str] = {}
    for name in sorted(names):
        plain = " ".join(name.casefold().split())
        if plain in seen:
            sentence = f'{origin}: got folders "{seen[plain]}" and "{name}", should be one folder for each class.'
            raise _wrong(sentence, "put both into one folder, or give them names that a reader can tell apart")
        seen[plain] = name
    return Classes(sorted(names), origin)


def label_array(labels: Sequence[Any], ids: Sequence[str]) -> Array | None:
    """All labels as one array, samples on the first axis; None where no sample has one.

    Whole numbers become int64, others float64, texts text. Lists that are shorter than another sample's are filled with
    -1, lists of texts with "". Raises CannotJudge where some samples have none, or one of another kind.
    """
    missing = next((index for index, label in enumerate(labels) if label is None), None)
    if missing is not None:
        if all(label is None for label in labels):
            return None
        raise _wrong(f"{ids[missing]}: got no label, should be one as the other samples have.", "give each sample one")
    arrays = [np.asarray(label) if not _is_ragged(label) else None for label in labels]
    for id_, label, array in zip(ids, labels, arrays, strict=True):
        if array is None or array.dtype.kind not in "biufU":
            raise _wrong(f"{id_}: got label {_shown(label)}, should be numbers, texts or lists of them.", "correct it")
    found = [array for array in arrays if array is not None]
    first = next((index for index, array in enumerate(found) if array.size), 0)  # an empty one: an image without boxes
    texts, rank = found[first].dtype.kind == "U", found[first].ndim
    for id_, array in zip(ids, found, strict=True):
        if array.size and ((array.dtype.kind == "U") != texts or array.ndim != rank):
            sentence = f"{id_}: got a label of {array.dtype} and rank {array.ndim}, should be as of {ids[first]}: "
            raise _wrong(f"{sentence}{found[first].dtype} and rank {rank}.", "write all labels in one way")
    return _joined(found, texts)


def _joined(found: Sequence[Array], texts: bool) -> Array:
    rank = max(array.ndim for array in found)
    filled = [array for array in found if array.ndim == rank]
    shape = tuple(max(sizes) for sizes in zip(*(array.shape for array in filled), strict=True))
    dtype = np.result_type(*filled)
    if not texts:
        dtype = np.dtype(np.float64 if dtype.kind == "f" else np.int64)
    joined: Array = np.full((len(found), *shape), "" if texts else PADDING, dtype)
    for target, array in zip(joined, found, strict=True) if rank else ():
        if array.ndim == rank:
            target[tuple(slice(size) for size in array.shape)] = array
    return joined if rank else np.array(found, dtype)


def _is_ragged(label: object) -> bool:
    """Whether lists in a list differ in length: NumPy raises at them."""
    try:
        np.asarray(label)
    except ValueError:
        return True
    return False


def _shown(label: object) -> str:
    text = f'"{label}"' if isinstance(label, str) else str(label)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _wrong(sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.DATA_LABELS, sentence, remedy))
