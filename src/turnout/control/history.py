"""The policy's history, told: what each version changed, for the audit chain, for people, and for those who compare two of them."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from threading import Lock

import msgspec

from turnout.audit.diff import Change, between, same_facts, sentences
from turnout.audit.kinds import CATALOG, KEYS, POLICY
from turnout.audit.note import About, note
from turnout.catalog.overrides import USER_SOURCE
from turnout.store.ledger import Ledger
from turnout.store.policies import PolicyVersion
from turnout.types.models import ModelFacts
from turnout.types.view import Base
from turnout.view import ViewStore

MOST = 200
"""Changes in an entry; the versions themselves tell the rest."""


class NoSuchVersion(Exception):
    """There is no such version to look at or go back to, and why."""


class Shown(msgspec.Struct, frozen=True):
    """A version and what it changed against ``previous`` (None: nothing is known of what was before). ``entry`` is its place in the chain."""

    version: PolicyVersion
    previous: int | None
    changes: tuple[Change, ...]
    sentences: tuple[str, ...]
    note: str
    entry: int | None


class History:
    """Reads versions and their files. Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, ledger: Ledger, views: ViewStore) -> None:
        self._ledger = ledger
        self._views = views
        self._turn = Lock()  # views keep one base in hand, and who reads history reads others

    def list(self, limit: int = 100) -> tuple[PolicyVersion, ...]:
        """Latest first."""
        return self._ledger.policies.list(limit)

    def show(self, version: int) -> Shown:
        """Raises NoSuchVersion."""
        found = self._found(version)
        before = self._ledger.policies.before(version)
        changes = between(self.base(before), self.base(found)) if before is not None else ()
        about = About(version, found.at, found.actor, found.note, found.restores, before.version if before else None)
        place = self._ledger.audit.page(1, kind=POLICY, payload=f'%"version":{version}}}')
        return Shown(found, about.previous, changes, sentences(changes), note(about, changes), place[0].seq if place else None)

    def diff(self, one: int, other: int) -> tuple[Change, ...]:
        """What ``other`` has otherwise than ``one``. Raises NoSuchVersion."""
        return between(self.base(self._found(one)), self.base(self._found(other)))

    def base(self, version: PolicyVersion) -> Base:
        """What was in force. Raises NoSuchVersion when its file is gone or damaged."""
        try:
            with self._turn:
                return self._views.base(version.base)
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise NoSuchVersion(f"the policy of version {version.version} cannot be read: {error}") from error

    def _found(self, version: int) -> PolicyVersion:
        found = self._ledger.policies.get(version)
        if found is None:
            raise NoSuchVersion(f"there is no version {version}; `turnout policy list` shows those there are")
        return found


def events(
    version: PolicyVersion, base: Base, before: Base | None, previous: PolicyVersion | None
) -> Iterator[tuple[str, dict[str, object]]]:
    """What the audit chain is told of a new version: kind and payload of each entry."""
    changes = between(before, base) if before is not None else ()
    facts = digest(base.models, base.tasks)
    if before is None or base.policy != before.policy:
        yield (
            POLICY,
            {
                "base": version.base,
                "policy": digest(base.policy),
                "facts": facts,
                "previous": previous.version if previous else None,
                "previous_base": previous.base if previous else None,
                "restores": version.restores,
                "note": version.note,
                "version": version.version,
                **_told(changes),
            },
        )
    keys = [change for change in changes if change.thing == "key"]
    if keys:
        named = {how: [change.name for change in keys if change.how == how] for how in ("added", "removed", "changed")}
        yield KEYS, {**named, "version": version.version}
    if before is not None and ((base.tasks != before.tasks) or not same_facts(base.models, before.models)):
        of_facts = [change for change in changes if change.thing in {"model", "price"}]
        yield (
            CATALOG,
            {"facts": facts, "previous": digest(before.models, before.tasks), **_told(of_facts), "version": version.version},
        )


def stated(models: Iterable[ModelFacts]) -> dict[str, object]:
    """What a person's file states of models, apart from what the catalog does."""
    found: dict[str, object] = {}
    for facts in models:
        own = {name: getattr(facts, name) for name, source in facts.sources.items() if source.name == USER_SOURCE}
        if "prices" in own:
            own["prices"] = [(row.tiers, row.batch) for row in facts.prices]  # without the day on which they were read
        if own or facts.kin:
            found[facts.id] = (facts.kin, own)
    return found


def digest(*values: object) -> str:
    """SHA-256 of values as deterministic JSON."""
    return sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()


def _told(changes: Sequence[Change]) -> dict[str, object]:
    told: dict[str, object] = {"changes": msgspec.to_builtins(changes[:MOST])}
    return told if len(changes) <= MOST else {**told, "more": len(changes) - MOST}
