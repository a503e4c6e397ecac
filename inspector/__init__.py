"""A local webhook tunnel and inspector."""

__version__ = "0.1.0"
