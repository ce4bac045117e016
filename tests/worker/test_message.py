from __future__ import annotations

import pytest

from pytest_qparity.worker.message import said_by


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(ValueError("one line"), 'ValueError: "one line"', id="one line"),
        pytest.param(ValueError("\n  first  \nsecond"), 'ValueError: "first"', id="the first line that says anything"),
        pytest.param(RuntimeError(), "RuntimeError", id="nothing said"),
        pytest.param(
            RuntimeError(
                "Exception from src/inference/core.cpp:84:\nCheck 'false' failed at src/report.cpp:151:\n"
                "FrontEnd API failed with OpConversionFailure:\nModel wasn't converted.\nSummary:\n"
                "-- No rule for: Foo\n\n"
            ),
            'RuntimeError: "Model wasn\'t converted. -- No rule for: Foo"',
            id="OpenVINO's cause stands last",
        ),
        pytest.param(
            RuntimeError("Exception from src/inference/core.cpp:84:"),
            'RuntimeError: "Exception from src/inference/core.cpp:84:"',
            id="OpenVINO says only where",
        ),
    ],
)
def test_what_an_engine_said_is_one_line(error: Exception, said: str) -> None:
    assert said_by(error) == said


def test_a_long_message_keeps_its_begin_and_its_end() -> None:
    said = said_by(ValueError("begin " + "x" * 5000 + " end"))

    assert len(said) < 400
    assert said.startswith('ValueError: "begin ')
    assert said.endswith(' end"')
