"""The relations: two ways of running the same samples that a sound session does not tell apart."""

from __future__ import annotations

from enum import StrEnum

from pytest_qparity.verdict import Code


class Relation(StrEnum):
    """What differs between the two ways; the value is the case file's key."""

    REPEAT = "repeat"
    ORDER = "order"
    BATCH = "batch"
    SHAPE = "shape"
    PADDING = "padding"


CODES = {
    Relation.REPEAT: Code.INVARIANCE_REPEAT,
    Relation.ORDER: Code.INVARIANCE_ORDER,
    Relation.BATCH: Code.INVARIANCE_BATCH,
    Relation.SHAPE: Code.INVARIANCE_SHAPE,
    Relation.PADDING: Code.INVARIANCE_PADDING,
}

# Of these a float model may depend for reasons of its own (statistics over the batch, a sum over all positions).
OF_THE_MODEL = frozenset((Relation.BATCH, Relation.PADDING))
