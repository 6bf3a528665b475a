import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from turnout.clock import ManualClock
from turnout.suites.paired import differences
from turnout.suites.plan import Price
from turnout.suites.purse import Purse, Spent
from turnout.suites.run import AGAIN_AFTER, AskJudge, Grader, Judged, Means, play
from turnout.types.judge import Labelled
from turnout.types.money import PicoDollars
from turnout.types.suite import UNCALIBRATED, Asked, Case, Exact, Graded, Result, Run, Suite
from turnout.types.tickets import Said

OLD, NEW = "a/old", "b/new"
SUITE = Suite("s", "hash", tuple(Case(f"c{n}", {"messages": [n]}, (Graded(Exact(("yes",))),), "qa") for n in range(12)))
COST, MOST = 10, 100

Answer = Callable[[str, int], Asked]


def good(model: str, n: int) -> Asked:
    return Asked("ok", "yes", ms=5.0, cost=PicoDollars(COST))


class Asker:
    """Answers as it is told, after giving others their turn; counts who was asked and how many at once."""

    def __init__(self, answer: Answer = good, most: int | None = MOST) -> None:
        self.asked: list[tuple[str, int]] = []
        self.under_way = self.most_at_once = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self.came = asyncio.Condition()
        self._answer = answer
        self._most = most

    def longest(self, model: str, body: Mapping[str, Any]) -> int:
        return 100

    def price(self, model: str, body: Mapping[str, Any], task: str | None, longest: int) -> Price | None:
        return None if self._most is None else Price(PicoDollars(COST), PicoDollars(self._most))

    async def ask(self, model: str, body: Mapping[str, Any], task: str | None, longest: int, most: int | None) -> Asked:
        n = body["messages"][0]
        self.asked.append((model, n))
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        async with self.came:
            self.came.notify_all()
        try:
            await self.hold.wait()
        finally:
            self.under_way -= 1
        return self._answer(model, n)

    async def busy_with(self, calls: int) -> None:
        async with asyncio.timeout(5), self.came:
            await self.came.wait_for(lambda: self.under_way >= calls)


class Graders:
    async def grade(self, case: Case, answers: Mapping[str, Asked], judge: AskJudge | None) -> Mapping[str, Judged]:
        return {model: Judged(float(asked.text == "yes"), ("exact",)) for model, asked in answers.items()}


class Store:
    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.rows: dict[tuple[str, str, int], Result] = {}

    def note(self, run: Run) -> None:
        self.runs.append(run)

    def put(self, results: Sequence[Result]) -> int:
        for one in results:
            self.rows.setdefault((one.case, one.model, one.repeat), one)
        return len(results)

    def results(self, run_id: str) -> tuple[Result, ...]:
        return tuple(self.rows.values())

    def discard(self, run_id: str, rounds: Sequence[tuple[str, int]]) -> None:
        self.rows = {key: one for key, one in self.rows.items() if (key[0], key[2]) not in rounds}


def run(**changes: Any) -> Run:
    plain = Run(
        "r", ManualClock().now(), "s", "hash", (OLD, NEW), "waiting", "cli:ada", PicoDollars(10_000), PicoDollars(240), PicoDollars(0), 24, 0
    )  # fmt: skip
    return replace(plain, **changes)


def means(store: Store, asker: Asker, *, grader: Grader | None = None, **more: Any) -> Means:
    more = {"clock": ManualClock(), "stop": asyncio.Event(), **more}
    return Means(store, asker, grader or Graders(), **more)


async def test_every_case_is_asked_of_every_model():
    """Once each, and what came of it is stored with what it cost."""
    store, asker = Store(), Asker()
    ended = await play(run(), SUITE, means(store, asker))

    assert (ended.state, ended.done, ended.spent) == ("done", 24, 24 * COST)
    assert sorted(asker.asked) == sorted((model, n) for model in (OLD, NEW) for n in range(12))
    assert all(one.solved and one.cost == COST and one.task == "qa" for one in store.rows.values())
    assert store.runs[-1] == ended


async def test_both_meet_a_case_together():
    """The second model is asked a case before the first one is asked any other, and neither is always first."""
    asker = Asker()
    await play(run(), SUITE, means(Store(), asker, at_once=1))
    pairs = [asker.asked[at : at + 2] for at in range(0, 24, 2)]

    assert all(one[1] == two[1] and one[0] != two[0] for one, two in pairs)
    assert {one[0] for one, _ in pairs} == {OLD, NEW}


async def test_so_many_at_once():
    """No more calls are under way than it was allowed."""
    asker = Asker()
    asker.hold.clear()
    playing = asyncio.ensure_future(play(run(), SUITE, means(Store(), asker, at_once=3)))
    await asker.busy_with(3)
    asker.hold.set()
    await playing

    assert asker.most_at_once == 3


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("cost", [COST, MOST, None])
async def test_never_beyond_the_budget(at_once: int, cost: int | None):
    """However many ask at once and whatever calls turn out to cost; what nobody knows counts as the most it could be."""

    def answer(model: str, n: int) -> Asked:
        return Asked("ok", "yes", cost=None if cost is None else PicoDollars(cost))

    store = Store()
    ended = await play(run(budget=PicoDollars(300)), SUITE, means(store, Asker(answer), at_once=at_once))

    assert (ended.state, ended.ended is not None) == ("stopped", True)
    assert "budget" in ended.note
    assert all(each.spent <= 300 for each in store.runs)
    assert ended.spent > 300 - MOST  # and it goes as far as it can


async def test_spending_is_written_down_before_it_happens():
    """Whoever is killed in the middle of a call finds its money gone."""
    store, asker = Store(), Asker()
    asker.hold.clear()
    playing = asyncio.ensure_future(play(run(), SUITE, means(store, asker, at_once=2)))
    await asker.busy_with(2)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)

    assert store.runs[-1].spent == 2 * MOST


async def test_a_stopped_run_goes_on():
    """What was answered is not asked again; what was under way is; the money counts on."""
    store, asker, stop = Store(), Asker(), asyncio.Event()

    def show(latest: Run, _: Sequence[Result]) -> None:
        if latest.done >= 10:
            stop.set()
            asker.hold.clear()

    first = await play(run(), SUITE, means(store, asker, stop=stop, show=show, at_once=1))
    before = len(asker.asked)
    again = Asker()
    second = await play(first, SUITE, means(store, again))

    assert (first.state, first.done) == ("waiting", 10)
    assert second.state == "done"
    assert second.done == 24
    assert len(again.asked) == 14
    assert not {(model, n) for model, n in asker.asked[:10]} & set(again.asked)
    assert before in {10, 11}
    assert first.spent <= second.spent == first.spent + 14 * COST


async def test_a_failure_is_the_models_own():
    """No answer is scored as a bad one, and says why; the other model's stays as it is."""

    def answer(model: str, n: int) -> Asked:
        return Asked("failed", cost=PicoDollars(0), error="HTTP 500") if (model, n) == (NEW, 3) else good(model, n)

    store = Store()
    ended = await play(run(), SUITE, means(store, Asker(answer)))
    bad = store.rows["c3", NEW, 0]

    assert ended.state == "done"
    assert (bad.outcome, bad.score, bad.solved, bad.error) == ("failed", 0.0, False, "HTTP 500")
    assert store.rows["c3", OLD, 0].solved


async def test_an_outage_pauses():
    """What was not answered while a provider was down is forgotten and asked again later, by whoever finds the run due."""
    down = True

    def answer(model: str, n: int) -> Asked:
        return Asked("failed", cost=PicoDollars(0), error="refused") if down and model == NEW else good(model, n)

    store = Store()
    paused = await play(run(), SUITE, means(store, Asker(answer), at_once=1))
    down = False
    ended = await play(paused, SUITE, means(store, Asker(answer)))

    assert (paused.state, paused.done, paused.due) == ("waiting", 0, ManualClock().now() + AGAIN_AFTER)
    assert "b/new did not answer 5 times in a row: refused" in paused.note
    assert (ended.state, ended.done, ended.note, ended.due) == ("done", 24, "", None)
    assert all(one.outcome == "ok" for one in store.rows.values())


async def test_an_outage_without_end_is_given_up():
    """After a day the run has failed."""
    clock = ManualClock()
    clock.advance(90_000)
    broken = Asker(lambda *_: Asked("failed", cost=PicoDollars(0), error="refused"))
    ended = await play(run(), SUITE, means(Store(), broken, clock=clock))

    assert (ended.state, ended.note.split(":")[0]) == ("failed", "given up")


async def test_unfit_is_not_down():
    """A model that cannot be asked fails its cases, and the run goes on."""
    unfit = Asker(
        lambda model, n: Asked("rejected", cost=PicoDollars(0), error="no image input") if model == NEW else good(model, n)
    )
    store = Store()
    ended = await play(run(), SUITE, means(store, unfit))

    assert ended.state == "done"
    assert {one.score for one in store.rows.values() if one.model == NEW} == {0.0}


@pytest.mark.parametrize(("says", "how"), [("no", "is worse by"), ("yes", "is not worse by")])
async def test_a_decision_ends_it(says: str, how: str):
    """As soon as it is known, if that is asked for."""
    many = Suite("s", "hash", tuple(Case(f"c{n}", {"messages": [n]}, SUITE.cases[0].graders) for n in range(100)))

    def answer(model: str, n: int) -> Asked:
        return Asked("ok", says if model == NEW else "yes", cost=PicoDollars(COST))

    decided = await play(run(margin=0.1, total=200), many, means(Store(), Asker(answer), at_once=1))
    whole = await play(run(total=200), many, means(Store(), Asker(answer), at_once=1))

    assert decided.state == "done"
    assert decided.done < 150
    assert decided.note == f"decided after {decided.done // 2} cases: b/new {how} more than 0.1 than a/old"
    assert (whole.done, whole.note) == (200, "")


async def test_what_nobody_can_judge_counts_for_nothing():
    """No score, and neither solved nor not."""

    class Silent:
        async def grade(self, case: Case, answers: Mapping[str, Asked], judge: AskJudge | None) -> Mapping[str, Judged]:
            return {model: Judged(None, ("no judge",)) for model in answers}

    store = Store()
    await play(run(), SUITE, means(store, Asker(), grader=Silent()))

    assert {(one.score, one.solved) for one in store.rows.values()} == {(None, None)}


async def test_a_price_that_is_gone():
    """Only a run that was begun without prices goes on without."""
    asker = Asker(most=None)
    ended = await play(run(), SUITE, means(Store(), asker))
    forced = await play(run(estimate=None), SUITE, means(Store(), Asker(most=None)))

    assert (ended.state, asker.asked) == ("failed", [])
    assert "not any more" in ended.note
    assert forced.state == "done"


async def test_the_judge_is_paid_from_the_same_budget():
    """Its calls are held and settled like all others."""

    class Judge:
        async def grade(self, case: Case, answers: Mapping[str, Asked], judge: AskJudge | None) -> Mapping[str, Judged]:
            assert judge is not None
            said = await judge({"messages": [99]})
            return {model: Judged(1.0, (said.text,)) for model in answers}

    asker = Asker()
    ended = await play(run(judge="c/judge"), SUITE, means(Store(), asker, grader=Judge()))

    assert asker.asked.count(("c/judge", 99)) == 12
    assert ended.spent == 36 * COST


async def test_a_purse_waits_for_what_others_hold():
    """It refuses only what no settlement could make room for."""
    purse = Purse(100)
    await purse.hold(80)
    waiting = asyncio.ensure_future(purse.hold(50))
    await asyncio.sleep(0)
    assert not waiting.done()

    await purse.settle(80, 30)
    await waiting
    assert (purse.spent, purse.held, purse.gone) == (30, 50, 80)
    await purse.settle(50, None)
    with pytest.raises(Spent):
        await purse.hold(21)


LABELS = tuple(Labelled((Said("user", f"q{n}"),), "right", "wrong", "first" if n % 2 else "second") for n in range(60))


class Judging(Asker):
    """Its judge agrees with people as often as ``agrees`` says, by the label's number; a question to the judge is told by its mark."""

    def __init__(self, agrees: Callable[[int], bool], outcome: str = "ok") -> None:
        super().__init__()
        self.judged = 0
        self._agrees = agrees
        self._outcome = outcome

    async def ask(self, model: str, body: Mapping[str, Any], task: str | None, longest: int, most: int | None) -> Asked:
        if model != "c/judge":
            return await super().ask(model, body, task, longest, most)
        self.judged += 1
        text = body["messages"][1]["content"]
        n = int(text.partition("[user]\nq")[2].split("\n")[0])
        first, second = (text.partition(f"ANSWER {k}\n")[2].split("\n")[0] for k in (1, 2))
        wanted = "right" if (n % 2 == 1) == self._agrees(n) else "wrong"
        better = "tie" if first == second else "1" if first == wanted else "2"
        return Asked(self._outcome, json.dumps({"better": better}), cost=PicoDollars(COST), error="down")


class OnJudge(Graders):
    """Every score rests on what the judge said."""

    async def grade(self, case: Case, answers: Mapping[str, Asked], judge: AskJudge | None) -> Mapping[str, Judged]:
        return {model: Judged(1.0, ("pairwise",), solved=True, on_judge=True, compared=1.0) for model in answers}


async def judged(asker: Asker, store: Store, **changes: Any) -> Run:
    return await play(run(judge="c/judge", labels="l", **changes), SUITE, means(store, asker, grader=OnJudge(), labels=LABELS))


@pytest.mark.parametrize(("agrees", "decides"), [(lambda n: n % 10 != 0, True), (lambda n: n % 4 < 2, False)])
async def test_a_judge_counts_as_far_as_it_agrees_with_people(agrees: Callable[[int], bool], *, decides: bool):
    """It is asked three times a label, in the run's budget; what rests on one that people do not bear out has no score, and is told."""
    asker, store = Judging(agrees), Store()
    ended = await judged(asker, store)

    assert asker.judged == 3 * len(LABELS)
    assert ended.spent == (3 * len(LABELS) + 24) * COST
    assert ended.calibration is not None
    assert (ended.calibration.n, ended.judge_decides) == (60, decides)
    assert {(one.score, one.solved, one.compared) for one in store.rows.values()} == {
        (1.0, True, 1.0) if decides else (None, None, 1.0)
    }
    assert all((UNCALIBRATED in one.details) != decides for one in store.rows.values())
    assert differences(store.rows.values(), OLD, NEW) == ([0.0] * 12 if decides else [])


async def test_what_is_known_of_a_judge_is_not_asked_again():
    """Whoever goes on with the run, or begins another, has it."""
    first = await judged(Judging(lambda n: True), Store())
    asker = Judging(lambda n: True)
    again = await judged(asker, Store(), calibration=first.calibration)

    assert asker.judged == 0
    assert again.judge_decides


async def test_a_judge_that_is_down_is_waited_for():
    """Nothing is found of it, and no case is asked."""
    asker, store = Judging(lambda n: True, outcome="failed"), Store()
    paused = await judged(asker, store)

    assert (paused.state, paused.calibration, store.rows) == ("waiting", None, {})
    assert "c/judge did not answer 5 times in a row" in paused.note
    assert paused.due == ManualClock().now() + AGAIN_AFTER


async def test_labels_are_within_the_budget():
    """Not a question more than the money allows; half a calibration is none, and no case is judged by it."""
    store = Store()
    stopped = await judged(Judging(lambda n: True), store, budget=PicoDollars(1_000))

    assert (stopped.state, stopped.calibration, store.rows) == ("stopped", None, {})
    assert stopped.spent <= 1_000
