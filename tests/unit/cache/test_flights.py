"""Identical questions at once: one asks, the others get its answer, and nobody waits for ever."""

import asyncio

import pytest

from tests.support.fake_sink import FakeSink
from tests.support.virtual_time import run
from tests.unit.cache.making import entry
from turnout.cache.entry import Entry
from turnout.cache.flights import Flights, Lead
from turnout.errors import ClientGone

HOUR = 3600.0
QUESTION = b"question"


class Upstream:
    """Answers after a second; ``fails`` of its first calls bring nothing."""

    def __init__(self, fails: int = 0) -> None:
        self.calls = self.at_once = self.most = 0
        self._fails = fails

    async def __call__(self) -> Entry | None:
        self.calls += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        number = self.calls
        try:
            await asyncio.sleep(1)
        finally:
            self.at_once -= 1
        return None if number <= self._fails else entry()


async def served(flights: Flights, upstream: Upstream, client: FakeSink | None = None, within: float = HOUR) -> Entry | None:
    turn = await flights.take(QUESTION, client or FakeSink(), within)
    if isinstance(turn, Entry):
        return turn
    with turn as lead:
        found = await upstream()
        lead.land(found)
        return found


def is_empty(flights: Flights) -> bool:
    return not flights._flights and not flights.waiting


def test_a_hundred_at_once_are_one_call() -> None:
    """And all hundred have the answer when it has come."""

    async def main() -> None:
        flights, upstream = Flights(), Upstream()
        answers = await asyncio.gather(*(served(flights, upstream) for _ in range(100)))

        assert upstream.calls == 1
        assert answers == [entry()] * 100
        assert asyncio.get_running_loop().time() == pytest.approx(1001.0)
        assert is_empty(flights)

    run(main())


def test_other_questions_do_not_wait() -> None:
    """Nor does the same one later, when nobody is under way."""

    async def main() -> None:
        flights = Flights()
        first = await flights.take(b"one", FakeSink(), HOUR)
        second = await flights.take(b"other", FakeSink(), HOUR)
        assert isinstance(first, Lead)
        assert isinstance(second, Lead)
        first.land(entry())
        third = await flights.take(b"one", FakeSink(), HOUR)
        assert isinstance(third, Lead)
        second.land(None)
        third.land(None)
        assert is_empty(flights)

    run(main())


@pytest.mark.parametrize("fails", [1, 3, 7])
def test_when_one_brings_nothing_the_next_few_ask(fails: int) -> None:
    """No herd, and no queue of a hundred calls either: each failure lets two go."""

    async def main() -> None:
        flights, upstream = Flights(), Upstream(fails)
        answers = await asyncio.gather(*(served(flights, upstream) for _ in range(100)))

        assert upstream.calls <= 2 * fails + 1
        assert upstream.most <= fails + 1
        assert answers.count(None) == fails
        assert is_empty(flights)

    run(main())


def test_an_answer_that_is_never_kept_holds_up_nobody_for_long() -> None:
    """A hundred ask in the end, in a few seconds and not in a hundred."""

    async def main() -> None:
        flights, upstream = Flights(), Upstream(1000)
        await asyncio.gather(*(served(flights, upstream) for _ in range(100)))

        assert upstream.calls == 100
        assert asyncio.get_running_loop().time() <= 1010.0
        assert is_empty(flights)

    run(main())


def test_a_leader_that_is_cancelled_passes_the_lead_on() -> None:
    """Its client left: the next one asks, and the others have that one's answer."""

    async def main() -> None:
        flights, upstream = Flights(), Upstream()
        leader, *others = [asyncio.ensure_future(served(flights, upstream)) for _ in range(10)]
        await asyncio.sleep(0.5)
        leader.cancel()

        assert await asyncio.gather(*others) == [entry()] * 9
        assert leader.cancelled()
        assert upstream.calls == 3  # two were let go
        assert is_empty(flights)

    run(main())


def test_who_waits_waits_no_longer_than_its_own_time() -> None:
    """And the rest go on waiting."""

    async def main() -> None:
        flights, upstream = Flights(), Upstream()
        leader = asyncio.ensure_future(served(flights, upstream))
        await asyncio.sleep(0)
        patient = asyncio.ensure_future(served(flights, upstream))
        with pytest.raises(TimeoutError):
            await served(flights, upstream, within=0.3)
        assert asyncio.get_running_loop().time() == pytest.approx(1000.3)
        assert await patient == await leader == entry()
        assert is_empty(flights)

    run(main())


def test_a_client_that_leaves_waits_no_more() -> None:
    """At once, not when the answer has come."""

    async def main() -> None:
        flights, upstream = Flights(), Upstream()
        leader = asyncio.ensure_future(served(flights, upstream))
        await asyncio.sleep(0)
        with pytest.raises(ClientGone):
            await served(flights, upstream, FakeSink(leaves_at=0.2))
        assert asyncio.get_running_loop().time() == pytest.approx(1000.2)
        assert await leader == entry()
        assert is_empty(flights)

    run(main())


def test_a_lead_given_to_one_that_just_left_goes_to_the_next() -> None:
    """In the very moment: nobody is left waiting for a leader that is not there."""

    async def main() -> None:
        flights, upstream = Flights(), Upstream()
        lead = flights.claim(QUESTION)
        assert lead is not None
        first, second = (asyncio.ensure_future(served(flights, upstream)) for _ in range(2))
        await asyncio.sleep(0.1)
        lead.land(None)
        first.cancel()

        assert await second == entry()
        assert first.cancelled()
        assert is_empty(flights)

    run(main())


def test_those_who_wait_are_bounded() -> None:
    """More are served as if there was no flight, and leave it in peace."""

    async def main() -> None:
        flights, upstream = Flights(most_waiting=5), Upstream()
        answers = await asyncio.gather(*(served(flights, upstream) for _ in range(10)))

        assert answers == [entry()] * 10
        assert upstream.calls == 5
        assert is_empty(flights)

    run(main())


def test_a_question_is_claimed_once() -> None:
    """For an answer that is made anew behind a stale one: whoever comes second does not."""
    flights = Flights()
    lead = flights.claim(QUESTION)

    assert lead is not None
    assert flights.claim(QUESTION) is None
    lead.land(entry())
    lead.land(None)
    assert flights.claim(QUESTION) is not None


def test_the_lead_cannot_be_left_undone() -> None:
    """Whatever the leader dies of."""

    async def main() -> None:
        flights = Flights()
        lead = flights.claim(QUESTION)
        assert lead is not None
        with pytest.raises(ValueError, match="odd"), lead:
            raise ValueError("odd")
        assert is_empty(flights)

    run(main())
