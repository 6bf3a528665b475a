"""One process at a time has a lease, whatever the database, and whoever dies loses it by the clock."""

import threading

from tests.support.postgres import Postgres
from turnout.clock import ManualClock
from turnout.store.ledger import Ledger


def test_one_has_it_until_it_ends(ledger: Ledger):
    """Another one gets it once its time is over, and the first finds out when it asks."""
    clock = ManualClock()
    one, other = (ledger.lease("control", name, clock, 10.0) for name in ("one", "other"))

    assert (one.take(), other.take(), one.holder()) == (True, False, "one")
    clock.advance(9.0)
    assert (one.renew(), other.take()) == (True, False)
    clock.advance(10.0)
    assert one.holder() is None
    assert (one.renew(), other.take(), one.take(), other.holder()) == (False, True, False, "other")


def test_whoever_has_it_may_take_it_again(ledger: Ledger):
    """A process that starts again under its name need not wait for itself."""
    clock = ManualClock()
    one = ledger.lease("control", "one", clock, 10.0)

    assert (one.take(), one.take()) == (True, True)


def test_what_was_let_go_is_free(ledger: Ledger):
    """Only its holder can let go."""
    clock = ManualClock()
    one, other = (ledger.lease("control", name, clock, 10.0) for name in ("one", "other"))
    one.take()

    other.release()
    assert not other.take()
    one.release()
    assert other.take()


def test_leases_of_other_names_are_others(ledger: Ledger):
    """Each work has its own."""
    clock = ManualClock()

    assert ledger.lease("control", "one", clock, 10.0).take()
    assert ledger.lease("clean", "other", clock, 10.0).take()


def test_of_two_that_race_one_wins(postgres: Postgres):
    """Each time it is free, from connections of their own at the same moment."""
    url, clock, rounds = postgres.fresh(), ManualClock(), 60
    together = threading.Barrier(2)
    won: dict[str, list[bool]] = {"one": [], "other": []}

    def race(name: str) -> None:
        ledger = Ledger(url)
        lease = ledger.lease("control", name, clock, 10.0)
        for _ in range(rounds):
            together.wait(30)
            won[name].append(lease.take())
            together.wait(30)
            lease.release()
        ledger.close()

    threads = [threading.Thread(target=race, args=[name]) for name in won]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [one + other for one, other in zip(*won.values(), strict=True)] == [1] * rounds
