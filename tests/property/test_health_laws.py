"""Laws of a deployment's health, over any course of outcomes, probes, silences and time."""

from hypothesis import given
from hypothesis import strategies as st

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

chances = st.floats(0, 1)
rules_ = st.builds(
    HealthRules,
    samples=st.integers(1, 40),
    consecutive=st.integers(1, 10),
    window=st.floats(1, 100),
    ejection=st.floats(0.1, 10),
    longest_ejection=st.floats(10, 500),
    probes=st.integers(1, 5),
    successes=st.integers(1, 5),
    ramp=st.floats(0, 30),
)
EVENTS = ("outcomes", "admit", "admit", "admit", "probe ok", "probe failed", "probe none", "silence", "quarantine", "spoke")
events = st.tuples(st.sampled_from(EVENTS), st.floats(0, 20), st.integers(0, 30), st.integers(0, 6), chances)


def happened(health: Health, rules: HealthRules, now: float, event: tuple) -> tuple[Health, str | None]:
    """The state after one event, and the admission if it was a request for one."""
    kind, _, successes, failures, chance = event
    match kind:
        case "admit":
            return admit(health, rules, now, chance)
        case "outcomes":
            return observe(health, rules, now, successes=successes, failures=failures, chance=chance), None
        case "silence":
            return eject(health, rules, now, chance, SILENCE), None
        case "quarantine":
            return quarantine(health, rules, now, "misconfigured"), None
        case "spoke":
            return spoke(health, rules, now, began=now - successes), None
    ok = {"probe ok": True, "probe failed": False, "probe none": None}[kind]
    return (probed(health, rules, now, ok, chance) if health.probing else health), None


@given(rules_, st.lists(events, max_size=60))
def test_any_course(rules: HealthRules, course: list[tuple]) -> None:
    """Never admitted while ejected, probes within their limit, shares and counts within their bounds, no ejection longer than said."""
    health, now = Health(), 0.0
    for event in course:
        now += event[1]
        before = standing(health, rules, now)
        limit = rules.probes + health.passed
        health, admission = happened(health, rules, now, event)

        if before == "ejected" and admission:
            assert admission == "no"
        if admission == "probe":
            assert before == "probing"
            assert health.probing <= limit < rules.probes + rules.successes
        if admission == "go":
            assert before in ("admitting", "degraded")
        after = standing(health, rules, now)
        assert 0.0 <= share(health, rules, now) <= 1.0
        assert (share(health, rules, now) > 0.0) == (after in ("admitting", "degraded"))
        assert health.succeeded >= 0
        assert health.failed >= 0
        assert health.probing >= 0
        assert 0 <= health.passed < rules.successes
        assert health.until is None or health.until <= now + max(rules.quarantine, 1.2 * rules.longest_ejection)
        assert badness(health, now) >= (False, 0.0, 0.0)


@given(rules_, st.lists(events, max_size=40))
def test_only_probes_and_words_bring_it_back(rules: HealthRules, course: list[tuple]) -> None:
    """Outcomes, admissions, silences and time alone never readmit what is ejected."""
    health, now = eject(Health(), rules, 0.0, 0.5, "test"), 0.0
    for event in course:
        if event[0] in ("outcomes", "admit", "silence", "quarantine"):
            now += event[1]
            health, _ = happened(health, rules, now, event)
            assert health.until is not None


@given(rules_, st.lists(events, max_size=40))
def test_it_always_comes_back(rules: HealthRules, course: list[tuple]) -> None:
    """Whatever happened: probes that succeed bring any deployment back to its full share, and nothing is left of them."""
    health, now = Health(), 0.0
    for event in course:
        now += event[1]
        health, _ = happened(health, rules, now, event)
    while health.probing:
        health = probed(health, rules, now, None)
    now += max(rules.quarantine, 1.2 * rules.longest_ejection)
    for _ in range(rules.successes):
        health, admission = admit(health, rules, now, 0.0)
        health = probed(health, rules, now, ok=True) if admission == "probe" else health

    later = now + rules.ramp + 10 * rules.window * max(1, rules.samples)
    assert share(health, rules, later) == 1.0
    assert health.probing == 0


@given(rules_, st.lists(st.floats(0, 40), min_size=2, max_size=20))
def test_the_ramp_only_grows(rules: HealthRules, times: list[float]) -> None:
    """From the trickle to all, and never back by time alone."""
    health = spoke(eject(Health(), rules, 0.0, 0.5, SILENCE), rules, 1.0)
    shares = [share(health, rules, 1.0 + after) for after in sorted(times)]

    assert shares == sorted(shares)
    assert all(TRICKLE <= part <= 1.0 for part in shares)


@given(rules_, st.integers(1, 12), st.floats(0, 2000), st.floats(0, 2000), chances)
def test_good_behaviour_is_never_punished(rules: HealthRules, times: int, one: float, more: float, chance: float) -> None:
    """The longer it was well, the shorter the next ejection, and never longer than without the pause."""
    health, now = Health(), 0.0
    for _ in range(times):
        health = eject(health, rules, now, 0.5, SILENCE)
        now = health.until or now
    health = spoke(health, rules, now)

    soon, late = eject(health, rules, now + one, chance, "test"), eject(health, rules, now + one + more, chance, "test")

    assert late.ejections <= soon.ejections <= times + 1
    assert eject(health, rules, now + times * rules.window * 1.01, chance, "test").ejections == 1


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=100))
def test_batches_are_what_their_parts_are(course: list[tuple[float, bool]]) -> None:
    """Successes folded when the next failure comes, or after a second, lead to the standing they would have led to one by one."""
    rules = HealthRules(eject_at=2.0, degraded_at=2.0)
    single = batched = Health()
    pending, now, folded = 0, 0.0, 0.0
    for wait, ok in course:
        now += wait
        single = observe(single, rules, now, successes=int(ok), failures=int(not ok))
        pending += ok
        if not ok or now - folded > 1.0:
            batched, pending, folded = observe(batched, rules, now, successes=pending, failures=int(not ok)), 0, now
        assert standing(single, rules, now) == standing(batched, rules, now)
