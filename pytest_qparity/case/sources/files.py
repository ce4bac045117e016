"""Records that are files: a folder, a tree with a folder for each class, the files that a manifest lists."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.case.npz import LFS_POINTER
from pytest_qparity.case.sources.labels import Classes, classes_from_names
from pytest_qparity.case.sources.record import Record, unreadable
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.reach import Reach

__all__ = ["AUDIO", "IMAGES", "FileRecords", "content_of", "list_files"]

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
AUDIO = (".aif", ".aiff", ".flac", ".ogg", ".wav")


@dataclass(frozen=True, slots=True)
class FileRecords:
    """Files below `folder` by their names relative to it, with the index of their class where they have one."""

    folder: Path
    names: tuple[str, ...]
    labels: tuple[int, ...] | None
    origin: str

    def __iter__(self) -> Iterator[Record]:
        for index, name in enumerate(self.names):
            label = None if self.labels is None else self.labels[index]
            yield Record(name, {"file": content_of(self.folder / name, name)}, label)


def list_files(
    folder: Path, suffixes: Sequence[str], classes: Classes | None, reach: Reach, origin: str
) -> FileRecords:
    """The files of a folder sorted by name; of a folder of folders those of each class, which is the folder's name.

    A class's index is its place among the sorted names, or in `classes`. Names that begin with a dot are passed over;
    any other file in a class's folder is a mistake. Raises CannotJudge at a class without files, at files beside
    folders of classes, at a link out of what case files may read.
    """
    files, folders = _entries(folder, reach)
    if not folders:
        names = [name for name in files if name.lower().endswith(tuple(suffixes))]
        if not names:
            should = f"one or more ({', '.join(suffixes)}), or a folder for each class"
            raise CannotJudge(
                Failure(Code.DATA_EMPTY, f"{origin}: got no file to read, should be {should}.", "add some")
            )
        return FileRecords(folder, tuple(names), None, origin)
    stray = next((name for name in files if name.lower().endswith(tuple(suffixes))), None)
    if stray is not None:
        raise unreadable(f"{origin}/{stray}", "a file beside folders of classes", "in one of them", "move it there")
    named = classes_from_names(folders, origin)
    known = named if classes is None else classes
    found: list[str] = []
    labels: list[int] = []
    for name in sorted(folders):
        label = known.index_of(name, f"{origin}/{name}")
        inside = _class_files(folder, name, suffixes, reach, origin)
        found += inside
        labels += [label] * len(inside)
    return FileRecords(folder, tuple(found), tuple(labels), origin)


def content_of(path: Path, shown: str) -> bytes:
    """A file's bytes. Raises CannotJudge where it cannot be read, or is a pointer of Git LFS."""
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise unreadable(shown, f'"{said}"', "a file that can be read", f"check {path}") from None
    if content.startswith(LFS_POINTER):
        raise unreadable(shown, "a Git LFS pointer", "the file itself", "git lfs pull")
    return content


def _class_files(folder: Path, name: str, suffixes: Sequence[str], reach: Reach, origin: str) -> list[str]:
    files, folders = _entries(folder / name, reach)
    if folders:
        raise unreadable(f"{origin}/{name}/{folders[0]}", "a folder in that of a class", "files", "move its files up")
    other = next((each for each in files if not each.lower().endswith(tuple(suffixes))), None)
    if other is not None:
        raise unreadable(f"{origin}/{name}/{other}", "a file of another kind", f"of {', '.join(suffixes)}", "remove it")
    if not files:
        sentence = f"{origin}/{name}: got a class without files, should be one or more."
        raise CannotJudge(Failure(Code.DATA_EMPTY, sentence, "add some, or remove the folder"))
    return [f"{name}/{each}" for each in files]


def _entries(folder: Path, reach: Reach) -> tuple[list[str], list[str]]:
    """Names of files and of folders, each sorted, without hidden ones."""
    files: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and (target := reach.outside(os.path.abspath(entry.path))) is not None:  # noqa: PTH100
                sentence = f"{entry.name}: got a link to {target}, should lead below {reach.shown}."
                raise CannotJudge(Failure(Code.CASE_OUTSIDE, sentence, "copy the file itself there"))
            (folders if entry.is_dir() else files).append(entry.name)
    return sorted(files), sorted(folders)
