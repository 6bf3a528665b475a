"""What a drill measured follows from its records alone."""

import msgspec
import pytest

from tests.unit.drill.drilling import DRILL, OTHER, T0, TARGET, aim, changed, one, outage, quality
from turnout.drill.figures import Measurements, Quantiles
from turnout.drill.measure import measure, quantiles
from turnout.types.record import Record


def measured(*records: Record, **changes: object) -> Measurements:
    return measure(records, changed(**changes), aim, quality)


def unpriced(found: Record) -> Record:
    """Nobody knows what its calls cost."""
    attempts = tuple(msgspec.structs.replace(attempt, cost=None) for attempt in found.attempts)
    return msgspec.structs.replace(found, cost=None, attempts=attempts)


def test_an_outage() -> None:
    """The phases are told apart, nothing is lost, and everything that met the failure was saved."""
    figures = measured(*outage())

    assert (figures.before.requests, figures.during.requests, figures.after.requests) == (150, 300, 150)
    assert figures.during.lost == 0
    assert figures.met == figures.saved == 300
    assert figures.served_by == {OTHER: 300}
    assert figures.before.to_target == 1.0


def test_time_to_fail_over() -> None:
    """From the first failure to the last request, probes apart, that still met it."""
    over = measured(*outage(until_left=2.5)).failover

    assert over.seconds == pytest.approx(2.4, abs=0.11)
    assert over.hit == 25
    assert over.probes > 0
    assert over.worst_wait_ms == pytest.approx(2.0)


def test_never_left() -> None:
    """A provider that every request tried to the end was not failed over from."""
    over = measured(*outage(until_left=30)).failover

    assert over.seconds is None
    assert over.hit == 300


def test_nothing_met_it() -> None:
    """Without a failure there is nothing to measure of it."""
    figures = measured(*(one(n, T0 + n / 10, (OTHER, None, 100.0)) for n in range(600)))

    assert figures.met == figures.struck == figures.failover.hit == 0
    assert figures.recovery_s is None


@pytest.mark.parametrize("back_after", [0.0, 6.0])
def test_recovery(back_after: float) -> None:
    """Until what was drilled has its share again."""
    assert measured(*outage(back_after=back_after)).recovery_s == pytest.approx(back_after, abs=0.11)


def test_lost() -> None:
    """A request that met the failure and got no answer is lost; the routes say which."""
    figures = measured(*outage(lost=frozenset({200, 201, 300})))

    assert figures.during.lost == 3
    assert {route.name: route.during.lost for route in figures.routes} == {"default": 2, "support": 1}


def test_failed_otherwise() -> None:
    """A failure that had nothing to do with what was drilled is counted apart."""
    figures = measured(one(1, DRILL.since + 1, (OTHER, "unavailable", 1.0)))

    assert (figures.during.lost, figures.during.failed_otherwise) == (0, 1)
    assert figures.faults_elsewhere == {OTHER: {"unavailable": 1}}


def test_refusals_of_ours_do_not_count() -> None:
    """What called nobody says nothing about a provider."""
    assert measured(one(1, DRILL.since + 1, outcome="rejected")).during.requests == 0


def test_led_around() -> None:
    """A request whose plan had the provider and was led around it met the failure, and was saved."""
    figures = measured(one(1, DRILL.since + 1, (OTHER, None, 9.0), skipped=((TARGET, "ejected"),)))

    assert (figures.met, figures.saved, figures.struck) == (1, 1, 0)


def test_bad_content_is_lost() -> None:
    """A worthless answer that reached the client is no answer; one that a check caught is saved."""
    at = DRILL.since + 1
    served = one(1, at, (TARGET, None, 5.0))
    caught = one(2, at, (TARGET, "broken", 5.0), (OTHER, None, 5.0))

    figures = measured(served, caught, kind="bad_content")
    assert (figures.during.lost, figures.saved, figures.during.answered) == (1, 1, 1)
    assert measured(served, kind="degradation").during.lost == 0


def test_means_and_amplification() -> None:
    """Cost is the mean of what is known, unknown is counted; calls are per request; quality is that of who answered."""
    at = DRILL.since + 1
    figures = measured(
        one(1, at, (TARGET, "unavailable", 1.0), (OTHER, None, 1.0)), unpriced(one(2, at, (OTHER, None, 1.0)))
    ).during

    assert figures.cost_usd == pytest.approx(0.0016)
    assert figures.unpriced == 1
    assert figures.amplification == 1.5
    assert figures.quality == pytest.approx(7.9)


def test_a_route_without_fallback_is_never_left() -> None:
    """Its requests go on trying what failed, for want of better; the time to fail over is that of those who had somewhere to go."""
    alone = [one(1000 + n, DRILL.since + n / 10, (TARGET, "unavailable", 1.0), route="alone") for n in range(250)]
    records = [*outage(until_left=2.5), *alone]

    assert measured(*records).failover == measured(*outage(until_left=2.5)).failover
    assert measured(*records).during.lost == 250
    assert measured(*alone).failover.seconds is None


def test_beside() -> None:
    """Live traffic outside the drill at the same time is the better comparison, where there is enough of it."""
    others = [one(n, DRILL.since + n / 10, (TARGET, None, 50.0)) for n in range(100)]

    figures = measure(outage(), DRILL, aim, quality, beside=others)
    assert figures.reference is figures.beside
    assert [route.reference is route.beside for route in figures.routes] == [False, True]
    assert measure(outage(), DRILL, aim, quality, beside=others[:3]).reference == figures.before


@pytest.mark.parametrize("kind", ["outage", "bad_content"])
def test_beside_is_no_part_of_it(kind: str) -> None:
    """What the drilled provider did for others at the time is neither spoilt nor a failure of the drill's."""
    at = DRILL.since + 1
    others = [one(1, at, (TARGET, None, 50.0)), one(2, at, (TARGET, "unavailable", 1.0))]

    beside = measure((), changed(kind=kind), aim, quality, beside=others).beside
    assert beside is not None
    assert (beside.answered, beside.lost, beside.failed_otherwise) == (1, 0, 1)


def test_nobody_bills_what_was_made_up() -> None:
    """A struck call may say nothing of its cost, and cost nothing; one that was only slowed down was made, and its cost is unknown."""
    found = unpriced(one(1, DRILL.since + 1, (TARGET, "timeout", 900.0)))
    assert measured(found).spent_usd == 0
    both = msgspec.structs.replace(
        one(1, DRILL.since + 1, (TARGET, "timeout", 900.0), (OTHER, None, 1.0)),
        cost=None,
        attempts=(*found.attempts, *one(1, T0, (OTHER, None, 1.0)).attempts),
    )

    assert measured(both).during.cost_usd == pytest.approx(0.0016)
    assert measured(both, kind="degradation").during.unpriced == 1


def test_checks_of_a_cascade() -> None:
    """Its first models' answers are held and checked; whoever did not answer was not checked."""
    at = DRILL.since + 1
    arms = [one(n, at, (OTHER, fault, 1.0), (OTHER, None, 1.0)) for n, fault in enumerate([None, "check_failed", "timeout"])]
    arms = [
        msgspec.structs.replace(arm, attempts=(msgspec.structs.replace(arm.attempts[0], reason="cascade"), arm.attempts[1]))
        for arm in arms
    ]
    during = measured(*arms).during

    assert (during.checked, during.turned_down) == (2, 1)


def test_timeline() -> None:
    """Slices cover the drill without a gap, and nothing is in two of them."""
    figures = measured(*outage(lost=frozenset({222})))

    assert [moment.at for moment in figures.timeline] == [n * figures.slice_s for n in range(len(figures.timeline))]
    assert sum(moment.by_target + moment.elsewhere + moment.lost for moment in figures.timeline) == 600


def test_quantiles() -> None:
    """By nearest rank; of nothing there are none."""
    assert quantiles(map(float, range(1, 101))) == Quantiles(50, 95, 99)
    assert quantiles([7.0]) == Quantiles(7, 7, 7)
    assert quantiles([]) == Quantiles()
