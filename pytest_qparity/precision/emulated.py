"""What a backend runs in the place of a variant that it does not compute in: the same rounding by float operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.precision.variants import Variant, Workshop, versions

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["emulated_variant"]

VERSION = 3  # raise it when lowering makes another file
_LOWER = "pytest_qparity.precision.lowering:lower"


def emulated_variant(variant: Variant, emulated: Collection[str], workshop: Workshop) -> Variant:
    """The variant with every type of the `emulated` precisions lowered to float32 operators, through the cache.

    Its recipe says of which file it is, and how many nodes were lowered by type (`lowered`). Raises CannotJudge where a
    node cannot be lowered.
    """
    bases = sorted(emulated)
    how = {"method": "emulate", "base": variant.base, "types": bases, "version": VERSION}
    key = {"model": variant.digest, "recipe": how, "makers": versions()}

    def write(target: Path) -> tuple[str, ...]:
        arguments = {
            "model": str(variant.path.absolute()),
            "target": str(target.absolute()),
            "precision": variant.precision,
            "base": variant.base,
            "emulated": bases,
        }
        work = f"Emulating {variant.precision}"
        found = workshop.worker.call(_LOWER, arguments, {}, work, workshop.worker.limits.calibration).value
        return tuple(f"{kind}={count}" for kind, count in found.items())

    cached = workshop.cache.get_or_make(key, write)
    lowered = {kind: int(count) for kind, _, count in (note.rpartition("=") for note in cached.notes)}
    recipe = {**how, "of": variant.digest, "lowered": lowered}
    return Variant(cached.path, cached.digest, variant.precision, variant.base, False, recipe, cached.external)
