"""Alerts: written down first, sent afterwards, by a chore that tries again."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from turnout.alerts.deliver import Secrets, deliver, wait
from turnout.alerts.tell import of_spend
from turnout.clock import Clock
from turnout.config.secret import Secret, resolve
from turnout.store.alerts import AlertStore
from turnout.store.rollups import sums
from turnout.store.rollups.cells import Period, Slice
from turnout.types.alert import Alert, Alerting
from turnout.types.money import PicoDollars
from turnout.types.seconds import DAY, HOUR

Slices = Callable[[int, int, Period], tuple[Slice, ...]]
"""The sums between two moments (unix seconds): :meth:`Ledger.slices`."""


class _Failing(NamedTuple):
    """A channel that does not take alerts: how often by now, and when the log was last told (unix seconds)."""

    times: int = 0
    said_at: float | None = None


class Alarm:
    """Tells people. ``rules`` are those of the policy in force; ``dashboard`` is where links begin; ``say`` is for the log."""

    def __init__(
        self,
        store: AlertStore,
        rules: Callable[[], Alerting],
        clock: Clock,
        env: Mapping[str, str],
        dashboard: str,
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._secrets = _secrets(env)
        self._dashboard = dashboard
        self._say = say
        self._failing: dict[str, _Failing] = {}  # by channel

    def tell(self, alert: Alert) -> None:
        """Written down; whoever wants it has it within a few seconds. The same key is told once a day."""
        self._store.add(alert)

    def send(self) -> None:
        """Whatever is due, to the log first. As long as receivers take: no work for the loop."""
        rules, now = self._rules(), self._clock.now()
        for waiting in self._store.due(now):
            if not waiting.tries:
                self._say(f"alert ({waiting.alert.severity}): {waiting.alert.title}: {waiting.alert.text}")
            came = deliver(waiting.alert, rules, waiting.sent, self._secrets, self._dashboard, now)
            again = wait(waiting.tries) if came.failed.keys() - came.done else None
            for channel, why in came.failed.items():
                self._failed(
                    channel, f"alert {waiting.alert.id!r} could not be sent to {channel}: {why}", now, lost=again is None
                )
            for channel in came.done - came.failed.keys() - waiting.sent:
                self._works(channel)
            self._store.settle(waiting.alert.id, came.done, None if again is None else now + again)

    def _failed(self, channel: str, said: str, now: float, *, lost: bool) -> None:
        """The first time, then once an hour; an alert that is given up always."""
        before = self._failing.get(channel, _Failing())
        failing = _Failing(before.times + 1, before.said_at)
        if lost or failing.said_at is None or now - failing.said_at >= HOUR:
            counted = f" ({failing.times} failures by now)" if before.times else ""
            self._say(f"{said}{counted}{', given up' if lost else ''}")
            failing = _Failing(failing.times, now)
        self._failing[channel] = failing

    def _works(self, channel: str) -> None:
        if (before := self._failing.pop(channel, None)) is not None:
            self._say(f"alerts are sent to {channel} again, after {before.times} failure{'s' if before.times > 1 else ''}")

    def watch_spend(self, slices: Slices) -> None:
        """Whether today's spending (UTC) is past what the policy wants to be told of."""
        rules, now = self._rules(), self._clock.now()
        if rules.spend is None and not rules.spend_by_route:
            return
        start = int(now // DAY * DAY)
        cells = sums.cells(slices(start, start + DAY, HOUR), "route")
        spent = {group[0]: PicoDollars(cell.cost) for group, cell in cells.items()}
        day = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        total = PicoDollars(sum(spent.values()))
        if rules.spend is not None and total > rules.spend:
            self.tell(of_spend(day, now, None, total, rules.spend))
        for route, limit in rules.spend_by_route.items():
            if (so_far := spent.get(route, PicoDollars(0))) > limit:
                self.tell(of_spend(day, now, route, so_far, limit))


def _secrets(env: Mapping[str, str]) -> Secrets:
    def found(ref: str) -> str | None:
        secret = resolve(ref, env)
        return secret.reveal() if isinstance(secret, Secret) else None

    return found
