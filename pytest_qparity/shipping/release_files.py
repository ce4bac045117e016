"""What a release is made of: the names of its files, their sums, and which folders are no release."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.digest import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "CARD",
    "EXTRACT",
    "OWN_NAMES",
    "PROVENANCE",
    "RESULT",
    "SUMS",
    "UNFINISHED",
    "VERDICT",
    "digests_under",
    "signed_for",
    "sums_text",
    "text_under",
]

EXTRACT, VERDICT, CARD, SUMS = "ledger.json", "verdict.json", "README.md", "SHA256SUMS"
RESULT, PROVENANCE = "test-result.intoto.json", "provenance.intoto.json"
OWN_NAMES = frozenset((EXTRACT, VERDICT, CARD, SUMS, RESULT, PROVENANCE))
UNFINISHED = ".unfinished"  # ends the name of a folder that an export is writing
_OF_A_HUB = frozenset((".git", ".gitattributes"))  # what a checkout of a model hub adds, which no engine opens


def digests_under(folder: Path) -> dict[str, str]:
    """SHA-256 by name of every file under a folder, SUMS left out.

    Raises OSError where something cannot be read, ValueError where it is no plain file: a link may lead anywhere.
    """
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in sorted(_files(folder))}


def text_under(folder: Path, name: str) -> str:
    """The text of a file of a folder. Raises as `digests_under` does; ValueError too where it is no UTF-8."""
    path = folder / name
    return _plain(path, path.lstat().st_mode).read_bytes().decode()


def sums_text(digests: Mapping[str, str]) -> str:
    """What `sha256sum -c` reads; one text for one set of files, so that no byte of it may differ."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def signed_for(digests: Mapping[str, str]) -> dict[str, str]:
    """The files that a signature is about: all but the signatures themselves."""
    return {name: digest for name, digest in digests.items() if name not in (RESULT, PROVENANCE, SUMS)}


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in _OF_A_HUB or path.name == SUMS:
            continue
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield from (found for found in _files_below(path))
        else:
            yield _plain(path, mode)


def _files_below(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield from _files_below(path)
        else:
            yield _plain(path, mode)


def _plain(path: Path, mode: int) -> Path:
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path.name} is a link, a device or a pipe")
    return path
