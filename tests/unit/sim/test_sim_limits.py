import pytest

from turnout.sim.limits import Limits


def test_requests_refill_evenly() -> None:
    """60 a minute are gone at once and come back one a second; the wait is true."""
    limits = Limits(60, None, 0.0)

    assert all(limits.admit(10, 0.0) is None for _ in range(60))
    refused = limits.admit(10, 0.0)
    assert refused is not None
    assert (refused.what, refused.wait) == ("requests", pytest.approx(1.0))
    assert limits.admit(10, 1.0) is None


def test_tokens_written_are_counted_after_the_fact() -> None:
    """Output overdraws the minute's tokens, and the next request waits for it."""
    limits = Limits(None, 600, 0.0)

    assert limits.admit(100, 0.0) is None
    limits.wrote(700, 0.0)
    refused = limits.admit(100, 0.0)

    assert refused is not None
    assert refused.what == "tokens"
    assert refused.wait == pytest.approx(30.0)


def test_a_request_larger_than_the_minute_is_served_when_all_is_free() -> None:
    """A limit slows down, it never locks out for good."""
    assert Limits(None, 100, 0.0).admit(5000, 0.0) is None


def test_headers_are_the_vendors_own() -> None:
    """Each dialect's clients look under their names."""
    limits = Limits(60, None, 0.0)
    limits.admit(1, 0.0)

    assert limits.headers("openai-chat", 0.0) == [("x-ratelimit-limit-requests", "60"), ("x-ratelimit-remaining-requests", "59")]
    assert limits.headers("anthropic-messages", 0.0)[1] == ("anthropic-ratelimit-requests-remaining", "59")
    assert Limits(None, None, 0.0).headers("openai-chat", 0.0) == []
