"""What was asked and answered, where a route keeps it (PRODUCT B1). Nowhere but in a worker's memory is it readable without the key."""

from typing import Literal

import msgspec

Keeping = Literal["none", "redacted", "full"]


class Content(msgspec.Struct, frozen=True, tag="content", gc=False):
    """One request's content: ``sealed`` is encrypted with the key called ``key``. ``at`` is unix seconds of the request's arrival."""

    request_id: str
    at: float
    keeping: Keeping
    key: str
    sealed: bytes
