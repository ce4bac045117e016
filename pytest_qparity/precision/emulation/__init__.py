"""Emulation: types that an engine cannot execute, as plain float32 operators that round exactly alike."""

from pytest_qparity.precision.emulation.lowering import lowered
from pytest_qparity.precision.emulation.tf32 import with_tf32

__all__ = ["lowered", "with_tf32"]
