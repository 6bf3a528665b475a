"""Laws of dispatch and the executor together: many requests at once on one board, over any providers' behaviour."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.fake_sink import FakeSink
from tests.support.fake_transport import Answer, Refusal
from tests.support.fleet import Asked, Fleet, Scene, provider
from tests.support.play import ANY, step
from tests.support.virtual_time import run
from turnout.checks.answer import Answer as Checked
from turnout.checks.answer import Failed
from turnout.errors import Broken, TimedOut, Unavailable
from turnout.execute import executor
from turnout.types.checks import NotRefusal
from turnout.types.decision import Plan, Step
from turnout.types.policy import Credential, Hedge, Policy, Timeouts
from turnout.types.resilience import HealthRules, QuotaRules

LIMITS = Timeouts(connect=1, first_token=2, idle=2, total=5)
PAUSES = st.sampled_from([0.0, 0.01, 0.3, 1.0, 3.0])
FAULTS = st.sampled_from([Broken("cut"), Unavailable("reset"), TimedOut("late")])
BODIES = st.tuples(PAUSES, PAUSES, st.sampled_from([b"usage 10 3\nstop\nend\n", b"error\n", b"say more\n", Broken("cut")])).map(
    lambda drawn: (b"role\n", drawn[0], b"say x\n", drawn[1], drawn[2])
)
STATUS = st.sampled_from([200, 200, 200, 200, 400, 401, 404, 429, 503])
HEADERS = st.sampled_from([None, {"retry-after": "1"}, {"retry-after": "30"}])
SCENES: st.SearchStrategy[Scene] = st.builds(
    lambda body, status, headers, after: Answer(*body, status=status, headers=headers, after=after), BODIES, STATUS, HEADERS, PAUSES
) | st.builds(Refusal, FAULTS, PAUSES)  # fmt: skip
MODELS = ("p/a", "p/b", "q/c", "s/d")
arms = st.booleans().map(lambda wanted: (Step("p/b", ANY, "cascade", 5, LIMITS, (NotRefusal(),)),) if wanted else ())  # type: ignore[arg-type]
behind = st.permutations(["p/a", "q/c", "s/d"]).map(
    lambda names: tuple(step(name, timeouts=LIMITS, cost=10, reason="cheapest") for name in names)
)
plans = st.builds(
    lambda first, own, attempts, deadline, budget, hedge, patience: Plan(
        (*first, *own), attempts, deadline, budget, journal_required=False, own=len(own), equal=2, hedge=hedge, patience=patience
    ),
    arms, behind, st.integers(1, 5), st.sampled_from([1.0, 8.0, 20.0]), st.sampled_from([None, None, 20, 50]),
    st.none() | st.builds(Hedge, st.sampled_from([0.2, 1.0, None]), st.just(1.0)), st.sampled_from([0.0, 1.0]),
)  # fmt: skip
asks = st.lists(
    st.tuples(PAUSES, plans, st.none() | st.sampled_from([0.0, 0.5, 2.0]), st.none() | st.sampled_from([0.1, 1.5, 4.0])),
    min_size=3,
    max_size=12,
)
policies = st.builds(
    lambda rpm, health, quota: Policy((), (provider("p", Credential("k1", rpm=rpm), Credential("k2")), provider("q"), provider("s")), health=health, quota=quota),
    st.sampled_from([None, 3, 60]),
    st.builds(HealthRules, consecutive=st.sampled_from([2, 5]), ejection=st.just(1.0), quarantine=st.just(3.0), ramp=st.just(1.0)),
    st.builds(QuotaRules, wait=st.sampled_from([0.0, 2.0]), line=st.integers(0, 3), concurrency=st.sampled_from([None, 2])),
)  # fmt: skip


async def _verify(_checks: object, answer: Checked) -> Failed | None:
    await asyncio.sleep(0.05)
    return Failed("refusal", "no") if "more" in answer.text else None


@given(policies, st.lists(SCENES, min_size=1, max_size=8), asks)
def test_whatever_happens_nothing_is_left_behind(
    policy: Policy, scenes: list[Scene], asks: list[tuple[float, Plan, float | None, float | None]]
) -> None:
    """Each call is closed and on one record; each lease is returned; no probe is lost; outcome and what was sent agree; all in time."""
    held, executor.held_answer = executor.held_answer, lambda *said: Checked(said[2].decode())  # type: ignore[assignment]

    async def main() -> None:
        fleet = Fleet(
            *MODELS,
            policy=policy,
            behave={model: lambda n, at=at: scenes[(n + at) % len(scenes)] for at, model in enumerate(MODELS)},
        )
        fleet._verify = _verify  # type: ignore[method-assign, assignment]

        async def one(the_plan: Plan, leaves_at: float | None, stopped_after: float | None) -> Asked | None:
            sink = FakeSink(leaves_at=None if leaves_at is None else fleet.now() + leaves_at)
            try:
                async with asyncio.timeout(stopped_after):
                    return await fleet.ask(the_plan, sink=sink)
            except TimeoutError:
                return None

        tasks: list[asyncio.Task[Asked | None]] = []
        async with fleet.ticking():
            for wait, *request in asks:
                tasks.append(asyncio.create_task(one(*request)))
                await asyncio.sleep(wait)
            done = [asked for task in tasks if (asked := await task) is not None]
        await asyncio.sleep(0)
        for asked, (_, the_plan, *_) in (
            (asked, next(ask for ask, task in zip(asks, tasks, strict=True) if task.result() is asked)) for asked in done
        ):
            agree(asked, the_plan)
        if len(done) == len(tasks):
            assert sum(len(asked.execution.attempts) for asked in done) == len(fleet.providers.sent)
        fleet.assert_at_rest()
        assert not [task for task in asyncio.all_tasks() if "Run." in repr(task)], "no attempt goes on by itself"

    try:
        run(main())
    finally:
        executor.held_answer = held


def agree(asked: Asked, the_plan: Plan) -> None:
    execution, sink = asked.execution, asked.sink
    assert len(execution.attempts) <= the_plan.attempts
    assert asked.took <= the_plan.deadline + 0.01
    costs: list[Any] = [attempt.cost for attempt in execution.attempts]
    assert execution.cost == (None if None in costs else sum(costs))
    match execution.outcome:
        case "ok":
            assert sink.text.endswith(b"end\n")
            assert [attempt.fault for attempt in execution.attempts].count(None) == 1
            served = next(attempt for attempt in execution.attempts if attempt.fault is None)
            assert execution.model == served.model
        case "failed":
            assert sink.got == []
            assert execution.error is not None
        case "cut":
            assert sink.serving is not None
        case "cancelled":
            assert sink.leaves_at is not None


@settings(max_examples=60, deadline=None)
@given(st.lists(SCENES, min_size=1, max_size=6), st.floats(0.05, 0.5), st.integers(20, 60))
def test_hedges_and_second_tries_never_exceed_their_shares(scenes: list[Scene], share: float, count: int) -> None:
    """However slow the providers are: hedges stay below their share of requests and one more, calls below what attempts allow."""

    async def main() -> None:
        fleet = Fleet(*MODELS, behave={model: lambda n, at=at: scenes[(n + at) % len(scenes)] for at, model in enumerate(MODELS)})
        the_plan = Plan(
            (step("p/a", cost=10, timeouts=LIMITS), step("q/c", cost=10, timeouts=LIMITS)), 4, 20.0, None, journal_required=False
        )
        hedged = replace(the_plan, hedge=Hedge(0.2, share))
        await asyncio.gather(*(fleet.ask(hedged) for _ in range(count)))
        budget = fleet.board.budgets["r"]
        assert budget.verdicts["hedge", True] <= share * count + 1
        assert budget.verdicts["retry", True] <= 0.2 * count + 10 + 1 * fleet.now()
        fleet.assert_at_rest()

    run(main())
