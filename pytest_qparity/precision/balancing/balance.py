"""What a recipe asks of the float model ahead of quantization."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Balance"]


@dataclass(frozen=True, slots=True)
class Balance:
    """`equalize`: scales of channels between pairs of products. `smooth`: the strength α with which outliers of
    activations go into weights, None where they stay. `smooth_mul`: whether a Mul is put where nothing takes them."""

    equalize: bool = False
    smooth: float | None = None
    smooth_mul: bool = False

    @property
    def changes_model(self) -> bool:
        return self.equalize or self.smooth is not None
