"""What providers say of the room that is left; values as recorded, but where a row says otherwise."""

import gzip
import json
from collections.abc import Iterator

import pytest

from tests.shared_data import SHARED
from turnout.live.ratelimit_headers import Left, Told, read_reset, read_told

NOW = 1_767_683_509.0  # 2026-01-06T07:11:49Z


def headers(**named: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]


def test_nothing_said() -> None:
    """An answer without such headers tells nothing."""
    assert read_told(headers(content_type="application/json", x_request_id="1", retry_after="25"), NOW) is None


def test_openai() -> None:
    """Requests and tokens; a reset is read where less than half is left."""
    said = headers(
        x_ratelimit_limit_requests="30000",
        x_ratelimit_remaining_requests="29999",
        x_ratelimit_reset_requests="2ms",
        x_ratelimit_limit_tokens="150000",
        x_ratelimit_remaining_tokens="13440",
        x_ratelimit_reset_tokens="6m0s",
    )

    assert read_told(said, NOW) == Told(requests=Left(30000, 29999), tokens=Left(150000, 13440, 360.0))


def test_anthropic() -> None:
    """Requests, tokens together and each way; the reset is a moment."""
    said = headers(
        anthropic_ratelimit_requests_limit="4000",
        anthropic_ratelimit_requests_remaining="3999",
        anthropic_ratelimit_requests_reset="2026-01-06T07:11:49Z",
        anthropic_ratelimit_input_tokens_limit="30000",
        anthropic_ratelimit_input_tokens_remaining="0",
        anthropic_ratelimit_input_tokens_reset="2026-01-06T07:12:49Z",
        anthropic_ratelimit_output_tokens_limit="800000",
        anthropic_ratelimit_output_tokens_remaining="800000",
        anthropic_ratelimit_tokens_limit="38000",
        anthropic_ratelimit_tokens_remaining="8000",
        anthropic_ratelimit_tokens_reset="2026-01-06T08:12:19+01:00",
    )

    assert read_told(said, NOW) == Told(
        Left(4000, 3999), Left(38000, 8000, 30.0), Left(30000, 0, 60.0), Left(800000, 800000)
    )  # fmt: skip


def test_mistral() -> None:
    """Per minute, without a reset."""
    said = headers(
        x_ratelimit_limit_req_minute="5",
        x_ratelimit_remaining_req_minute="2",
        x_ratelimit_limit_tokens_minute="100000",
        x_ratelimit_remaining_tokens_minute="99000",
    )

    assert read_told(said, NOW) == Told(Left(5, 2), Left(100000, 99000))
    by_size = headers(ratelimitbysize_limit="2000000", ratelimitbysize_remaining="903961", ratelimitbysize_reset="17")
    assert read_told(by_size, NOW) == Told(tokens=Left(2000000, 903961, 17.0))


def test_fireworks() -> None:
    """Prompt and generated tokens apart (by its documentation)."""
    said = headers(x_ratelimit_limit_tokens_prompt="60000", x_ratelimit_remaining_tokens_prompt="50000")

    assert read_told(said, NOW) == Told(input=Left(60000, 50000))


def test_counts_of_who_knows_what_are_not_read() -> None:
    """Together's, OpenRouter's and Replicate's: they name nothing, and Together serves on at none left."""
    said = headers(x_ratelimit_limit="2", x_ratelimit_remaining="0", x_ratelimit_reset="1", ratelimit_remaining="599")

    assert read_told(said, NOW) is None


@pytest.mark.parametrize(("limit", "remaining"), [("100", ""), ("", "5"), ("0", "0"), ("-1", "5"), ("100", "many"), ("nan", "5"), ("9" * 400, "5"), ("100", "\xb2")])  # fmt: skip
def test_what_cannot_be_read_was_not_said(limit: str, remaining: str) -> None:
    """A provider's typing error is no limit."""
    assert read_told(headers(x_ratelimit_limit_requests=limit, x_ratelimit_remaining_requests=remaining), NOW) is None


def test_more_left_than_there_is() -> None:
    """Is all of it."""
    assert read_told(headers(x_ratelimit_limit_requests="5", x_ratelimit_remaining_requests="9"), NOW) == Told(Left(5, 5))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("6m0s", 360.0),
        ("1s", 1.0),
        ("20ms", 0.02),
        ("16.088s", 16.088),
        ("1h2m3s", 3723.0),
        ("1d", 86400.0),
        ("2m59.56s", 179.56),
        ("1.5ms", 0.0015),
        ("17", 17.0),
        ("0.25", 0.25),
        ("1767683519", 10.0),
        ("1767683519000", 10.0),
        ("2026-01-06T07:11:59Z", 10.0),
        ("2026-01-06T07:11:59.5+00:00", 10.5),
        ("2026-01-06T07:11:59", None),
        ("2026-01-06T07:11:39Z", None),
        ("0", None),
        ("0s", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("s", None),
        ("99999d", None),
        ("1767683509", None),
        ("1" * 500, None),
        ("\xb2s", None),
    ],
)
def test_a_reset(said: str, seconds: float | None) -> None:
    """All the ways to say when: spans, seconds, moments; what is over, unreadable or beyond a month was not said."""
    assert read_reset(said.encode(), NOW) == (None if seconds is None else pytest.approx(seconds))


def recorded() -> Iterator[list[tuple[bytes, bytes]]]:
    for path in sorted((SHARED / "corpus").glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as rows:
            for row in rows:
                said = json.loads(row)["response"].get("headers") or {}
                yield [(name.lower().encode(), str(value).encode()) for name, value in said.items()]


@pytest.mark.skipif(not (SHARED / "corpus").exists(), reason="recorded traffic is beside the repository, and not here")
def test_recorded_answers() -> None:
    """Every recorded answer is read without a fault, hundreds tell something, and what they tell is possible."""
    told = [said for said in (read_told(answer, NOW) for answer in recorded()) if said]

    lefts = [left for said in told for left in (said.requests, said.tokens, said.input, said.output) if left]
    assert len(told) > 200
    assert all(0 <= left.remaining <= left.limit for left in lefts)
