"""A deployment's health: what ejects it, what brings it back, and what tells nothing."""

import pytest

from turnout.live.health import (
    SILENCE,
    TRICKLE,
    Health,
    admit,
    badness,
    eject,
    observe,
    probed,
    quarantine,
    share,
    spoke,
    standing,
)
from turnout.types.resilience import HealthRules

RULES = HealthRules()
NEW = Health()


def ejected(now: float = 100.0, times: int = 1) -> Health:
    """Ejected for the ``times``-th time in a row, the last of them at ``now``."""
    health = eject(NEW, RULES, now, 0.5, "test")
    for _ in range(times - 1):
        health = probed(probing(health), RULES, until(health), ok=False)
    return health


def until(health: Health) -> float:
    assert health.until is not None
    return health.until


def probing(health: Health) -> Health:
    health, admission = admit(health, RULES, until(health), 0.5)
    assert admission == "probe"
    return health


def recovered(health: Health) -> Health:
    """Probed well at the moment its ejection is over."""
    now = until(health)
    for _ in range(RULES.successes):
        health = probed(admit(health, RULES, now, 0.5)[0], RULES, now, ok=True)
    return health


def test_a_new_one_is_admitted_in_full() -> None:
    """Nothing is held against what nothing is known of."""
    assert standing(NEW, RULES, 0.0) == "admitting"
    assert admit(NEW, RULES, 0.0, 0.999) == (NEW, "go")


def test_failures_in_a_row_eject() -> None:
    """Five in a row eject, whatever the share; four do not, and a success between starts the row again."""
    health = observe(NEW, RULES, 1.0, successes=1000)
    four = observe(health, RULES, 1.0, failures=4)

    assert standing(four, RULES, 1.0) == "admitting"
    assert standing(observe(four, RULES, 1.0, failures=1), RULES, 1.0) == "ejected"
    assert standing(observe(four, RULES, 1.0, successes=1, failures=1), RULES, 1.0) == "admitting"


def test_a_share_of_failures_ejects() -> None:
    """Half of at least twenty, never in a row."""
    health = NEW
    for _ in range(9):
        health = observe(health, RULES, 1.0, successes=1, failures=1)
    assert standing(health, RULES, 1.0) == "admitting"

    health = observe(health, RULES, 1.0, successes=1, failures=1)

    assert standing(health, RULES, 1.0) == "ejected"
    assert health.cause == "share of failures"


def test_failures_long_ago_do_not_count() -> None:
    """What failed ten windows ago is forgotten."""
    health = observe(NEW, RULES, 0.0, successes=20)
    for _ in range(3):
        health = observe(health, RULES, 0.0, successes=1, failures=4)
    later = observe(health, RULES, 300.0, successes=40, failures=1)

    assert standing(health, RULES, 0.0) == "degraded"
    assert standing(later, RULES, 300.0) == "admitting"


def test_degraded_gets_a_trickle() -> None:
    """At 5 % of failures it gets the trickle, and no more."""
    health = observe(NEW, RULES, 0.0, successes=57, failures=3)

    assert standing(health, RULES, 0.0) == "degraded"
    assert share(health, RULES, 0.0) == TRICKLE
    assert admit(health, RULES, 0.0, 0.05)[1] == "go"
    assert admit(health, RULES, 0.0, 0.5)[1] == "no"


def test_a_failure_or_two_in_twenty_are_chance() -> None:
    """One in twenty is five per cent, and no trend."""
    assert standing(observe(NEW, RULES, 0.0, successes=18, failures=2), RULES, 0.0) == "admitting"
    assert standing(observe(NEW, RULES, 0.0, successes=18, failures=3), RULES, 0.0) == "degraded"


def test_degraded_is_left_at_half_of_what_enters_it() -> None:
    """Between 2.5 and 5 % it stays what it was, so that it does not flap."""
    health = observe(NEW, RULES, 0.0, successes=76, failures=4)

    assert standing(observe(health, RULES, 0.0, successes=70), RULES, 0.0) == "degraded"
    assert standing(observe(health, RULES, 0.0, successes=45, failures=1), RULES, 0.0) == "degraded"
    assert standing(observe(health, RULES, 0.0, successes=81), RULES, 0.0) == "admitting"
    assert standing(observe(NEW, RULES, 0.0, successes=146, failures=4), RULES, 0.0) == "admitting"


def test_degraded_is_left_when_the_evidence_is_gone() -> None:
    """Without traffic nothing proves a recovery, and nothing the contrary."""
    health = observe(NEW, RULES, 0.0, successes=76, failures=4)

    assert standing(health, RULES, 60.0) == "degraded"
    assert standing(health, RULES, 120.0) == "admitting"
    assert share(health, RULES, 120.0) == 1.0
    assert not observe(health, RULES, 120.0, successes=1).degraded


@pytest.mark.parametrize(("times", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (200, 60)])
def test_ejections_grow(times: int, seconds: float) -> None:
    """Each lasts twice as long as the one before, up to the longest."""
    health = ejected(times=times)

    assert health.until == pytest.approx(health.since + seconds)


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 4.0), (0.5, 5.0), (1.0, 6.0)])
def test_ejections_are_scattered(chance: float, seconds: float) -> None:
    """By a fifth to either side, so that workers do not come back in step."""
    assert eject(NEW, RULES, 0.0, chance, "test").until == pytest.approx(seconds)


def test_ejections_are_forgotten() -> None:
    """Each window spent admitted forgets one."""
    health = recovered(ejected(times=3))
    back = health.back
    assert back is not None

    def next_one(after: float) -> float:
        return until(eject(health, RULES, back + after, 0.5, "again")) - back - after

    assert next_one(1.0) == pytest.approx(40.0)
    assert next_one(31.0) == pytest.approx(20.0)
    assert next_one(1000.0) == pytest.approx(5.0)


def test_an_ejected_one_refuses_then_probes() -> None:
    """Nothing until its time, then as many probes as the rules say."""
    health = ejected(100.0)

    assert admit(health, RULES, 104.9, 0.0)[1] == "no"
    assert standing(health, RULES, 104.9) == "ejected"
    assert standing(health, RULES, 105.0) == "probing"
    first, admission = admit(health, RULES, 105.0, 0.0)
    assert admission == "probe"
    assert admit(first, RULES, 105.0, 0.0)[1] == "no"


def test_probes_grow_and_readmit() -> None:
    """Each success allows one more at once; three in a row readmit with a clean memory."""
    health = probed(probing(ejected()), RULES, 106.0, ok=True)
    health, one = admit(health, RULES, 106.0, 0.5)
    health, two = admit(health, RULES, 106.0, 0.5)
    health, three = admit(health, RULES, 106.0, 0.5)
    assert (one, two, three) == ("probe", "probe", "no")

    health = probed(probed(health, RULES, 107.0, ok=True), RULES, 107.0, ok=True)

    assert standing(health, RULES, 107.0) == "admitting"
    assert (health.probing, health.succeeded, health.failed, health.in_row, health.cause) == (0, 0.0, 0.0, 0, None)


def test_a_failed_probe_ejects_for_longer() -> None:
    """And the successes before it count no more."""
    health = probed(probing(ejected()), RULES, 106.0, ok=True)
    health, _ = admit(health, RULES, 106.0, 0.5)

    again = probed(health, RULES, 107.0, ok=False)

    assert again.until == pytest.approx(117.0)
    assert (again.probing, again.passed) == (0, 0)


def test_a_probe_without_a_verdict_frees_its_place() -> None:
    """A client that left says nothing of the provider."""
    health = ejected()

    assert probed(probing(health), RULES, 106.0, ok=None) == health


@pytest.mark.parametrize("ok", [True, False])
def test_a_probe_overtaken_by_a_new_ejection_only_frees_its_place(*, ok: bool) -> None:
    """Two probes in flight: the first one's failure ejects, the second one's verdict comes too late for either side."""
    health = probed(probing(ejected()), RULES, 105.0, ok=True)
    health, _ = admit(health, RULES, 105.0, 0.5)
    health, _ = admit(health, RULES, 105.0, 0.5)
    health = probed(health, RULES, 106.0, ok=False)

    late = probed(health, RULES, 107.0, ok=ok)

    assert (late.until, late.ejections, late.probing, late.passed) == (health.until, health.ejections, 0, 0)


def test_a_probe_overtaken_by_the_readmission_is_an_outcome_like_any() -> None:
    """Its place is freed and its failure counts once."""
    health = probed(probing(ejected()), RULES, 105.0, ok=True)
    for _ in range(2):
        health, _ = admit(health, RULES, 105.0, 0.5)
    health, _ = admit(probed(health, RULES, 105.0, ok=True), RULES, 105.0, 0.5)
    health = probed(health, RULES, 105.0, ok=True)
    assert (standing(health, RULES, 105.0), health.probing) == ("admitting", 1)

    late = probed(health, RULES, 106.0, ok=False)

    assert (standing(late, RULES, 106.0), late.probing, late.failed, late.in_row) == ("admitting", 0, 1.0, 1)


def test_late_outcomes_change_nothing() -> None:
    """What began before the ejection neither readmits nor extends it, nor does it when the probing has begun."""
    health = ejected()
    for now in (101.0, 106.0):
        for late in (observe(health, RULES, now, failures=50), observe(health, RULES, now, successes=50)):
            assert (late.until, late.ejections, late.in_row, late.passed) == (health.until, health.ejections, 0, 0)


def test_a_second_ejection_adds_nothing() -> None:
    """Ten requests that fail together are one failure of the provider."""
    health = ejected()

    assert eject(health, RULES, 101.0, 0.5, "again") == health


def test_the_ramp() -> None:
    """Back from an ejection its share grows from the trickle to all in ten seconds."""
    health = recovered(ejected())
    assert health.back is not None

    assert [share(health, RULES, health.back + after) for after in (0, 5, 10, 100)] == pytest.approx([0.1, 0.55, 1, 1])
    assert admit(health, RULES, health.back + 5, 0.5)[1] == "go"
    assert admit(health, RULES, health.back + 5, 0.6)[1] == "no"


def test_no_ramp() -> None:
    """A ramp of no length is none."""
    health = recovered(ejected())
    assert health.back is not None

    assert share(health, HealthRules(ramp=0.0), health.back) == 1.0


def test_silence_ends_with_a_word() -> None:
    """Silence was all there was against it: any answer readmits it, onto the ramp, and the ejection is not forgotten."""
    silent = eject(NEW, RULES, 100.0, 0.5, SILENCE)

    spoken = spoke(silent, RULES, 101.0)

    assert standing(spoken, RULES, 101.0) == "admitting"
    assert share(spoken, RULES, 101.0) == TRICKLE
    assert until(eject(spoken, RULES, 102.0, 0.5, SILENCE)) == pytest.approx(112.0)


def test_other_ejections_end_with_no_old_word() -> None:
    """An answer to what began before the ejection says nothing of now; one to a later attempt opens the probing at once."""
    health = ejected(100.0)

    assert spoke(health, RULES, 101.0) == health
    assert spoke(health, RULES, 101.0, began=99.0) == health
    assert standing(spoke(health, RULES, 101.0, began=100.5), RULES, 101.0) == "probing"
    assert spoke(health, RULES, 200.0, began=100.5) == health
    assert spoke(NEW, RULES, 101.0) is NEW


def test_quarantine() -> None:
    """Ten minutes whatever else; one look at a time; one good look readmits."""
    health = quarantine(ejected(100.0), RULES, 101.0, "misconfigured")

    assert until(health) == 701.0
    assert quarantine(health, RULES, 300.0, "misconfigured") == health
    looking = probing(health)
    assert admit(looking, RULES, 702.0, 0.5)[1] == "no"
    assert standing(probed(looking, RULES, 702.0, ok=True), RULES, 702.0) == "admitting"


def test_a_quarantine_does_not_grow() -> None:
    """It counts no ejection, and the next look is as far away as the first."""
    looking = probing(quarantine(NEW, RULES, 0.0, "misconfigured"))

    again = quarantine(probed(looking, RULES, 600.0, ok=None), RULES, 600.0, "misconfigured")

    assert (until(again), again.ejections, again.probing) == (1200.0, 0, 0)


def test_a_look_that_fails_otherwise_is_an_ejection() -> None:
    """The credential may be mended: what failed now is the provider's health."""
    looking = probing(quarantine(NEW, RULES, 0.0, "misconfigured"))

    health = probed(looking, RULES, 600.0, ok=False)

    assert (health.quarantined, until(health)) == (False, 605.0)


def test_the_least_bad() -> None:
    """A person's work comes last, then the soonest ready first, then the least share of failures."""
    failing = observe(NEW, RULES, 0.0, successes=10, failures=2)
    soon, late = ejected(100.0), ejected(101.0)
    broken = quarantine(NEW, RULES, 0.0, "misconfigured")

    assert sorted([broken, late, soon, failing, NEW], key=lambda health: badness(health, 104.0)) == [
        NEW,
        failing,
        soon,
        late,
        broken,
    ]
