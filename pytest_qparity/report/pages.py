"""Pages of HTML from the templates beside this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.report.text import one_line

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["page_environment"]


def page_environment() -> Environment:
    """Names in a ledger or a model may be anyone's: all of them are escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pytest_qparity.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["one_line"] = one_line
    return environment
