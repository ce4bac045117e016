"""Which layers of a variant lose the accuracy, why, and what would cure it."""
