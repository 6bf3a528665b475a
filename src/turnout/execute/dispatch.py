"""How one request gets at its models: a lease for each attempt, a place in line where there is no room. A worker's board decides."""

from collections.abc import Callable

from turnout.errors import Blame
from turnout.execute.arrange import arranged
from turnout.execute.board import p95
from turnout.execute.commands import StandInLine, StartAttempt
from turnout.execute.deployment import Away, Deployment, Lease, Upstream
from turnout.execute.job import Job, World
from turnout.execute.progress import Skip
from turnout.execute.rests import fraction
from turnout.execute.room import Need
from turnout.types.decision import Plan, Step
from turnout.types.policy import Hedge

_OF_ITS_KEY = frozenset({Blame.CAPACITY, Blame.CONFIGURATION})
"""Faults of one credential: another of the same provider may serve."""


class Dispatch:
    """One request's. It keeps its place in line, and what it has paid of its route's budget, from one attempt to the next."""

    __slots__ = ("_board", "_budget", "_job", "_paid", "_place", "_pools", "stream")

    def __init__(self, job: Job, world: World) -> None:
        self._job = job
        self._board = world.board
        self._pools = world.pools
        self._budget = world.board.budget(job.route)
        self._budget.requests += 1
        self._place: int | None = None
        self._paid = 0
        self.stream = job.ask.sketch.stream

    def plan(self, steady: Callable[[], float]) -> tuple[Plan, tuple[Skip, ...]]:
        """The plan as decided, unless something is known now that it could not know; and the steps that lost their turn."""
        job, board = self._job, self._board
        if not board.deferred and job.plan.equal <= 1:
            return job.plan, ()
        now, late = steady(), board.deferred.get(job.route, frozenset())

        def lighter(models: list[str]) -> int:
            return board.lighter([self._pools[model] for model in models], now)

        return arranged(job.plan, late, lighter, fraction(job.seed))

    def lease(self, plan: Plan, start: StartAttempt, now: float) -> Lease | Away:
        """A way to the step's model, or why there is none."""
        board, step = self._board, plan.steps[start.step]
        pool = self._pools[step.model]
        if (start.again or start.beside) and not self._may_spend(plan, start, now):
            return Away("retries", now)
        if board.lines.waiting and self._place is None and board.lines.is_ahead(step.model, self._job.priority):
            return Away("quota", min(member.room_at(now, self._need()) for member in pool))
        cap = self.limit(step, pool[0].upstream) / 2
        if len(pool) == 1 and not start.forced:
            lease = pool[0].take(now, cap, stream=self.stream)
            if lease is not None:
                return lease
        return board.choose(pool, start, now, cap, self._need())

    def limit(self, step: Step, upstream: Upstream) -> float:
        """Seconds that the step's model may be silent."""
        if not self.stream:
            return step.timeouts.total
        return step.timeouts.first_token_reasoning if upstream.thinks else step.timeouts.first_token

    def patience(self, step: Step, lease: Lease) -> float:
        """The same for this attempt: whoever tries whether a model is well again shall not wait longer than is usual there."""
        limit = self.limit(step, lease.deployment.upstream)
        return min(limit, lease.deployment.usual_wait(limit, stream=self.stream)) if lease.probes else limit

    def hedge_after(self, hedge: Hedge, deployment: Deployment) -> float | None:
        """Seconds of silence after which another may start beside it; without a figure of the policy's or of experience, none does."""
        return hedge.after if hedge.after is not None else p95(deployment, stream=self.stream)

    async def wait_for_room(self, plan: Plan, stand: StandInLine, now: float) -> bool:
        """Return when it may ask again, or is out of patience; False at once when the line is full."""
        lines = self._board.lines
        if self._place is None:
            self._place = lines.number()
        model = plan.steps[stand.step].model
        return await lines.wait(model, self._job.priority, self._place, stand.ready - now, stand.until - now)

    def has_spare(self, step: Step, lease: Lease, blame: Blame, now: float) -> bool:
        """There is another credential for the same model that is not out, after a fault that was of this one's."""
        pool = self._pools[step.model]
        if len(pool) == 1 or blame not in _OF_ITS_KEY:
            return False
        return any(member is not lease.deployment and not member.is_out(now) for member in pool)

    def _need(self) -> Need:
        return Need(self.stream, self._job.read, self._job.written)

    def _may_spend(self, plan: Plan, start: StartAttempt, now: float) -> bool:
        """The route's budgets of second tries and of hedges."""
        if start.again:
            if self._paid != start.attempt and self._budget.retry(now):
                self._paid = start.attempt  # one that is turned away once it may be made is not paid for again
            return self._paid == start.attempt
        assert plan.hedge is not None, "only such a plan is hedged"
        cost, usual = plan.steps[start.step].expected_cost or 0, plan.steps[0].expected_cost or 0
        return self._budget.hedge(plan.hedge.budget, cost, usual)
