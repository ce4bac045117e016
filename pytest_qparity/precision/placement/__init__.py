"""Placement: which tensors of a float model are quantized, for which engine, and the Q/DQ nodes that say so."""
