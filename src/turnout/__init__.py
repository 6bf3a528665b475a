"""A self-hosted model router: see README.md."""

__version__ = "0.1.0"
