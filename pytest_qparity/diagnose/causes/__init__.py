"""Measured values in, suspects with causes, numbers and suggested keys out."""
