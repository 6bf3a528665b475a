"""Releases, the lock and what is in force, put together: the desk writes, the publisher follows."""

from collections.abc import Callable, Mapping

from turnout.clock import Clock
from turnout.control.publish import Publisher, Relock
from turnout.release.changes import News
from turnout.release.desk import Desk, Happened, NotNow, no_news, nobody
from turnout.store.ledger import Ledger
from turnout.types.lock import Lock, RouteLock

TRIES = 5


def desk_of(publish: Publisher, ledger: Ledger, clock: Clock, happened: Happened = nobody, news: News = no_news) -> Desk:
    """A desk over what people wrote, whose lock this publisher puts in force."""

    def put_in_force(note: str, actor: str) -> int:
        return publish.take_up(ledger.lock.read(), note, actor)

    return Desk(ledger, clock, publish.human, put_in_force, publish.in_force, happened, news)


def relock_of(desk: Desk, read: Callable[[], Lock]) -> Relock:
    """The way back of the lock, when somebody goes back to a version. Raises NotNow when releases change it all the time."""

    def relock(routes: Mapping[str, RouteLock], actor: str) -> None:
        for left in reversed(range(TRIES)):
            lock = read()
            try:
                desk.take_lock(Lock(lock.revision, dict(routes), lock.frozen), actor)
            except NotNow:
                if not left:
                    raise
            else:
                return

    return relock
