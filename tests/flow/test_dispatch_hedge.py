"""A second attempt beside one that stays silent. Virtual time, fakes."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.support.fake_sink import FakeSink
from tests.support.fake_transport import Answer
from tests.support.fleet import STREAM, Asked, Fleet, bad, refused, silent, well
from tests.support.play import plan, step
from tests.support.virtual_time import run
from turnout.types.decision import Plan, Step
from turnout.types.policy import Hedge, Timeouts

SLOW = Answer(b"role\n", 5.0, b"say slow\n", b"usage 10 3\nstop\nend\n")
"""Its head comes at once, its first content late: the usual way of being slow."""


def hedged(*steps: Step, after: float | None = 1.0, budget: float = 1.0, **limits: object) -> Plan:
    return replace(plan(*(steps or (step("p/a", cost=10), step("q/b", cost=10))), **limits), hedge=Hedge(after, budget))  # type: ignore[arg-type]


def test_a_hedge_starts_after_its_time_and_the_first_content_wins() -> None:
    """The second starts 1 s after the first; it answers first, so it serves; the loser is cancelled and its bill unknown."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": SLOW, "q/b": well(0.5)})
        asked = await fleet.ask(hedged())
        assert [(sent.model, sent.at) for sent in fleet.providers.sent] == [("p/a", 0.0), ("q/b", 1.0)]
        assert asked.took == pytest.approx(1.5)
        assert asked.sink.text == b"".join((b"role\n", *STREAM))
        assert [(attempt.model, attempt.fault, attempt.cost) for attempt in asked.execution.attempts] == [
            ("p/a", "cancelled", None),
            ("q/b", None, 13),
        ]
        assert asked.execution.model == "q/b"
        assert asked.execution.cost is None
        fleet.assert_at_rest()

    run(main())


def test_the_first_may_still_win() -> None:
    """Its answer was on the way when the hedge started: its connection is left alone, head and all."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": well(1.5), "q/b": well(3.0)})
        asked = await fleet.ask(hedged())
        assert (asked.execution.outcome, asked.execution.model) == ("ok", "p/a")
        assert asked.took == pytest.approx(1.5)
        assert sorted((attempt.model, attempt.fault) for attempt in asked.execution.attempts) == [
            ("p/a", None),
            ("q/b", "cancelled"),
        ]
        fleet.assert_at_rest()

    run(main())


def test_who_answers_in_time_is_not_hedged() -> None:
    """One call."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": well(0.9)})
        assert (await fleet.ask(hedged())).models == ["p/a"]
        assert len(fleet.providers.sent) == 1

    run(main())


def test_a_whole_answer_is_hedged_too() -> None:
    """Nothing is known of it before it is whole."""

    async def main() -> None:
        slow, quick = Answer(b"whole a ", 5.0, b"10 3"), Answer(b"whole b ", 0.5, b"10 3")
        fleet = Fleet("p/a", "q/b", behave={"p/a": slow, "q/b": quick})
        asked = await fleet.ask(hedged(), stream=False)
        assert asked.sink.got == [b"whole b 10 3"]
        fleet.assert_at_rest()

    run(main())


def test_a_hedge_goes_to_another_provider_only() -> None:
    """The same one would share the outage."""

    async def main() -> None:
        fleet = Fleet("p/a", "p/b", behave={"p/a": SLOW})
        asked = await fleet.ask(hedged(step("p/a", cost=10), step("p/b", cost=10)))
        assert asked.models == ["p/a"]
        assert len(fleet.providers.sent) == 1
        fleet.assert_at_rest()

    run(main())


def test_without_a_figure_the_p95_of_experience_decides() -> None:
    """And before there is any, there is no hedge."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": lambda n: well(0.2) if 0 < n <= 40 else SLOW})
        by_p95 = hedged(after=None)
        assert (await fleet.ask(by_p95)).models == ["p/a"]
        for _ in range(40):
            await fleet.ask(by_p95)
        began = fleet.now()
        await fleet.ask(by_p95)
        hedge = fleet.providers.sent[-1]
        assert hedge.model == "q/b"
        assert 0.15 <= hedge.at - began <= 5.0
        fleet.assert_at_rest()

    run(main())


def test_hedges_keep_to_their_share_of_requests_and_of_spend() -> None:
    """With 5 %, of 400 slow requests about 20 are hedged; a hedge that is ten times as dear as the request, a tenth of them."""

    async def count(cost: int) -> int:
        fleet = Fleet("p/a", "q/b", behave={"p/a": well(2.0)})
        the_plan = hedged(step("p/a", cost=10), step("q/b", cost=cost), budget=0.05)
        for _ in range(400):
            await fleet.ask(the_plan)
        fleet.assert_at_rest()
        return fleet.providers.calls("q/b")

    assert 15 <= run(count(10)) <= 21
    assert 1 <= run(count(100)) <= 3


def test_a_dear_hedge_is_left_when_it_does_not_fit_the_requests_budget() -> None:
    """The one under way will be billed too."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": SLOW})
        assert (await fleet.ask(hedged(budget=1.0))).models == ["p/a", "q/b"]
        asked = await fleet.ask(replace(hedged(budget=1.0), budget=19))
        assert asked.models == ["p/a"]
        fleet.assert_at_rest()

    run(main())


@pytest.mark.parametrize("last", ["p/a", "q/b"])
def test_when_both_fail_the_next_step_is_tried(last: str) -> None:
    """Whichever failed last; and all that was opened is closed."""

    async def main() -> None:
        failing = {"p/a": Answer(b"role\n", 2.0 if last == "q/b" else 3.0), "q/b": Answer(b"role\n", 1.5)}
        fleet = Fleet("p/a", "q/b", "s/c", behave=failing)
        asked = await fleet.ask(hedged(step("p/a"), step("q/b"), step("s/c")))
        assert asked.models == (["p/a", "q/b", "s/c"] if last == "q/b" else ["q/b", "p/a", "s/c"])
        assert asked.faults == ["broken", "broken", None]
        fleet.assert_at_rest()

    run(main())


def test_a_hedge_that_fails_leaves_the_first_alone() -> None:
    """And no third starts beside it."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": SLOW, "q/b": bad()})
        asked = await fleet.ask(hedged(step("p/a"), step("q/b"), step("s/c")))
        assert sorted(asked.models) == ["p/a", "q/b"]
        assert asked.execution.model == "p/a"
        fleet.assert_at_rest()

    run(main())


def test_a_second_attempt_has_its_own_time_before_it_is_hedged() -> None:
    """The first failed 0.9 s after it started: the second is not silent yet at 1.0 s."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": Answer(status=500, after=0.9), "q/b": well(0.5)})
        asked = await fleet.ask(hedged(step("p/a"), step("q/b"), step("s/c")))
        assert asked.models == ["p/a", "q/b"]

        fleet.providers.behave["q/b"] = SLOW
        began = fleet.now()
        asked = await fleet.ask(hedged(step("p/a"), step("q/b"), step("s/c")))
        assert asked.execution.model == "s/c"
        assert fleet.providers.sent[-1].at - began == pytest.approx(1.9)
        fleet.assert_at_rest()

    run(main())


@pytest.mark.parametrize("when", [0.5, 1.2])
def test_a_client_that_leaves_ends_both(when: float) -> None:
    """Before and after the hedge started."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": SLOW, "q/b": SLOW})
        asked = await fleet.ask(hedged(), sink=FakeSink(leaves_at=when))
        assert asked.execution.outcome == "cancelled"
        assert asked.faults == ["cancelled"] * (1 if when < 1 else 2)
        assert asked.took == pytest.approx(when)
        assert asked.sink.got == []
        fleet.assert_at_rest()

    run(main())


def test_the_deadline_ends_both() -> None:
    """And is told as one."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": SLOW, "q/b": silent()})
        asked = await fleet.ask(hedged(deadline=2.0))
        assert (asked.execution.outcome, asked.code) == ("failed", "deadline_exceeded")
        assert asked.faults == ["timeout", "timeout"]
        assert asked.took == pytest.approx(2.0)
        fleet.assert_at_rest()

    run(main())


def test_each_of_two_has_its_own_limit() -> None:
    """The first is given up on at its first-token limit, while the hedge has time left and answers."""

    async def main() -> None:
        limits = Timeouts(first_token=3.0)
        fleet = Fleet("p/a", "q/b", behave={"p/a": silent(), "q/b": well(2.5)})
        asked = await fleet.ask(hedged(step("p/a", timeouts=limits), step("q/b", timeouts=limits)))
        assert asked.faults == ["timeout", None]
        assert asked.took == pytest.approx(3.5)
        fleet.assert_at_rest()

    run(main())


def test_a_wrong_request_ends_the_chain_and_the_attempt_beside_it() -> None:
    """It would be wrong everywhere."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": silent(), "q/b": bad(400)})
        asked = await fleet.ask(hedged(step("p/a"), step("q/b"), step("s/c")))
        assert asked.code == "invalid_request"
        assert sorted(asked.faults, key=str) == ["caller_error", "cancelled"]
        assert asked.took == pytest.approx(1.0)
        fleet.assert_at_rest()

    run(main())


def test_an_ejected_hedge_is_not_forced() -> None:
    """It is a luxury: the first goes on alone."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": SLOW, "q/b": refused()})
        for _ in range(5):
            await fleet.ask(plan(step("q/b"), attempts=1))
        calls = fleet.providers.calls("q/b")
        assert (await fleet.ask(hedged())).models == ["p/a"]
        assert fleet.providers.calls("q/b") == calls
        fleet.assert_at_rest()

    run(main())


@pytest.mark.parametrize("moment", [0.5, 1.2, 1.5])
def test_a_request_stopped_from_outside_keeps_both_on_record(moment: float) -> None:
    """Its task cancelled at any moment: both attempts are told of and given back."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": SLOW, "q/b": SLOW})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(moment):
                await fleet.ask(hedged())
        await asyncio.sleep(0)
        fleet.assert_at_rest()

    run(main())


def test_a_hedged_answer_of_an_audited_route_is_recorded_before_it_is_sent() -> None:
    """With the loser on the record."""

    async def main() -> None:
        seen: list[list[str]] = []

        async def gate(execution: object) -> None:
            seen.append([attempt.model for attempt in execution.attempts])  # type: ignore[attr-defined]

        fleet = Fleet("p/a", "q/b", behave={"p/a": SLOW, "q/b": well(0.5)})
        asked: Asked = await fleet.ask(replace(hedged(), journal_required=True), gate=gate)
        assert asked.execution.outcome == "ok"
        assert seen == [["p/a"]], "the loser is over, the winner a stream that has only begun"
        fleet.assert_at_rest()

    run(main())


@pytest.mark.parametrize("second", [Answer(b"whole b ", 0.5, b"10 3"), Answer(b"whole b ", 0.5, status=503)])
def test_two_that_end_at_the_same_moment_are_each_on_record_once(second: Answer) -> None:
    """One serves; the other's own word stands, whatever it was."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": Answer(b"whole a ", 1.5, b"10 3"), "q/b": second})
        asked = await fleet.ask(hedged(), stream=False)
        assert asked.execution.outcome == "ok"
        assert asked.sink.got == [b"whole a 10 3"]
        assert sorted(asked.models) == ["p/a", "q/b"]
        assert asked.faults.count(None) == (2 if second.status == 200 else 1)
        fleet.assert_at_rest()

    run(main())
