"""What a case may say of how an engine is built and run, for engines that let it be said. None: its own default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """`workspace_mb` (10**6 bytes): what a kernel may use while it runs, at most. `optimization_level`: 0 to 5, how
    long an engine builder looks for faster kernels. `strict_nans`: 0·x, x − x and x/x are computed rather than folded.
    `cuda_graphs`: runs of one shape are recorded once and replayed."""

    workspace_mb: int | None = None
    optimization_level: int | None = None
    strict_nans: bool | None = None
    cuda_graphs: bool | None = None

    @property
    def stated(self) -> tuple[str, ...]:
        """Names of those that are asked for."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name) is not None)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def require_taken(backend: str, taken: tuple[str, ...], options: EngineOptions) -> None:
    """Raises CannotJudge where a backend is asked for what it does not take: it would be left out in silence."""
    too_many = [name for name in options.stated if name not in taken]
    if too_many:
        should = f"some of {', '.join(taken)}" if taken else "none"
        raise CannotJudge(
            Failure(
                Code.BACKEND_LOAD,
                f'Backend "{backend}" got the engine options {", ".join(too_many)}, should get {should}.',
                f"take them out of [backends.{backend}]",
            )
        )


def engine_options(told: Mapping[str, Any]) -> EngineOptions:
    """What `as_json` gave, after its way through a process border."""
    return EngineOptions(**told)
