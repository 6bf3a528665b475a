"""What tests of any folder may ask for."""

import os

from hypothesis import settings

from tests.support.postgres import postgres, store_url

__all__ = ["postgres", "store_url"]

settings.register_profile("turnout", deadline=None)  # how long an example takes is the machine's business, and it is shared
settings.register_profile("soak", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "turnout"))
