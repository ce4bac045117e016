"""Suggested lines for a case file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Key", "keep_float"]


@dataclass(frozen=True, slots=True)
class Key:
    """lines: TOML to paste, empty where no key cures it; remedy: what to do."""

    lines: str
    remedy: str


def keep_float(precision: str, nodes: Sequence[str]) -> str:
    """The lines that keep nodes float; empty without nodes."""
    if not nodes:
        return ""
    listed = ", ".join(json.dumps(name, ensure_ascii=False) for name in nodes)
    return f"[precisions.{precision}]\nkeep_float = [{listed}]"
