"""Where the paths of a case file start, and where they may lead: whoever may change a case file must not thereby read
any file of the machine that judges it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Reach:
    """Paths are relative to `folder`; they may lead to `roots` and below, or anywhere where these are None."""

    folder: Path
    roots: tuple[Path, ...] | None

    @classmethod
    def of(cls, folder: Path, roots: Sequence[Path] | None) -> Reach:
        return cls(folder, None if roots is None else tuple(Path(os.path.realpath(root)) for root in roots))

    def outside(self, source: str) -> Path | None:
        """Where `source` leads, links and `..` followed, if that is outside every root; None where it may be read.

        What leads nowhere is where its last link that can be followed points to: that a file outside does not exist
        is not told either.
        """
        if self.roots is None:
            return None
        try:
            target = Path(os.path.realpath(os.path.join(self.folder, source)))  # noqa: PTH118
        except ValueError:  # a null character in the name: it leads nowhere
            return None
        return None if any(target.is_relative_to(root) for root in self.roots) else target

    @property
    def shown(self) -> str:
        return " or ".join(str(root) for root in self.roots or ())
