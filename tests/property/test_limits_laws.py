"""Laws of what bounds the calls to a provider: buckets, calls at once, second tries, silence, and what headers say."""

from hypothesis import given
from hypothesis import strategies as st

from turnout.live import buckets
from turnout.live import silence as silences
from turnout.live.balance import Wait, cost, pick_two, waited
from turnout.live.buckets import Bucket, Claim, Quota, configured, learn, level, reserve, settle, wait_for
from turnout.live.concurrency import CEILING, ROUND, Concurrency, has_room, limit, refused, succeeded
from turnout.live.ratelimit_headers import Left, Told, read_reset, read_told
from turnout.live.retries import FADING, opened, spend
from turnout.live.silence import Silence
from turnout.types.resilience import HealthRules, QuotaRules

EPSILON = 1e-6
pauses = st.floats(0, 10)
amounts = st.integers(0, 500)
lefts = st.builds(lambda limit, part, reset: Left(limit, int(limit * part), reset), st.integers(1, 1000), st.floats(0, 1), st.none() | st.floats(0.01, 100))  # fmt: skip


def whole(quota: Quota) -> list[Bucket]:
    return [bucket for bucket in (quota.requests, quota.tokens, quota.input, quota.output) if bucket]


@given(st.integers(500, 5000), st.lists(st.tuples(pauses, amounts), max_size=80))
def test_a_bucket_lets_no_more_through_than_it_holds_and_what_flows_in(tpm: int, course: list[tuple[float, int]]) -> None:
    """Over any stretch of time: at most a full bucket and what flowed in meanwhile."""
    quota, now, sent = configured(0.0, tpm=tpm), 0.0, []
    for pause, amount in course:
        now += pause
        if wait_for(quota, Claim(amount, 0), now) == 0.0:
            quota = reserve(quota, Claim(amount, 0), now)
            sent.append((now, amount))

    for start, _ in sent:
        passed = sum(amount for at, amount in sent if at >= start)
        assert passed <= tpm + tpm / 60 * (now - start) + EPSILON


@given(
    st.none() | st.integers(1, 500),
    st.none() | st.integers(1, 5000),
    st.lists(st.tuples(pauses, amounts, amounts, st.sampled_from(["reserve", "settle", "undo", "told"]), lefts), max_size=60),
)
def test_buckets_never_overflow_and_waits_are_true(rpm: int | None, tpm: int | None, course: list[tuple]) -> None:
    """No bucket holds more than it can; a claim that waits as long as it was told to has room."""
    quota, now = configured(0.0, rpm=rpm, tpm=tpm), 0.0
    for pause, tokens, used, kind, left in course:
        now += pause
        claim = Claim(tokens, 0)
        match kind:
            case "reserve":
                quota = reserve(quota, claim, now)
            case "settle":
                quota = settle(quota, claim, Claim(used, 0), now)
            case "undo":
                quota = settle(quota, claim, None, now)
            case "told":
                quota = learn(quota, Told(requests=left, input=left), now)
        assert all(level(bucket, now) <= bucket.capacity + EPSILON for bucket in whole(quota))
        wait = wait_for(quota, claim, now)
        assert wait >= 0.0
        assert wait_for(quota, claim, now + wait) <= EPSILON * max(1.0, now)


@given(st.integers(1, 500), st.lists(st.tuples(pauses, lefts), max_size=30))
def test_a_word_never_raises_what_is_configured(rpm: int, course: list[tuple[float, Left]]) -> None:
    """Whatever the provider says, no more is there than without its word, nor more than it says."""
    plain, told, now = configured(0.0, rpm=rpm), configured(0.0, rpm=rpm), 0.0
    for pause, left in course:
        now += pause
        plain = reserve(plain, Claim(0, 0), now)
        told = learn(reserve(told, Claim(0, 0), now), Told(requests=left), now)
        assert plain.requests is not None
        assert told.requests is not None
        assert level(told.requests, now) <= min(level(plain.requests, now), left.remaining) + EPSILON
        assert (told.requests.capacity, told.requests.rate) == (plain.requests.capacity, plain.requests.rate)


@given(st.integers(1, 1000), st.integers(1, 10_000), st.integers(0, 10_000))
def test_settling_is_the_same_as_having_known(tpm: int, claimed: int, used: int) -> None:
    """A claim settled at once leaves what a claim of what was used would have left."""
    quota = configured(0.0, tpm=tpm)

    assert settle(reserve(quota, Claim(claimed, 0), 0.0), Claim(claimed, 0), Claim(used, 0), 0.0) == reserve(
        quota, Claim(used, 0), 0.0
    )


calls = st.lists(st.tuples(st.floats(0, 3), st.integers(0, 20_000), st.booleans()), max_size=100)


@given(calls)
def test_calls_at_once_stay_in_bounds(course: list[tuple[float, int, bool]]) -> None:
    """No limit before a refusal; then 1 to 10,000, never lowered twice within a round trip, never to less than 0.9 of it."""
    concurrency, rules, now, seen = Concurrency(), QuotaRules(), 0.0, False
    lowered = -ROUND
    for pause, in_flight, ok in course:
        now += pause
        before = concurrency.limit
        concurrency = succeeded(concurrency, now, in_flight) if ok else refused(concurrency, now, in_flight)
        seen = seen or not ok
        bound = limit(concurrency, rules, now)
        assert (bound is not None) == seen
        assert bound is None or 1 <= bound <= CEILING
        assert has_room(concurrency, rules, now, 0)
        if before is not None and concurrency.limit is not None and concurrency.limit < before:
            assert now - lowered >= ROUND
            assert concurrency.limit >= 0.9 * before - EPSILON
            lowered = now
        elif before is None and concurrency.limit is not None:
            lowered = now


@given(st.integers(1, 200), st.integers(1, 200))
def test_calls_at_once_come_near_what_is_borne(borne: int, at_first: int) -> None:
    """A provider that refuses more than N at once is asked, N round trips later, for about N at once."""
    concurrency, rules, tail = refused(Concurrency(), 0.0, at_first), QuotaRules(), []
    for second in range(1, 301):
        bound = limit(concurrency, rules, float(second)) or 0
        tail.append(bound)
        if bound > borne:
            concurrency = refused(concurrency, float(second), bound)
        else:
            for _ in range(max(bound, 20)):
                concurrency = succeeded(concurrency, float(second), bound)

    assert all(0.8 * borne - 2 <= bound <= borne + 21 for bound in tail[borne + 60 :])


shares = st.floats(0, 1)


@given(shares, st.floats(0, 5), st.lists(st.tuples(st.floats(0, 30), st.integers(0, 50), st.integers(0, 40)), max_size=60))
def test_second_tries_are_bounded(part: float, floor: float, course: list[tuple[float, int, int]]) -> None:
    """Over any course: no more than the share of the requests, the floor of each second, and the reserve of ten seconds."""
    rules = QuotaRules(retry_share=part, retry_floor=floor)
    budget, now, requests, granted = opened(rules, 0.0), 0.0, 0, 0
    for pause, came, asked in course:
        now += pause
        requests += came
        for number in range(asked):
            budget, may = spend(budget, rules, now, came if number == 0 else 0)
            granted += may
        assert budget.credits >= 0.0
        assert granted <= part * requests + floor * (now + FADING) + EPSILON


@given(st.lists(st.tuples(pauses, st.floats(0, 100)), min_size=1, max_size=50))
def test_a_remembered_wait_is_between_the_last_and_the_longest(course: list[tuple[float, float]]) -> None:
    """Never below the wait just seen, never above the longest ever."""
    wait, now, longest = Wait(), 0.0, 0.0
    for pause, seconds in course:
        now += pause
        longest = max(longest, seconds)
        wait = waited(wait, now, seconds)
        assert wait.seconds is not None
        assert seconds - EPSILON <= wait.seconds <= longest + EPSILON
        assert cost(wait, now, 2) >= cost(wait, now + 1.0, 2) >= 0.0


@given(st.lists(st.floats(0, 10), min_size=2, max_size=20), st.floats(0, 1))
def test_the_dearest_is_never_picked(costs: list[float], chance: float) -> None:
    """One of them, and the strictly dearest never."""
    picked = pick_two(costs, chance)

    assert 0 <= picked < len(costs)
    assert costs[picked] < max(costs) or costs.count(max(costs)) > 1


attempts = st.lists(st.tuples(st.floats(0, 2), st.sampled_from(["begun", "begun", "sign", "error", "left", "restart"]), st.floats(0, 20)), max_size=80)  # fmt: skip


@given(attempts, st.floats(0.01, 60))
def test_silence_takes_enough_attempts_and_time(course: list[tuple[float, str, float]], cap: float) -> None:
    """Never silent with fewer than five unanswered attempts, nor before a quarter of a second (or the cap), nor just after a sign."""
    silence, now, since_sign = Silence(), 0.0, []
    for pause, kind, waited_for in course:
        now += pause
        match kind:
            case "begun":
                silence = silences.begun(silence, now)
                since_sign.append(now)
            case "sign" | "error":
                silence = silences.sign(silence, waited_for if kind == "sign" else None)
                since_sign = []
            case "left":
                silence = silences.left(silence, since_sign[0] if since_sign else now)
            case "restart":
                silence = silences.restarted(silence)
                since_sign = []
        assert 0 <= silence.waiting <= len(since_sign)
        assert min(0.25, cap) <= silences.limit(silence, HealthRules(), cap) <= cap
        if silences.is_silent(silence, HealthRules(), now, cap):
            assert len(since_sign) >= 5
            assert now - since_sign[0] > silences.limit(silence, HealthRules(), cap)


NAMES = [b"x-ratelimit-limit-requests", b"x-ratelimit-remaining-requests", b"x-ratelimit-reset-requests", b"ratelimitbysize-limit", b"anthropic-ratelimit-tokens-reset"]  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=30) | st.from_regex(rb"\A[0-9dhms.TZ:+-]{0,30}\Z")), max_size=8)
)
def test_no_header_can_hurt(said: list[tuple[bytes, bytes]]) -> None:
    """Whatever stands in them: no exception, and what is read can be used."""
    told = read_told(said, 1_767_683_509.0)

    quota = learn(buckets.UNLIMITED, told or Told(), 5.0)
    assert 0.0 <= wait_for(quota, Claim(1, 1), 5.0) < float("inf")


@given(st.integers(0, 20), st.integers(0, 59), st.integers(0, 59), st.integers(1, 999))
def test_spans_add_up(hours: int, minutes: int, seconds: int, milliseconds: int) -> None:
    """As Go prints a duration."""
    said = f"{hours}h{minutes}m{seconds}.{milliseconds:03d}s".encode()

    assert abs((read_reset(said, 0.0) or 0.0) - (hours * 3600 + minutes * 60 + seconds + milliseconds / 1000)) < EPSILON
