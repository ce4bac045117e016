"""From an ONNX file to a plan: network, parser, configuration, build."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import tensorrt as trt

from pytest_qparity.backends.trt.failures import not_loaded, quoted
from pytest_qparity.backends.trt.versions import major, network_flags

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.backends.shapes import InputShapes
    from pytest_qparity.backends.trt.log import Log
    from pytest_qparity.backends.trt.progress import Progress
    from pytest_qparity.backends.trt.settings import BuildSettings
    from pytest_qparity.backends.trt.timing_cache import TimingCacheFile

_DYNAMIC = -1


def built(model: Path, settings: BuildSettings, log: Log, timings: TimingCacheFile | None, progress: Progress) -> bytes:
    """The plan of `model`. Raises CannotJudge where TensorRT refuses the file or finds no engine for it."""
    mark = log.mark()
    builder = trt.Builder(log)
    network = builder.create_network(network_flags())
    _parse(model, network, log)
    config = builder.create_builder_config()
    config.progress_monitor = progress
    _configure(config, settings)
    _add_profile(builder, network, config, settings)
    if timings is not None:
        timings.give_to(config)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise not_loaded(
            f"no engine of {model.name} ({progress}): {quoted(mark.errors())}",
            "build one",
            f"{_lint(model)}; trtexec --onnx={model.name} shows the same outside of this project",
        )
    if timings is not None:
        timings.take_from(config)
    return bytes(plan)


def _parse(model: Path, network: trt.INetworkDefinition, log: Log) -> None:
    """From the file itself, so that TensorRT finds its external data beside it."""
    parser = trt.OnnxParser(network, log)
    if parser.parse_from_file(str(model)) and parser.num_errors == 0:
        return
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    raise not_loaded(
        f"{len(errors)} errors of its ONNX parser from {model.name}: {quoted([_described(each) for each in errors])}",
        "take every node",
        f"{_lint(model)}, which names rule and remedy",
    )


def _lint(model: Path) -> str:
    return f"qparity lint {shlex.quote(model.name)} --target trt{major()}"


def _described(error: trt.ParserError) -> str:
    where = f"node {error.node_name()} ({error.node_operator()})" if error.node_name() else f"node {error.node()}"
    return f"{where}: {' '.join(error.desc().split())}"


def _configure(config: trt.IBuilderConfig, settings: BuildSettings) -> None:
    for flag, wanted in ((trt.BuilderFlag.TF32, settings.tf32), (trt.BuilderFlag.STRICT_NANS, settings.strict_nans)):
        if wanted:
            config.set_flag(flag)
        else:
            config.clear_flag(flag)
        if config.get_flag(flag) is not wanted:
            raise not_loaded(
                f"a configuration with {flag.name} {_switch(not wanted)}",
                f"be {_switch(wanted)} as asked",
                "see whether this release of TensorRT lets it be chosen",
            )
    config.clear_flag(trt.BuilderFlag.REFIT)
    config.clear_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
    config.builder_optimization_level = settings.optimization_level
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # without it the inspector tells names alone
    if settings.workspace_mb is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, settings.workspace_mb * 10**6)


def _switch(is_on: bool) -> str:
    return "on" if is_on else "off"


def _add_profile(
    builder: trt.Builder, network: trt.INetworkDefinition, config: trt.IBuilderConfig, settings: BuildSettings
) -> None:
    """One optimization profile over the shapes in which the case feeds its open inputs."""
    profile = builder.create_optimization_profile()
    is_open = False
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        if tensor.is_shape_tensor:
            raise not_loaded(
                f'input "{tensor.name}", whose values decide upon shapes',
                "get such values as constants",
                "make them constants of the file: an optimization profile over values is not supported",
            )
        declared = sizes_of(tensor.shape)
        if _DYNAMIC in declared:
            is_open = True
            _set_shapes(profile, tensor.name, declared, settings.shapes.get(tensor.name))
    if is_open and config.add_optimization_profile(profile) < 0:
        wanted = ", ".join(f"{name} {shapes}" for name, shapes in settings.shapes.items())
        raise not_loaded(
            f"a refusal of the optimization profile {wanted}",
            "take the shapes of the case",
            "feed shapes that the model's inputs can have at once",
        )


def _set_shapes(
    profile: trt.IOptimizationProfile, name: str, declared: tuple[int, ...], shapes: InputShapes | None
) -> None:
    if shapes is None:
        raise not_loaded(
            f'input "{name}" of shape {declared} without shapes to build for',
            "know them from the case's data",
            "see that the test data have this input, in one rank",
        )
    for sizes in (shapes.least, shapes.greatest):
        if len(sizes) != len(declared) or any(
            size not in (_DYNAMIC, got) for size, got in zip(declared, sizes, strict=True)
        ):
            raise not_loaded(
                f'shape {sizes} for input "{name}"', f"get {declared}, -1 for any", "feed what the model declares"
            )
    profile.set_shape(name, trt.Dims(shapes.least), trt.Dims(shapes.usual), trt.Dims(shapes.greatest))


def sizes_of(dims: trt.Dims) -> tuple[int, ...]:
    return tuple(dims[index] for index in range(len(dims)))
