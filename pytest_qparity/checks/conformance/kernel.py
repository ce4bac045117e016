"""A kernel under test: an operator or fused pattern with its types, granularity and opset, and examples of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from pytest_qparity.checks.conformance.example import Example

__all__ = ["Kernel"]

_ID = re.compile(r"[a-z0-9_]+(-[a-z0-9_]+)*-opset\d+")


@dataclass(frozen=True, slots=True)
class Kernel:
    """`operator` and `types` are its row and column in the report; `examples` makes the strategy that draws them.

    `is_pattern`: several nodes that an engine may rewrite into others, so that every level of its optimizer is tried.
    """

    id: str
    operator: str
    types: str
    opset: int
    examples: Callable[[], SearchStrategy[Example]]
    is_pattern: bool = False

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id) or not self.id.endswith(f"-opset{self.opset}"):
            raise ValueError(f'got kernel "{self.id}", should be words joined by "-" that end in opset{self.opset}')
