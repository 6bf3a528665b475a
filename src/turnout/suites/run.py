"""A benchmark, run: each case is asked, judged and stored, as many at once as is polite, until all are, the money is, or it is decided."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from turnout.clock import Clock
from turnout.errors import TurnoutError
from turnout.evidence.paired import Paired
from turnout.suites.graders.calibration import Held, calibrated, held
from turnout.suites.paired import differences
from turnout.suites.plan import LONGEST_VERDICT, Key, Price, Round, arranged, missing, rounds
from turnout.suites.purse import Purse, Spent
from turnout.types.judge import Labelled
from turnout.types.money import PicoDollars, usd
from turnout.types.suite import UNCALIBRATED, Asked, Case, Result, Run, RunState, Suite

AT_ONCE = 4
"""Cases under way at a time."""
DOWN_AFTER = 5
"""Failures of one model in a row after which its provider is taken to be down."""
AGAIN_AFTER = 900.0
GIVE_UP_AFTER = 86_400.0
"""Seconds after which a run whose provider was down is taken up again; and since its beginning, after which it is given up."""


class Unpriced(Exception):
    """A price that was known when the run began is not known any more."""


class Judged(msgspec.Struct, frozen=True):
    """What graders found: ``score`` 0..1, None where none could tell; and each of them in words. ``solved`` None: by the suite's threshold.

    ``on_judge``: it rests on what a judge said; ``compared`` is what one said, 1, 0.5 or 0.
    """

    score: float | None
    details: tuple[str, ...] = ()
    solved: bool | None = None
    on_judge: bool = False
    compared: float | None = None


Body = Mapping[str, Any]
AskJudge = Callable[[Body], Awaitable[Asked]]
"""Put an openai-chat request to the run's judge, within the budget."""


class Asker(Protocol):
    """How models are asked."""

    def longest(self, model: str, body: Body) -> int:
        """Tokens that its answer may have."""
        ...

    def price(self, model: str, body: Body, task: str | None, longest: int) -> Price | None:
        """Of one call; None: not known. Raises TurnoutError: it cannot be asked."""
        ...

    async def ask(self, model: str, body: Body, task: str | None, longest: int, most: PicoDollars | None) -> Asked:
        """Raises nothing: what went wrong is said in what comes back."""
        ...


class Grader(Protocol):
    """What becomes of the answers to one case."""

    async def grade(self, case: Case, answers: Mapping[str, Asked], judge: AskJudge | None) -> Mapping[str, Judged]:
        """By model; ``answers`` are those that came, the first model's first."""
        ...


class Store(Protocol):
    """What of :class:`turnout.store.bench.BenchStore` a run needs."""

    def note(self, run: Run) -> None: ...

    def put(self, results: Sequence[Result]) -> int: ...

    def results(self, run_id: str) -> tuple[Result, ...]: ...

    def discard(self, run_id: str, rounds: Sequence[tuple[str, int]]) -> None: ...


Show = Callable[[Run, Sequence[Result]], None]
"""Told of each round as it is stored."""


class Means(msgspec.Struct, frozen=True):
    """What a run works with. ``interrupted`` is the state it is left in when ``stop`` is set. ``labels`` are those its judge is held against."""

    store: Store
    asker: Asker
    grader: Grader
    clock: Clock
    stop: asyncio.Event
    show: Show = lambda _run, _results: None
    interrupted: RunState = "waiting"
    at_once: int = AT_ONCE
    labels: tuple[Labelled, ...] = ()


async def play(run: Run, suite: Suite, means: Means) -> Run:
    """Ask what is missing, and say how it ended: as the run's state and note.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store does not take it; the run goes on from what it has, another time.
    """
    return await _Playing(run, suite, means).play()


def chosen(run: Run, suite: Suite) -> tuple[Case, ...]:
    """The cases that the run asks: a fair part of the suite, the same whenever it is taken up."""
    return arranged(suite.cases, suite.hash)[: run.total // (len(run.models) * run.repeats)]


class _Playing:
    def __init__(self, run: Run, suite: Suite, means: Means) -> None:
        self._run = run
        self._suite = suite
        self._means = means
        self._purse = Purse(run.budget, run.spent)
        self._results: dict[Key, Result] = {(one.case, one.model, one.repeat): one for one in means.store.results(run.id)}
        self._rounds = rounds(chosen(run, suite), run.models, run.repeats, run.id)
        self._down: dict[str, list[tuple[str, int]]] = {}
        self._silent = 0  # questions in a row that the judge left unanswered while it was held against labels
        self._ended: Run | None = None
        self._turn, self._taking = asyncio.Lock(), asyncio.Lock()
        self._storing: set[asyncio.Future[None]] = set()

    async def play(self) -> Run:
        self._run = replace(self._run, state="running", note="", due=None, ended=None, done=len(self._results))
        await self._note()
        playing = asyncio.ensure_future(self._ask_all())
        stopping = asyncio.ensure_future(self._means.stop.wait())
        try:
            await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                self._end(self._means.interrupted, "it was told to stop; what was under way is asked again")
            else:
                playing.result()
        finally:
            for task in (playing, stopping):
                task.cancel()
            await asyncio.gather(playing, stopping, *self._storing, return_exceptions=True)
        self._run = self._ended or self._over("done", "")
        await self._note()
        return self._run

    async def _ask_all(self) -> None:
        if self._means.labels and self._run.calibration is None:
            await self._calibrate()
        waiting = iter(missing(self._rounds, self._results.keys()))
        await self._crew(lambda: self._work(waiting))

    async def _calibrate(self) -> None:
        """Hold the judge against people's word before it is asked anything else. Broken off it is begun anew: half of it says little."""
        found: list[Held] = []
        waiting = iter(self._means.labels)
        await self._crew(lambda: self._hold(waiting, found))
        if self._ended is None:
            self._run = replace(self._run, calibration=calibrated(found, self._means.clock.now()))
            await self._note()

    async def _hold(self, waiting: Iterator[Labelled], found: list[Held]) -> None:
        for label in waiting:
            if self._ended is not None:
                return
            with self._within_budget():
                found.append(await held(self._ask_judge_for_labels, label))

    async def _crew(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        tasks = [asyncio.create_task(work()) for _ in range(self._means.at_once)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, waiting: Iterator[Round]) -> None:
        """Take rounds until there are none, or it has ended; what is under way then comes to its end."""
        for one in waiting:
            if self._ended is not None:
                return
            with self._within_budget():
                results = await self._round(one)
                await self._surely(self._take(one, results))

    @contextmanager
    def _within_budget(self) -> Iterator[None]:
        """What cannot be paid for ends the run."""
        try:
            yield
        except Spent as over:
            self._end("stopped", f"stopped at the budget of ${usd(self._run.budget):.4f}: {over}")
        except Unpriced as unknown:
            self._end("failed", str(unknown))

    async def _round(self, one: Round) -> list[Result]:
        answers = {model: await self._ask(model, one.case) for model in one.models}
        came = {model: answers[model] for model in self._run.models if answers[model].outcome == "ok"}
        judge = self._ask_judge if self._run.judge is not None else None
        judged = await self._means.grader.grade(one.case, came, judge) if came else {}
        now = self._means.clock.now()
        return [self._result(one, model, answers[model], judged.get(model), now) for model in self._run.models]

    def _result(self, one: Round, model: str, asked: Asked, judged: Judged | None, now: float) -> Result:
        """No answer is no good answer: a model owns its failures. What rests on a judge that may not decide has no score."""
        if judged is None:
            judged = Judged(None) if asked.outcome == "ok" else Judged(0.0, (f"no answer: {asked.error or asked.outcome}",))
        if judged.on_judge and not self._run.judge_decides:
            judged = replace(judged, score=None, solved=None, details=(*judged.details, UNCALIBRATED))
        solved = judged.solved
        if solved is None and judged.score is not None:
            solved = judged.score >= self._suite.threshold
        case = one.case
        return Result(
            self._run.id, case.id, model, one.repeat, now, asked.outcome, judged.score, solved and asked.outcome == "ok", asked.ms,
            asked.cost, asked.tokens_in, asked.tokens_out, judged.details, case.task, case.band, asked.error,
            judged.compared,
        )  # fmt: skip

    async def _ask(self, model: str, case: Case) -> Asked:
        return await self._paid(model, case.body, case.task, self._means.asker.longest(model, case.body))

    async def _ask_judge(self, body: Body) -> Asked:
        assert self._run.judge is not None, "there is one to ask"
        return await self._paid(self._run.judge, body, None, LONGEST_VERDICT)

    async def _ask_judge_for_labels(self, body: Body) -> Asked:
        """One that is down is no bad judge: it is asked again later."""
        asked = await self._ask_judge(body)
        self._silent = self._silent + 1 if asked.outcome == "failed" else 0
        if self._silent >= DOWN_AFTER:
            self._pause(str(self._run.judge), DOWN_AFTER, asked.error)
        return asked

    async def _paid(self, model: str, body: Body, task: str | None, longest: int) -> Asked:
        """Within the budget. That the money may be gone is stored before it is: a kill forgets no spending."""
        asker = self._means.asker
        try:
            price = asker.price(model, body, task, longest)
        except TurnoutError as cannot:
            return Asked("rejected", cost=PicoDollars(0), error=cannot.message)
        if price is None and self._run.estimate is not None:
            raise Unpriced(
                f"what {model} costs was known when the run began, and is not any more: nothing bounds what it would spend"
            )
        amount, cost = price.most if price is not None else 0, None
        await self._purse.hold(amount)
        try:
            await self._surely(self._note())
            asked = await asker.ask(model, body, task, longest, price.most if price is not None else None)
            cost = asked.cost
        finally:
            await self._purse.settle(amount, cost)
        return asked

    async def _take(self, one: Round, results: list[Result]) -> None:
        """Store them, and see whether that ends it. What failed while others found that a provider is down is left to be asked again."""
        async with self._taking:
            paused = self._ended is not None and self._ended.due is not None
            if paused and any(result.outcome == "failed" for result in results):
                return
            await self._stored(one, results)
            await self._look_for_outage(results)
            self._look_for_decision()
        await self._note()
        self._means.show(replace(self._run, spent=PicoDollars(self._purse.spent)), results)

    async def _stored(self, one: Round, results: list[Result]) -> None:
        await asyncio.to_thread(self._means.store.put, results)
        self._results |= {(result.case, result.model, result.repeat): result for result in results}
        for result in results:
            if result.outcome == "failed":
                self._down.setdefault(result.model, []).append(one.key)
            else:
                self._down.pop(result.model, None)

    async def _look_for_outage(self, results: Sequence[Result]) -> None:
        """What a provider did not answer while it was down says nothing of its model: it is forgotten, and asked again later."""
        enough = min(DOWN_AFTER, len(self._rounds))
        for result in results:
            failed = self._down.get(result.model, [])
            if len(failed) < enough:
                continue
            await asyncio.to_thread(self._means.store.discard, self._run.id, failed)
            for key in [key for key in self._results if (key[0], key[2]) in failed]:
                del self._results[key]
            self._down.clear()
            self._pause(result.model, enough, result.error)
            return

    def _pause(self, model: str, times: int, error: str | None) -> None:
        now, what = self._means.clock.now(), f"{model} did not answer {times} times in a row: {error}"
        if now - self._run.at > GIVE_UP_AFTER:
            self._end("failed", f"given up: {what}")
        else:
            self._end("waiting", f"paused: {what}", now + AGAIN_AFTER)

    def _look_for_decision(self) -> None:
        run = self._run
        if run.margin is None or len(run.models) != 2 or self._ended is not None:
            return
        apart = differences(self._results.values(), *run.models)
        bets = Paired.new(run.margin)
        bets.take(apart)
        if bets.verdict is not None:
            said = "is worse by more than" if bets.verdict == "unfit" else "is not worse by more than"
            self._end("done", f"decided after {len(apart)} cases: {run.models[1]} {said} {run.margin:g} than {run.models[0]}")

    def _surely(self, work: Coroutine[Any, Any, None]) -> Awaitable[None]:
        """To its end though whoever waits for it is cancelled: a thread that writes cannot be called back, and must not be overtaken."""
        task = asyncio.ensure_future(work)
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)
        return asyncio.shield(task)

    def _end(self, state: RunState, note: str, due: float | None = None) -> None:
        """The first to say so is right."""
        if self._ended is None:
            self._ended = replace(self._over(state, note), due=due)

    def _over(self, state: RunState, note: str) -> Run:
        open_still = state in ("waiting", "running")
        return replace(self._run, state=state, note=note, ended=None if open_still else self._means.clock.now())

    async def _note(self) -> None:
        """One after the other: an older word must not come after a newer."""
        async with self._turn:
            ended = self._ended
            latest = self._run if ended is None else replace(self._run, note=ended.note)
            self._run = replace(latest, spent=self._purse.gone, done=len(self._results))
            await asyncio.to_thread(self._means.store.note, self._run)
