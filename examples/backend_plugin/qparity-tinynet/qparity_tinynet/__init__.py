"""tinynet, an engine for small networks in NumPy, and the plugin that judges on it."""

__version__ = "1.0"
