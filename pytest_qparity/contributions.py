"""What plugins and conftest.py files answer to this package's hooks, checked; whoever answers nonsense is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pytest_qparity.selection import SelectionError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from pytest_qparity.case.contributed import Contributed, NamedPrecision
    from pytest_qparity.report.added import ReportSection

__all__ = ["answers", "contributed_to", "sections_of"]

Answer = TypeVar("Answer")
_LONGEST_GOT = 300


def answers(
    config: pytest.Config, hook: str, kind: type[Answer], require: Callable[[Answer], None] = lambda answer: None
) -> tuple[Answer, ...]:
    """All that implementations of a hook give, which are lists of `kind`. Raises SelectionError, with the plugin that
    gave it, at what is none, at what an implementation raises, and where `require` raises ValueError."""
    manager = config.pluginmanager
    plugins = [each.plugin for each in reversed(getattr(manager.hook, hook).get_hookimpls())]
    given: list[Answer] = []
    for plugin in plugins:
        caller = manager.subset_hook_caller(hook, [other for other in plugins if other is not plugin])
        where = f"{hook} of {_named(manager, plugin)}"
        try:
            found = [answer for each in caller(config=config) for answer in _checked(each, kind)]
            for answer in found:
                require(answer)
        except _NoAnswerError as error:
            got = f"{_short(error)} from {where}, should be a list of {kind.__name__}"
            raise SelectionError(got) from None
        except ValueError as error:  # as the types of answers raise it: got X, should be Y
            raise SelectionError(f"{_short(error)}: {where}") from None
        except Exception as error:  # noqa: BLE001  foreign code: a traceback does not say which plugin it is
            got = f"got {type(error).__name__} ({_short(error)}) from {where}, should be a list of {kind.__name__}"
            raise SelectionError(got) from None
        given += found
    return tuple(given)


class _NoAnswerError(Exception):
    """What an implementation gave that is no answer."""


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST_GOT else f"{text[:_LONGEST_GOT]}…"


def _checked(given: object, kind: type[Answer]) -> list[Answer]:
    if not isinstance(given, list | tuple):
        raise _NoAnswerError(f"got {type(given).__name__} ({given!r})")
    wrong = [each for each in given if not isinstance(each, kind)]
    if wrong:
        raise _NoAnswerError(f"got a list with {type(wrong[0]).__name__} ({wrong[0]!r})")
    return list(given)


def _named(manager: pytest.PytestPluginManager, plugin: object) -> str:
    """The file of a conftest.py, or a plugin's name and the distribution that it came with."""
    name = manager.get_name(plugin) or repr(plugin)
    came_with = [dist for each, dist in manager.list_plugin_distinfo() if each is plugin]
    return f"{name} ({came_with[0].project_name} {came_with[0].version})" if came_with else name


def contributed_to(config: pytest.Config) -> Contributed:
    """Precisions and data sources that plugins name. Raises SelectionError at what cannot be."""
    from pytest_qparity.case.contributed import DataSource, NamedPrecision, contributed_by

    precisions = answers(config, "pytest_qparity_precisions", NamedPrecision, _require_sound)
    try:
        return contributed_by(precisions, answers(config, "pytest_qparity_data", DataSource))
    except ValueError as error:
        raise SelectionError(str(error)) from None


def sections_of(config: pytest.Config) -> tuple[ReportSection, ...]:
    """Sections of reports that plugins add. Raises SelectionError at what cannot be."""
    from pytest_qparity.report.added import ReportSection

    return answers(config, "pytest_qparity_report_sections", ReportSection)


def _require_sound(named: NamedPrecision) -> None:
    """Its base is a precision of this package's, and its name is none that a case may give to a variant of its own."""
    from pytest_qparity.case.names import known_list
    from pytest_qparity.precision.table import PRECISIONS, base_of

    if named.base not in PRECISIONS:
        raise ValueError(
            f'got base "{named.base}" of the precision "{named.name}", should be one of: {known_list(PRECISIONS)}'
        )
    own = base_of(named.name, None)
    if own is not None:
        raise ValueError(
            f'got a precision "{named.name}", should not begin with "{own}", as the names do that cases give to their '
            "own variants"
        )
