"""Who begins, by what is known right now: degraded, slow, and the same model in several places. Virtual time, fakes."""

import asyncio
from collections import Counter

import pytest
from msgspec.structs import replace

from tests.support.fake_transport import Answer
from tests.support.fleet import Asked, Fleet, Scene, WithCredential, bad, provider, refused, well
from tests.support.play import ANY, plan, step
from tests.support.virtual_time import run
from turnout.types.checks import NotRefusal
from turnout.types.decision import Plan, Step
from turnout.types.policy import Credential, Policy, Prefers, Route, Timeouts
from turnout.types.resilience import HealthRules, QuotaRules

ELSEWHERE = frozenset({"rate_limited", "unavailable"})


def own(*steps: Step, equal: int = 1, **limits: object) -> Plan:
    """All are the route's own choice."""
    return replace(plan(*steps, **limits), own=len(steps), equal=equal)  # type: ignore[arg-type]


def firsts(asked: list[Asked]) -> Counter[str]:
    return Counter(one.models[0] for one in asked)


def failing(share: int) -> object:
    """Every so many-th call fails."""
    return lambda n: bad() if n % share == 0 else well()


@pytest.mark.parametrize(
    ("objective", "reason", "is_moved"),
    [("cost", "cheapest", True), ("cost", "sticky", True), ("static", "static", False), ("static", "split", False)],
)
def test_a_degraded_model_comes_second_where_there_was_a_choice(objective: str, reason: str, *, is_moved: bool) -> None:
    """A tenth of the requests still begins with it; what a policy fixed or a split drew is tried in its place."""

    async def main() -> None:
        rules = HealthRules(eject_at=1.0, consecutive=1000, window=10_000.0)
        policy = Policy((Route("r", objective),), (), health=rules)  # type: ignore[arg-type]
        fleet = Fleet("p/a", "q/b", policy=policy, behave={"p/a": failing(10)})  # type: ignore[dict-item]
        both = own(step("p/a", reason=reason), step("q/b", ELSEWHERE))
        async with fleet.ticking():
            await fleet.load(both, 20, 10)
            assert fleet.standing("p/a") == "degraded"
            asked = await fleet.load(both, 100, 10)
        begun = firsts(asked)
        if is_moved:
            assert 60 <= begun["p/a"] <= 140
            moved = [one for one in asked if one.models[0] == "q/b"]
            assert all(one.skipped == [("p/a", "degraded")] for one in moved)
            assert moved[0].execution.reason == "fallback"
        else:
            assert begun == {"p/a": 1000}
        fleet.assert_at_rest()

    run(main())


def test_all_degraded_is_as_none() -> None:
    """Then the plan's order holds."""

    async def main() -> None:
        rules = HealthRules(eject_at=1.0, consecutive=1000, window=10_000.0)
        fleet = Fleet("p/a", "q/b", policy=Policy((Route("r", "cost"),), (), health=rules))
        fleet.providers.behave |= {"p/a": failing(5), "q/b": failing(5)}  # type: ignore[dict-item]
        async with fleet.ticking():
            for model in ("p/a", "q/b"):
                await fleet.load(plan(step(model), attempts=1), 20, 5)
            assert [fleet.standing(model) for model in ("p/a", "q/b")] == ["degraded"] * 2
            asked = await fleet.load(own(step("p/a", reason="cheapest"), step("q/b")), 100, 1)
        assert firsts(asked) == {"p/a": 100}

    run(main())


@pytest.mark.parametrize(("prefers", "stream"), [(Prefers(ttft_ms=500), True), (Prefers(latency_p95_ms=500), False)])
def test_a_model_slower_than_the_route_prefers_comes_second(prefers: Prefers, *, stream: bool) -> None:
    """By the p95 of what was seen: of first contents, or of whole answers; and one that is quick again comes first again."""

    async def main() -> None:
        wait = [1.0]

        def serve(_: int) -> Scene:
            return well(wait[0]) if stream else Answer(b"whole hi ", wait[0], b"10 3")

        quick = well() if stream else Answer(b"whole hi 10 3")
        fleet = Fleet(
            "p/a", "q/b", policy=Policy((Route("r", "cost", prefers=prefers),), ()), behave={"p/a": serve, "q/b": quick}
        )
        both = own(step("p/a", reason="cheapest"), step("q/b", ELSEWHERE))
        async with fleet.ticking():
            await fleet.load(both, 20, 3, stream=stream)
            slow = firsts(await fleet.load(both, 50, 10, stream=stream))
            assert 20 <= slow["p/a"] <= 85
            wait[0] = 0.2
            await fleet.load(both, 50, 40, stream=stream)
            assert firsts(await fleet.load(both, 50, 2, stream=stream)) == {"p/a": 100}
        fleet.assert_at_rest()

    run(main())


def test_the_same_model_in_two_places_shares_by_load() -> None:
    """The slower gets less, an ejected one nothing, and whichever begins serves for the reason of the choice."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/a", "s/c", policy=Policy((Route("r", "cost"),), ()), behave={"p/a": well(1.0), "q/a": well(0.1)})
        fleet.board.weigh(("p/a", "q/a"))
        twins = own(step("p/a", reason="cheapest"), step("q/a", ELSEWHERE), step("s/c", ELSEWHERE), equal=2)
        async with fleet.ticking():
            asked = await fleet.load(twins, 20, 20)
            assert 0 < firsts(asked)["p/a"] < firsts(asked)["q/a"] / 3
            assert {one.execution.reason for one in asked} == {"cheapest"}
            assert all(one.skipped == [] for one in asked)
            fleet.providers.behave["q/a"] = bad()
            await fleet.load(twins, 20, 2)
            asked = await fleet.load(twins, 20, 2)
            assert firsts(asked) == {"p/a": 40}
            assert all(one.skipped == [] for one in asked), "it was not asked at all"
        fleet.assert_at_rest()

    run(main())


def test_an_equal_that_was_ejected_comes_back() -> None:
    """Its place is with those who begin, or nobody would look whether it is well again."""

    async def main() -> None:
        ill = [False]
        fleet = Fleet("p/a", "q/a", policy=Policy((Route("r", "cost"),), ()))
        fleet.providers.behave |= {"p/a": well(0.5), "q/a": lambda _: bad() if ill[0] else well(0.1)}
        fleet.board.weigh(("p/a", "q/a"))
        twins = own(step("p/a", reason="cheapest"), step("q/a", ELSEWHERE), equal=2)
        async with fleet.ticking():
            await fleet.load(twins, 20, 5)
            ill[0] = True
            await fleet.load(twins, 20, 2)
            assert fleet.standing("q/a") == "ejected"
            ill[0] = False
            await fleet.load(twins, 20, 20)
            assert fleet.standing("q/a") == "admitting"
            again = firsts(await fleet.load(twins, 20, 5))
        assert again["q/a"] > again["p/a"]
        fleet.assert_at_rest()

    run(main())


def test_equals_with_limits_share_too() -> None:
    """A limit that is not reached is no reason to let one of them rest."""

    async def main() -> None:
        keys = (provider("p", Credential("k1", rpm=6000)), provider("q", Credential("k2", rpm=6000)))
        fleet = Fleet("p/a", "q/a", policy=Policy((Route("r", "cost"),), keys))
        fleet.board.weigh(("p/a", "q/a"))
        twins = own(step("p/a", reason="cheapest"), step("q/a", ELSEWHERE), equal=2)
        async with fleet.ticking():
            begun = firsts(await fleet.load(twins, 50, 10))
        assert 150 < begun["p/a"] < 350
        fleet.assert_at_rest()

    run(main())


def test_a_step_that_moves_up_takes_what_leads_to_its_place() -> None:
    """Behind an arm that failed its check the better one begins all the same; and a filter of the one is no reason to ask the other."""

    async def main() -> None:
        rules = HealthRules(eject_at=1.0, consecutive=1000, window=10_000.0)
        fleet = Fleet("p/a", "q/b", "s/arm", policy=Policy((Route("r", "cost"),), (), health=rules))
        fleet.providers.behave["p/a"] = failing(5)  # type: ignore[assignment]
        both = own(step("p/a", reason="cheapest"), step("q/b", ELSEWHERE))
        async with fleet.ticking():
            await fleet.load(both, 20, 10)
            arm = Step("s/arm", ANY, "cascade", None, Timeouts(), (NotRefusal(),))
            fleet.providers.behave["s/arm"] = Answer(b"too long", status=400)
            asked = await fleet.load(replace(both, steps=(arm, *both.steps)), 50, 2)
            assert firsts(asked) == {"s/arm": 100}
            assert Counter(one.models[1] for one in asked)["q/b"] >= 80

            fleet.providers.behave["q/b"] = Answer(b"filtered", status=400)
            moved = [one for one in await fleet.load(both, 50, 2) if one.models[0] == "q/b"]
            assert moved
            assert all(one.models == ["q/b"] and one.code == "invalid_request" for one in moved)

    run(main())


def test_a_reload_forgets_nobodys_illness() -> None:
    """Unless how it is called, or the rules of judging, changed."""

    async def main() -> None:
        here = Policy((), (provider("p", Credential("k1")), provider("q")))
        fleet = Fleet("p/a", "p/c", "q/b", policy=here, behave={"p/a": bad()})
        ab = plan(step("p/a"), step("q/b"))

        async def is_out(policy: Policy, **more: object) -> bool:
            fleet.take_up(here)
            await asyncio.sleep(700)
            for _ in range(5):
                await fleet.ask(plan(step("p/a"), attempts=1))
            assert fleet.standing("p/a") == "ejected"
            fleet.take_up(policy, **more)  # type: ignore[arg-type]
            return (await fleet.ask(ab)).models == ["q/b"]

        assert await is_out(replace(here, routes=(Route("new", "cost"),)))
        assert not await is_out(replace(here, health=HealthRules(consecutive=6)))
        assert not await is_out(here, upstream=Moved)

    run(main())


class Moved(WithCredential):
    """Called in another way."""

    __hash__ = WithCredential.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moved) and super().__eq__(other)


@pytest.mark.parametrize("ill", [refused(), bad(401)])
def test_a_provider_that_moved_may_be_well(ill: Scene) -> None:
    """Its address and its credentials were judged at the old place."""

    async def main() -> None:
        here = Policy((), (provider("p", Credential("k1")), provider("q")))
        fleet = Fleet("p/a", "q/b", policy=here, behave={"p/a": ill})
        ab = plan(step("p/a"), step("q/b"))
        for _ in range(6):
            await fleet.ask(ab)
        assert (await fleet.ask(ab)).models == ["q/b"]
        fleet.take_up(here)
        assert (await fleet.ask(ab)).models == ["q/b"], "the same policy again changes nothing"
        fleet.providers.behave.clear()
        fleet.take_up(
            replace(here, providers=(provider("p", Credential("k1"), base_url="http://elsewhere"), provider("q"))), Moved
        )
        assert (await fleet.ask(ab)).models == ["p/a"]

    run(main())


def test_requests_under_way_outlive_the_route_and_the_models_that_a_reload_took() -> None:
    """They were decided on the view before: it is played to its end, second tries and all."""

    async def main() -> None:
        fleet = Fleet(
            "p/a",
            "q/a",
            policy=Policy((Route("gone", "cost"),), ()),
            behave={"p/a": lambda n: Answer(status=503, after=1.0) if n == 0 else well()},
        )
        before = dict(fleet.pools)
        twins = own(step("p/a", reason="cheapest"), step("q/a", ELSEWHERE), equal=2)
        under_way = asyncio.create_task(fleet.ask(plan(step("p/a")), route="gone"))
        await asyncio.sleep(0.5)
        fleet.models = ("s/x",)
        fleet.take_up(Policy((), ()))
        asked = await under_way
        assert asked.faults == ["unavailable", None]

        fleet.pools = before
        assert (await fleet.ask(twins, route="gone")).execution.outcome == "ok"
        fleet.assert_at_rest()

    run(main())


def test_a_reload_keeps_what_was_counted_of_limits() -> None:
    """A minute's requests that were used up stay used up; a new number starts afresh."""

    async def main() -> None:
        policy = Policy((), (provider("p", Credential("k1", rpm=60)),), quota=QuotaRules(wait=0.0))
        fleet = Fleet("p/a", policy=policy)
        only = replace(plan(step("p/a")), patience=0.0)
        await asyncio.gather(*(fleet.ask(only) for _ in range(60)))
        fleet.take_up(replace(policy, routes=(Route("new", "cost"),)))
        assert (await fleet.ask(only)).code == "rate_limited"
        fleet.take_up(replace(policy, providers=(provider("p", Credential("k1", rpm=120)),)))
        assert (await fleet.ask(only)).execution.outcome == "ok"

    run(main())
