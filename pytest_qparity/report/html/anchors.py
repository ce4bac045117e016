"""Ids of places in the page: the same for the same run in every report, so that links stay good."""

from __future__ import annotations

import hashlib
import re

__all__ = ["case_anchor", "check_anchor", "run_anchor"]

READABLE = 48


def case_anchor(case: str) -> str:
    return _anchor("case", case)


def run_anchor(case: str, run: str) -> str:
    """Of the names alone: readable, and a digest, since two names may differ in what an id cannot hold."""
    return _anchor("run", case, run)


def check_anchor(case: str, run: str, check: str) -> str:
    return _anchor("check", case, run, check)


def _anchor(kind: str, *names: str) -> str:
    readable = re.sub(r"[^a-z0-9]+", "-", " ".join(names).lower()).strip("-")[:READABLE].strip("-")
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return "-".join(filter(None, (kind, readable, digest)))
