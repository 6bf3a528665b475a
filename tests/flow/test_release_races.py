"""People, edits and the controller change releases at once, on each kind of store: of two who race one wins, and nothing is lost."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from threading import Barrier, Thread

import msgspec
import pytest

from tests.support.releases import POLICY, PROPOSAL, ROUTE, RULES, World, release
from turnout.audit.chain import read, verify
from turnout.release.desk import NotNow
from turnout.release.next_step import Found, next_step
from turnout.store.ledger import Ledger
from turnout.types.policy import Route

ASKS = msgspec.structs.replace(RULES, autonomy="propose")
ROUTES = tuple(msgspec.structs.replace(ROUTE, name=f"r{n}") for n in range(6))


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    ledger = Ledger(store_url)
    yield World(ledger, msgspec.structs.replace(POLICY, routes=ROUTES, release=ASKS))
    assert list(verify(ledger.audit.entries())) == []
    ledger.close()


def at_once(*works: Callable[[], object]) -> list[object]:
    """What each came to; a refusal as its exception."""
    begin, results = Barrier(len(works), timeout=20), [None] * len(works)

    def run(n: int, work: Callable[[], object]) -> None:
        begin.wait()
        try:
            results[n] = work()
        except NotNow as refused:
            results[n] = refused
        except BaseException as error:  # noqa: BLE001 - the test's thread has nobody else to tell
            results[n] = error

    threads = [Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    unexpected = [result for result in results if isinstance(result, BaseException) and not isinstance(result, NotNow)]
    assert unexpected == []
    return results


def told(world: World, **said: object) -> list[dict[str, object]]:
    """The audit's entries of releases with these words in them."""
    found = [{**read(entry), "actor": entry.actor} for entry in world.ledger.audit.entries()]
    return [one for one in found if said.items() <= one.items()]


def agrees(world: World) -> None:
    """Lock, releases, history and what is in force say the same."""
    world.controller.tick()
    lock = world.ledger.lock.read()
    placed = {
        one.release for entry in lock.routes.values() for one in (*entry.adopted, entry.trial, entry.mirror) if one is not None
    }
    every = world.ledger.releases.list(1_000)
    assert placed == {one.id for one in every if one.status.phase in ("mirror", "trial", "bake", "adopted")}
    assert world.in_force == lock.revision
    for one in every:
        steps = world.ledger.releases.steps(one.id)
        assert [step.n for step in steps] == list(range(1, len(steps) + 1))
        assert steps[-1].phase == one.status.phase
        widened = [after for before, after in pairwise(steps) if after.share != before.share]
        assert all(step.policy for step in widened), steps


def test_every_approval_counts_once(world: World):
    """Eight people approve at once: eight approvals, eight entries, no revision twice."""
    world.has(release("proposed", route="r0"))
    names = [f"person{n}" for n in range(8)]
    at_once(*(lambda name=name: world.desk.approve("rel-1", name, "approver") for name in names))

    found = world.get()
    assert sorted(one.actor for one in found.status.approvals) == names
    assert found.revision == 8
    assert all(len(told(world, actor=name, release="rel-1")) == 1 for name in names)
    agrees(world)


def test_one_of_many_who_take_it_back_wins(world: World):
    """The others are told who was quicker."""
    world.has(release("trial", route="r0"))
    results = at_once(*(lambda n=n: world.desk.rollback("rel-1", f"person{n}") for n in range(6)))

    refused = [str(one) for one in results if isinstance(one, NotNow)]
    assert len(refused) == 5
    (won,) = told(world, release="rel-1", phase="rolled_back")
    assert all(f"rolled back by {won['actor']}" in text for text in refused)
    agrees(world)


def test_a_move_that_was_decided_on_the_past_is_not_made(world: World):
    """The controller's step and a person's command on one revision: one of them holds, and the step is never upon the command."""
    world.has(*(release("proposed", id_=f"rel-{n}", route=f"r{n}", proposal=PROPOSAL) for n in range(6)))
    moves = [(one, next_step(one, Found(RULES, _route(one.route)), world.clock.now())) for one in world.ledger.releases.open()]
    results = at_once(
        *(lambda pair=pair: world.desk.advance(*pair) for pair in moves),
        *(lambda n=n: world.desk.reject(f"rel-{n}", "ann", "approver") for n in range(6)),
    )

    for n in range(6):
        phase, advanced, rejected = world.get(f"rel-{n}").status.phase, results[n], results[6 + n]
        assert (advanced is None) == (phase == "rejected")
        assert isinstance(rejected, NotNow) == (phase == "trial")
    agrees(world)


def test_freeze_and_the_controller(world: World):
    """Once somebody has been told that all is frozen, nothing begins."""
    world.policy = msgspec.structs.replace(world.policy, release=RULES)
    world.has(*(release("proposed", id_=f"rel-{n}", route=f"r{n}") for n in range(6)))
    seen: list[set[str]] = []

    def freeze() -> None:
        world.desk.freeze("ann", "holidays")
        seen.append(set(world.ledger.lock.read().routes))

    at_once(world.controller.tick, freeze)
    world.controller.tick()
    assert set(world.ledger.lock.read().routes) == seen[0]
    assert len(told(world, actor="ann", what="frozen")) == 1
    agrees(world)


def test_everybody_at_once(world: World):
    """Approvals, pauses, roll-backs, freezes and edits against the controller: every winner is in the trail, the losers change nothing."""
    world.has(*(release("trial" if n < 4 else "proposed", id_=f"rel-{n}", route=f"r{n}") for n in range(6)))

    def edit() -> None:
        changed = tuple(msgspec.structs.replace(route, owner="olga") if route.name in ("r0", "r1") else route for route in ROUTES)
        world.policy = msgspec.structs.replace(world.policy, routes=changed)
        world.desk.human_edit("file:turnout.yaml")

    def ticks() -> None:
        for _ in range(6):
            world.clock.advance(1.0)
            world.controller.tick()

    results = at_once(
        ticks, ticks, edit,
        lambda: world.desk.freeze("fay"), lambda: world.desk.rollback("rel-1", "rob"), lambda: world.desk.rollback("rel-2", "rob"),
        lambda: world.desk.pause("rel-2", "pia"), lambda: world.desk.pause("rel-3", "pia"), lambda: world.desk.approve("rel-4", "ann", "admin"),
        lambda: world.desk.reject("rel-5", "ann", "admin"), lambda: world.desk.approve("rel-5", "bob", "approver"),
    )  # fmt: skip

    won = [(who, release_id) for (who, release_id), result in zip(
        [("rob", "rel-1"), ("rob", "rel-2"), ("pia", "rel-2"), ("pia", "rel-3"), ("ann", "rel-4"), ("ann", "rel-5"), ("bob", "rel-5")],
        results[4:], strict=True,
    ) if not isinstance(result, NotNow)]  # fmt: skip
    assert all(len(told(world, actor=who, release=release_id)) == 1 for who, release_id in won)
    assert world.get("rel-0").status.phase == "aborted"
    assert world.get("rel-1").status.phase in ("aborted", "rolled_back")
    assert world.get("rel-2").status.phase == "rolled_back"
    assert world.get("rel-3").status.paused == "pia"
    was_quicker = ("ann", "rel-5") in won  # than bob's yes and the controller, after whom it is on trial and a no comes too late
    assert (world.get("rel-5").status.phase == "rejected") == was_quicker
    assert [one.actor for one in world.get("rel-4").status.approvals] == ["ann"]
    world.desk.thaw("fay")
    agrees(world)


def _route(name: str) -> Route:
    return next(route for route in ROUTES if route.name == name)
