"""Every bad file there is, as data: the tests, the tally and the documentation go through this list."""

from __future__ import annotations

from tests.faults.hostile import (
    arithmetic,
    classical,
    contrib,
    control_flow,
    dimensions,
    external_data,
    graphs,
    initializers,
    memory,
    names,
    nesting,
    operators,
    quantization,
    truncation,
    types,
    versions,
)
from tests.faults.hostile.entry import Hostile

CATALOGUE: tuple[Hostile, ...] = (
    *truncation.ENTRIES,
    *dimensions.ENTRIES,
    *graphs.ENTRIES,
    *nesting.ENTRIES,
    *initializers.ENTRIES,
    *external_data.ENTRIES,
    *quantization.ENTRIES,
    *types.ENTRIES,
    *versions.ENTRIES,
    *names.ENTRIES,
    *arithmetic.ENTRIES,
    *operators.ENTRIES,
    *control_flow.ENTRIES,
    *memory.ENTRIES,
    *classical.ENTRIES,
    *contrib.ENTRIES,
)
