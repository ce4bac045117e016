"""The version of this package, apart from what its `__init__` gives: workers state it before anything is imported."""

__version__ = "0.1.0"
