"""What releases do where two things meet that seldom do."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.support.records import NOW
from tests.support.releases import POLICY, PROPOSAL, RULES, SPEC, World, exposure, release
from turnout.store.ledger import Ledger
from turnout.types.policy import Policy
from turnout.types.release import Phase


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    ledger = Ledger(tmp_path / "ledger.db")
    yield World(ledger)
    ledger.close()


def ruled(**rules: Any) -> Policy:
    return msgspec.structs.replace(POLICY, release=msgspec.structs.replace(RULES, **rules))


def test_what_waited_behind_a_rollback_is_left_alone_too(world: World):
    """Another event on the same model had its proposal ready: the model did harm there all the same."""
    world.has(release("trial"), release("proposed", id_="rel-2", event="ev-2"))
    world.controller.tick()
    world.ejected["acme/new"] = "5 failures in a row"
    world.controller.tick()
    assert world.get().status.phase == "rolled_back"
    del world.ejected["acme/new"]

    world.clock.advance(10.0)
    world.controller.tick()
    assert (world.get("rel-2").status.phase, world.ledger.lock.read().routes) == ("proposed", {})
    assert "is left alone until" in (world.get("rel-2").status.waiting or "")

    world.clock.advance(RULES.cooldown)
    world.controller.tick()
    assert world.get("rel-2").status.phase == "trial"


@pytest.mark.parametrize("autonomy", ["auto", "propose"])
def test_what_another_release_put_in_front_needs_no_second_trial(world: World, autonomy: str):
    """It would be compared with itself; nobody is asked for a word on it either. A part of the route leaves the rest to be won."""
    world.policy = ruled(autonomy=autonomy)
    part, whole = PROPOSAL, msgspec.structs.replace(PROPOSAL, role="primary", when=None)
    world.has(release("adopted", proposal=part), release("proposed", id_="rel-2", event="ev-2", proposal=whole))
    world.controller.tick()
    assert world.get("rel-2").status.phase == ("trial" if autonomy == "auto" else "proposed")

    world.has(release("adopted", id_="rel-3", proposal=whole), release("proposed", id_="rel-4", event="ev-4", proposal=whole))
    world.controller.tick()
    assert world.get("rel-4").status.phase == "rejected"
    assert world.get("rel-4").status.reason == "another release has put acme/new in front of the route already"


def test_a_share_that_people_take_back_in_the_bake_is_a_trial_again(world: World):
    """Else it would be adopted with next to no traffic to show for it."""
    world.has(release("bake"))
    lock = world.ledger.lock.read()
    entry = lock.routes["chat"]
    less = msgspec.structs.replace(entry, trial=msgspec.structs.replace(entry.trial, share=0.05))
    (changed,) = world.desk.take_lock(msgspec.structs.replace(lock, routes={"chat": less}), "git")
    assert (changed.status.phase, changed.status.share, changed.status.stage) == ("trial", 5.0, 1)

    for n in range(8):
        world.clock.advance(100.0)
        world.ledger.ingest([exposure(n, world.clock.now() - 1, candidate=False, duration_ms=1.0)], "s", n)
        world.controller.tick()
    assert world.get().status.phase == "trial"


def test_overlap_that_is_taken_back_holds_up_neither(world: World):
    """Who is on the traffic already stays there and goes on; nobody new joins."""
    world.policy = ruled(overlap=True)
    world.has(release("trial"), release("mirror", id_="rel-2", model="acme/other"))
    world.policy = ruled(overlap=False)
    world.clock.advance(SPEC.mirror_time + 10.0)

    world.controller.tick()
    assert world.get().status.paused is not None
    assert world.get("rel-2").status.waiting == "the route's traffic is taken by rel-1"


def test_what_is_taken_out_of_the_lock_file_is_left_alone_as_after_a_rollback(world: World):
    """It is one: whoever writes it in the file means the same as whoever says it at the prompt."""
    world.has(release("adopted", id_="rel-0"))
    lock = world.ledger.lock.read()
    (ended,) = world.desk.take_lock(msgspec.structs.replace(lock, routes={}), "git")
    assert (ended.status.phase, ended.status.until) == ("rolled_back", NOW + RULES.cooldown)


@pytest.mark.parametrize("phase", ["mirror", "trial", "bake"])
def test_a_candidate_that_people_took_out_of_the_policy_holds_no_route(world: World, phase: Phase):
    """No request of the trial would ever come: it would wait for one, silently and for ever, and keep others from the route."""
    world.has(release(phase))
    world.gone["acme/new"] = "is disabled in the policy"
    world.controller.tick()

    assert (world.get().status.phase, world.get().status.reason) == ("aborted", "acme/new is disabled in the policy")
    assert world.ledger.lock.read().routes == {}


def test_a_proposal_whose_candidate_is_out_of_the_policy_waits_for_it(world: World):
    """It may be back tomorrow, and nothing is held meanwhile."""
    world.has(release("proposed"))
    world.gone["acme/new"] = "is served by no provider of the policy any more"
    world.controller.tick()
    assert (world.get().status.phase, world.get().status.waiting) == ("proposed", f"acme/new {world.gone['acme/new']}")

    world.gone.clear()
    world.controller.tick()
    assert world.get().status.phase == "trial"
