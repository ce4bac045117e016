"""Constants of a graph while scales are moved through them: in float64, each node with its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

    from pytest_qparity.precision.balancing.joints import Joint, Operand
    from pytest_qparity.precision.placement.writer import Writer

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Constants"]


class Constants:
    """What operands hold by now. Rounded to float32 once, when all is done (`write`)."""

    def __init__(self) -> None:
        self._held: dict[tuple[ir.Node, int], Array] = {}

    def of(self, operand: Operand) -> Array:
        key = operand.node, operand.index
        if key not in self._held:
            self._held[key] = operand.array.astype(np.float64)
        return self._held[key]

    def largest(self, operand: Operand) -> Array:
        """max |w| of each channel."""
        channels: Array = np.abs(operand.by_channel(self.of(operand))).max(axis=1)
        return channels

    def move(self, joint: Joint, scale: Array) -> None:
        """What gives the joint's tensor is divided by `scale`, channel by channel, and what reads it multiplied."""
        for giver in joint.givers:
            self._held[giver.node, giver.index] = giver.scaled(self.of(giver), 1.0 / scale)
        self.multiply(joint.readers, np.repeat(scale, joint.inner))

    def multiply(self, readers: tuple[Operand, ...], scale: Array) -> None:
        for reader in readers:
            self._held[reader.node, reader.index] = reader.scaled(self.of(reader), scale)

    def write(self, writer: Writer, graph: ir.Graph) -> None:
        """Give each node what it holds: as constants of its own, since others may read the ones it had."""
        for (node, index), array in self._held.items():
            before = node.inputs[index]
            assert before is not None
            if not np.array_equal(array, before.const_value.numpy() if before.const_value is not None else ()):
                name = f"{before.name}_balanced"
                node.replace_input_with(index, writer.constant(name, array.astype(np.float32), graph))
