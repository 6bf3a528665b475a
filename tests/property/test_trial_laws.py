"""Laws of what chance decides: arms hold their share and their units, exposure knows no arm, nothing that may not serve is tried."""

from math import sqrt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.property.test_decide_laws import IDS, MODELS, asked, routes
from tests.support.records import record
from tests.support.views import model, traits, view
from turnout.decide.compiled import View
from turnout.decide.decide import Decided, decide, in_full
from turnout.decide.drawn import arm
from turnout.decide.mirror import mirrored
from turnout.decide.order import digest
from turnout.errors import TurnoutError
from turnout.replay import again
from turnout.types.checks import JsonValid
from turnout.types.decision import NOT_DRAWN, Decision
from turnout.types.money import PicoDollars
from turnout.types.policy import ComplexityIs, Mirror, Route, Segment, Trial
from turnout.types.record import Record
from turnout.types.traits import Traits

NEW = model("f/new", price=(0.05, 0.1), quality=6)
EVERY = (*MODELS, NEW)
seeds = st.integers(0, 2**63 - 1)
shares = st.floats(0, 1)
conditions = st.none() | st.just(ComplexityIs(frozenset({"moderate"}))) | st.just(ComplexityIs(at_least=0.5))
candidates = st.sampled_from([*IDS, "f/new"])
trials = st.builds(
    lambda candidate, share, salt, when, checks: Trial("r-1", candidate, share, salt, when, (JsonValid(),) if checks else ()),
    candidates, shares, st.text(max_size=5), conditions, st.booleans(),
)  # fmt: skip
released = st.builds(
    lambda route, trial, segments, explore: replace(route, trial=trial, segments=tuple(segments), explore=explore),
    routes, st.none() | trials, st.lists(st.builds(Segment, candidates, conditions), max_size=2), st.sampled_from([0.0, 0.2, 1.0]),
)  # fmt: skip
on_trial = st.builds(lambda route, trial: replace(route, trial=trial), released, trials)


def decided(route: Route, request: Traits, seed: int) -> Decision | None:
    try:
        return in_full(view(route, models=EVERY), request, seed)
    except TurnoutError:
        return None


def with_share(route: Route, share: float) -> Route:
    assert route.trial is not None
    return replace(route, trial=replace(route.trial, share=share))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.97])
def test_an_arm_holds_its_share(share: float) -> None:
    """Within four standard deviations, for sessions as for requests alone."""
    trial, n = Trial("r-1", "f/new", share, "salt"), 20_000
    plain = traits()
    alone = sum(arm(trial, plain, seed).side == "candidate" for seed in range(n))
    sessions = sum(arm(trial, replace(plain, session=f"s{k}"), 0).side == "candidate" for k in range(n))
    assert max(abs(alone - n * share), abs(sessions - n * share)) < 4 * sqrt(n * share * (1 - share))


def test_trials_do_not_know_of_each_other() -> None:
    """Of the candidate's units of one salt the other salt's share is again half."""
    one, other = (Trial("r", "f/new", 0.5, salt) for salt in ("a", "b"))
    units = [replace(traits(), session=f"s{k}") for k in range(4_000)]
    both = sum(arm(one, unit, 0).side == arm(other, unit, 0).side for unit in units)
    assert abs(both - 2_000) < 4 * sqrt(1_000)


@given(asked, seeds, trials, shares, st.none() | st.text(max_size=3))
def test_a_larger_share_keeps_its_units(request: Traits, seed: int, trial: Trial, share: float, user: str | None) -> None:
    """Who was in the candidate's arm stays there through every ramp."""
    request = replace(request, tags={} if user is None else {"user": user})
    less, more = sorted((trial.share, share))
    before, after = (arm(replace(trial, share=each), request, seed) for each in (less, more))
    assert before.side == "control" or after.side == "candidate"


@given(asked, seeds, seeds, trials, st.text(max_size=5))
def test_a_unit_has_one_arm(request: Traits, seed: int, other: int, trial: Trial, unit: str) -> None:
    """All of a session's requests, else all of a user's, whatever else is drawn for them."""
    session, user = replace(request, session=unit), replace(request, session=None, tags={"user": unit})
    assert arm(trial, session, seed) == arm(trial, replace(session, tags={"user": "x"}), other)
    assert arm(trial, user, seed) == arm(trial, user, other)


@given(on_trial, asked, seeds)
def test_exposure_knows_no_arm(route: Route, request: Traits, seed: int) -> None:
    """Whoever is exposed at one share is at any other; who is not gets the same plan at each."""
    control, candidate = decided(with_share(route, 0), request, seed), decided(with_share(route, 1), request, seed)
    if control is None or candidate is None:
        assert control is candidate
        return
    assert (control.drawn.side, candidate.drawn.side) in {("control", "candidate"), (None, None)}
    if control.drawn.side is None:
        assert control.plan == candidate.plan


@given(on_trial, asked, seeds)
def test_nobody_has_less_to_fall_back_on(route: Route, request: Traits, seed: int) -> None:
    """The candidate's plan begins with it, has the control's in it in the same order, and an attempt more."""
    control, candidate = decided(with_share(route, 0), request, seed), decided(with_share(route, 1), request, seed)
    if control is None or candidate is None or control.drawn == candidate.drawn or route.trial is None:
        return
    first, *rest = candidate.plan.steps
    assert (first.model, first.reason, first.checks) == (route.trial.model, "trial", route.trial.checks)
    assert [step.model for step in rest if step.model != first.model] == [
        step.model for step in control.plan.steps if step.model != first.model
    ]
    assert candidate.plan.attempts == control.plan.attempts + 1
    assert control.plan.steps[0].model != first.model
    assert control.reason != "trial"


@given(released, asked, seeds)
def test_chances_sum_to_one(route: Route, request: Traits, seed: int) -> None:
    """Over the candidates of an explained decision, whatever is drawn for it; where only fallbacks are left, there is no choice to sum."""
    found = decided(route, request, seed)
    if found is None or found.drawn.side is not None:
        return
    total = sum(each.probability for each in found.candidates)
    assert total == pytest.approx(1) or (total == 0 and found.reason == "fallback")
    if found.drawn.propensity is not None and found.candidates:
        first = found.plan.steps[0].model
        shown = {each.model: each.probability for each in found.candidates}
        assert shown[first] > 0
        assert 0 < found.drawn.propensity <= 1 + 1e-9


@given(on_trial, asked, seeds)
def test_chances_on_trial_sum_to_one(route: Route, request: Traits, seed: int) -> None:
    """And the arms' probabilities do."""
    control, candidate = decided(with_share(route, 0), request, seed), decided(with_share(route, 1), request, seed)
    drawn = decided(route, request, seed)
    if drawn is None or candidate is None or control is None or route.trial is None or drawn.drawn.side is None:
        return
    shown = {each.model: each.probability for each in drawn.candidates}
    assert shown[route.trial.model] == pytest.approx(route.trial.share)
    if control.reason != "fallback":
        assert sum(shown.values()) == pytest.approx(1)
    share = route.trial.share
    assert drawn.drawn.propensity == (share if drawn.drawn.side == "candidate" else 1 - share)


@given(routes, asked, seeds)
def test_exploring_tries_only_what_may_serve(route: Route, request: Traits, seed: int) -> None:
    """What explain lists as a candidate, and never what it rejects; without exploring the winner would be in that plan too."""
    found, plain = decided(replace(route, explore=1.0), request, seed), decided(route, request, seed)
    if found is None or plain is None:
        assert found is plain
        return
    first = found.plan.steps[0].model
    assert first not in {each.model for each in found.rejections}
    if found.reason == "explore":
        assert first in {each.model for each in found.candidates}
        assert first != plain.plan.steps[0].model
        assert request.held is None
    else:
        assert found.plan == plain.plan


def test_propensities_are_what_happens() -> None:
    """Over many seeds each model is first as often as its records' propensity says."""
    route, n = Route("r", "cost", models=tuple(IDS), explore=0.4, unknown_price="warn"), 8_000
    compiled = view(route, models=MODELS)
    firsts: dict[str, list[float]] = {}
    for seed in range(n):
        one = decide(compiled, traits(model="r"), seed)
        firsts.setdefault(one.plan.steps[0].model, []).append(one.drawn.propensity or 0.0)
    assert sum(seen[0] for seen in firsts.values()) == pytest.approx(1)
    for seen in firsts.values():
        (said,) = set(seen)
        assert abs(len(seen) - n * said) < 4 * sqrt(n * said * (1 - said))


@given(released, asked, seeds, trials.flatmap(lambda trial: st.just(trial.when)), candidates, st.just(1.0))
def test_a_mirror_asks_one_model_that_may_serve(
    route: Route, request: Traits, seed: int, when: Any, candidate: str, sample: float
) -> None:
    """Once, for whom its condition fits; the plan of the request itself is what it would be without it."""
    mirroring = replace(route, mirror=Mirror("r-2", candidate, sample, PicoDollars(1), when))
    compiled = view(mirroring, models=EVERY)
    try:
        original = decide(compiled, request, seed)
    except TurnoutError:
        return
    assert original.plan == decide(view(route, models=EVERY), request, seed).plan
    copy = mirrored(compiled, original, request, seed)
    if copy is None:
        return
    assert [(step.model, step.checks) for step in copy.plan.steps] == [(candidate, ())]
    assert (copy.drawn.trial, copy.drawn.side, copy.drawn.propensity) == ("r-2", "mirror", sample)
    alone = replace(route, models=(candidate,), split=(), fallback=(), segments=(), trial=None)
    assert decide(view(alone, models=EVERY), request, seed).plan.steps[0].model == candidate


class _Views:
    """The view as stored, compiled anew each time."""

    def __init__(self, route: Route) -> None:
        self._route = route

    def load(self, view_hash: str) -> View:
        return view(self._route, models=EVERY)


def recorded(one: Decided, request: Traits, seed: int, **more: Any) -> Record:
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=Traits)
    return replace(
        record(), traits=stored, seed=seed, route=one.route.name, plan=digest(one.route.name, one.plan), trial=one.drawn.trial,
        side=one.drawn.side, propensity=one.drawn.propensity, **more,
    )  # fmt: skip


@given(released, asked, seeds, candidates)
def test_replay_draws_the_same(route: Route, request: Traits, seed: int, candidate: str) -> None:
    """The plan and the arm, of the request, of a copy of it, and of its mirror's."""
    route = replace(route, mirror=Mirror("r-2", candidate, 1.0, PicoDollars(1)))
    compiled = view(route, models=EVERY)
    try:
        one = decide(compiled, request, seed)
    except TurnoutError:
        return
    asked_for = [recorded(one, request, seed), recorded(replace(one, drawn=NOT_DRAWN), request, seed, copy_of="o")]
    if (copy := mirrored(compiled, one, request, seed)) is not None:
        asked_for.append(recorded(copy, request, seed, copy_of="o"))
    for each in asked_for:
        assert again(each, _Views(route)).difference == ""
    if one.drawn.side is not None:
        other = "control" if one.drawn.side == "candidate" else "candidate"
        assert not again(replace(asked_for[0], side=other), _Views(route)).identical
