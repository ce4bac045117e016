"""All seeded mutants of the reference, and those that compute the same as the original, with the reason."""

from __future__ import annotations

from tests.quantmath.affine_mutants import INTEGER_AFFINE, INTEGER_PARAMETERS, OPERATOR_TYPES, PACKING
from tests.quantmath.float_mutants import BLOCKS, BNB4, FLOAT_FORMATS
from tests.quantmath.mutant import Mutant
from tests.quantmath.product_mutants import GRAPH_REWRITES, INTEGER_COMPUTE, REQUANTIZATION
from tests.quantmath.range_mutants import ENTROPY, MEASURES, RANGES

MUTANTS = (
    *INTEGER_AFFINE,
    *INTEGER_PARAMETERS,
    *OPERATOR_TYPES,
    *PACKING,
    *INTEGER_COMPUTE,
    *REQUANTIZATION,
    *GRAPH_REWRITES,
    *FLOAT_FORMATS,
    *BLOCKS,
    *BNB4,
    *RANGES,
    *ENTROPY,
    *MEASURES,
)

EQUIVALENT = (
    # Every tie is within the doubt, and decided again in rational numbers.
    Mutant(
        "half up for half to even in an estimate",
        "requantize:_rint_of_ratio",
        "np.rint(estimate)",
        "np.floor(estimate + 0.5)",
        "requantization",
        "test_a_tie_is_found_where_the_multiplier_is_no_float",
    ),
    # ml_dtypes' casts from int64 to 4 and 2 bits keep the low bits, which are the code in two's complement.
    Mutant(
        "the sign left to the cast",
        "packing:unpack",
        "np.where(bits > type.highest, bits - type.levels, bits)",
        "bits",
        "packing",
        "test_unpack_gives_back_what_was_packed",
    ),
)
