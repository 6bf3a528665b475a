"""What is held back of an attempt until it is sure to answer: providers send their prelude before they fail."""

import msgspec

from turnout.dialects.dialect import Delivery
from turnout.errors import Broken

PRELUDE_LIMIT = 64 * 1024
"""Bytes of a stream that may be held; one that says more than this without content is committed to."""

WHOLE_LIMIT = 64 * 1024 * 1024
"""Bytes a whole answer may have, since all of it is held: images in base64 are megabytes, a provider gone wild is gigabytes."""


class Hold(msgspec.Struct, eq=False):
    """One attempt's answer up to its commit point: a stream's first content, a whole answer's clean end.

    ``stream`` False for a stream that is to be checked, too: all of it is held.
    """

    delivery: Delivery
    stream: bool
    held: list[bytes] = []
    size: int = 0

    def feed(self, chunk: bytes) -> bool:
        """Take what came; True once the answer may be committed to.

        Raises:
            ProviderFault: it is no answer.
        """
        out = self.delivery.feed(chunk)
        if out:
            self.held.append(out)
        if self.stream:
            self.size += len(out)
            return self.delivery.seen.content or self.size > PRELUDE_LIMIT
        self.size += len(chunk)
        if self.size > WHOLE_LIMIT:
            raise Broken(f"a whole answer larger than {WHOLE_LIMIT} bytes")
        return False

    def end(self) -> None:
        """The upstream's body ended cleanly, which commits as well as content does.

        Raises:
            ProviderFault: it ended too early, or is no answer.
        """
        self.held.append(self.delivery.end())

    def peek(self) -> bytes:
        """What is held."""
        return b"".join(self.held)

    def release(self) -> bytes:
        """What was held, once."""
        held, self.held = b"".join(self.held), []
        return held
