"""Room of a credential: configured buckets, and those a provider tells of."""

import pytest

from turnout.live.buckets import BELIEVED, UNLIMITED, Bucket, Claim, Quota, configured, learn, level, reserve, settle, wait_for
from turnout.live.ratelimit_headers import Left, Told

SMALL = Claim(100, 50)


def requests_left(quota: Quota, now: float) -> float:
    assert quota.requests is not None
    return level(quota.requests, now)


def test_no_limit_costs_nothing() -> None:
    """What nobody limits is never held back, and no new value is made for it."""
    assert wait_for(UNLIMITED, SMALL, 1.0) == 0.0
    assert reserve(UNLIMITED, SMALL, 1.0) is UNLIMITED
    assert settle(UNLIMITED, SMALL, None, 1.0) is UNLIMITED
    assert learn(UNLIMITED, Told(), 1.0) is UNLIMITED


def test_requests_a_minute() -> None:
    """A minute's worth at once, then one each time one has flowed in."""
    quota = configured(0.0, rpm=60)
    for _ in range(60):
        assert wait_for(quota, SMALL, 0.0) == 0.0
        quota = reserve(quota, SMALL, 0.0)

    assert wait_for(quota, SMALL, 0.0) == pytest.approx(1.0)
    assert wait_for(quota, SMALL, 0.75) == pytest.approx(0.25)
    assert wait_for(quota, SMALL, 1.0) == 0.0


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        ({"tpm": 150}, 60.0),
        ({"input_tpm": 100}, 60.0),
        ({"output_tpm": 50}, 60.0),
        ({"input_tpm": 200}, 0.0),
        ({"tpm": 200}, 30.0),
    ],
)
def test_tokens_each_way_and_together(limits: dict[str, float], seconds: float) -> None:
    """Each bucket takes its own part of the claim; the one that fills last decides."""
    quota = reserve(configured(0.0, **limits), SMALL, 0.0)

    assert wait_for(quota, SMALL, 0.0) == pytest.approx(seconds)


def test_a_claim_larger_than_the_bucket_waits_for_a_full_one() -> None:
    """It would wait for ever otherwise; what it takes beyond is owed."""
    quota = configured(0.0, tpm=1000)
    assert wait_for(quota, Claim(5000, 0), 0.0) == 0.0

    quota = reserve(quota, Claim(5000, 0), 0.0)

    assert wait_for(quota, Claim(5000, 0), 0.0) == pytest.approx(300.0)


def test_settling_gives_back() -> None:
    """What was claimed and not used is there again, never more than the bucket holds."""
    quota = reserve(configured(0.0, tpm=1000, rpm=10), Claim(200, 800), 0.0)

    settled = settle(quota, Claim(200, 800), Claim(200, 100), 0.0)

    assert settled.tokens is not None
    assert level(settled.tokens, 0.0) == 700
    assert requests_left(settled, 0.0) == 9
    assert settle(quota, Claim(200, 800), None, 0.0) == configured(0.0, tpm=1000, rpm=10)
    assert settle(configured(0.0, tpm=1000), SMALL, None, 0.0) == configured(0.0, tpm=1000)


def test_settling_takes_what_was_used_beyond() -> None:
    """An estimate that was too low is owed."""
    quota = reserve(configured(0.0, input_tpm=1000), Claim(900, 0), 0.0)

    assert wait_for(settle(quota, Claim(900, 0), Claim(1500, 0), 0.0), Claim(100, 0), 0.0) == pytest.approx(36.0)


def test_the_provider_lowers_what_is_configured() -> None:
    """It knows of others who use the credential; it never raises ours, and what it says flows in at our rate."""
    quota = configured(0.0, rpm=60)

    lowered = learn(quota, Told(requests=Left(600, 3)), 0.0)

    assert requests_left(lowered, 0.0) == 3
    assert requests_left(lowered, 2.0) == 5
    assert requests_left(learn(lowered, Told(requests=Left(600, 599)), 0.0), 0.0) == 3
    assert requests_left(learn(lowered, Told(), 0.0), 0.0) == 3


def test_a_told_bucket() -> None:
    """Nothing configured and little left: it holds what is left and fills until the reset."""
    quota = learn(UNLIMITED, Told(requests=Left(100, 0, reset=20.0)), 5.0)

    assert wait_for(quota, SMALL, 5.0) == pytest.approx(0.2)
    assert requests_left(quota, 15.0) == pytest.approx(50)
    assert requests_left(quota, 99.0) == 100
    assert wait_for(learn(UNLIMITED, Told(requests=Left(120, 0)), 5.0), SMALL, 5.0) == pytest.approx(0.5)


def test_a_late_word_does_not_raise_a_told_bucket() -> None:
    """What was reserved since the answer was written is not in its headers."""
    quota = learn(UNLIMITED, Told(requests=Left(100, 10, reset=60.0)), 5.0)
    for _ in range(8):
        quota = reserve(quota, SMALL, 5.0)

    assert requests_left(learn(quota, Told(requests=Left(100, 9, reset=60.0)), 5.0), 5.0) == 2


def test_plenty_left_is_no_limit() -> None:
    """With more than half left nobody is near: no bucket is kept, so nothing is throttled by a guess."""
    near = learn(UNLIMITED, Told(requests=Left(100, 10, reset=60.0)), 5.0)

    assert learn(UNLIMITED, Told(requests=Left(100, 60)), 5.0) is UNLIMITED
    assert learn(near, Told(requests=Left(100, 60)), 5.0) is UNLIMITED


def test_a_told_bucket_is_not_believed_for_long() -> None:
    """A provider that says no more may limit no more."""
    quota = learn(UNLIMITED, Told(requests=Left(1, 0, reset=3600.0)), 0.0)

    assert wait_for(quota, SMALL, BELIEVED) > 0.0
    assert wait_for(quota, SMALL, BELIEVED + 1) == 0.0
    assert learn(quota, Told(), BELIEVED + 1) is UNLIMITED
    assert learn(quota, Told(), BELIEVED) == quota


def test_a_told_bucket_is_not_settled() -> None:
    """The provider settles it: a claim made before it was told of would be given back without having been taken."""
    quota = learn(UNLIMITED, Told(output=Left(10_000, 0, reset=60.0)), 5.0)

    assert settle(quota, Claim(0, 4096), Claim(0, 10), 5.0) == quota


def test_time_never_goes_back() -> None:
    """A call settled with an earlier time than the last one changes the level and not the clock."""
    quota = settle(reserve(configured(10.0, tpm=60), SMALL, 20.0), SMALL, Claim(0, 0), 15.0)

    assert quota.tokens == Bucket(60, 1.0, 60, 20.0)
