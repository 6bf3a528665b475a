"""Who fails is left alone for a while, and comes back by and by. Virtual time, fakes."""

import asyncio
from itertools import pairwise

import pytest
from msgspec.structs import replace

from tests.support.fleet import Fleet, bad, provider, refused, silent, well
from tests.support.play import plan, step
from tests.support.virtual_time import run
from turnout.types.decision import Plan
from turnout.types.policy import Credential, Hedge, Policy, Timeouts
from turnout.types.resilience import HealthRules

AB = plan(step("p/a", reason="cheapest"), step("q/b"))
ALONE = plan(step("p/a", reason="static"))


def test_five_failures_in_a_row_and_the_next_step_begins() -> None:
    """An ejected model is not called; its requests go on at once, and their records say who was passed over."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": bad(503)})
        first = [await fleet.ask(AB) for _ in range(5)]
        assert [asked.models for asked in first] == [["p/a", "q/b"]] * 5
        assert fleet.standing("p/a") == "ejected"

        for _ in range(20):
            asked = await fleet.ask(AB)
            assert asked.models == ["q/b"]
            assert asked.skipped == [("p/a", "ejected")]
            assert asked.took == pytest.approx(0.1)
        assert fleet.providers.calls("p/a") == 5
        fleet.assert_at_rest()

    run(main())


def test_one_success_ends_a_row_of_failures() -> None:
    """Four in a row are bad luck, again and again, while their share stays small."""

    async def main() -> None:
        fleet = Fleet(
            "p/a",
            "q/b",
            behave={"p/a": lambda n: bad() if n % 5 else well()},
            policy=Policy((), (), health=HealthRules(eject_at=1.0)),
        )
        for _ in range(25):
            await fleet.ask(AB)
        assert fleet.providers.calls("p/a") == 25

    run(main())


def test_silence_ejects_long_before_the_first_token_is_due() -> None:
    """At 100 requests a second a model that stops answering costs few of them, and those wait at most their first-token limit."""

    async def main() -> None:
        quiet_from = [float("inf")]
        fleet = Fleet("p/a", "q/b")
        fleet.providers.behave["p/a"] = lambda _: silent() if fleet.now() >= quiet_from[0] else well(0.1)
        limits = Timeouts(first_token=10)
        both = plan(step("p/a", reason="cheapest", timeouts=limits), step("q/b", timeouts=limits))
        async with fleet.ticking():
            await fleet.load(both, 100, 3)
            quiet_from[0] = began = fleet.now()
            after = await fleet.load(both, 100, 12)
        met = [asked for asked in after if asked.models[0] == "p/a"]
        assert fleet.providers.calls("p/a", began + 0.5, began + 4.0) == 0
        assert 20 <= len(met) <= 50
        assert all(asked.execution.outcome == "ok" for asked in after)
        assert max(asked.took for asked in after) <= 10 + 0.1 + 0.05
        assert all(asked.took == pytest.approx(0.1) for asked in after if asked.models == ["q/b"])
        fleet.assert_at_rest()

    run(main())


def test_it_comes_back_one_probe_at_a_time_then_by_a_ramp() -> None:
    """After the ejection one request at a time looks; three that succeed readmit it; then its share grows, it does not jump."""

    async def main() -> None:
        ill = [True]
        fleet = Fleet("p/a", "q/b", behave={"p/a": lambda _: bad() if ill[0] else well(0.2)})
        for _ in range(5):
            await fleet.ask(AB)
        ill[0] = False
        ejected_at = fleet.now()
        async with fleet.ticking():
            await fleet.load(AB, 50, 25)
        times = [sent.at for sent in fleet.providers.sent if sent.model == "p/a" and sent.at > ejected_at]
        assert 4.0 <= times[0] - ejected_at <= 6.1, "an ejection lasts 5 s, a fifth more or less"
        probed = [at for at in times if at < times[0] + 0.65]
        gaps = [later - at for at, later in pairwise(probed)]
        assert gaps[0] >= 0.2 - 1e-6, "one probe at a time"
        assert fleet.standing("p/a") == "admitting"
        back = next(at for at in times if sum(earlier < at for earlier in times) >= 4)
        early, late = fleet.providers.calls("p/a", back, back + 1.5), fleet.providers.calls("p/a", back + 8, back + 9.5)
        assert 0 < early < 35 < late, (early, late)
        assert fleet.providers.calls("p/a", back + 11, back + 12) >= 48
        fleet.assert_at_rest()

    run(main())


def test_a_failed_probe_ejects_for_twice_as_long() -> None:
    """Nobody is asked about once a second whether it is dead."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": bad()}, chance=lambda: 0.5)
        async with fleet.ticking():
            await fleet.load(AB, 20, 60)
        times = [sent.at for sent in fleet.providers.sent if sent.model == "p/a"][4:]
        gaps = [later - at for at, later in pairwise(times)]
        assert gaps == [pytest.approx(5.0, abs=0.1), pytest.approx(10.0, abs=0.1), pytest.approx(20.0, abs=0.1)]

    run(main())


@pytest.mark.parametrize("hedged", [False, True])
def test_a_probe_waits_no_longer_than_usual(*, hedged: bool) -> None:
    """Whoever looks whether it is well again is not made to wait for the first-token limit; with a hedge beside it neither."""

    async def main() -> None:
        mood = [well(0.1)]
        fleet = Fleet("p/a", "q/b", behave={"p/a": lambda _: mood[0]})
        both = _hedged(AB) if hedged else AB
        for _ in range(30):
            await fleet.ask(both)
        mood[0] = bad()
        for _ in range(5):
            await fleet.ask(both)
        mood[0] = silent()
        await asyncio.sleep(7)
        probing = await fleet.ask(both)
        assert probing.models == ["p/a", "q/b"]
        assert probing.faults == ["timeout", None]
        assert probing.took < 1.0
        assert fleet.standing("p/a") == "ejected"
        fleet.assert_at_rest()

    run(main())


def _hedged(the_plan: Plan) -> Plan:
    return replace(the_plan, hedge=Hedge(after=20.0))


KEYS = (Credential("k1"),)
TWO_MODELS = Policy((), (provider("p", *KEYS), provider("q")))


@pytest.mark.parametrize(("status", "other_model_too"), [(401, True), (404, False)])
def test_a_configuration_fault_quarantines_what_it_speaks_of(status: int, *, other_model_too: bool) -> None:
    """A refused credential is every model's behind it, a missing model nobody's but its own; once is enough, for ten minutes."""

    async def main() -> None:
        fleet = Fleet("p/a", "p/c", "q/b", behave={"p/a": bad(status)}, policy=TWO_MODELS)
        c_then_b = plan(step("p/c", reason="cheapest"), step("q/b"))
        await fleet.ask(c_then_b)  # so that the quick way in is open, too
        asked = await fleet.ask(AB)
        assert asked.faults == ["misconfigured", None]

        assert (await fleet.ask(c_then_b)).models == (["q/b"] if other_model_too else ["p/c"])
        await asyncio.sleep(590)
        assert (await fleet.ask(AB)).models == ["q/b"]
        await asyncio.sleep(20)
        assert (await fleet.ask(AB)).models == ["p/a", "q/b"]
        fleet.assert_at_rest()

    run(main())


def test_a_mended_credential_is_taken_again_after_one_try() -> None:
    """One success shows that a person has mended it."""

    async def main() -> None:
        fleet = Fleet("p/a", "q/b", behave={"p/a": lambda n: bad(401) if n == 0 else well()}, policy=TWO_MODELS)
        await fleet.ask(AB)
        await asyncio.sleep(601)
        assert (await fleet.ask(AB)).models == ["p/a"]
        await asyncio.sleep(15)
        assert [(await fleet.ask(AB)).models for _ in range(5)] == [["p/a"]] * 5

    run(main())


def test_an_address_that_refuses_connections_is_out_for_all_its_models_at_once() -> None:
    """Its other models are not called either, though nothing ever happened to them and the quick way in was open."""

    async def main() -> None:
        fleet = Fleet("p/a", "p/c", "q/b", behave={"p/a": refused()})
        c_then_b = plan(step("p/c", reason="cheapest"), step("q/b"))
        assert (await fleet.ask(c_then_b)).models == ["p/c"]
        for _ in range(5):
            await fleet.ask(AB)

        asked = await fleet.ask(c_then_b)
        assert asked.models == ["q/b"]
        assert asked.skipped == [("p/c", "ejected")]
        fleet.assert_at_rest()

    run(main())


def test_one_ill_model_does_not_keep_its_provider_out() -> None:
    """A probe of an address that gets an answer shows that the address is well, be the answer a 500."""

    async def main() -> None:
        down = [True]
        fleet = Fleet("p/a", "p/c", "q/b", behave={"p/a": lambda _: refused() if down[0] else bad(500)})
        c_then_b = plan(step("p/c", reason="cheapest"), step("q/b"))
        for _ in range(5):
            await fleet.ask(AB)
        down[0] = False
        await asyncio.sleep(7)
        for _ in range(3):
            assert (await fleet.ask(AB)).models == ["p/a", "q/b"]
        await asyncio.sleep(10)
        assert (await fleet.ask(c_then_b)).models == ["p/c"]
        fleet.assert_at_rest()

    run(main())


def test_the_only_model_is_tried_though_it_is_ejected() -> None:
    """Refusing outright would be worse: a static route without a fallback goes on, and its first success is the way back."""

    async def main() -> None:
        ill = [True]
        fleet = Fleet("p/a", behave={"p/a": lambda _: bad() if ill[0] else well()})
        once = plan(step("p/a", reason="static"), attempts=1)
        for _ in range(5):
            assert (await fleet.ask(once)).code == "upstream_failed"
        assert fleet.standing("p/a") == "ejected"
        assert (await fleet.ask(once)).models == ["p/a"]
        ill[0] = False
        assert (await fleet.ask(once)).execution.outcome == "ok"
        assert fleet.standing("p/a") == "probing"
        fleet.assert_at_rest()

    run(main())


def test_of_all_ejected_the_least_bad_is_tried() -> None:
    """Quarantined comes last, and who is ready soonest first, whatever the plan's order."""

    async def main() -> None:
        well_again = [False]

        def or_well(scene):
            return lambda _: well() if well_again[0] else scene

        fleet = Fleet(
            "p/a",
            "q/b",
            "s/c",
            behave={"p/a": or_well(bad(404)), "q/b": or_well(bad()), "s/c": or_well(bad())},
            chance=lambda: 0.5,
        )
        for model, times in (("p/a", 1), ("s/c", 5), ("q/b", 5)):
            for _ in range(times):
                await fleet.ask(plan(step(model), attempts=1))
            await asyncio.sleep(0.2)
        well_again[0] = True
        all_three = plan(step("p/a", reason="cheapest"), step("q/b"), step("s/c"))
        asked = await fleet.ask(all_three)
        assert asked.models == ["s/c"]
        assert asked.skipped == [("p/a", "ejected"), ("q/b", "ejected"), ("s/c", "ejected")]
        fleet.assert_at_rest()

    run(main())


def test_a_callers_fault_says_nothing_of_the_provider() -> None:
    """Nobody can talk a model out of service by asking badly."""

    async def main() -> None:
        fleet = Fleet("p/a", behave={"p/a": bad(400)})
        for _ in range(50):
            assert (await fleet.ask(ALONE)).code == "invalid_request"
        assert fleet.standing("p/a") == "admitting"
        fleet.assert_at_rest()

    run(main())
