"""A credential's room in token buckets: requests and tokens per minute, configured or told by the provider.

A bucket fills evenly and holds a minute's worth: that is how OpenAI and Anthropic count, and never more than a fixed window allows
over two of them. ``now`` is steady seconds. Amounts are reserved before a call and settled after it, once.
"""

import msgspec

from turnout.live.ratelimit_headers import Left, Told

MINUTE = 60.0

BELIEVED = 60.0
"""Seconds for which a bucket is kept that the provider told of and the policy did not: what says no more may hold no more."""


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """``level`` as of ``at``; below zero is debt. Fills by ``rate`` a second up to ``capacity``. ``told_at`` None: configured."""

    capacity: float
    rate: float
    level: float
    at: float
    told_at: float | None = None


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What one call takes: tokens in and out, estimated when it is reserved, counted when it is settled."""

    input: int
    output: int


class Quota(msgspec.Struct, frozen=True, gc=False):
    """A credential's buckets; None where no limit is known. ``tokens`` counts both ways together."""

    requests: Bucket | None = None
    tokens: Bucket | None = None
    input: Bucket | None = None
    output: Bucket | None = None


UNLIMITED = Quota()


def configured(
    now: float,
    *,
    rpm: float | None = None,
    tpm: float | None = None,
    input_tpm: float | None = None,
    output_tpm: float | None = None,
) -> Quota:
    """Full buckets of so much a minute. With N workers each is given its N-th part."""
    return Quota(*(_full(limit, now) for limit in (rpm, tpm, input_tpm, output_tpm)))


def wait_for(quota: Quota, claim: Claim, now: float) -> float:
    """Seconds until every bucket has room for the claim; 0: now. A claim larger than a bucket waits for a full one, not for ever."""
    if quota is UNLIMITED:
        return 0.0
    return max(
        _wait(quota.requests, 1, now),
        _wait(quota.tokens, claim.input + claim.output, now),
        _wait(quota.input, claim.input, now),
        _wait(quota.output, claim.output, now),
    )


def reserve(quota: Quota, claim: Claim, now: float) -> Quota:
    """Take the claim, room or not: whether to wait is the caller's to decide."""
    if quota is UNLIMITED:
        return quota
    return _moved(quota, 1, claim.input, claim.output, now)


def settle(quota: Quota, claim: Claim, used: Claim | None, now: float) -> Quota:
    """Give back what was claimed beyond what was ``used``, or take what was used beyond it. None: the call was never sent.

    What the provider told of it settles itself: its next word counts this call as it counts.
    """
    if quota is UNLIMITED:
        return quota
    if used is None:
        return _moved(quota, -1, -claim.input, -claim.output, now, ours_only=True)
    return _moved(quota, 0, used.input - claim.input, used.output - claim.output, now, ours_only=True)


def learn(quota: Quota, told: Told, now: float) -> Quota:
    """What the provider says is left. It knows of other workers and other users: it lowers ours, and never raises it."""
    learnt = Quota(
        _learn(quota.requests, told.requests, now),
        _learn(quota.tokens, told.tokens, now),
        _learn(quota.input, told.input, now),
        _learn(quota.output, told.output, now),
    )
    return UNLIMITED if learnt == UNLIMITED else learnt


def _full(per_minute: float | None, now: float) -> Bucket | None:
    return None if per_minute is None else Bucket(per_minute, per_minute / MINUTE, per_minute, now)


def level(bucket: Bucket, now: float) -> float:
    """What is in it."""
    return min(bucket.capacity, bucket.level + bucket.rate * max(0.0, now - bucket.at))


def _wait(bucket: Bucket | None, amount: float, now: float) -> float:
    if bucket is None or (bucket.told_at is not None and now - bucket.told_at > BELIEVED):
        return 0.0
    missing = min(amount, bucket.capacity) - level(bucket, now)
    return missing / bucket.rate if missing > 0.0 else 0.0


def _moved(quota: Quota, requests: int, tokens_in: int, tokens_out: int, now: float, *, ours_only: bool = False) -> Quota:
    def taken(bucket: Bucket | None, amount: int) -> Bucket | None:
        if bucket is None or amount == 0 or (ours_only and bucket.told_at is not None):
            return bucket
        left = min(bucket.capacity, level(bucket, now) - amount)
        return Bucket(bucket.capacity, bucket.rate, left, max(now, bucket.at), bucket.told_at)

    return Quota(
        taken(quota.requests, requests),
        taken(quota.tokens, tokens_in + tokens_out),
        taken(quota.input, tokens_in),
        taken(quota.output, tokens_out),
    )


def _learn(bucket: Bucket | None, left: Left | None, now: float) -> Bucket | None:
    if left is None:
        return bucket if bucket is None or bucket.told_at is None or now - bucket.told_at <= BELIEVED else None
    if bucket is not None and bucket.told_at is None:
        lower = min(level(bucket, now), left.remaining)
        return Bucket(bucket.capacity, bucket.rate, lower, max(now, bucket.at))
    if 2 * left.remaining >= left.limit:
        return None  # more than half is left: nobody is near this limit
    known = left.remaining if bucket is None else min(level(bucket, now), left.remaining)
    rate = (left.limit - left.remaining) / left.reset if left.reset else left.limit / MINUTE
    return Bucket(left.limit, rate, known, now, now)
