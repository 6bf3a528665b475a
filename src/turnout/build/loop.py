"""The release loop put together, for the control process: who watches, who decides, who is told (ADR 10)."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from turnout.alerts.tell import of_drift, of_step
from turnout.build.bench_keep import Benching, Ended
from turnout.build.desk import desk_of, relock_of
from turnout.build.lock_keeper import LockKeeper
from turnout.build.process import say
from turnout.build.spec import ControlSpec, Places
from turnout.build.studies import Studies
from turnout.build.watching import places_of, watch_of
from turnout.catalog.accepted import DIRECTORY, read_pointer
from turnout.catalog.load import load_catalog
from turnout.clock import Clock
from turnout.config.lock import lock_path
from turnout.control.alerting import Alarm
from turnout.control.behind import behind
from turnout.control.health import STANDINGS, read_workers
from turnout.control.publish import Publisher
from turnout.errors import Unusable
from turnout.learn import refresh as learning
from turnout.release.controller import Controller
from turnout.release.desk import Desk
from turnout.release.next_step import Found, lacks_approval
from turnout.release.opener import Opener
from turnout.store.ledger import Ledger
from turnout.types.alert import Alert, Alerting
from turnout.types.release import Release, Step
from turnout.watch.keep import Watch
from turnout.watch.sight import Refreshed

AGAIN_AFTER = 60.0
"""Seconds after which a look at the world's catalogs that failed here is made again."""
SETTLES = 0.5
"""Seconds that a record may be on its way from its worker's memory to the journal."""


def _nothing() -> None:
    """Who reads the policy again, before there is somebody."""


class Loop:
    """Everything that releases need beside the desk's own transactions. Methods block, and raise OSError and sqlalchemy.exc.SQLAlchemyError.

    ``read_again`` has the policy's file read with the catalog there is by then; set by whoever puts the house together.
    """

    def __init__(
        self, spec: ControlSpec, clock: Clock, ledger: Ledger, publish: Publisher, leads: Callable[[], bool]
    ) -> None:  # fmt: skip
        self._data_dir = Path(spec.data_dir)
        self._config = spec.config
        self._clock = clock
        self._ledger = ledger
        self._publish = publish
        self.read_again: Callable[[], None] = _nothing
        self._refreshed_at = 0.0
        self._accepted = self._pointer()
        self._leads = leads
        self._followed = 0  # the lock's revision at the last look
        self.alarm = Alarm(ledger.alerts, self._alerting, clock, os.environ, spec.dashboard, partial(say, "control"))
        self.desk: Desk = desk_of(publish, ledger, clock, _said, self._news)
        self.relock = relock_of(self.desk, ledger.lock.read)
        studies = Studies(self._data_dir, spec.config, clock, ledger, publish)
        self.controller = Controller(
            self.desk, ledger, clock, studies, self._ejected, self._complete, said=partial(say, "control"), gone=self._gone
        )
        self.opener = Opener(self.desk, ledger, clock, lambda: publish.base, partial(say, "control"))
        place = lock_path(Path(spec.config) if spec.config else None, self._data_dir)
        self.lock = LockKeeper(place, self._data_dir / "lock.ours", publish, ledger.lock.read, self.desk.take_lock)
        self.bench = Benching(self._data_dir, spec.store, spec.config, clock, ledger, publish, leads, self._benched)

    def tick(self) -> None:
        """One look at every release."""
        if self._publish.base is not None:
            self.controller.tick()

    def watch(self, actor: str | None = None) -> Refreshed | None:
        """Look at the world's catalogs, if it is time to, or because somebody wants it. None: it is not, or there is nowhere to look."""
        base, now = self._publish.base, self._clock.now()
        if (pointer := self._pointer()) != self._accepted:  # somebody refreshed it at the prompt
            self._accepted = pointer
            self.read_again()
        if base is None or not base.policy.release.sources:
            return None
        if actor is None and now - self._refreshed_at < base.policy.release.refresh:
            return None
        self._refreshed_at = now - max(
            base.policy.release.refresh - AGAIN_AFTER, 0.0
        )  # if it fails; not at once: it asks the world
        found = self.watcher().refresh(*([actor] if actor else []))
        self._refreshed_at = now
        for source, error in found.errors.items():
            say("control", f"catalog {source}: {error}")
        if found.changed:
            self._accepted = self._pointer()
            self.read_again()
        return found

    def watcher(self) -> Watch:
        """Over the sources of the policy in force. Raises Unusable: one of them cannot be."""
        base = self._publish.base
        if base is None:
            raise Unusable("no policy is in force yet")
        folder = Path(self._config).parent if self._config else Path()
        sources = places_of(base.policy, base.policy.release.sources, os.environ, folder)
        return watch_of(self._data_dir, self._ledger, self._clock, load_catalog(), sources, base.policy, base.models)

    def follow(self) -> None:
        """Where another process leads: put in force what it decided, once it has had the time to do so itself."""
        revision = self._ledger.lock.revision()
        if revision == self._followed and self._publish.base is not None and not self._leads():
            self.desk.settle()
        self._followed = revision

    def learn(self) -> None:
        """Measured quality, made anew from what was judged."""
        if self._publish.base is not None:
            learning.refresh(self._ledger, self._publish.base, self._clock.now())

    def _pointer(self) -> str | None:
        """Which catalog was accepted last. When the sources were asked, which stands beside it, is no news."""
        pointer = read_pointer(self._data_dir / DIRECTORY)
        return None if pointer is None else pointer.hash

    def _alerting(self) -> Alerting:
        return self._publish.base.policy.alerts if self._publish.base is not None else Alerting()

    def _news(self, release: Release, step: Step) -> Iterator[Alert]:
        route = self.desk.route(release.route)
        lacking = lacks_approval(release, Found(self.desk.policy.release, route)) if step.phase == "proposed" else None
        owner = route.owner if route is not None else None
        return of_step(release, step, owner, self._alerting().outperforms, lacking)

    def _benched(self, ended: Sequence[Ended]) -> None:
        """Their cells stand in the matrix from the next view on, but for those that hold no more; a model that answers otherwise than it did is told."""
        base, now = self._publish.base, self._clock.now()
        if base is None:
            return
        for run, changed in ended:
            learning.benchmarked(self._ledger, base, self._ledger.bench.results(run.id), run.suite_hash, now)
            for one in changed:
                title = f"{one.model} does {'worse' if one.is_worse else 'better'} on suite {run.suite} than it did"
                text = f"{one.before:.1%} before, {one.after:.1%} in run {one.run}: its provider may have changed it"
                self.alarm.tell(of_drift(f"{one.model}:{run.id}", now, title, text))
        self.learn()

    def _ejected(self, model: str) -> str | None:
        """Why, where every worker that knows the model has ejected all of its deployments."""
        seen = [
            one
            for worker in read_workers(self._data_dir / Places.health, self._clock.now())
            for one in worker.deployments
            if one.model == model
        ]
        if not seen or any(one.standing != STANDINGS[-1] for one in seen):
            return None
        return seen[0].cause or "its health"

    def _gone(self, model: str) -> str | None:
        """Why the policy in force can send it nothing; None: it can."""
        base = self._publish.base
        facts = next((one for one in base.models if one.id == model), None) if base is not None else None
        if facts is None:
            return "is served by no provider of the policy any more"
        return "is disabled in the policy" if facts.disabled else None

    def _complete(self) -> float | None:
        """Up to when the ledger has all that has ended."""
        now = self._clock.now()
        late = behind(self._data_dir / Places.journal, self._ledger, now)
        return now - late.seconds - SETTLES


def _said(release: Release, step: Step) -> None:
    say("control", f"release {release.id}: {step.phase}{f' at {step.share:g} %' if step.share else ''}: {step.note}")
