"""What is news, of a release's life, of a catalog and of a day's spending."""

import msgspec
import pytest

from turnout.alerts.tell import of_event, of_spend, of_step
from turnout.types.money import pico_from_usd
from turnout.types.release import Approval, CatalogEvent, Phase, Proposal, Release, Score, Spec, Status, Step

RELEASE = Release("rel-1", 0.0, "ev-1", "new", "acme/nano", "support", "acme/small", Status("trial", 10.0, share=5.0))
EVENT = CatalogEvent("ev-1", 5.0, "price_changed", "acme/small", "input", "1", "2", ("models.dev",), "noted", change=1.0)


def _step(phase: Phase, share: float = 0.0) -> Step:
    return Step("rel-1", 3, 10.0, phase, "controller", "because", share)


@pytest.mark.parametrize(
    ("phase", "kind", "severity"),
    [
        ("detected", "release_found", "info"),
        ("proposed", "proposal", "info"),
        ("trial", "trial_started", "info"),
        ("adopted", "adopted", "warning"),
        ("rolled_back", "rolled_back", "critical"),
        ("inconclusive", "inconclusive", "warning"),
    ],
)
def test_a_step_is_told_to_the_routes_owner_with_its_reason(phase: Phase, kind: str, severity: str) -> None:
    """And links to the release."""
    (alert,) = of_step(RELEASE, _step(phase, 5.0), "support@example.com", 0.2)
    assert (alert.kind, alert.severity, alert.to, alert.link) == (kind, severity, ("support@example.com",), "/releases/rel-1")
    assert alert.text == "because"


def test_some_steps_are_no_news() -> None:
    """Nobody wants to be told that a price was confirmed."""
    assert [*of_step(RELEASE, _step("screened"), None, 0.2)] == []


def test_a_later_stage_is_not_a_trial_that_starts() -> None:
    """The first share is; further ones are stages."""
    later = msgspec.structs.replace(RELEASE, status=Status("trial", 20.0, stage=2, share=10.0))
    assert [alert.kind for alert in of_step(later, _step("trial", 10.0), None, 0.2)] == ["stage"]


def test_a_doubt_is_more_than_another_stage() -> None:
    """What goes back from its bake looks worse by then; the steps after that in the same stage are stages."""
    status = Status("trial", 20.0, stage=4, share=50.0, reason="quality looks worse")
    doubted = msgspec.structs.replace(RELEASE, status=status, spec=Spec(proof_since=20.0))
    (alert,) = of_step(doubted, msgspec.structs.replace(_step("trial", 50.0), note="quality looks worse"), None, 0.2)
    assert (alert.kind, alert.severity, alert.title) == (
        "stage",
        "warning",
        "acme/nano is doubted on support: back to 50 % of its trial",
    )
    assert [one.severity for one in of_step(doubted, _step("trial", 50.0), None, 0.2)] == ["info"]


def test_a_pause_is_told_by_its_reason() -> None:
    """Whatever phase it is in."""
    paused = msgspec.structs.replace(RELEASE, status=Status("trial", 10.0, paused="the arms are not of the size that was drawn"))
    (alert,) = of_step(paused, _step("trial"), None, 0.2)
    assert (alert.kind, alert.text) == ("paused", "the arms are not of the size that was drawn")


def test_an_approval_is_asked_for_where_one_is_wanted() -> None:
    """Beside the proposal, which is always told; under autonomy auto most need nobody's word."""
    told, asked = of_step(RELEASE, _step("proposed"), "ann@example.com", 0.2, "approval is wanted: 1 of 2")
    assert (told.kind, asked.kind, asked.severity, asked.to) == ("proposal", "approval_wanted", "warning", ("ann@example.com",))
    assert "1 of 2: turnout release approve rel-1" in asked.text
    assert told.key != asked.key


def test_an_approval_asks_nobody_again() -> None:
    """It is a step of a proposal that people have been told of."""
    score = Score(0.12, 0.1, 0.5, 0.0, 0.0, 300, 5.0)
    approved = Status("proposed", 20.0, approvals=(Approval("ann", 20.0, approved=True),))
    proposed = msgspec.structs.replace(RELEASE, proposal=Proposal("segment", "simple requests", score=score), status=approved)
    assert [*of_step(proposed, _step("proposed"), None, 0.2, "approval is wanted: 1 of 2")] == []


@pytest.mark.parametrize(("cost", "told"), [(0.19, False), (0.21, True)])
def test_more_than_a_fifth_better_is_news_by_itself(cost: float, *, told: bool) -> None:
    """By the figure that the policy names."""
    score = Score(0.12, 0.1, cost, 0.0, 0.0, 300, 5.0)
    proposed = msgspec.structs.replace(RELEASE, proposal=Proposal("segment", "simple requests", score=score))
    kinds = [alert.kind for alert in of_step(proposed, _step("proposed"), None, 0.2)]
    assert kinds == ["proposal", *(["outperforms"] if told else [])]


def test_what_is_cheap_and_not_good_enough_outperforms_nobody() -> None:
    """A fallback is proposed for being there, whatever it would save."""
    score = Score(0.3, 0.2, 0.9, 0.0, -0.4, 300, 0.0)
    proposed = msgspec.structs.replace(RELEASE, proposal=Proposal("fallback", "behind everything", score=score))
    assert [alert.kind for alert in of_step(proposed, _step("proposed"), None, 0.2)] == ["proposal"]


def test_a_catalogs_event_is_news_where_the_model_is_used() -> None:
    """An accepted price of a model in use is what the policy's note tells; one that waits is an alert."""
    told = of_event(EVENT, ("support",), ("ann",))
    assert told is not None
    assert (told.kind, told.to) == ("price_conflict", ("ann",))
    assert of_event(EVENT, ()) is None
    assert of_event(msgspec.structs.replace(EVENT, state="accepted"), ("support",)) is None
    assert of_event(msgspec.structs.replace(EVENT, kind="retired"), ("support",)) is not None


def test_a_doubtful_refresh_is_news_whoever_uses_what() -> None:
    """Once for all of its events."""
    found = {
        alert.key for n in range(3) if (alert := of_event(msgspec.structs.replace(EVENT, id=f"e{n}", state="quarantined"), ()))
    }
    assert len(found) == 1


def test_spending_is_told_once_a_day_for_each_limit() -> None:
    """The key holds day and route."""
    spent, limit = pico_from_usd(12), pico_from_usd(10)
    assert of_spend("2026-11-23", 5.0, None, spent, limit).key != of_spend("2026-11-24", 5.0, None, spent, limit).key
    assert "$12.00" in of_spend("2026-11-23", 5.0, "support", spent, limit).title
