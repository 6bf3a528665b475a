"""What a slice of time holds: sums of requests, of upstream calls and of tags, each by what people ask about. Pure values.

Money in pico-dollars, exactly; Python's integers do not overflow where a database's would.
"""

import msgspec

from turnout.store.rollups.sketch import Sketch

Period = int
"""Seconds: a minute, an hour or a day. A slice begins at a multiple of its period, in UTC."""


class Key(msgspec.Struct, frozen=True, array_like=True):
    """Which requests: those of one route, served model, task, virtual key (caller) and policy version. None: there was none."""

    route: str | None
    model: str | None
    task: str | None
    caller: str | None
    policy: int


class Cell(msgspec.Struct, array_like=True):
    """Sums over requests. A copy (``copies``: nobody waited for it) is in no other count, but what it cost is in ``cost`` or ``unpriced``.

    ``requests`` = ok + failed + cut + cancelled + rejected + begun. ``unpriced`` requests, served to the end or not, cost something unknown and are in no sum.
    ``baseline`` is what the best model would have cost, ``compared`` what was paid, both over the requests where both are known;
    ``cached`` answers were given again, ``saved`` is what they did not cost. ``graded`` requests have a verdict, ``verdicts`` is the sum of these (0..1 each),
    ``squares`` that of their squares, ``acceptable`` how many are so (feedback.accuracy). ``worth`` sums feedback of kind ``value``. Milliseconds in ``duration`` and
    ``first_token``, microseconds in ``decision``: of the requests that some model served, or failed to, and that have ended.
    """

    requests: int = 0
    ok: int = 0
    failed: int = 0
    cut: int = 0
    cancelled: int = 0
    rejected: int = 0
    begun: int = 0
    copies: int = 0
    fallbacks: int = 0
    cached: int = 0
    unpriced: int = 0
    cost: int = 0
    baseline: int = 0
    compared: int = 0
    saved: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    graded: int = 0
    verdicts: float = 0.0
    squares: float = 0.0
    worth: float = 0.0
    duration: Sketch = Sketch()
    first_token: Sketch = Sketch()
    decision: Sketch = Sketch()
    acceptable: int = 0


class CallKey(msgspec.Struct, frozen=True, array_like=True):
    """Which upstream calls: those of one route to one model; its provider is what is before the first ``/``."""

    route: str | None
    model: str


class Calls(msgspec.Struct, array_like=True):
    """Sums over upstream calls, copies' too. ``faults`` by name; ``unpriced`` calls billed something unknown.

    Tokens that are not text are in ``input`` and ``output``, cache writes of all kinds in ``cache_write``. Milliseconds in the sketches, from
    the call's own start, of the calls without a fault that have ended.
    """

    calls: int = 0
    faults: dict[str, int] = {}
    unpriced: int = 0
    cost: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    duration: Sketch = Sketch()
    first_token: Sketch = Sketch()


class Tag(msgspec.Struct, array_like=True):
    """Sums over the requests that carried a tag (``key=value``); a request is in as many as it has tags."""

    requests: int = 0
    errors: int = 0
    unpriced: int = 0
    cost: int = 0
    graded: int = 0
    verdicts: float = 0.0
    worth: float = 0.0


class Slice(msgspec.Struct, frozen=True, dict=True):
    """A minute, an hour or a day (``period`` seconds from ``start``, unix seconds). ``latest`` is the newest arrival in it.

    Nobody changes what is in it: it is shared, and remembers what it was summed by (store.rollups.sums).
    """

    period: Period
    start: int
    latest: float
    cells: list[tuple[Key, Cell]]
    calls: list[tuple[CallKey, Calls]]
    tags: list[tuple[str, Tag]]
