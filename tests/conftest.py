"""What tests of any folder may ask for."""

from tests.support.postgres import postgres, store_url

__all__ = ["postgres", "store_url"]
