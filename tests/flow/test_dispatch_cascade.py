"""Cheap first, its answer held and checked. Virtual time; real dialect where what is said matters."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.support.fake_sink import FakeSink
from tests.support.fake_transport import Answer
from tests.support.fleet import Asked, Fleet, bad, silent
from tests.support.play import ANY, plan, step
from tests.support.virtual_time import run
from turnout.checks.answer import Answer as Checked
from turnout.checks.answer import Failed
from turnout.execute import executor
from turnout.types.checks import Check, JsonValid
from turnout.types.decision import Plan, Step
from turnout.types.policy import Hedge, Timeouts

LIMITS = Timeouts(first_token=3.0, idle=2.0, total=4.0)


def arm(model: str, *checks: Check, cost: int = 1) -> Step:
    return Step(model, ANY, "cascade", cost, LIMITS, checks or (JsonValid(),))  # type: ignore[arg-type]


def cascade(*steps: Step, **limits: object) -> Plan:
    behind = (step("q/b", reason="best", timeouts=LIMITS), step("s/c", timeouts=LIMITS))
    return plan(*(steps or (arm("p/a"),)), *behind, **limits)  # type: ignore[arg-type]


def says(word: bytes, *pauses: float) -> Answer:
    """A stream that says one word; pauses before its content and before its end."""
    first, last = (*pauses, 0.0, 0.0)[:2]
    return Answer(b"role\n", first, b"say %s\n" % word, last, b"usage 10 3\nstop\nend\n")


@pytest.fixture(autouse=True)
def _reads_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake dialect has no reader: an answer is what it says."""

    def held(_ask: object, _front: object, delivered: bytes) -> Checked:
        return Checked(b" ".join(word for word in delivered.split() if word not in (b"role", b"say", b"stop", b"end")).decode())

    monkeypatch.setattr(executor, "held_answer", held)


async def asked_of(fleet: Fleet, the_plan: Plan | None = None, **more: object) -> Asked:
    """With a check that knows only the word ``good``."""

    async def verify(checks: tuple[Check, ...], answer: Checked) -> Failed | None:
        assert checks, "only an arm is checked"
        if fleet.check is not None:
            await fleet.check()
        return None if "good" in answer.text else Failed("json_valid", "not JSON at character 0")

    fleet._verify = verify  # type: ignore[method-assign]
    return await fleet.ask(the_plan or cascade(), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("stream", [True, False])
def test_an_arm_that_passes_serves(*, stream: bool) -> None:
    """Reason cascade; one call; the client gets it whole."""

    async def main() -> None:
        fleet = Fleet(
            "p/a", "q/b", "s/c", behave={"p/a": says(b"good", 0.5, 0.5) if stream else Answer(b"whole good ", 0.5, b"10 3")}
        )
        asked = await asked_of(fleet, stream=stream)
        assert (asked.execution.outcome, asked.execution.model, asked.execution.reason) == ("ok", "p/a", "cascade")
        assert asked.execution.cost == 13
        assert len(asked.sink.got) == 1, "held, and then sent at once"
        assert b"good" in asked.sink.text
        fleet.assert_at_rest()

    run(main())


@pytest.mark.parametrize("stream", [True, False])
def test_an_arm_that_fails_its_check_is_billed_and_never_seen(*, stream: bool) -> None:
    """The route's choice serves; both are on the record with their cost; nobody is ejected for it."""

    async def main() -> None:
        answers = (
            {"p/a": says(b"bad"), "q/b": says(b"fine")}
            if stream
            else {"p/a": Answer(b"whole bad 10 3"), "q/b": Answer(b"whole fine 10 3")}
        )
        fleet = Fleet("p/a", "q/b", "s/c", behave=answers)
        for _ in range(30):
            asked = await asked_of(fleet, stream=stream)
            assert [(attempt.model, attempt.fault, attempt.cost) for attempt in asked.execution.attempts] == [
                ("p/a", "check_failed", 13),
                ("q/b", None, 13),
            ]
            assert asked.execution.attempts[0].detail == "json_valid: not JSON at character 0"
            assert (asked.execution.model, asked.execution.reason, asked.execution.cost) == ("q/b", "best", 26)
            assert b"bad" not in asked.sink.text
            assert b"fine" in asked.sink.text
        assert fleet.standing("p/a") == "admitting"
        fleet.assert_at_rest()

    run(main())


@pytest.mark.parametrize(
    "arm_does", [bad(503), bad(429), bad(401), silent(), Answer(b"filtered", status=400), Answer(b"too long", status=400)]
)
def test_an_arms_own_failure_leads_to_the_routes_choice(arm_does: Answer) -> None:
    """Whatever a cheap model cannot do says nothing of the route's own."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": arm_does})
        asked = await asked_of(fleet)
        assert asked.models == ["p/a", "q/b"]
        assert asked.execution.outcome == "ok"
        fleet.assert_at_rest()

    run(main())


def test_two_arms_then_the_choice_then_a_fallback() -> None:
    """The chain as written, each on the record."""

    async def main() -> None:
        fleet = Fleet("p/a", "p/a2", "q/b", "s/c", behave={"p/a": says(b"bad"), "p/a2": says(b"worse"), "q/b": bad(503)})
        asked = await asked_of(fleet, cascade(arm("p/a"), arm("p/a2"), attempts=5))
        assert list(zip(asked.models, asked.faults, strict=True)) == [
            ("p/a", "check_failed"), ("p/a2", "check_failed"), ("q/b", "unavailable"), ("s/c", None),
        ]  # fmt: skip
        assert asked.execution.reason == "fallback"
        fleet.assert_at_rest()

    run(main())


def test_a_failed_check_is_not_tried_again() -> None:
    """The same model would be no better a second time; when nothing else answers either, the chain ends."""

    async def main() -> None:
        fleet = Fleet("p/a", behave={"p/a": says(b"bad")})
        asked = await asked_of(fleet, plan(arm("p/a"), attempts=5))
        assert asked.models == ["p/a"]
        assert asked.code == "upstream_failed"
        fleet.assert_at_rest()

    run(main())


@pytest.mark.parametrize("pauses", [(2.9, 1.9), (0.0, 1.9)])
def test_a_held_stream_has_a_streams_limits(pauses: tuple[float, float]) -> None:
    """To its first content and between two reads, though nobody sees them yet."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": says(b"good", *pauses)})
        assert (await asked_of(fleet)).models == ["p/a"]
        fleet.assert_at_rest()

    run(main())


@pytest.mark.parametrize(("pauses", "took"), [((3.5, 0.0), 3.0), ((1.0, 2.5), 3.0)])
def test_a_stall_in_a_held_stream_is_noticed(pauses: tuple[float, float], took: float) -> None:
    """Before its first content and after it; the route's choice serves and nothing of the stalled one is seen."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": says(b"good", *pauses)})
        asked = await asked_of(fleet)
        assert list(zip(asked.models, asked.faults, strict=True)) == [("p/a", "timeout"), ("q/b", None)]
        assert asked.took == pytest.approx(took + 0.1)
        assert b"good" not in asked.sink.text
        fleet.assert_at_rest()

    run(main())


def test_a_held_stream_that_says_its_end_is_not_waited_for() -> None:
    """Some providers never hang up."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": Answer(b"say good\nusage 10 3\nstop\nend\n", 1e9)})
        asked = await asked_of(fleet)
        assert (asked.models, asked.took) == (["p/a"], 0.0)
        fleet.assert_at_rest()

    run(main())


def test_an_audited_route_records_the_arm_before_it_is_sent() -> None:
    """Journal required, with a cascade: the check comes first, then the record, then the first byte."""

    async def main() -> None:
        sink = FakeSink()
        seen: list[tuple[list[str | None], str | None]] = []

        async def gate(execution: object) -> None:
            assert sink.got == []
            seen.append(([attempt.fault for attempt in execution.attempts], execution.model))  # type: ignore[attr-defined]

        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": says(b"good")})
        audited = replace(cascade(), journal_required=True)
        assert (await asked_of(fleet, audited, sink=sink, gate=gate)).execution.outcome == "ok"
        assert seen == [([None], "p/a")]

        sink.got.clear()
        fleet.providers.behave["p/a"] = says(b"bad")
        assert (await asked_of(fleet, audited, sink=sink, gate=gate)).execution.model == "q/b"
        assert seen[1] == (["check_failed"], "q/b")
        fleet.assert_at_rest()

    run(main())


@pytest.mark.parametrize("how", ["client", "deadline", "stopped"])
def test_what_happens_while_it_is_checked_ends_it(how: str) -> None:
    """A check may take a while: the client, the deadline and the task are watched meanwhile; nothing was sent."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": says(b"good")})

        async def slowly() -> None:
            await asyncio.sleep(30.0)

        fleet.check = slowly
        sink = FakeSink(leaves_at=1.0 if how == "client" else None)
        if how == "stopped":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await asked_of(fleet, sink=sink)
        else:
            asked = await asked_of(fleet, cascade(deadline=1.0 if how == "deadline" else 60.0), sink=sink)
            assert asked.took == pytest.approx(1.0)
            assert asked.execution.outcome == ("cancelled" if how == "client" else "failed")
            assert asked.execution.cost == 13, "its answer was whole, so its bill is known"
        assert sink.got == []
        fleet.assert_at_rest()

    run(main())


def test_the_budget_holds_both_arms() -> None:
    """What the arm cost is gone from what the route's choice may."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": says(b"bad")})
        dear = plan(arm("p/a", cost=13), step("q/b", cost=20, reason="best"), budget=30)
        asked = await asked_of(fleet, dear)
        assert (asked.models, asked.code) == (["p/a"], "budget_exhausted")
        fleet.assert_at_rest()

    run(main())


def test_an_arm_is_never_hedged_and_the_choice_behind_it_is() -> None:
    """Nothing of an arm is due to the client yet."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": says(b"bad", 2.0), "q/b": says(b"late", 2.5)})
        asked = await asked_of(fleet, replace(cascade(), hedge=Hedge(1.0, 1.0)))
        assert list(zip(asked.models, asked.faults, strict=True)) == [
            ("p/a", "check_failed"),
            ("q/b", "cancelled"),
            ("s/c", None),
        ]
        assert [sent.at for sent in fleet.providers.sent] == [0.0, 2.0, 3.0]
        fleet.assert_at_rest()

    run(main())


def test_an_ejected_arm_costs_no_time() -> None:
    """Its requests begin with the route's choice."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", "s/c", behave={"p/a": bad(503)})
        for _ in range(5):
            await asked_of(fleet)
        asked = await asked_of(fleet)
        assert (asked.models, asked.skipped) == (["q/b"], [("p/a", "ejected")])
        fleet.assert_at_rest()

    run(main())
