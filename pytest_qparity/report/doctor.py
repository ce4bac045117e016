"""What `qparity doctor` prints: one screen of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_qparity.report.text import one_line

if TYPE_CHECKING:
    from pytest_qparity.gate.doctor import BackendState, Examination

WIDTH = 80
_LABEL = 14


def screen(found: Examination) -> str:
    """Text of at most 80 columns, ending in a newline: backends, then conflicts, then the machine."""
    return "\n".join(line for part in _parts(found) for line in part) + "\n"


def _parts(found: Examination) -> Iterator[list[str]]:
    working = sum(backend.works for backend in found.backends)
    yield [f"{working} of {len(found.backends)} backends work here", ""]
    for backend in found.backends:
        yield _backend(backend)
    for name, groups in found.precisions.items():
        told = "; ".join(f"{group} {' '.join(names)}" for group, names in groups.items() if names)
        yield _row(f"on {name}", told)
    yield [""]
    for conflict in found.conflicts:
        yield _row("CONFLICT", conflict)
    yield _row("CPU", _cpu(found.cpu, found.environment))
    if found.int8_products:
        yield _row("int8 products", found.int8_products)
    yield from ([_row("GPU", _gpu(gpu, found)) for gpu in found.gpus] or [_row("GPU", f"none: {found.no_gpu}")])
    yield _row("hardware", _hardware(found))
    yield _row("Python", f"{found.environment['python']}, {found.environment['system']}")
    libraries: Mapping[str, str] = found.environment["libraries"]
    yield _row("packages", ", ".join(f"{name} {version}" for name, version in libraries.items()))


def _backend(backend: BackendState) -> list[str]:
    if backend.works:
        return _row(backend.name, f"works: {backend.engine}")
    return [*_row(backend.name, f"no: {backend.reason}"), *_row("", f"try: {backend.remedy}")]


def _cpu(cpu: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    features = cpu["features"]
    told = features if isinstance(features, str) else ", ".join(features) or "none of its features matters"
    return f"{cpu['name']} ({told}), {environment['cores']} cores"


def _gpu(gpu: Mapping[str, Any], found: Examination) -> str:
    driver = f"driver {found.driver}, " if found.driver else ""
    return f"{gpu['name']}, compute {gpu['capability']}, {gpu['memory_mb']:,.0f} MB, {driver}CUDA {found.cuda}"


def _hardware(found: Examination) -> str:
    """What budgets of time and energy are written for."""
    gpu = f"; on its GPU {found.gpu_hardware}" if found.gpu_hardware else ""
    return f"{found.environment['hardware']}{gpu}"


def _row(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        one_line(text),
        WIDTH,
        initial_indent=one_line(label).ljust(_LABEL - 1) + " ",
        subsequent_indent=" " * _LABEL,
        break_on_hyphens=False,
    )
