"""Which layers of a variant lose the accuracy, why, and what would cure it."""

SAMPLES = 128  # where nobody says: ranges and errors of a layer have settled by then
SHORTLIST = 10  # suspects that are tried, one pass of the variant each
