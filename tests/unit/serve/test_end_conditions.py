"""How a failed chain is named where an end's ``on`` is matched with it."""

import pytest

from turnout.errors import Code, TurnoutError
from turnout.execute.job import Execution
from turnout.serve.ends import _condition
from turnout.types.money import PicoDollars
from turnout.types.record import Attempt


def failed(code: Code | None, *faults: str) -> Execution:
    attempts = tuple(Attempt("a/b", "static", 0.0, 1.0, None, 500, fault, None, None, PicoDollars(0)) for fault in faults)
    return Execution("failed", attempts, PicoDollars(0), error=TurnoutError(code, "x") if code is not None else None)


@pytest.mark.parametrize(
    ("code", "faults", "condition"),
    [
        (Code.UPSTREAM_FAILED, ("unavailable",), "unavailable"),
        (Code.UPSTREAM_FAILED, ("rate_limited", "timeout"), "unavailable"),
        (Code.UPSTREAM_FAILED, ("timeout", "rate_limited"), "rate_limited"),
        (Code.UPSTREAM_FAILED, ("misconfigured",), "unavailable"),
        (Code.UPSTREAM_FAILED, ("check_failed",), "unavailable"),
        (Code.UPSTREAM_FAILED, (), "unavailable"),
        (Code.RATE_LIMITED, ("rate_limited",), "rate_limited"),
        (Code.RATE_LIMITED, (), "rate_limited"),
        (Code.DEADLINE_EXCEEDED, ("timeout",), "unavailable"),
        (Code.DEADLINE_EXCEEDED, (), "unavailable"),
        (Code.BUDGET_EXHAUSTED, ("unavailable",), "unavailable"),
        (Code.INVALID_REQUEST, ("context_overflow",), "context_overflow"),
        (Code.INVALID_REQUEST, ("content_filter",), "content_filter"),
    ],
)
def test_a_chain_that_providers_failed(code: Code, faults: tuple[str, ...], condition: str) -> None:
    """By its last fault where that says more than the code does."""
    assert _condition(failed(code, *faults)) == condition


@pytest.mark.parametrize(
    ("code", "faults"),
    [
        (Code.INVALID_REQUEST, ("caller_error",)),
        (Code.INVALID_REQUEST, ("unavailable", "caller_error")),
        (Code.INVALID_REQUEST, ()),
        (Code.OVERLOADED, ("unavailable",)),
        (None, ()),
    ],
)
def test_what_no_end_mends(code: Code | None, faults: tuple[str, ...]) -> None:
    """The caller's own fault, and ours."""
    assert _condition(failed(code, *faults)) is None
