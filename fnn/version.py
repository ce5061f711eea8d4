"""The version, apart from the package so that a build can read it without NumPy."""

__version__ = "0.1.0"
