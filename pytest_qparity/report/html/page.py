"""The templates of the report, and what they need of names: none of them can be markup, or turn what follows round."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_qparity.report.pages import page_environment
from pytest_qparity.report.text import one_line, printable_lines

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["page"]

_LINK = re.compile(r"(?P<run>[\w.~-]+)::(?P<check>\w+)")


def page(**parts: Any) -> str:
    """The page; the digest of its one script is in its policy, so that a browser runs no other."""
    from markupsafe import Markup

    environment = page_environment()
    environment.filters |= {"name": _name, "linked": _linked, "printable_lines": printable_lines}
    script = environment.get_template("report/sort.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report/page.html").render(**parts, script=Markup(script), script_digest=digest)


def _name(text: Any) -> Markup:
    """A name of anyone's on one line, isolated: what is written from right to left must not reorder what stands beside
    it (UAX #9; HTML's bdi)."""
    from markupsafe import Markup, escape

    shown = one_line(str(text))
    return escape(shown) if shown.isascii() else Markup(f"<bdi>{escape(shown)}</bdi>")  # ASCII turns nothing round


def _linked(sentence: str, anchors: Mapping[str, str]) -> Markup:
    """A sentence of advice; `run::check` leads to that run."""
    from markupsafe import Markup, escape

    text, done, end = one_line(sentence), Markup(""), 0
    for found in _LINK.finditer(text):
        if found["run"] in anchors:
            link = Markup('<a href="#{}">{}</a>').format(anchors[found["run"]], found[0])
            done += escape(text[end : found.start()]) + link
            end = found.end()
    return done + escape(text[end:])
