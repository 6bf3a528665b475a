"""Which model each session is on: a worker's memory, bounded, the oldest forgotten first."""

from collections import OrderedDict

CAPACITY = 100_000
"""Sessions remembered per worker: about 20 MB when full."""


class Sessions:
    """Sessions of one caller are its own: the same id under another key is another session."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._models: OrderedDict[tuple[str | None, str], str] = OrderedDict()

    def get(self, session: str, caller: str | None) -> str | None:
        return self._models.get((caller, session))

    def put(self, session: str, caller: str | None, model: str) -> None:
        self._models[caller, session] = model
        self._models.move_to_end((caller, session))
        if len(self._models) > self._capacity:
            self._models.popitem(last=False)
