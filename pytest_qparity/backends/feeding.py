"""A feed is what the model declares, or it is refused: some engines convert, cut or make up what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    Declared = Mapping[str, tuple[np.dtype, Sequence[int | None] | None]]


def require_declared(feed: Mapping[str, np.ndarray], declared: Declared) -> None:
    """Names, types and fixed dimensions of a feed are those of `declared` (None for what it leaves open).

    OpenVINO runs without an input that is missing, casts other types and takes (2, 17) for (N, 16);
    onnx.reference computes in the type it is given and ignores names it does not know. All silently.
    """
    if feed.keys() != declared.keys():
        raise ValueError(f"got inputs {sorted(feed)}, should be {sorted(declared)}")
    for name, (dtype, shape) in declared.items():
        array = feed[name]
        if array.dtype != dtype:
            raise ValueError(f'got input "{name}" as {array.dtype}, should be {dtype}')
        if shape is None:
            continue
        if len(array.shape) != len(shape) or any(
            size is not None and size != got for size, got in zip(shape, array.shape, strict=True)
        ):
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise ValueError(f'got input "{name}" of shape {array.shape}, should be ({wanted})')
