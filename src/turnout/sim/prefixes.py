"""What a provider's prompt cache remembers: the beginnings of conversations it has read."""

import hashlib
from collections import OrderedDict

import msgspec

from turnout.sim.tokens import count_message
from turnout.types.request import Message

LEAST = 256  # tokens; shorter conversations are not worth a cache
ROOM = 4096  # prefixes kept


class Prefixes:
    """Prefixes read lately, over all models."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def read(self, model: str, messages: tuple[Message, ...]) -> int:
        """Tokens of the longest beginning that was read before, the last message never among them; remembers this one."""
        sizes = [count_message(message) for message in messages]
        if sum(sizes) < LEAST:
            return 0
        cached = total = 0
        digest = hashlib.blake2b(model.encode(), digest_size=16)
        for i, (message, size) in enumerate(zip(messages, sizes, strict=True)):
            digest.update(msgspec.msgpack.encode(message))
            total += size
            key = digest.digest()
            if key in self._seen and i < len(messages) - 1:
                cached = total
            self._seen[key] = None
            self._seen.move_to_end(key)
        while len(self._seen) > ROOM:
            self._seen.popitem(last=False)
        return cached
