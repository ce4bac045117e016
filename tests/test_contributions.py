"""Answers to hooks: what is nonsense is refused with the plugin that gave it. Real plugins of a real plugin manager."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_qparity import BackendSpec, DataSource, NamedPrecision, ReportSection, hookspecs
from pytest_qparity.contributions import answers, contributed_to, sections_of
from pytest_qparity.selection import SelectionError, known_precisions

PRECISION = NamedPrecision("acme-int8", "int8")


def config_with(**plugins: Any) -> pytest.Config:
    """With a plugin for each keyword; its value answers the hook that the value's kind belongs to."""
    manager = pytest.PytestPluginManager()
    manager.add_hookspecs(hookspecs)
    for name, hooks in plugins.items():
        plugin = ModuleType(name)
        vars(plugin).update(hooks)
        manager.register(plugin, name)
    return SimpleNamespace(pluginmanager=manager)  # type: ignore[return-value]


def giving(hook: str, answer: Any) -> dict[str, Any]:
    def implementation() -> Any:
        return answer() if callable(answer) else answer

    return {f"pytest_qparity_{hook}": implementation}


def test_answers_of_all_plugins_are_joined_those_of_the_last_one_first() -> None:
    other = NamedPrecision("b-int8", "int8")
    hub = DataSource("acme-hub", "a:b")
    config = config_with(
        one=giving("precisions", [PRECISION]) | giving("data", [hub]), two=giving("precisions", (other,)), three={}
    )

    contributed = contributed_to(config)

    assert list(contributed.precisions.values()) == [other, PRECISION]
    assert contributed.data == {"acme-hub": hub}
    assert known_precisions(["acme-int8-mixed", "int8"], contributed) == ("acme-int8-mixed", "int8")


@pytest.mark.parametrize(
    ("hook", "answer", "got"),
    [
        ("precisions", PRECISION, "got NamedPrecision (NamedPrecision(name='acme-int8'"),
        ("precisions", ["acme-int8"], "got a list with str ('acme-int8') from"),
        ("precisions", lambda: 1 / 0, "got ZeroDivisionError (division by zero) from"),
        ("precisions", lambda: [NamedPrecision("Acme", "int8")], "got precision name 'Acme', should be lower-case"),
        ("precisions", [NamedPrecision("acme", "int9")], 'got base "int9" of the precision "acme", should be one of: '),
        ("precisions", [NamedPrecision("int8-acme", "int8")], '"int8-acme", should not begin with "int8"'),
        ("data", {"acme-hub": "a:b"}, "got dict ({'acme-hub': 'a:b'}) from"),
        ("report_sections", [ReportSection], "got a list with type"),
        ("backends", BackendSpec("mine", "a:B"), "got BackendSpec ("),
    ],
)
def test_nonsense_is_refused_with_who_gave_it(hook: str, answer: Any, got: str) -> None:
    config = config_with(fine=giving("precisions", [PRECISION]), acme=giving(hook, answer))

    asked = {
        "report_sections": lambda: sections_of(config),
        "backends": lambda: answers(config, "pytest_qparity_backends", BackendSpec),
    }
    with pytest.raises(SelectionError) as caught:
        asked.get(hook, lambda: contributed_to(config))()

    text = str(caught.value)
    assert got in text
    assert f"pytest_qparity_{hook} of acme" in text
    assert ", should " in text


def test_two_of_one_name_are_refused_and_the_same_twice_is_one() -> None:
    once_more = NamedPrecision("acme-int8", "int8")
    assert list(contributed_to(config_with(a=giving("precisions", [PRECISION, once_more]))).precisions) == ["acme-int8"]

    with pytest.raises(SelectionError, match='two precisions named "acme-int8"'):
        contributed_to(config_with(a=giving("precisions", [PRECISION, NamedPrecision("acme-int8", "int4")])))
