"""Variants: the table of precisions, recipes that make them, given files, and their cache."""
