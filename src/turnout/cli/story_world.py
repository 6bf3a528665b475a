"""All that a story needs, running: simulated providers, ``turnout serve`` as a child, users, and the ledger to look into."""

import asyncio
import http.client
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from turnout.build.ledger import open_ledger
from turnout.build.served import free_ports, served
from turnout.catalog.accepted import DIRECTORY, read_pointer
from turnout.checks.python_code import python_compiles
from turnout.cli.keys import key_hash, new_key
from turnout.sim.cases import Case, is_right
from turnout.sim.policy import Ports
from turnout.sim.profile import SimModel
from turnout.sim.server import RunningSim, running_sim
from turnout.sim.stories.story import SUITE, Story, policy_of, suite_of, traffic_of
from turnout.sim.stories.traffic import Users
from turnout.store.ledger import Ledger
from turnout.store.queries import Filters, RequestLine
from turnout.store.releases import ReleaseFilters
from turnout.types.release import Phase, Release, Step

T = TypeVar("T")
Say = Callable[[str], None]
LOOK_EVERY = 0.1
"""Seconds between two looks at the ledger."""
SETTLES = 2.0
"""Seconds after which the ledger has what was answered, and what was said of it."""
_PAGE = 5_000


class Late(Exception):
    """Something did not come in time; says what, and what it waits for."""


class World:
    """One story being played. ``began`` is when its users came (unix seconds)."""

    def __init__(self, story: Story, sim: RunningSim, ledger: Ledger, ports: Ports, data_dir: Path, key: str, say: Say) -> None:
        self.story = story
        self.sim = sim
        self.ledger = ledger
        self.data_dir = data_dir
        self.say = say
        self.began = time.time()
        self._ports = ports
        self._key = key
        self._told = 0
        judge = _compiles if story.compiles else is_right
        self.users = Users(ports.api, traffic_of(story), story.rate, story.tags, judge=judge, speak=not story.compiles)

    async def until(self, what: str, within: float, look: Callable[[], T | None], why: Callable[[], str] = str) -> T:
        """What ``look`` finds in the end. Raises Late after so many seconds, with ``why``."""
        end = time.monotonic() + within
        while (found := await asyncio.to_thread(look)) is None:
            if time.monotonic() > end:
                raise Late(f"{what} did not come within {within:g} s{f': {reason}' if (reason := why()) else ''}")
            await asyncio.sleep(LOOK_EVERY)
        return found

    async def known(self) -> None:
        """The control process has looked at the catalogs once: what comes out from now on is news."""
        await self.until("the first refresh of the catalog", 20, lambda: read_pointer(self.data_dir / DIRECTORY))

    def released(self) -> Release | None:
        """The story's release, once it is detected."""
        found = self.ledger.releases.list(1, ReleaseFilters(model=self.story.model, route=self.story.route))
        return found[0] if found else None

    def steps(self) -> tuple[Step, ...]:
        release = self.released()
        return () if release is None else self.ledger.releases.steps(release.id)

    async def reach(self, phase: Phase, within: float) -> Release:
        """Follow the release, telling each step, until it is in ``phase``. Raises Late, at once where it has ended elsewhere."""

        def look() -> Release | None:
            steps = self.steps()
            for step in steps[self._told :]:
                share = f" {step.share:g} %" if step.share else ""
                self.say(f"{step.at - self.began:6.1f} s  {step.phase}{share}: {_short(step.note)}")
            self._told = len(steps)
            release = self.released()
            if release is not None and release.status.phase != phase and release.is_over:
                raise Late(f"the release is {release.status.phase}, not {phase}: {release.status.reason}")
            return release if release is not None and release.status.phase == phase else None

        return await self.until(f"phase {phase}", within, look, self._waits_for)

    async def seconds(self, wanted: float) -> tuple[float, float]:
        """Let traffic go on; the time it was (unix seconds), once the ledger has all of it."""
        since = time.time()
        await asyncio.sleep(wanted)
        until = time.time()
        await asyncio.sleep(SETTLES)
        return since, until

    async def lines(self, filters: Filters) -> tuple[RequestLine, ...]:
        """The ledger's requests, in order of arrival."""
        return await asyncio.to_thread(self._lines, filters)

    def release(self, model: SimModel | None = None) -> None:
        """The model comes out, or, given another one of its name, becomes that."""
        released = model or self.story.candidate
        self.sim.sim.release(released, self.story.provider, f"{datetime.now(UTC):%Y-%m-%d}")
        self.say(f"{time.time() - self.began:6.1f} s  {self.story.provider} {'changes' if model else 'releases'} {released.id}")

    async def leave(self) -> None:
        """The users go, and the ledger has everything that they asked."""
        self.users.stop()
        await self._using
        await asyncio.sleep(SETTLES)

    def use(self) -> None:
        """The users come."""
        self._using = asyncio.create_task(self.users.run())

    def last_words(self) -> str:
        """The end of what the gateway and the control process said."""
        said = (self.data_dir / "serve.log").read_text(errors="replace").splitlines()
        broken = [f"a user: {one}" for one in self.users.broken[-3:]]
        return "".join(f"\n  {line[:300]}" for line in (*said[-8:], *broken))

    async def approve(self, release: Release, note: str) -> None:
        """As the person that the policy names, with their own key."""
        body = msgspec.json.encode({"note": note})
        await asyncio.to_thread(self._post, f"/api/releases/{release.id}/approve", body)

    def _lines(self, filters: Filters) -> tuple[RequestLine, ...]:
        found: list[RequestLine] = []
        while True:
            page = self.ledger.search(_PAGE, filters)
            found += page.lines
            if page.more is None:
                return tuple(reversed(found))
            filters = msgspec.structs.replace(filters, cursor=page.more)

    def _post(self, path: str, body: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._ports.control, timeout=10)
        try:
            headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise Late(f"POST {path}: HTTP {answer.status}: {said[:300].decode(errors='replace')}")

    def _waits_for(self) -> str:
        release = self.released()
        if release is None:
            return "no release of it is there"
        status = release.status
        parts = (status.phase, f"at {status.share:g} %" if status.share else "", status.paused, status.waiting)
        return f"it is {', '.join(part for part in parts if part)}"


@asynccontextmanager
async def world_of(story: Story, say: Say) -> AsyncIterator[World]:
    """With users on it. Raises OSError: it does not start, or the gateway ends."""
    key = new_key()
    with tempfile.TemporaryDirectory(prefix=f"turnout-{story.name}-") as directory:
        data_dir = Path(directory)
        async with running_sim(story.fleet) as sim:
            api, control = free_ports(2)
            ports = Ports(api, control, sim.port)
            config = data_dir / "turnout.yaml"
            config.write_text(policy_of(story, ports, str(data_dir), key_hash(key)))
            (data_dir / SUITE).write_text("\n".join(suite_of(story)) + "\n")
            async with served(config, ports.api, ports.control):
                ledger = open_ledger(data_dir, "sqlite")
                world = World(story, sim, ledger, ports, data_dir, key, say)
                world.use()
                try:
                    yield world
                finally:
                    await world.leave()
                    ledger.close()


def _compiles(_: Case, answer: str) -> bool:
    return python_compiles(answer) is None


def _short(note: str, most: int = 150) -> str:
    return note if len(note) <= most else f"{note[:most]}..."
