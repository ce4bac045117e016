"""The reference store: arrays, manifests, and what may be accepted. Names are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_qparity.golden.accept import Accept, GoldenStatus, State, ci_refusal, may_write, orphans, status_of
    from pytest_qparity.golden.manifest import GoldenKey
    from pytest_qparity.golden.store import Golden, read_golden, remove_golden, write_golden

_HOMES = {
    "Accept": "accept",
    "Golden": "store",
    "GoldenKey": "manifest",
    "GoldenStatus": "accept",
    "State": "accept",
    "ci_refusal": "accept",
    "may_write": "accept",
    "orphans": "accept",
    "read_golden": "store",
    "remove_golden": "store",
    "status_of": "accept",
    "write_golden": "store",
}

__all__ = [
    "Accept",
    "Golden",
    "GoldenKey",
    "GoldenStatus",
    "State",
    "ci_refusal",
    "may_write",
    "orphans",
    "read_golden",
    "remove_golden",
    "status_of",
    "write_golden",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
