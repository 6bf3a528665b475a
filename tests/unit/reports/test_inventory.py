"""Which model served when, under which policy version."""

from pathlib import Path

import pytest

from tests.support.records import record
from tests.unit.control.test_publish import ONE, TWO
from tests.unit.control.test_publish_history import Bench
from turnout.reports.inventory import inventory
from turnout.types.seconds import DAY, HOUR


@pytest.fixture
def bench(tmp_path: Path):
    made = Bench(tmp_path)
    yield made
    made.ledger.close()


def test_nothing_served_before_its_policy_or_long_after_it(bench: Bench) -> None:
    """Sums are of whole hours; the hour in which one version followed another is told apart where it did."""
    at = (bench.clock.now() // HOUR + 1) * HOUR
    first, change, last = at + 600, at + 2 * HOUR + 1_200, at + 3 * HOUR + 60
    bench.clock.advance(first - bench.clock.now())
    bench.adopt(ONE)
    bench.clock.advance(change - first)
    bench.adopt(TWO)
    arrivals = [(first + 5, 1), (change - 5, 1), (change + 5, 2), (last, 2)]
    bench.ledger.ingest([record(n, at=moment, policy=policy) for n, (moment, policy) in enumerate(arrivals)], "s", 1)
    bench.clock.advance(DAY)
    while bench.ledger.roll_up(bench.clock.now()).left:
        pass

    found = inventory(bench.ledger, int(at // DAY * DAY), int(last // DAY * DAY + DAY), bench.clock.now())

    assert {line.policy: (line.first, line.last) for line in found.served} == {1: (first, change), 2: (change, last)}
    assert {line.policy: line.since for line in found.served} == {1: first, 2: change}
