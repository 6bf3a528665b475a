"""What requests are served with, made anew for each view and each drill."""

import random
from collections.abc import Mapping

import msgspec

from turnout.build.content_keys import sealing_key
from turnout.catalog import rates
from turnout.clock import Clock
from turnout.config.secret import Secret, resolve
from turnout.decide.compiled import DIRECT, View
from turnout.drill.worker import Drilling, Purse
from turnout.execute.board import Board
from turnout.execute.job import Verify, World
from turnout.execute.watch import Nursery
from turnout.ports import Transport
from turnout.providers.upstream import connect
from turnout.serve.worker import Rehearsal, Snapshot
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage
from turnout.view import CurrentView


class Means(msgspec.Struct, frozen=True):
    """What outlives every snapshot. ``env`` is where secrets and proxies are named, ``workers`` how many share the limits."""

    transport: Transport
    board: Board
    verify: Verify
    clock: Clock
    env: Mapping[str, str]
    workers: int = 1


def snapshot(view: View, means: Means) -> Snapshot:
    """All that requests on this view are served with, credentials included."""
    keys = {key.hash: key for key in view.policy.keys}
    return Snapshot(view, _world(view, means, means.transport, means.board), keys, sealing=sealing_key(view.policy, means.env))


def _world(view: View, means: Means, transport: Transport, board: Board) -> World:
    def secret(ref: str) -> str | None:
        found = resolve(ref, means.env)
        return found.reveal() if isinstance(found, Secret) else None

    def charge(model: str, usage: Usage) -> PicoDollars | None:
        tiers = view.slots[model].tiers
        return None if tiers is None else rates.charge(tiers, usage)

    pools = board.take_up(view.policy, connect(view.policy, view.facts.values(), secret, means.env), (DIRECT,))
    board.weigh(model for lane in view.lanes for model in lane.twins)
    return World(transport, pools, board, means.clock, charge, Nursery(means.clock), means.verify)


class Snapshots:
    """The snapshot to serve with. ``poll`` is cheap: two stats unless something changed."""

    def __init__(self, views: CurrentView, drilling: Drilling, means: Means) -> None:
        self._views = views
        self._drilling = drilling
        self._means = means
        self.current: Snapshot | None = None

    def poll(self) -> Snapshot | None:
        """Another snapshot, if another view or drill is in force now.

        Raises:
            OSError, ValueError, LookupError, msgspec.MsgspecError: the new view cannot be loaded; the old one stays.
        """
        view = self._views.poll()
        base = self.current if view is None else snapshot(view, self._means)
        if base is None:
            return None
        turned = self._drilling.poll(base.view.policy, base.view.facts.values(), afresh=view is not None)
        if view is None and not turned:
            return None
        self.current = msgspec.structs.replace(base, rehearsal=self._rehearsal(base.view))
        return self.current

    def boards(self) -> list[Board]:
        """The worker's own, and that of a drill."""
        rehearsal = self.current.rehearsal if self.current is not None else None
        return [self._means.board, *([rehearsal.world.board] if rehearsal is not None else [])]

    def _rehearsal(self, view: View) -> Rehearsal | None:
        """A world in which the drill's faults strike, and in which what they teach stays: as long as the drill, whatever views come."""
        way, means = self._drilling.way, self._means
        if way is None:
            return None
        known = self.current.rehearsal if self.current is not None else None
        if known is not None and known.drill.id == way.drill.id:
            return Rehearsal(way, _world(view, means, way, known.world.board), known.purse)
        # A worker that comes up in the middle of a mirror does not know what its predecessor spent: it may spend nothing.
        limit = 0 if way.drill.id == self._drilling.found else (way.drill.budget or 0) // means.workers
        purse = Purse(PicoDollars(limit))
        return Rehearsal(way, _world(view, means, way, Board(random.random, means.workers)), purse)
