"""What becomes of a release, case by case."""

import msgspec
import pytest

from tests.support.records import NOW
from tests.support.releases import PROPOSAL, ROUTE, RULES, SPEC, evidence, release
from turnout.release.next_step import BLIND, MISMATCH, SILENT, BenchState, Found, next_step
from turnout.release.screen import Screened
from turnout.types.evidence import Evidence
from turnout.types.release import Approval, Gate, Release
from turnout.types.release_rules import Approvals

BOTH = ("success", "quality")
ASKS = msgspec.structs.replace(RULES, autonomy="propose")


def step(one: Release, now: float = NOW, **found):
    return next_step(one, Found(**{"rules": RULES, "route": ROUTE, **found}), now)


def goes(one: Release, now: float = NOW, **found) -> tuple[str, float]:
    status = step(one, now, **found).after.status
    return status.phase, status.share


def test_early_phases_follow_what_is_found():
    """Screened, measured, proposed: each on what it waits for, and no sooner."""
    fit, unfit = Screened((Gate("price", True, "ok"),)), Screened((), "it has no tools")

    assert goes(release(), screened=fit) == ("screened", 0)
    assert goes(release(), screened=unfit) == ("rejected", 0)
    assert goes(release()) == ("detected", 0)
    assert goes(release("screened"), bench=BenchState("running", "12 of 200")) == ("screened", 0)
    assert goes(release("screened"), bench=BenchState("done")) == ("benchmarked", 0)
    assert goes(release("benchmarked"), proposal=PROPOSAL) == ("proposed", 0)


def test_what_it_waits_for_is_said():
    """In words, and not as a step of its history."""
    move = step(release(), screened=Screened((), None, "its price is confirmed by one source only"))

    assert (move.after.status.waiting, move.note) == ("its price is confirmed by one source only", "")
    assert (
        step(release("screened"), bench=BenchState("waiting", "release.budget is 0")).after.status.waiting
        == "release.budget is 0"
    )


def test_no_role_is_a_rejection_with_its_reasons():
    """A proposal of ``none`` keeps its gates, and says which of them failed."""
    none = msgspec.structs.replace(
        PROPOSAL, role="none", text="it is not worth it", gates=(Gate("quality", False, "82 % against 96 %"),)
    )
    after = step(release("benchmarked"), proposal=none).after

    assert (after.status.phase, after.status.reason, after.proposal) == (
        "rejected",
        "it is not worth it; 82 % against 96 %",
        none,
    )


def test_a_model_that_was_rolled_back_is_left_alone():
    """Until its time is over nothing is screened, and so nothing spent."""
    after = step(release(), rests_until=NOW + 86_400, screened=Screened(())).after

    assert after.status.phase == "detected"
    assert "left alone until 2026-" in (after.status.waiting or "")
    assert goes(release(), rests_until=NOW - 1, screened=Screened(())) == ("screened", 0)


def test_a_cooldown_is_doubled_each_time():
    """A week, two weeks, four."""
    until = [step(release("trial"), evidence=evidence(harm=BOTH), rollbacks=n).after.status.until for n in range(3)]
    assert until == [NOW + RULES.cooldown * times for times in (1, 2, 4)]


def test_a_retirement_is_proposed_in_time():
    """Neither a price nor a benchmark that waits holds it up once the date is near; a benchmark that runs does."""
    leaves = {"kind": "retiring", "due": NOW + RULES.retire_ahead}
    unconfirmed = Screened((), None, "its price is unconfirmed")

    assert goes(release("detected", **leaves), screened=unconfirmed) == ("screened", 0)
    assert goes(release("screened", **leaves), bench=BenchState("waiting"), proposal=PROPOSAL) == ("proposed", 0)
    assert goes(release("screened", **leaves), bench=BenchState("running"), proposal=PROPOSAL) == ("screened", 0)
    assert goes(release("screened", kind="retiring", due=NOW + RULES.retire_ahead + 1), bench=BenchState("waiting"), proposal=PROPOSAL) == (
        "screened", 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "wants"),
    [
        ({}, False),
        ({"rules": ASKS}, True),
        ({"route": msgspec.structs.replace(ROUTE, approved=True)}, True),
        ({"route": msgspec.structs.replace(ROUTE, approved=True, models=("acme/new",))}, False),
    ],
)
def test_whose_word_is_wanted(found: dict, wants: bool):  # noqa: FBT001 - a parameter of the test
    """``auto`` begins by itself, but for what is not on an approved list."""
    assert goes(release("proposed"), **found) == (("proposed", 0) if wants else ("trial", 1.0))


@pytest.mark.parametrize(
    "changes",
    [{"score": None}, {"gates": (Gate("price", None, "unknown"),)}, {"role": "fallback"}, {"role": "new_use"}],
    ids=["no score", "a gate not known", "fallback", "new use"],
)
def test_what_nothing_speaks_for_wants_a_word(changes: dict):
    """Even with ``auto``."""
    one = release("proposed", proposal=msgspec.structs.replace(PROPOSAL, **changes))
    assert goes(one) == ("proposed", 0)


def test_approvals_are_counted_by_person():
    """Two of two, one of them the owner; the same person twice is one."""
    rules = msgspec.structs.replace(ASKS, approvals=Approvals(count=2, owner=True))
    route = msgspec.structs.replace(ROUTE, owner="olga")
    ann, bob, olga = (Approval(name, NOW, True) for name in ("ann", "bob", "olga"))

    def said(*given: Approval) -> str | None:
        return step(release("proposed", approvals=given), rules=rules, route=route).after.status.waiting

    assert said(ann, ann) == "approval is wanted: 1 of 2, that of the route's owner, olga"
    assert said(ann, bob) == "approval is wanted: that of the route's owner, olga"
    assert goes(release("proposed", approvals=(ann, olga)), rules=rules, route=route) == ("trial", 1.0)


def test_roles_without_a_trial_are_adopted_on_approval():
    """A fallback and a new use meet no traffic of the route before."""
    for role in ("fallback", "new_use"):
        one = release("proposed", proposal=msgspec.structs.replace(PROPOSAL, role=role), approvals=(Approval("ann", NOW, True),))
        assert goes(one) == ("adopted", 0)


def test_one_at_a_time_on_a_route():
    """A second release waits, and says for which."""
    assert step(release("proposed"), busy="rel-7").after.status.waiting == "the route's traffic is taken by rel-7"


def test_a_candidate_that_is_ejected_waits():
    """Its outage is not the trial's to find: it would be rolled back at once, and left alone for a week."""
    waits = step(release("proposed"), ejected="consecutive failures").after.status
    assert (waits.phase, waits.waiting) == ("proposed", "its health is to be better first: consecutive failures")


def test_a_trial_begins_with_the_scores_ceiling_and_the_routes_margins():
    """The rules are frozen with it."""
    spec = step(release("proposed")).after.spec
    assert spec == msgspec.structs.replace(SPEC, ceiling=10.0)


def test_a_mirror_comes_first_where_it_is_asked_for():
    """It has no share; when its time is over and the route is free the trial begins."""
    rules = msgspec.structs.replace(RULES, spec=msgspec.structs.replace(SPEC, mirror_sample=0.1, mirror_time=60.0))
    mirrored = step(release("proposed"), rules=rules).after

    assert (mirrored.status.phase, mirrored.status.share, mirrored.status.began) == ("mirror", 0, NOW)
    assert goes(mirrored, NOW + 59, evidence=evidence()) == ("mirror", 0)
    assert goes(mirrored, NOW + 60, evidence=evidence(), busy="rel-7") == ("mirror", 0)
    assert goes(mirrored, NOW + 60, evidence=evidence()) == ("trial", 1.0)
    assert step(mirrored, NOW + 60, evidence=evidence(candidates=1_000)).note == "the mirror has shown no harm in 1,000 copies"
    assert step(mirrored, NOW + 60, evidence=evidence(candidates=0)).note == "the mirror had no copy to show"


def test_a_stage_needs_its_time_and_its_units():
    """Both, counted from when it began."""
    one = release("trial", units=990)

    assert goes(one, NOW + 99, evidence=evidence(candidates=2_000)) == ("trial", 1.0)
    assert goes(one, NOW + 100, evidence=evidence(candidates=1_009)) == ("trial", 1.0)
    widened = step(one, NOW + 100, evidence=evidence(candidates=1_010)).after.status
    assert (widened.share, widened.stage, widened.since, widened.units) == (5.0, 1, NOW + 100, 1_010)


def test_above_the_ceiling_only_with_proof():
    """It waits there, and says for what; once proven, which stays so, it goes on."""
    one = release("trial", share=5.0, stage=1)
    waits = step(one, NOW + 200, evidence=evidence(fits=("success",))).after

    assert (waits.status.share, waits.status.waiting) == (5.0, "5 % until quality is shown to be no worse than the margin")
    proven = step(waits, NOW + 201, evidence=evidence(fits=BOTH)).after
    assert (proven.status.proven, proven.status.share, proven.status.waiting) == (True, 5.0, None)
    assert goes(proven, NOW + 202, evidence=evidence()) == ("trial", 10.0)


def test_the_last_stage_leaves_a_holdback_and_bakes():
    """97 % for the time of the bake, then adopted."""
    baking = step(release("trial", share=50.0, stage=4, proven=True), NOW + 100, evidence=evidence()).after

    assert (baking.status.phase, baking.status.share) == ("bake", 97.0)
    assert goes(baking, NOW + 599, evidence=evidence(NOW + 599)) == ("bake", 97.0)
    assert goes(baking, NOW + 600, evidence=evidence(NOW + 600)) == ("adopted", 0)
    assert goes(baking, NOW + 150, evidence=evidence(harm=("cost",))) == ("rolled_back", 0)


def test_what_looks_worse_at_the_end_goes_back_to_where_it_can_be_told():
    """To the widest stage with a control to speak of, to be proven anew; once, and with all of its longest time."""
    doubted = step(release("bake"), NOW + 100, evidence=evidence(NOW + 100, candidates=700, fallen=("quality",)))
    status, spec = doubted.after.status, doubted.after.spec

    assert (status.phase, status.share, status.stage, status.units, status.proven) == ("trial", 50.0, 4, 700, False)
    assert spec == msgspec.structs.replace(SPEC, proof_since=NOW + 100)
    assert doubted.note.startswith("quality looks worse than the control's did: from 97 % back to 50 %")
    later = NOW + SPEC.longest + 99
    assert goes(doubted.after, later, evidence=evidence(later)) == ("trial", 50.0)
    assert goes(doubted.after, later + 1, evidence=evidence(later + 1)) == ("inconclusive", 0)
    assert goes(doubted.after, NOW + 300, evidence=evidence(NOW + 300, harm=("quality",))) == ("rolled_back", 0)
    proven = step(doubted.after, NOW + 300, evidence=evidence(NOW + 300, fits=BOTH)).after
    again = step(proven, NOW + 301, evidence=evidence(NOW + 301)).after
    assert again.status.phase == "bake"
    assert goes(again, NOW + 302, evidence=evidence(NOW + 302, fallen=("quality",))) == ("bake", 97.0)


def test_harm_that_came_late_does_not_look_like_praise():
    """After good days the candidate's mean may still be the better one: then the figures say of what they are."""
    seen = evidence(harm=("success",))
    readings = [msgspec.structs.replace(one, candidate=0.97) if one.metric == "success" else one for one in seen.readings]
    late = msgspec.structs.replace(seen, readings=tuple(readings))

    assert (
        step(release("trial"), NOW + 1, evidence=seen).note
        == "harm to success (0.94 against 0.95) after 1,000 units of the candidate's"
    )
    assert step(release("trial"), NOW + 1, evidence=late).note == (
        "harm to success of late (0.97 against 0.95 over the whole trial) after 1,000 units of the candidate's"
    )


def test_without_a_stage_to_go_back_to_a_doubt_changes_nothing():
    """All or nothing was asked for."""
    for stages in ((100,), (96, 100)):
        at_once = msgspec.structs.replace(SPEC, stages=stages)
        assert goes(release("bake", spec=at_once), NOW + 100, evidence=evidence(NOW + 100, fallen=("quality",))) == ("bake", 97.0)


def test_the_longest_time_ends_what_is_not_proven():
    """Though proof comes with that very look; what was proven in time goes on."""
    late = NOW + SPEC.longest
    assert goes(release("trial"), late, evidence=evidence(late, fits=BOTH)) == ("inconclusive", 0)
    assert goes(release("trial", proven=True), late, evidence=evidence(late)) == ("trial", 5.0)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"evidence": None}, BLIND),
        ({"evidence": evidence(), "blind": True}, BLIND),
        ({"evidence": evidence(latest=NOW - 1_000)}, SILENT),
        ({"evidence": evidence(NOW + 500, mismatch=7.0)}, MISMATCH),
    ],
    ids=["none", "late", "silent", "mismatch"],
)
def test_what_cannot_be_seen_pauses(found: dict[str, Evidence | None], why: str):
    """No data neither passes nor fails: the share stays, and it is said once."""
    moved = step(release("trial"), NOW + 500, **found)

    assert (moved.after.status.paused, moved.after.status.share) == (why, 1.0)
    assert step(moved.after, NOW + 501, **found).after == moved.after


def test_telemetry_that_is_back_resumes_and_people_do_what_they_will():
    """A pause that came by itself ends by itself; somebody's, and that of unequal arms, do not."""
    fresh = {"evidence": evidence(NOW + 500)}

    assert step(release("trial", paused=SILENT), NOW + 500, **fresh).after.status.paused is None
    assert step(release("bake", paused=SILENT), NOW + 500, **fresh).after.status.since == NOW + 500  # silence bakes nothing
    assert step(release("bake", paused=BLIND), NOW + 500, **fresh).after.status.since == NOW
    assert step(release("trial", paused="ann: lunch"), NOW + 500, **fresh).after.status.paused == "ann: lunch"
    assert step(release("trial", paused=MISMATCH), NOW + 500, **fresh).after.status.paused == MISMATCH


def test_a_route_that_is_gone_ends_what_waits_for_it():
    """There is nothing left to propose it for."""
    assert goes(release("proposed"), route=None) == ("aborted", 0)


@pytest.mark.parametrize("phase", ["mirror", "trial", "bake"])
def test_a_route_that_is_gone_ends_what_is_on_its_traffic(phase):
    """Even frozen or paused: whoever took the route out looked before the lock said that something was on it."""
    assert goes(release(phase, paused="ann: lunch"), route=None, frozen=True) == ("aborted", 0)
