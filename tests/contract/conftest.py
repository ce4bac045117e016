from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.machine import Machine, doubling, machine, model_file

RELEASES = ("10.16", "11.4")


@pytest.fixture(params=RELEASES)
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with each of the releases in turn, whose engine doubles its input."""
    made = machine(request.param, monkeypatch)
    made.engine = doubling()
    made.answers |= {
        "INetworkDefinition.num_inputs": 1,
        "INetworkDefinition.get_input": lambda _, index: made.tensor("x", (-1, 3)),
    }
    return made


@pytest.fixture
def load(gpu: Machine, tmp_path: Path) -> Callable[..., Any]:
    """Load the model, or another file, into a session; options as named."""
    from pytest_qparity.backends.protocol import SessionOptions
    from pytest_qparity.backends.shapes import InputShapes
    from pytest_qparity.backends.trt.backend import Tensorrt

    backend = Tensorrt()
    shapes = {"x": InputShapes((1, 3), (4, 3), (4, 3))}

    def loaded(file: Path | None = None, **options: Any) -> Any:
        asked = SessionOptions(**{"shapes": shapes, **options})
        return backend.load(model_file(tmp_path) if file is None else file, asked)

    return loaded
