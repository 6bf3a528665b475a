"""What the control process does by itself: by whom, how often, and how loudly when it cannot."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.records import NOW, record
from tests.support.views import FLEET
from tests.support.virtual_time import LoopClock, run
from turnout.build import chores as module
from turnout.build.chores import LEAD_EVERY, LEASE, REASONS, REMIND_EVERY, House, Ingested, Lead, Trouble, chores, lead_of
from turnout.build.loop import Loop
from turnout.build.policy_keeper import PolicyKeeper
from turnout.build.process import BEGUN_AGAIN_AFTER, chore
from turnout.build.spec import ControlSpec
from turnout.clock import Clock, ManualClock
from turnout.control.audit_keeper import AuditKeeper
from turnout.control.publish import Publisher, Written
from turnout.control.tickets import Tickets
from turnout.store.leases import Lease
from turnout.store.ledger import Ledger
from turnout.telemetry.otlp import start
from turnout.tickets.spool import Spool
from turnout.types.lock import Lock
from turnout.types.policy import Policy, Provider, Route
from turnout.view import ViewStore

DAY = 86_400.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def in_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads know no virtual time: what would be done in one is done at once."""

    async def at_once(work: Callable[..., Any], *given: Any) -> Any:
        return work(*given)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


class StillFile(PolicyKeeper):
    """Has nothing in it to be taken up."""

    async def _take_up(self, *, asked: bool = False) -> bool:
        return True


def house(ledger: Ledger, folder: Path, clock: Clock, lease: Lease | None = None) -> House:
    spec = ControlSpec(0, str(folder), "sqlite", "127.0.0.1", "127.0.0.1", None, retention=30 * DAY)
    audit = AuditKeeper(ledger.audit, folder, clock)
    tickets = Tickets(Spool(folder / "tickets"), ledger.tickets, clock, audit.trail)
    publish = Publisher(ViewStore(folder / "views"), ledger, clock, {})
    policy = StillFile(None, lambda: None, publish)
    lead = Lead(lease, clock)
    loop = Loop(spec, clock, ledger, publish, lead.holds)
    return House(
        spec, folder, clock, ledger, publish, policy, audit, tickets, start({}, clock, lambda _: None), Ingested(), lead, loop
    )  # fmt: skip


def away() -> OperationalError:
    return OperationalError("select 1", {}, Exception("connection refused"))


async def kept_for(seconds: float, *works: Callable[[], Any]) -> None:
    """These, as the control process keeps them."""
    tasks = [chore("control", work) for work in works]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_alone_on_its_ledger_it_always_leads(ledger: Ledger):
    """SQLite has one control process, and asks nobody; at its end it begins nothing more."""
    lead, done = lead_of(ledger, "me", ManualClock(NOW)), []
    work = lead.only(lambda: done.append(1))
    lead.look()
    work()
    assert done == [1]

    lead.release()
    lead.look()
    work()
    assert (done, lead.holds()) == ([1], False)


def test_of_many_one_leads_and_the_next_takes_over(ledger: Ledger):
    """At once when it lets go, after the lease when it is silent; who does not renew in time stops by itself before that."""
    clock = ManualClock(NOW)
    one, other = (Lead(Lease(ledger._engine, "control", name, clock, LEASE), clock) for name in ("one", "other"))
    assert (one.holds(), other.holds()) == (True, False)

    clock.advance(LEASE - LEAD_EVERY)
    assert not one.holds()
    other.look()
    assert not other.holds()
    clock.advance(LEAD_EVERY)
    other.look()
    assert (one.holds(), other.holds()) == (False, True)

    other.release()
    one.look()
    assert (one.holds(), other.holds()) == (True, False)


def test_the_first_to_ask_finds_out_who_leads(ledger: Ledger):
    """What is done every six hours would else be put off by that, since nobody knows who leads when it first looks."""
    clock, done = ManualClock(NOW), []
    Lead(Lease(ledger._engine, "control", "me", clock, LEASE), clock).only(lambda: done.append(1))()

    assert done == [1]


def test_work_is_done_at_its_pace(monkeypatch: pytest.MonkeyPatch):
    """Each look after so many seconds, or at once and then so; refused, it is tried again within a minute."""
    monkeypatch.setattr(module, "say", lambda *_: None)
    times: dict[str, list[float]] = {"paced": [], "at once": [], "refused": []}

    def note(name: str, *, refuse: bool = False) -> None:
        times[name].append(asyncio.get_running_loop().time() - 1000.0)
        if refuse and len(times[name]) < 3:
            raise away()

    async def main() -> None:
        every = module._every
        await kept_for(
            250.0,
            lambda: every(LoopClock(), 100.0, lambda: note("paced"), ""),
            lambda: every(LoopClock(), 100.0, lambda: note("at once"), "", at_once=True),
            lambda: every(LoopClock(), 100.0, lambda: note("refused", refuse=True), "", at_once=True),
        )

    run(main())
    assert times == {"paced": [100.0, 200.0], "at once": [0.0, 100.0, 200.0], "refused": [0.0, 60.0, 120.0, 220.0]}


def test_an_hour_without_the_store_is_a_few_lines(capsys: pytest.CaptureFixture[str]):
    """A chore of every second tells its trouble once, reminds every five minutes, and says when it is over."""
    broken = [True]

    def work() -> None:
        if broken[0]:
            raise away()

    async def main() -> None:
        async def mended() -> None:
            await asyncio.sleep(3_600.5)
            broken[0] = False
            await asyncio.sleep(1e9)

        await kept_for(3_700.0, lambda: module._every(LoopClock(), 1.0, work, "the trail waits"), mended)

    run(main())
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "turnout: control: the trail waits: connection refused"
    assert len(lines) == 1 + 3_600 / REMIND_EVERY
    assert lines[-1] == "turnout: control: no more: the trail waits"


def test_reasons_that_change_all_the_time_do_not_flood_either(capsys: pytest.CaptureFixture[str]):
    """A few are told as they come, then there are reminders only."""
    clock = ManualClock(NOW)
    trouble = Trouble("it waits", clock)
    for n in range(600):
        trouble.met(OSError(f"port {n}"))
        clock.advance(1.0)

    assert len(capsys.readouterr().err.splitlines()) == REASONS + 1
    trouble.over()
    trouble.over()
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_chore_that_breaks_is_told_and_begun_again(capsys: pytest.CaptureFixture[str]):
    """A bug stops neither the process nor the others."""
    begun: list[float] = []

    def bug() -> None:
        begun.append(asyncio.get_running_loop().time())
        raise KeyError("a bug")

    run(kept_for(BEGUN_AGAIN_AFTER + 1.5, lambda: module._every(LoopClock(), 1.0, bug, "x", at_once=True)))

    assert [moment - begun[0] for moment in begun] == [0.0, BEGUN_AGAIN_AFTER]
    assert "KeyError: 'a bug'" in capsys.readouterr().err


def test_sums_rest_ten_times_as_long_as_they_take(monkeypatch: pytest.MonkeyPatch):
    """At least a second, and also where the store refuses."""
    cost, times, spent = [0.0, 0.5, 0.0, 0.0], [], [0.0]
    monkeypatch.setattr(module.time, "thread_time", lambda: spent[0])
    monkeypatch.setattr(module, "say", lambda *_: None)

    def roll_up() -> None:
        times.append(asyncio.get_running_loop().time() - 1000.0)
        spent[0] += cost[min(len(times), len(cost)) - 1]
        if len(times) == 3:
            raise away()

    run(kept_for(8.0, lambda: module._keep_at(roll_up, module.Trouble("sums wait", LoopClock()), module.pace)))
    assert times[:4] == pytest.approx([0.0, 1.0, 1.0 + 4.5, 1.0 + 4.5 + 1.0])


def test_looks_at_trials_take_a_tenth_of_a_core_at_most():
    """And come twice a second where that is enough."""
    assert module._of_releases(0.001) == module.TICK_EVERY
    assert module._of_releases(0.2) == pytest.approx(1.8)


def test_that_requests_go_is_said_before_they_go(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """If the trail cannot be told nothing is deleted; a process that must end goes no further than a batch; nothing old, nothing said."""
    clock = ManualClock(NOW)
    here = house(ledger, tmp_path, clock)
    ledger.ingest([record(0, at=NOW - 40 * DAY), record(1, at=NOW - DAY)], "s", 1)
    monkeypatch.setattr(module, "BREATH", 0.0)
    with monkeypatch.context() as broken:
        broken.setattr(here.audit.trail, "add", lambda *_: (_ for _ in ()).throw(away()))
        with pytest.raises(OperationalError):
            module._let_go(here)
    assert ledger.request("req-0") is not None

    module._let_go(here)
    module._let_go(here)

    assert (ledger.request("req-0"), ledger.request("req-1") is not None) == (None, True)
    assert [(one.kind, one.actor) for one in ledger.audit.page(9, kind="retention")] == [("retention", "turnout")]


def test_all_chores_run_beside_each_other(ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A minute of an idle router: it signs its chain, says that it began, and complains of nothing."""
    (tmp_path / "journal").mkdir()

    async def main() -> None:
        here = house(ledger, tmp_path, LoopClock(), Lease(ledger._engine, "control", "me", LoopClock(), LEASE))
        await kept_for(60.0, *chores(here))

    run(main())
    assert [one.kind for one in ledger.audit.page(9)][::-1][:2] == ["origin", "start"]
    assert capsys.readouterr().err == ""


def test_a_changed_policy_file_is_looked_at(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Watching it is a chore like the others: without it no edit is ever taken up."""
    here, looks = house(ledger, tmp_path, ManualClock(NOW)), []
    monkeypatch.setattr(PolicyKeeper, "_changed", lambda _: looks.append(1) or True)

    assert here.policy.keep in chores(here)
    run(kept_for(1.0, here.policy.keep))
    assert len(looks) >= 5


def test_who_does_not_lead_puts_in_force_what_the_leader_decided(ledger: Ledger, tmp_path: Path):
    """A rollback must end the trial everywhere. The leader's own word on it comes first, so that the history has its reason."""
    clock = ManualClock(NOW)
    leading, following = (
        house(ledger, tmp_path / name, clock, Lease(ledger._engine, "control", name, clock, LEASE)) for name in ("one", "other")
    )
    written = Written(
        Policy((Route("default", "cost"),), (Provider("a", None, "openai-chat", "http://127.0.0.1:1", "none"),)), FLEET
    )
    for each in (leading, following):
        each.lead.look()
        each.publish.adopt(written, "test")
    ledger.audit.within(lambda connection: ledger.lock.put(connection, Lock(1, {}), "turnout", NOW))

    for each in (leading, following):
        each.loop.follow()
    assert [each.publish.in_force() for each in (leading, following)] == [0, 0]
    for each in (leading, following):
        each.loop.follow()
    assert [each.publish.in_force() for each in (leading, following)] == [0, 1]
