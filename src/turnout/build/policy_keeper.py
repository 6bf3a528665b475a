"""The policy's file and what is in force: each change is taken up, or it is said why not."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from turnout.build.process import say
from turnout.config.amend import Dropped
from turnout.config.load import Loaded
from turnout.config.reload import FileWatch
from turnout.config.settings import Settings, differing
from turnout.control.publish import Publisher
from turnout.errors import ConfigProblems
from turnout.store.ledger import in_words
from turnout.store.policies import PolicyVersion

NOTICE_EVERY = 0.1
"""Seconds between looks at the policy file: one stat each."""


class PolicyKeeper:
    """Takes up each change of the policy file, or says why not and keeps the old. SIGHUP asks for it even without a change.

    ``edited`` is told who wrote the file anew before it is in force, so that releases let go of the routes that were changed; it may
    raise what the ledger does. It is told once at the start, too: nobody knows what happened while nobody looked.
    """

    def __init__(
        self, config: str | None, read: Callable[[], Loaded], publish: Publisher, edited: Callable[[str], object] | None = None
    ) -> None:
        self._config = config
        self._read = read
        self._publish = publish
        self._watch = FileWatch(Path(config)) if config else None
        self._asked = False
        self._said = ""
        self._settings: Settings | None = None  # as first read: what this process was started with, or nearly
        self._waiting: tuple[str, ...] = ()
        self._overruled = 0
        self._edited = edited
        self._untold = edited is not None
        self._dropped: tuple[Dropped, ...] = ()

    def ask(self) -> None:
        """Read the file again, and say what came of it."""
        self._asked = True

    async def keep(self) -> None:
        due, asked = True, False  # what changed while nobody looked counts too
        while True:
            await asyncio.sleep(NOTICE_EVERY)
            changed = self._changed()
            if self._asked:  # from here on another one counts anew: what is read next may be older than what it asks for
                asked, self._asked = True, False
            due = due or changed or asked
            if due and not changed:  # half of a file may be a valid policy too: it is read once it stood still for a look
                due = not await self._take_up(asked=asked)
                asked = asked and due

    def _changed(self) -> bool:
        return self._watch is not None and self._watch.changed()

    async def _take_up(self, *, asked: bool = False) -> bool:
        """False when it must be tried again. Who ``asked`` hears what came of it, even if that is nothing."""
        before = self._publish.base.version if self._publish.base else 0
        try:
            loaded = await asyncio.to_thread(self._read)
            if self._changed():
                return False
            await asyncio.to_thread(self._tell, loaded)
            version = await asyncio.to_thread(self._publish.adopt, loaded, self._config or "environment")
            restored = await asyncio.to_thread(self._publish.overruled)
        except ConfigProblems as refused:
            if self._changed():
                return False
            say("control", f"{self._config or 'the environment'}: refused, the policy in force stays:\n{refused}")
        except (OSError, SQLAlchemyError) as error:
            why = in_words(error)
            if why != self._said:  # it is tried again all the time, and told once
                say("control", f"the new policy could not be published, trying again: {why}")
            self._said = why
            return False
        else:
            if version != before:
                say("control", f"policy {version} is in force")
            elif asked:
                say("control", f"policy {version} stays in force: nothing about it changed")
            self._say_what_waits(loaded.settings, asked=asked)
            self._say_what_was_brought_back(restored)
            self._say_what_was_dropped()
        self._said = ""
        return True

    def _tell(self, loaded: Loaded) -> None:
        if self._edited is not None:
            self._untold = self._publish.hear(loaded) or self._untold
            if self._untold:
                self._edited(f"file:{Path(self._config).name}" if self._config else "environment")
            self._untold = False

    def _say_what_was_dropped(self) -> None:
        """What the lock says and the policy cannot hold; that people wrote it themselves is no news."""
        if self._edited is None:
            return
        dropped = tuple(each for each in self._publish.dropped if each.why != "written")
        for each in dropped:
            if each not in self._dropped:
                say("control", f"{each.release} ({each.what}: {each.model}) has no effect on route {each.route}: {each.reason}")
        self._dropped = dropped

    def _say_what_was_brought_back(self, found: PolicyVersion | None) -> None:
        """Whoever reads the file would take it for what is in force."""
        if found is not None and found.version != self._overruled:
            say(
                "control",
                f"policy {found.version} is in force, which brought back version {found.restores} ({found.actor}: {found.note}); "
                f"{self._config or 'the environment'} says what it said before, and is taken up as soon as it changes",
            )
        self._overruled = found.version if found is not None else 0

    def _say_what_waits(self, settings: Settings, *, asked: bool) -> None:
        """Addresses and directories are not the policy's: they are those of the start until the next one."""
        self._settings = self._settings or settings
        waiting = differing(self._settings, settings)
        if waiting and (waiting != self._waiting or asked):
            say("control", f"{', '.join(waiting)}: changed in the file, and in force after a restart of turnout serve")
        self._waiting = waiting
