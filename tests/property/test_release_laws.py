"""What holds of the next step whatever happens: no share without proof, no adoption out of time, no harm that stays."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import NOW
from tests.support.releases import PROPOSAL, ROUTE, RULES, SPEC, evidence, release
from turnout.release.next_step import BenchState, Found, next_step
from turnout.release.phases import allows
from turnout.release.screen import Screened
from turnout.types.evidence import METRICS
from turnout.types.release import ON_TRAFFIC, Phase, Release, Spec

PHASES: list[Phase] = ["detected", "screened", "benchmarked", "proposed", "mirror", "trial", "bake"]

_metrics = st.lists(st.sampled_from(METRICS), max_size=4, unique=True).map(tuple)
_evidence = st.none() | st.builds(
    lambda at, candidates, harm, fits, mismatch, age: evidence(
        NOW + at, candidates=candidates, harm=harm, fits=fits, mismatch=mismatch, latest=NOW + at - age
    ),
    st.floats(0, 20_000), st.integers(0, 5_000), _metrics, _metrics, st.sampled_from([0.0, 20.0]), st.floats(0, 1_000),
)  # fmt: skip
_founds = st.builds(
    Found, st.sampled_from([RULES, msgspec.structs.replace(RULES, autonomy="propose")]), st.sampled_from([ROUTE, ROUTE, None]),
    st.booleans(), st.none() | st.just("rel-9"), st.integers(0, 3), st.none() | st.floats(NOW, NOW + 9e5),
    st.none() | st.builds(Screened, st.just(()), st.none() | st.just("unfit"), st.none() | st.just("price")),
    st.none() | st.sampled_from([BenchState("waiting", "no budget"), BenchState("running", "half"), BenchState("done")]),
    st.none() | st.sampled_from([PROPOSAL, msgspec.structs.replace(PROPOSAL, role="none")]),
    _evidence, st.booleans(), st.none() | st.just("timeouts"),
)  # fmt: skip
_specs = st.builds(
    lambda stages, ceiling, mirror: msgspec.structs.replace(SPEC, stages=stages, ceiling=ceiling, mirror_sample=mirror),
    st.lists(st.sampled_from([1.0, 5.0, 10.0, 25.0, 50.0, 100.0]), min_size=1, max_size=6, unique=True).map(tuple),
    st.sampled_from([0.5, 5.0, 10.0, 50.0]), st.sampled_from([0.0, 0.1]),
)  # fmt: skip
_releases = st.builds(
    lambda phase, spec, paused, proven, kind: release(
        phase, paused=paused, proven=proven or phase == "bake", kind=kind, due=NOW + 6_000_000, spec=spec, share=_share(phase, spec)
    ),
    st.sampled_from(PHASES), _specs, st.none() | st.just("ann: wait"), st.booleans(), st.sampled_from(["new", "retiring"]),
)  # fmt: skip
_times = st.floats(NOW, NOW + 20_000)


@given(_releases, _founds, _times)
def test_a_step_goes_only_where_the_table_leads(one: Release, found: Found, now: float):
    """Every move is one that the controller may make, and none is made of a release that is over."""
    after = next_step(one, found, now).after

    assert allows(one.status.phase, after.status.phase, "controller")
    assert next_step(after, found, now).after == after or not after.is_over


@given(_releases, _founds, _times)
def test_harm_always_rolls_back(one: Release, found: Found, now: float):
    """Whatever else is true: paused, frozen, blind, out of time, without a route."""
    is_harmed = bool(found.evidence and found.evidence.harmful) or found.ejected is not None
    after = next_step(one, found, now).after

    if one.status.phase in ON_TRAFFIC:
        assert (after.status.phase == "rolled_back") == is_harmed
    if after.status.phase == "rolled_back":
        assert after.status.share == 0
        assert after.status.until is not None
        assert after.status.until >= now + RULES.cooldown


@given(_releases, _founds, _times)
def test_what_is_paused_or_frozen_gains_nothing(one: Release, found: Found, now: float):
    """Neither phase nor share go on: it stays or it ends."""
    after = next_step(one, found, now).after

    if one.status.paused is not None or found.frozen:
        assert after.status.share <= one.status.share
        assert after.status.phase in (one.status.phase, "rolled_back", "aborted")


@given(_releases, st.lists(st.tuples(_founds, st.floats(0, 3_000)), max_size=30))
def test_a_whole_life_keeps_the_rules(one: Release, seen: list[tuple[Found, float]]):
    """Over any sequence: no share above the ceiling without proof, shares only widen, nothing is adopted without proof on time."""
    now, spec = NOW, one.spec or SPEC
    for found, passes in seen:
        now += passes
        before, one = one, next_step(one, found, now).after
        status, spec = one.status, one.spec or spec
        if status.phase == "trial" and not status.proven:
            assert status.share <= max(spec.ceiling, before.status.share if before.status.phase == "trial" else 0)
        if before.status.phase == status.phase == "trial":
            assert status.share >= before.status.share
        if status.proven and not before.status.proven:
            assert now - (before.status.began or now) < spec.longest
        if status.phase == "bake" or (status.phase == "adopted" and before.status.phase == "bake"):
            assert before.status.proven
        if one.is_over:
            break


@given(_releases, _founds, _times)
def test_out_of_time_is_never_adopted(one: Release, found: Found, now: float):
    """A trial that has proven nothing in its longest time ends, and is not widened."""
    late = NOW + (one.spec or SPEC).longest + (now - NOW)
    after = next_step(one, found, late).after

    if one.status.phase == "trial" and not one.status.proven:
        assert after.status.phase in ("trial", "rolled_back", "inconclusive", "aborted")
        assert after.status.share <= one.status.share
        assert not after.status.proven


def _share(phase: Phase, spec: Spec) -> float:
    return {"trial": min(*spec.stages, spec.ceiling), "bake": 100 - spec.holdback}.get(phase, 0.0)
