"""The recording fakes refuse what the stub refuses: else what runs on them would prove nothing."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.contract.fakes import STUBS, Recorder, fake, made_inside

RELEASES = ("10.16", "11.4")


@pytest.fixture(params=RELEASES)
def bindings(request: pytest.FixtureRequest) -> tuple[ModuleType, Recorder]:
    return fake(STUBS / request.param / "tensorrt/__init__.pyi", "tensorrt")


def test_numbers_of_enumerations_are_those_of_the_bindings(bindings: tuple[ModuleType, Recorder]) -> None:
    trt, _ = bindings

    assert trt.ILogger.Severity.INTERNAL_ERROR < trt.ILogger.Severity.ERROR < trt.ILogger.Severity.WARNING
    assert trt.ILogger.ERROR is trt.ILogger.Severity.ERROR
    assert (trt.DataType.FLOAT.name, int(trt.DataType.FLOAT)) == ("FLOAT", 0)


def test_a_call_is_recorded_by_the_names_of_its_arguments(bindings: tuple[ModuleType, Recorder]) -> None:
    trt, recorder = bindings
    builder = trt.Builder(trt.Logger())

    network = builder.create_network(2)

    assert recorder.of("Builder.create_network") == [{"flags": 2}]
    assert isinstance(network, trt.INetworkDefinition)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(
            lambda trt, config: config.set_the_flag(trt.BuilderFlag.TF32), AttributeError, id="no such method"
        ),
        pytest.param(lambda trt, config: trt.BuilderFlag.TF33, AttributeError, id="no such member"),
        pytest.param(lambda trt, config: trt.CudaEngine, AttributeError, id="no such class"),
        pytest.param(lambda trt, config: config.set_flag(), TypeError, id="an argument too few"),
        pytest.param(lambda trt, config: config.set_flag(trt.BuilderFlag.TF32, 1), TypeError, id="one too many"),
        pytest.param(lambda trt, config: config.set_flag(flags=trt.BuilderFlag.TF32), TypeError, id="by a wrong name"),
        pytest.param(lambda trt, config: config.set_flag("TF32"), TypeError, id="text for an enumeration"),
        pytest.param(lambda trt, config: config.set_flag(trt.DataType.INT8), TypeError, id="another enumeration"),
        pytest.param(lambda trt, config: config.create_timing_cache(3), TypeError, id="a number for a buffer"),
        pytest.param(lambda trt, config: trt.IBuilderConfig(), TypeError, id="a class without a constructor"),
        pytest.param(lambda trt, config: setattr(config, "tf32", True), AttributeError, id="no such attribute"),
        pytest.param(
            lambda trt, config: setattr(config, "num_optimization_profiles", 1), AttributeError, id="read only"
        ),
        pytest.param(
            lambda trt, config: setattr(config, "profiling_verbosity", "detailed"), TypeError, id="wrong type"
        ),
    ],
)
def test_what_the_stub_refuses_raises(bindings: tuple[ModuleType, Recorder], call: object, error: type) -> None:
    trt, _ = bindings

    with pytest.raises(error):
        call(trt, made_inside(trt.IBuilderConfig))  # type: ignore[operator]


def test_a_subclass_that_does_not_construct_its_base_is_taken_nowhere(bindings: tuple[ModuleType, Recorder]) -> None:
    trt, _ = bindings

    class Forgetful(trt.ILogger):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            self.messages: list[str] = []

    with pytest.raises(TypeError, match="no overload"):
        trt.Builder(Forgetful())


def test_only_ten_has_flags_of_precision() -> None:
    ten, eleven = (fake(STUBS / release / "tensorrt/__init__.pyi", "tensorrt")[0] for release in RELEASES)

    assert hasattr(ten.BuilderFlag, "FP16")
    assert not hasattr(eleven.BuilderFlag, "FP16")
