"""From all that was said of an answer to its verdict, and whose word counts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.feedback.weigh import RANK, Verdict, may_judge, weigh
from turnout.types.feedback import Feedback


def said(verdict: float | None, source: Any = "user", tenant: str | None = None) -> Feedback:
    return Feedback(id="x", at=1.0, kind="thumb", source=source, request_id="r", tenant=tenant, verdict=verdict)


def test_nothing_said_is_no_verdict():
    """None is not zero; what says nothing of the answer is as if unsaid."""
    assert weigh([], []) == weigh([said(None)], []) == Verdict(None, None)


@pytest.mark.parametrize(
    ("own", "of_session", "expected"),
    [
        ([said(1.0), said(0.5)], [], Verdict(0.75, "user")),
        ([said(1.0), said(0.0, "import")], [], Verdict(0.5, "user")),
        ([said(0.2, "judge"), said(1.0, "check")], [], Verdict(0.2, "judge")),
        ([said(1.0, "check"), said(0.2, "implicit")], [], Verdict(1.0, "check")),
        ([said(1.0)], [said(0.0)], Verdict(1.0, "user")),
        ([said(1.0, "check")], [said(0.0)], Verdict(0.0, "user")),
        ([], [said(0.0)], Verdict(0.0, "user")),
    ],
)
def test_the_highest_rank_is_heard_and_a_requests_own_before_its_sessions(own, of_session, expected):
    """The mean of those that are heard."""
    assert weigh(own, of_session) == expected


opinions = st.lists(st.builds(said, st.none() | st.floats(0, 1), st.sampled_from(list(RANK))), max_size=8)


@given(opinions, opinions, st.randoms())
def test_order_changes_no_bit_and_a_verdict_lies_between_what_was_said(own, of_session, chance):
    """Sums of floats are made so that order does not matter."""
    verdict = weigh(own, of_session)
    mixed = [chance.sample(some, len(some)) for some in (own, of_session)]
    told = [opinion.verdict for opinion in (*own, *of_session) if opinion.verdict is not None]

    assert weigh(*mixed) == verdict
    assert (verdict.verdict is None) == (not told)
    assert verdict.verdict is None or min(told) - 1e-12 <= verdict.verdict <= max(told) + 1e-12


@pytest.mark.parametrize(
    ("opinion", "caller", "expected"),
    [
        (said(1.0, tenant="web"), "web", True),
        (said(1.0, tenant="web"), "other", False),
        (said(1.0, tenant="web"), None, False),
        (said(1.0), None, True),
        (said(1.0), "web", False),
        (said(1.0, "import"), "web", True),
        (said(1.0, "import", "web"), "other", False),
        (said(1.0, "check"), "web", True),
    ],
)
def test_a_tenant_judges_its_own_requests_alone(opinion: Feedback, caller: str | None, expected: object):
    """An administrator and Turnout itself may judge all."""
    assert may_judge(opinion, caller) is expected
