"""Which TensorRT this is, and what differs between those that are served: the only place that asks."""

from __future__ import annotations

import tensorrt as trt


def major() -> int:
    return int(trt.__version__.split(".", 1)[0])


def network_flags() -> int:
    """Strongly typed: TensorRT 11 has no other networks, 10 has to be asked for them."""
    if major() >= 11:
        return 0
    return 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
