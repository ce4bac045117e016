"""What cases are called: by what varies in the glob that finds their files, so that names are unique and stay."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePath

__all__ = ["case_name", "name_in", "namesakes"]

_WILD = frozenset("*?[")


def case_name(path: Path, root: Path, glob: str) -> str:
    """The name of a case file that `glob` finds under `root`: what it has where the glob varies, joined by points.

    `cases/*.toml` calls `cases/bert.toml` "bert", `services/*/*/model.toml` calls `services/shop/ads/model.toml`
    "shop.ads". With `**` all counts from where the glob begins to vary. Two files that one glob finds differ in their
    names (but for points in them), whichever other files come or go.
    """
    patterns, parts = PurePath(glob).parts, path.relative_to(root).with_suffix("").parts
    varies = [bool(_WILD.intersection(pattern)) for pattern in patterns]
    if not any(varies):
        return path.stem
    if "**" in patterns:
        return ".".join(parts[varies.index(True) :])
    return ".".join(part for part, does in zip(parts, varies, strict=True) if does)


def name_in(names: Mapping[Path, str], path: Path) -> str:
    """The name of the case file at `path`, as a command may name it; of one that no glob finds, the file's."""
    return names.get(Path(os.path.abspath(path)), path.stem)  # noqa: PTH100  links are not followed: names are of paths


def namesakes(names: Mapping[Path, str]) -> dict[str, tuple[Path, ...]]:
    """Names that more than one case file has, with these files."""
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    return {name: tuple(sorted(path for path, each in names.items() if each == name)) for name in twice}
