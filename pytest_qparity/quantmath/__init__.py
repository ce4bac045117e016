"""Quantization arithmetic in plain NumPy: the judge, which shares no code with what it judges."""

from __future__ import annotations

from pytest_qparity.quantmath.measures import cosine, nrmse, sqnr_db

__all__ = ["cosine", "nrmse", "sqnr_db"]
