"""What an engine is built with: all that decides upon it besides the file, TensorRT and the GPU."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.shapes import shapes_as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.backends.protocol import SessionOptions
    from pytest_qparity.backends.shapes import InputShapes

OPTIMIZATION_LEVEL = 3  # TensorRT's own default, stated so that a change of it is seen


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """`tf32`: whether float32 products may be rounded to TF32; TensorRT's own default is that they may. `strict_nans`:
    0·x, x − x and x/x are computed rather than folded, which would hide a NaN. `workspace_mb`: None leaves TensorRT's
    own limit, all of the GPU's memory. Refitting and version compatibility are off, as they are by default."""

    tf32: bool = False
    strict_nans: bool = True
    optimization_level: int = OPTIMIZATION_LEVEL
    workspace_mb: int | None = None
    shapes: Mapping[str, InputShapes] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "tf32": self.tf32,
            "strict_nans": self.strict_nans,
            "optimization_level": self.optimization_level,
            "workspace_mb": self.workspace_mb,
            "shapes": shapes_as_json(self.shapes),
        }


def build_settings(options: SessionOptions) -> BuildSettings:
    """CUDA graphs are no part of them: a plan does not depend on how it is run."""
    engine = options.engine
    return BuildSettings(
        tf32=options.tf32,
        strict_nans=engine.strict_nans is not False,
        optimization_level=OPTIMIZATION_LEVEL if engine.optimization_level is None else engine.optimization_level,
        workspace_mb=engine.workspace_mb,
        shapes=options.shapes,
    )


def stated(settings: BuildSettings | None) -> dict[str, str | int]:
    """What an engine was built with, as the facts of a session say it; None: of one that was built elsewhere."""
    if settings is None:
        return {"tf32": "not known", "built": "elsewhere"}
    return {
        "tf32": "on" if settings.tf32 else "off",
        "strict_nans": "on" if settings.strict_nans else "off",
        "strongly_typed": "on",
        "refit": "off",
        "version_compatible": "off",
        "builder_optimization_level": settings.optimization_level,
        "workspace_mb": "all of the GPU" if settings.workspace_mb is None else settings.workspace_mb,
        "profile": ", ".join(f"{name} {shapes}" for name, shapes in settings.shapes.items()) or "none needed",
    }
