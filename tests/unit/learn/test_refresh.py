"""The matrix kept up to date in a ledger."""

from collections.abc import Iterator

import pytest

from tests.support.records import NOW, attempt, record
from tests.support.views import FLEET, TASKS
from tests.unit.learn.test_matrix import A, result
from turnout.learn.matrix import BENCHMARK_HOLDS
from turnout.learn.refresh import benchmarked, known, measured, refresh
from turnout.store.ledger import Ledger
from turnout.types.feedback import Feedback
from turnout.types.policy import Policy, Provider, Route
from turnout.types.view import Base

PROVIDERS = tuple(Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none") for name in "abc")
BASE = Base(1, Policy((Route("default", "cost"),), PROVIDERS), FLEET, TASKS)


@pytest.fixture
def ledger(store_url: str) -> Iterator[Ledger]:
    opened = Ledger(store_url)
    yield opened
    opened.close()


def test_benchmark_and_traffic_meet_in_the_matrix(ledger: Ledger) -> None:
    """A run's cells, then verdicts on top; refreshed twice it is the same."""
    benchmarked(ledger, BASE, [result(n, task="code_generation", band="moderate") for n in range(40)], "h", NOW)
    before = measured(ledger, BASE, NOW).quality[A]["code_generation"]
    asked = [record(n, model=A, attempts=(attempt(model=A),)) for n in range(40)]
    said = [Feedback(f"f{n}", NOW + n, "thumb", "user", f"req-{n}", tenant="web", verdict=0.0) for n in range(40)]
    ledger.ingest([*asked, *said], "s", 1)

    for _ in range(2):
        refresh(ledger, BASE, NOW + 60)
    after = measured(ledger, BASE, NOW + 60).quality[A]["code_generation"]
    assert before == round(10 * (10 + 40) / 60, 2)
    assert after == round(10 * (10 + 40) / 100, 2)
    whole, band = known(ledger, BASE, NOW + 60)
    assert (whole.n, whole.bases, band.band) == (80, ("benchmark", "live"), "moderate")


def test_what_no_longer_holds_is_forgotten(ledger: Ledger) -> None:
    """A suite that was changed, a benchmark of long ago; and traffic of which nothing is left."""
    benchmarked(ledger, BASE, [result(n) for n in range(40)], "h", NOW)
    refresh(ledger, BASE, NOW, {"h"})
    assert set(measured(ledger, BASE, NOW).quality) == {A}
    refresh(ledger, BASE, NOW, {"other"})
    assert ledger.cells.all() == ()
    benchmarked(ledger, BASE, [result(n) for n in range(40)], "h", NOW)
    refresh(ledger, BASE, NOW + BENCHMARK_HOLDS + 1)
    assert measured(ledger, BASE, NOW).quality == {}
