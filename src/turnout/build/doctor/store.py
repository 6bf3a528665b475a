"""The ledger: whether it can be reached, is of this version, is whole, and keeps up."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from turnout.build.doctor.finding import Finding, Patient, counted, size
from turnout.build.ledger import ledger_place
from turnout.config.secret import Secret, resolve
from turnout.content.seal import keyring
from turnout.errors import Unusable
from turnout.store.checkup import Checkup, Held, checkup
from turnout.store.engine import make_engine, said
from turnout.store.ledger import in_words
from turnout.store.upgrade import REVISION

SUMMED_WITHIN = 900.0
"""Seconds after a minute's change: by then the control process has summed it again, unless it does not run or cannot follow."""
_MIGRATE = "stop turnout serve, then run turnout doctor --migrate"


def look_at_store(patient: Patient, content_keys: tuple[str, ...] | None) -> Iterator[Finding]:
    """``content_keys`` are where the policy says that the keys are; None: there is no policy to ask."""
    try:
        place = ledger_place(patient.settings.data_dir, patient.settings.store.url, patient.env)
        if isinstance(place, Path) and not place.exists():
            yield Finding("store", "note", f"there is no ledger {place} yet: turnout serve begins one")
            return
        engine = make_engine(place)
    except Unusable as reason:
        yield Finding("store", "wrong", str(reason))
        return
    try:
        yield from _store(engine, checkup(engine), patient, content_keys)
    except SQLAlchemyError as error:
        what = (
            "is there a server, and is it the right address?"
            if engine.dialect.name == "postgresql"
            else "is it a ledger, and its owner who asks?"
        )
        yield Finding("store", "wrong", f"{said(engine.url)} cannot be read: {in_words(error)}", what)
    finally:
        engine.dispose()


def _store(engine: Engine, found: Checkup, patient: Patient, content_keys: tuple[str, ...] | None) -> Iterator[Finding]:
    name, stands = said(engine.url), found.standing
    if stands.state == "current":
        yield Finding("store", "well", f"{name}: {found.database}, {size(found.bytes)}, tables of revision {stands.version}")
    elif stands.state == "empty":
        yield Finding("store", "note", f"{name} is empty: turnout serve makes its tables")
    elif stands.state == "earlier":
        yield Finding("store", "wrong", f"{name} has tables of version {stands.version}, this program {REVISION}", _MIGRATE)
    else:
        do = "use the version that wrote it, or name another store as store.url"
        yield Finding(
            "store",
            "wrong",
            f"{name} has tables of version {stands.version}, this program {REVISION}: another version's, or none of ours",
            do,
        )
    if found.broken:
        yield Finding(
            "store",
            "wrong",
            f"{name} is damaged: {'; '.join(found.broken)}",
            "stop turnout serve, and bring back a copy, or save what `sqlite3 FILE .recover` can",
        )
    for setting in found.careless:
        yield Finding(
            "store",
            "wrong",
            f"the server has {setting}: a crash takes what it had confirmed",
            "set it to on: the journal lets go of what was confirmed",
        )
    if found.held is not None:
        yield from _held(found.held, patient)
        yield from _sealed(found.held.sealed, content_keys, patient.env)


def _held(held: Held, patient: Patient) -> Iterator[Finding]:
    if held.refused:
        yield Finding(
            "store",
            "wrong",
            f"{counted(held.refused, 'entry') if held.refused == 1 else f'{held.refused} entries'} of the journal could not be taken in, the last for {held.refused_last}",
            "they are kept in the table refused: report them, then delete them there",
        )
    late = held.due_since is not None and patient.now - held.due_since > SUMMED_WITHIN
    waiting = f"{counted(held.due, 'minute')} to be summed"
    if late:
        yield Finding(
            "rollups",
            "note",
            f"{waiting}, the earliest from {patient.now - held.due_since:.0f} s ago" if held.due_since is not None else waiting,
            "the control process sums them when it runs",
        )
    else:
        yield Finding("rollups", "well", waiting)


def _sealed(sealed: Mapping[str, int], refs: tuple[str, ...] | None, env: Mapping[str, str]) -> Iterator[Finding]:
    """Content whose key is not at hand is lost to everybody."""
    if not sealed:
        return
    if refs is None:
        yield Finding(
            "content",
            "note",
            f"{counted(sum(sealed.values()), 'request')} with content, and no policy that says where its keys are",
        )
        return
    secrets = [found.reveal() for ref in refs if isinstance(found := resolve(ref, env), Secret)]
    try:
        known = {key.id for key in keyring(secrets).keys}
    except ValueError as error:
        yield Finding("content", "wrong", f"store.content_key: {error}")
        return
    for key, number in sorted(sealed.items()):
        if key in known:
            yield Finding("content", "well", f"{counted(number, 'request')} with content, which key {key} opens")
        else:
            yield Finding(
                "content",
                "wrong",
                f"the content of {counted(number, 'request')} was sealed with key {key}, which store.content_key does not name",
                "add that key after the first; without it, it can only be deleted",
            )
