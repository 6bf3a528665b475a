"""The caller's traceparent: taken as it is when it is one, no error when it is not."""

import pytest

from turnout.front.trace import read_trace

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("sent", [TRACE, TRACE[:-2] + b"00", b"01" + TRACE[2:]])
def test_a_valid_one_is_taken(sent: bytes) -> None:
    """Of any version but ff, sampled or not."""
    assert read_trace({b"traceparent": sent}) == sent.decode()


def test_a_later_version_may_say_more() -> None:
    """Of which what we know is kept."""
    sent = b"cc" + TRACE[2:]
    assert read_trace({b"traceparent": sent + b"-what-comes-later"}) == sent.decode()


@pytest.mark.parametrize(
    "sent",
    [
        None, b"", b"hello", TRACE[:-1], TRACE.upper(), TRACE + b"-more", TRACE + b"0", b"cc" + TRACE[2:] + b"0", b"ff" + TRACE[2:],
        TRACE.replace(b"0af7651916cd43dd8448eb211c80319c", b"0" * 32), TRACE.replace(b"b7ad6b7169203331", b"0" * 16),
        TRACE + b", " + TRACE, b" " + TRACE, TRACE + b"\n",
    ],
)  # fmt: skip
def test_any_other_begins_a_new_trace(sent: bytes | None) -> None:
    """As the standard has it: a trace is never worth a request."""
    assert read_trace({} if sent is None else {b"traceparent": sent}) is None
