"""The lean upstream HTTP client: target -> pool -> dial -> connection -> response."""

from turnout.providers.transport.client import HttpTransport

__all__ = ["HttpTransport"]
