"""Ranges of activations: found from data, kept, read and written."""
