"""A provider's error, classified once."""

import pytest

from turnout.dialects import faults
from turnout.errors import (
    Broken,
    CallerFault,
    ContentFiltered,
    ContextOverflow,
    Misconfigured,
    ProviderFault,
    RateLimited,
    TimedOut,
    Unavailable,
)

WRITTEN_BY_HAND = [  # after the vendors' documentation: recorded ones are thin on these
    (401, b'{"error":{"message":"no","type":"authentication_error"}}', Misconfigured),
    (403, b'{"type":"error","error":{"type":"permission_error","message":"no"}}', Misconfigured),
    (404, b'{"error":{"code":"model_not_found","message":"The model does not exist"}}', Misconfigured),
    (402, b'{"error":{"message":"Insufficient credits"}}', Misconfigured),
    (407, b"", Misconfigured),
    (408, b"", TimedOut),
    (504, b"<html>gateway timeout</html>", TimedOut),
    (429, b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}', RateLimited),
    (429, b'{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}', Misconfigured),
    (529, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', RateLimited),
    (500, b'{"error":{"message":"oops"}}', Unavailable),
    (503, b"", Unavailable),
    (400, b'{"error":{"code":"context_length_exceeded","message":"too big"}}', ContextOverflow),
    (400, b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 3 > 2"}}', ContextOverflow),
    (
        400,
        b'[{"error":{"message":"The input token count (9) exceeds the maximum number of tokens allowed (8)."}}]',
        ContextOverflow,
    ),
    (400, b'{"error":{"code":"content_filter","message":"blocked","innererror":{}}}', ContentFiltered),
    (403, b'{"error":{"message":"Your input was flagged by moderation","code":403}}', ContentFiltered),
    (400, b'{"type":"error","error":{"message":"Your credit balance is too low"}}', Misconfigured),
    (400, b'{"error":{"message":"API key not valid. Please pass a valid API key."}}', Misconfigured),
    (400, b'{"error":{"message":"Unknown parameter: foo","type":"invalid_request_error"}}', CallerFault),
    (422, b'{"detail":[{"loc":["body"],"msg":"field required"}]}', CallerFault),
    (413, b'{"error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}', CallerFault),
    (302, b"", Misconfigured),
]


@pytest.mark.parametrize(("status", "body", "kind"), WRITTEN_BY_HAND)
def test_status_first_words_second(status: int, body: bytes, kind: type[ProviderFault]) -> None:
    """The status says whose fault it is; the words tell apart what shares a status."""
    fault = faults.read_error(status, {}, body)

    assert type(fault) is kind
    assert fault.status == status
    assert fault.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:27:18 GMT"}, 42.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:29:00 -0000"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 99 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:27:18 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_kept_in_seconds(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds win, being exact; a date is counted from the answer's own and unsaid without one."""
    assert faults.read_error(429, headers, b"{}").retry_after == seconds


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, RateLimited),
        ({"type": "api_error", "message": "Internal server error"}, Unavailable),
        ({"type": "server_error", "message": "x"}, Unavailable),
        ({"code": 429, "message": "x"}, RateLimited),
        ({"code": 502, "message": "x"}, Unavailable),
        ({"code": "context_length_exceeded", "message": "x"}, ContextOverflow),
        ({"code": "tool_use_failed", "type": "invalid_request_error", "status_code": 400, "message": "x"}, Broken),
        ({"message": "something odd"}, Broken),
        ("in words alone", Broken),
        (None, Broken),
    ],
)
def test_errors_inside_a_200_are_classified_by_their_words(error: object, kind: type[ProviderFault]) -> None:
    """There is no status to go by; words nobody knows mean a broken reply."""
    assert type(faults.in_reply(error)) is kind


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-abcdef123456. You can",
        "Authorization: Bearer abc.def.ghi is wrong",
        "Incorrect API key provided: 0123abcd",
        "key gsk_0123456789abcdef",
    ],
)
def test_no_credential_is_repeated(text: str) -> None:
    """Providers echo keys in their errors; we do not."""
    message = faults.read_error(401, {}, b'{"error":{"message":"%b"}}' % text.encode()).message

    assert "***" in message
    assert not any(secret in message for secret in ("abcdef123456", "abc.def", "0123abcd", "0123456789"))


def test_a_message_is_bounded_and_one_line() -> None:
    """An HTML page of an unhappy proxy does not fill the log."""
    message = faults.read_error(502, {}, b"<html>\n" + b"x" * 10_000).message

    assert len(message) <= faults.MESSAGE_LIMIT
    assert "\n" not in message
