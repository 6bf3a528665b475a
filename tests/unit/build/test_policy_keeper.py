"""When the control process believes a policy file."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from tests.e2e_load.running import policy
from turnout.build import policy_keeper
from turnout.build.policy_keeper import PolicyKeeper
from turnout.build.publishing import read_policy
from turnout.catalog.load import load_catalog
from turnout.clock import ManualClock
from turnout.config.amend import Dropped
from turnout.config.load import load

CATALOG = load_catalog()


class FakePublisher:
    """Numbers what it is given; ``away`` calls fail first."""

    base = None

    def __init__(self, away: int = 0) -> None:
        self.adopted: list[int] = []
        self.away = away
        self._loop = asyncio.get_running_loop()
        self.called = asyncio.Event()

    def adopt(self, loaded, note: str) -> int:
        if self.away:
            self.away -= 1
            raise OperationalError("select 1", {}, Exception("locked"))
        self.adopted.append(len(loaded.models))
        self._loop.call_soon_threadsafe(self.called.set)
        return len(self.adopted)

    def overruled(self) -> None:
        """Nobody brought an earlier version back."""


class ScriptedWatch:
    """Answers each look by the next of ``looks``; afterwards nothing changes any more."""

    def __init__(self, *looks: Callable[[], bool]) -> None:
        self._looks: Iterator[Callable[[], bool]] = iter(looks)

    def changed(self) -> bool:
        return next(self._looks, lambda: False)()


class Bench:
    def __init__(self, path: Path, monkeypatch) -> None:
        monkeypatch.setattr(policy_keeper, "NOTICE_EVERY", 0)
        self.path = path
        self.write(1)

    def write(self, models: int) -> bool:
        """Put a policy of so many models there; True, since that is a change."""
        self.path.write_text(json.dumps(policy(9, *(f"m{n}" for n in range(models)))))
        return True

    async def kept(self, publish: FakePublisher, *looks: Callable[[], bool]) -> list[int]:
        """What was adopted first."""
        return await self.watched(self.keeper(publish, *looks), publish)

    def keeper(self, publish: FakePublisher, *looks: Callable[[], bool]) -> PolicyKeeper:
        read = partial(read_policy, str(self.path), "127.0.0.1", ManualClock(), lambda: CATALOG)
        keeper = PolicyKeeper(str(self.path), read, publish)
        keeper._watch = ScriptedWatch(*looks)
        return keeper

    async def watched(self, keeper: PolicyKeeper, publish: FakePublisher) -> list[int]:
        """What it has adopted once somebody noticed."""
        keeping = asyncio.create_task(keeper.keep())
        async with asyncio.timeout(10):
            await publish.called.wait()
        keeping.cancel()
        return publish.adopted


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return Bench(tmp_path / "turnout.json", monkeypatch)


def still() -> bool:
    return False


async def test_the_file_is_read_at_the_start(bench):
    """What was written while no control process ran is taken up without a change."""
    assert await bench.kept(FakePublisher()) == [1]


async def test_a_file_being_written_is_left_alone(bench):
    """A file that changes from look to look is read once it stands still: half of it may be a policy too."""
    assert await bench.kept(FakePublisher(), lambda: bench.write(2), lambda: bench.write(3), lambda: bench.write(4)) == [4]


async def test_a_file_that_changes_while_it_is_read_is_not_believed(bench):
    """Nor is what was read of it adopted."""
    assert await bench.kept(FakePublisher(), still, lambda: bench.write(2)) == [2]


async def test_a_half_file_that_is_no_policy_is_not_complained_of(bench, capsys):
    """What is refused while the file is still changing is no news."""

    def half() -> bool:
        bench.path.write_text("providers: [")
        return False

    adopted = await bench.kept(FakePublisher(), half, lambda: bench.write(2))

    assert adopted == [2]
    assert "refused" not in capsys.readouterr().err


async def test_a_store_that_is_away_is_tried_again_and_told_once(bench, capsys):
    """A valid change is not forgotten because it could not be published at once."""
    adopted = await bench.kept(FakePublisher(away=3))

    assert adopted == [1]
    assert capsys.readouterr().err.count("could not be published") == 1


async def test_who_asks_while_a_policy_is_taken_up_is_heard(bench):
    """What was read may be older than what is asked for: a catalog that came meanwhile is in no policy yet."""

    class Asking(FakePublisher):
        def adopt(self, loaded, note: str) -> int:
            if not self.adopted:
                self.adopted.append(len(loaded.models))
                bench.write(2)
                keeper.ask()
                return 1
            return super().adopt(loaded, note)

    publish = Asking()
    keeper = bench.keeper(publish)

    assert await bench.watched(keeper, publish) == [1, 2]


async def test_settings_that_wait_for_a_restart_are_named(bench, capsys):
    """A reload changes the policy only; what else was changed in the file is said, once, not silently put off."""

    def moved() -> bool:
        settings = {"server": {"port": 9999, "workers": 2}, "data_dir": "/elsewhere"}
        bench.path.write_text(json.dumps(policy(9) | settings))
        return True

    publish = FakePublisher()
    keeper = PolicyKeeper(
        str(bench.path), partial(read_policy, str(bench.path), "127.0.0.1", ManualClock(), lambda: CATALOG), publish
    )
    for changes in (bench.write, lambda models: moved(), lambda models: moved()):
        changes(1)
        keeper._watch = ScriptedWatch()
        await keeper._take_up()

    (line,) = [line for line in capsys.readouterr().err.splitlines() if "restart" in line]
    assert line == (
        "turnout: control: server.port, server.workers, data_dir: changed in the file, and in force after a restart of turnout serve"
    )


def test_the_policies_of_this_file_are_valid(bench):
    """Otherwise the tests above would show nothing."""
    assert load(bench.path, {}, CATALOG, date(2026, 11, 23)).models


class Heard(FakePublisher):
    """Notes when the file was heard; ``dropped`` has no effect."""

    dropped = (Dropped("support", "r1", "openai/small", "trial", "edited", "route support was edited"),)

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def hear(self, loaded) -> bool:
        self.order.append("heard")
        return False

    def adopt(self, loaded, note: str) -> int:
        self.order.append("adopted")
        return super().adopt(loaded, note)


async def test_releases_look_at_a_file_before_it_is_in_force(bench, capsys):
    """Also at the start, since nobody knows what was edited while nobody looked; what has no effect any more is said."""
    publish = Heard()
    told: list[str] = []

    def edited(actor: str) -> None:
        told.append(actor)
        publish.order.append("told")
        if len(told) == 1:
            raise OperationalError("select 1", {}, Exception("locked"))

    read = partial(read_policy, str(bench.path), "127.0.0.1", ManualClock(), lambda: CATALOG)
    keeper = PolicyKeeper(str(bench.path), read, publish, edited)
    keeper._watch = ScriptedWatch()
    keeping = asyncio.create_task(keeper.keep())
    async with asyncio.timeout(10):
        await publish.called.wait()
        while "no effect" not in (said := capsys.readouterr().err):  # noqa: ASYNC110 - what is said sets no event
            await asyncio.sleep(0)
    keeping.cancel()

    assert (told, publish.order) == (["file:turnout.json"] * 2, ["heard", "told", "heard", "told", "adopted"])
    assert "r1 (trial: openai/small) has no effect on route support: route support was edited" in said
