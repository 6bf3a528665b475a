"""Who has no room is let be, waited for, or passed over. Virtual time, fakes."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.support.fleet import Fleet, bad, provider, well
from tests.support.play import plan, step
from tests.support.virtual_time import run
from turnout.types.policy import Credential, Policy
from turnout.types.resilience import QuotaRules

AB = plan(step("p/a", reason="cheapest"), step("q/b"))
A = plan(step("p/a", reason="static"))


def limited(rpm: int, **quota: object) -> Policy:
    return Policy((), (provider("p", Credential("k1", rpm=rpm)),), quota=QuotaRules(**quota))  # type: ignore[arg-type]


def test_a_429_with_retry_after_pauses_that_deployment_only() -> None:
    """The next is taken at once, with nobody waiting; the other models of the same provider go on; then it is asked again."""

    async def main() -> None:
        fleet = Fleet("p/a", "p/c", "q/b", behave={"p/a": lambda n: bad(429, retry_after="7") if n == 0 else well()})
        assert (await fleet.ask(AB)).faults == ["rate_limited", None]
        for _ in range(3):
            asked = await fleet.ask(AB)
            assert (asked.models, asked.skipped) == (["q/b"], [("p/a", "quota")])
            assert asked.took == pytest.approx(0.1)
        assert (await fleet.ask(plan(step("p/c")))).models == ["p/c"]
        await asyncio.sleep(7)
        assert (await fleet.ask(AB)).models == ["p/a"]
        assert fleet.standing("p/a") == "admitting", "capacity is no illness"
        fleet.assert_at_rest()

    run(main())


def test_a_pool_of_keys_spills_over() -> None:
    """One credential refused: the second serves, within the same step."""

    async def main() -> None:
        keys = Policy((), (provider("p", Credential("k1"), Credential("k2")),))
        fleet = Fleet("p/a", policy=keys, behave={"p/a#k1": bad(429, retry_after="30")}, chance=lambda: 0.0)
        assert (await fleet.ask(A)).faults == ["rate_limited", None]
        for _ in range(5):
            assert (await fleet.ask(A)).faults == [None]
        assert [sent.credential for sent in fleet.providers.sent] == ["k1", *["k2"] * 6]
        fleet.assert_at_rest()

    run(main())


def test_a_refused_credential_is_not_the_end_of_its_pool() -> None:
    """The next key is tried at once, before another model; with all refused the chain goes on. One that has served is doubted first."""

    async def main() -> None:
        keys = Policy((), (provider("p", Credential("k1"), Credential("k2")),))
        fleet = Fleet("p/a", "q/b", policy=keys, behave={"p/a#k1": bad(401)}, chance=lambda: 0.0)
        assert (await fleet.ask(AB)).models == ["p/a", "p/a"]
        fleet.providers.behave["p/a#k2"] = bad(401)
        assert (await fleet.ask(AB)).models == ["p/a", "q/b"]
        assert (await fleet.ask(AB)).models == ["p/a", "q/b"]
        assert (await fleet.ask(AB)).models == ["q/b"]
        assert [sent.credential for sent in fleet.providers.sent] == ["k1", "k2", "k2", "", "k2", "", ""]
        fleet.assert_at_rest()

    run(main())


def test_of_two_keys_the_slower_gets_less() -> None:
    """Power of two choices by peak EWMA."""

    async def main() -> None:
        keys = Policy((), (provider("p", Credential("k1"), Credential("k2")),))
        fleet = Fleet("p/a", policy=keys, behave={"p/a#k1": well(1.0), "p/a#k2": well(0.1)})
        await fleet.load(A, 20, 20)
        served = [sent.credential for sent in fleet.providers.sent]
        assert 0 < served.count("k1") < served.count("k2") / 3
        fleet.assert_at_rest()

    run(main())


def test_requests_per_minute_are_kept() -> None:
    """60 a minute: a minute's worth at once, then one a second; who cannot wait is sent on."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", policy=limited(60))
        asked = await fleet.load(AB, 100, 1)
        assert fleet.providers.calls("p/a") == 60
        assert sum(one.skipped == [("p/a", "quota")] for one in asked) == 40
        await asyncio.sleep(0.1)
        assert [(await fleet.ask(AB)).models for _ in range(2)] == [["p/a"], ["q/b"]]

    run(main())


def test_a_worker_keeps_to_its_share_of_the_limit() -> None:
    """Of 60 a minute each of three workers has 20."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", policy=limited(60), workers=3)
        await fleet.load(AB, 1000, 0.1)
        assert fleet.providers.calls("p/a") == 20

    run(main())


def test_in_shadow_nobody_is_held_back() -> None:
    """Counted only."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", policy=limited(60, shadow=True))
        await fleet.load(AB, 1000, 0.1)
        assert fleet.providers.calls("p/a") == 100
        assert fleet.pools["p/a"][0].shared.room.held_back == 40

    run(main())


def busy(fleet: Fleet, seconds: float) -> None:
    """As if a minute's requests were used up, and the next is due in so many seconds."""
    room = fleet.pools["p/a"][0].shared.room
    quota = room._quota
    assert quota.requests is not None
    bucket = replace(quota.requests, level=1.0 - seconds * quota.requests.rate, at=fleet.clock.steady())
    room._quota = replace(quota, requests=bucket)


def test_who_can_wait_waits_in_line() -> None:
    """60 a minute, used up: five wait, one a second gets in, until the patience of 2 s is over; the others are told 429 and when."""

    async def main() -> None:
        fleet = Fleet("p/a", policy=limited(60))
        busy(fleet, 0.5)
        asked = await asyncio.gather(*(fleet.ask(A) for _ in range(5)))
        assert [round(sent.at, 1) for sent in fleet.providers.sent] == [0.5, 1.5]
        assert [one.execution.outcome for one in asked] == ["ok", "ok", "failed", "failed", "failed"]
        for one in asked[2:]:
            assert one.code == "rate_limited"
            assert one.execution.error is not None
            assert one.execution.error.retry_after is not None
            assert 0 < one.execution.error.retry_after <= 60
            assert one.took <= 2.0 + 0.01
            assert one.execution.attempts == ()
            assert "no model was called" in one.execution.error.message
        fleet.assert_at_rest()

    run(main())


def test_all_in_line_go_when_there_is_room_for_all() -> None:
    """A pause of 1.5 s ends for everybody at once: the second does not wait for another one."""

    async def main() -> None:
        fleet = Fleet("p/a", behave={"p/a": lambda n: bad(429, retry_after="1.5") if n == 0 else well()})
        await fleet.ask(replace(A, attempts=1))
        asked = await asyncio.gather(*(fleet.ask(A) for _ in range(10)))
        assert all(one.execution.outcome == "ok" for one in asked)
        assert max(one.took for one in asked) <= 1.5 + 0.1 + 0.05
        fleet.assert_at_rest()

    run(main())


def test_the_more_urgent_go_first_then_the_elder() -> None:
    """And a newcomer does not overtake who is as urgent and waits."""

    async def main() -> None:
        fleet = Fleet("p/a", policy=limited(60))
        busy(fleet, 1.0)
        served: list[str] = []

        async def ask(name: str, priority: int, after: float = 0.0) -> None:
            await asyncio.sleep(after)
            await fleet.ask(replace(A, patience=10.0), priority=priority)
            served.append(name)

        await asyncio.gather(
            ask("low", 2), ask("normal 1", 1), ask("normal 2", 1, 0.1), ask("high", 0, 0.2), ask("late", 1, 1.0005),
        )  # fmt: skip
        assert served == ["high", "normal 1", "normal 2", "late", "low"]
        fleet.assert_at_rest()

    run(main())


def test_the_line_is_bounded() -> None:
    """Who finds no place is told at once."""

    async def main() -> None:
        fleet = Fleet("p/a", policy=limited(60, line=3))
        busy(fleet, 0.5)
        asked = await asyncio.gather(*(fleet.ask(A) for _ in range(6)))
        assert [one.took for one in asked[3:]] == [0.0, 0.0, 0.0]
        assert [one.code for one in asked[3:]] == ["rate_limited"] * 3
        fleet.assert_at_rest()

    run(main())


def test_nobody_stands_in_line_beyond_its_deadline() -> None:
    """Or when it is clear that it would be in vain."""

    async def main() -> None:
        fleet = Fleet("p/a", policy=limited(60))
        busy(fleet, 1.5)
        short = await fleet.ask(replace(A, deadline=1.0))
        assert (short.code, short.took) == ("rate_limited", 0.0)
        busy(fleet, 1.5)
        assert (await fleet.ask(A)).took == pytest.approx(1.6, abs=0.01)
        fleet.assert_at_rest()

    run(main())


def test_a_client_that_leaves_gives_up_its_place() -> None:
    """And the next moves up."""

    async def main() -> None:
        fleet = Fleet("p/a", policy=limited(60))
        busy(fleet, 1.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await fleet.ask(A)
        assert fleet.board.lines.waiting == 0
        assert (await fleet.ask(A)).took == pytest.approx(0.6, abs=0.01)
        fleet.assert_at_rest()

    run(main())


def test_with_a_full_line_the_ejected_one_is_tried() -> None:
    """Refusing outright would be worse; and so it would be when the patience is over."""

    async def main(wait: float, line: int) -> None:
        fleet = Fleet(
            "p/a", "q/b", policy=limited(60, wait=wait, line=line), behave={"q/b": lambda n: bad() if n < 5 else well()}
        )
        for _ in range(5):
            await fleet.ask(plan(step("q/b"), attempts=1))
        busy(fleet, 0.9)
        _, asked = await asyncio.gather(fleet.ask(A), fleet.ask(replace(AB, patience=wait)))
        assert asked.models == ["q/b"]
        fleet.assert_at_rest()

    run(main(2.0, 1))
    run(main(0.5, 100))


def test_second_tries_are_bounded_when_everything_fails() -> None:
    """At 50 requests a second with both down, a fifth and one a second may try a step again: an outage is not multiplied."""

    async def main() -> None:
        no_ejection = replace(
            Policy((), ()), health=replace(Policy((), ()).health, consecutive=10**6, eject_at=1.0, samples=10**6)
        )
        fleet = Fleet("p/a", behave={"p/a": bad(503)}, policy=no_ejection)
        asked = await fleet.load(replace(A, attempts=10, deadline=60.0), 50, 40)
        again = len(fleet.providers.sent) - len(asked)
        assert 0.15 * len(asked) <= again <= 0.2 * len(asked) + 40 * 1.0 + 12
        assert all(one.code == "upstream_failed" for one in asked)
        fleet.assert_at_rest()

    run(main())


def test_concurrency_is_found_out_and_kept() -> None:
    """A provider that bears ten at once and refuses the eleventh is soon refused by us, not by itself."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b")

        def serve(_: int):
            return bad(429) if fleet.pools["p/a"][0].in_flight > 10 else well(0.5)

        fleet.providers.behave["p/a"] = serve
        async with fleet.ticking():
            asked = await fleet.load(AB, 100, 30)
        assert all(one.execution.outcome == "ok" for one in asked)
        late = [one for one in asked if one.at > 10]
        refused = sum("rate_limited" in one.faults for one in late)
        assert refused < 0.05 * len(late), refused
        assert fleet.providers.calls("p/a", 10) > 100
        fleet.assert_at_rest()

    run(main())
