from __future__ import annotations

import pytest

from pytest_qparity.backends.registry import backend_table
from pytest_qparity.scale.resources import Resources, parse_resources, resources_for

BACKENDS = backend_table()


def test_what_a_session_states_wins_over_the_case_and_both_over_what_a_backend_needs() -> None:
    stated = parse_resources(["trt:gpu=2,cpu=4"], BACKENDS)["trt"]
    of_case = {"gpu": 1, "accelerator": "H100", "memory_mb": 8000.0}

    assert resources_for(BACKENDS["trt"], of_case, stated, 500.0) == Resources(4, 2, "H100", 8000.0)
    assert resources_for(BACKENDS["ort-cuda"], {}, {}, 500.0) == Resources(cpu=1, gpu=1, memory_mb=500.0)
    assert resources_for(BACKENDS["ort"], {}, {}, None) == Resources()


def test_demands_are_in_the_units_of_ray() -> None:
    assert Resources(2, 1, "H100", 1.5).demands() == {
        "CPU": 2,
        "GPU": 1,
        "memory": 1_500_000,
        "accelerator_type:H100": 0.001,
    }


@pytest.mark.parametrize(
    "text",
    [
        *("trt", "trt:", "tensorrt:gpu=1", "trt:gpus=1", "trt:gpu=0.5", "trt:gpu=-1", "trt:gpu"),
        *("trt:memory_mb=nan", "trt:memory_mb=0", "trt:accelerator=", "trt:cpu=99999"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^got .* should be "):
        parse_resources([text], BACKENDS)
