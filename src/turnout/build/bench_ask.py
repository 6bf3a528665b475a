"""A benchmark that a person asks for: priced, begun and played here, whether or not a Turnout serves meanwhile."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from turnout.build.bench import go_on
from turnout.build.bench_spec import SUITES
from turnout.build.bench_suite import rules_of, suite_of, with_labels
from turnout.build.content_keys import opening_keys
from turnout.build.data_dir import held, holder
from turnout.build.ledger import open_ledger
from turnout.build.spec import Places
from turnout.build.supervisor import prepare
from turnout.clock import SystemClock
from turnout.config.settings import Settings
from turnout.decide.compiled import View
from turnout.errors import Unusable
from turnout.store.ledger import Ledger, in_words
from turnout.suites.begin import Wish, begun, more
from turnout.suites.frozen import Frozen
from turnout.suites.plan import Estimate
from turnout.suites.run import Show
from turnout.suites.schedule import incumbents
from turnout.types.money import PicoDollars
from turnout.types.release_rules import SuiteRules
from turnout.types.suite import Result, Run
from turnout.view import ViewStore


class Order(msgspec.Struct, frozen=True):
    """What the person said; None: as the suite has it. ``margin``: to stop as soon as it is decided at."""

    models: tuple[str, ...]
    against: str | None = None
    suite: str | None = None
    cases: int | None = None
    repeats: int | None = None
    budget: PicoDollars | None = None
    margin: float | None = None
    incumbent: bool = False
    afresh: bool = False
    anyhow: bool = False


class Asking:
    """``estimate`` is of what was begun last."""

    def __init__(self, ledger: Ledger, view: View, data_dir: Path, base: Path, actor: str) -> None:
        self.estimate: Estimate | None = None
        self._ledger = ledger
        self._view = view
        self._data_dir = data_dir
        self._base = base
        self._actor = actor
        self._clock = SystemClock()
        self._frozen = Frozen(data_dir / SUITES)

    def begin(self, order: Order) -> Run:
        """A run that waits for :meth:`play`; nothing of it is stored yet but its cases. Raises Unusable, OSError, SQLAlchemyError."""
        policy, now = self._view.policy, self._clock.now()
        rules = self._rules(order.suite)
        keys = opening_keys(policy, os.environ)
        suite = suite_of(rules, self._base, self._frozen, self._ledger.bench, keys, now, afresh=order.afresh)
        wish = Wish(
            self._models(order, rules), rules.budget if order.budget is None else order.budget, self._actor, order.cases,
            order.repeats or rules.repeats, rules.judge, margin=order.margin, anyhow=order.anyhow,
        )  # fmt: skip
        wish = with_labels(wish, suite, rules, self._base, self._ledger.bench, now)
        run, self.estimate = begun(wish, suite, self._view.slots, now, self._clock.seed())
        self._frozen.keep(suite, wish.labels)
        return run

    def resumed(self, run_id: str, budget: PicoDollars | None) -> Run:
        """A run of before, perhaps with more money. Raises Unusable."""
        known = self._ledger.bench.get(run_id)
        if known is None:
            raise Unusable(f"there is no benchmark run {run_id}; `turnout bench list` shows those there are")
        return more(known, known.budget if budget is None else budget, self._clock.now())

    async def play(self, run: Run, stop: asyncio.Event, show: Show) -> Run:
        """To its end, or until told to stop; then it waits for a person, not for a schedule. Raises as :func:`go_on`."""
        self._ledger.bench.note(run)
        return await go_on(self._ledger, self._data_dir, run.id, stop, show=show, interrupted="stopped")

    def results(self, run_id: str) -> tuple[Result, ...]:
        return self._ledger.bench.results(run_id)

    def _rules(self, name: str | None) -> SuiteRules:
        suites = self._view.policy.suites
        if name is not None:
            return rules_of(self._view.policy, name)
        if len(suites) != 1:
            known = ", ".join(suite.name for suite in suites)
            raise Unusable(
                f"say which suite: --suite {known}" if suites else "the policy has no suites: name one under `suites:`"
            )
        return suites[0]

    def _models(self, order: Order, rules: SuiteRules) -> tuple[str, ...]:
        """The one to compare with first."""
        if order.against is not None:
            return (order.against, *order.models)
        if not order.incumbent:
            return order.models
        found = [model for model in incumbents(self._view.policy, rules.routes) if model not in order.models]
        if not found:
            raise Unusable(
                f"the routes of suite {rules.name} ({', '.join(rules.routes)}) name no other model: say --against MODEL"
            )
        return (found[0], *order.models)


@contextmanager
def opened(of: Settings, config: Path | None, actor: str) -> Iterator[Asking]:
    """Where a Turnout serves from the data directory its policy is in force; else the file's is put in force, as ``serve`` would.

    Raises:
        ConfigProblems: every problem of the file at once.
        Unusable: something cannot be worked with, in words.
    """
    try:
        if holder(of.data_dir) is None:
            with held(of.data_dir):
                prepare(str(config) if config else None, of)
        views = ViewStore(of.data_dir / Places.views)
        current = views.current()
        if current is None:
            raise Unusable(f"no policy is in force in {of.data_dir} yet; is the `turnout serve` there still starting?")
        view = views.load(current)
        ledger = open_ledger(of.data_dir, of.store.url)
    except (OSError, ValueError, LookupError, msgspec.MsgspecError) as odd:
        raise Unusable(f"{of.data_dir} cannot be worked with: {odd}") from odd
    try:
        yield Asking(ledger, view, of.data_dir, config.parent if config else Path(), actor)
    except SQLAlchemyError as error:
        raise Unusable(f"the ledger does not answer: {in_words(error)}") from error
    finally:
        ledger.close()
