"""The chain in both databases: added to at its end by whoever is first, read in pages, shortened at a checkpoint."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from turnout.audit.chain import CHECKPOINT, FIRST, Entry, verify
from turnout.store.audit import PAGE, AuditStore, LedgerTrail
from turnout.store.ledger import Ledger
from turnout.store.policies import PolicyVersion

AT = 1_790_000_000.0


@pytest.fixture
def ledger(store_url: str) -> Iterator[Ledger]:
    opened = Ledger(store_url)
    yield opened
    opened.close()


@pytest.fixture
def store(ledger: Ledger) -> AuditStore:
    return ledger.audit


def test_the_first_entry_comes_behind_the_stores_origin(store: AuditStore) -> None:
    """A random id, made once."""
    assert store.origin() is None
    added = store.add("policy", "cli", {"version": 1}, AT)
    first = store.first()
    assert first is not None
    assert (first.seq, first.kind, first.prev, added.seq, added.prev) == (1, "origin", FIRST, 2, first.hash)
    assert len(store.origin() or "") == 32
    assert store.latest() == store.get(2) == added


def test_what_is_read_back_has_the_hash_that_was_written(store: AuditStore) -> None:
    """Whatever text it is, and whatever a database makes of a time."""
    for n, said in enumerate(("é ü 漢 \U0001f600", 'quote " and \\ and \n', "", "'; drop table audit; --")):
        store.add("note", said, {"said": said, "n": n}, AT + n / 3)
    assert list(verify(store.entries())) == []
    assert store.count() == 5


def test_whoever_is_second_takes_the_next_place(store_url: str) -> None:
    """Several processes on one store: all entries are there, in one chain."""
    opened = [Ledger(store_url) for _ in range(4)]
    try:
        opened[0].audit.add("begin", "test", {}, AT)

        def add(number: int) -> None:
            for n in range(15):
                opened[number].audit.add("note", f"process {number}", {"n": n}, AT)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(add, range(4)))
        entries = list(opened[0].audit.entries())
    finally:
        for each in opened:
            each.close()
    assert [entry.seq for entry in entries] == list(range(1, 63))
    assert list(verify(entries)) == []


def test_an_entry_is_there_with_what_it_speaks_of_or_not_at_all(ledger: Ledger) -> None:
    """The caller's transaction is one."""

    def halfway(connection) -> None:
        ledger.policies.put(connection, PolicyVersion(1, AT, "b", "cli", ""))
        ledger.audit.append(connection, "policy", "cli", {"version": 1}, AT)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.audit.within(halfway)
    assert ledger.policies.list() == ()
    assert ledger.audit.count() == 0


def test_a_version_is_noted_once(ledger: Ledger) -> None:
    """A second one of its number changes nothing."""
    one, other = PolicyVersion(1, AT, "b", "cli", "why", 3), PolicyVersion(1, AT, "c", "api", "")
    with ledger.audit.connect() as connection:
        assert ledger.policies.put(connection, one)
        assert not ledger.policies.put(connection, other)
        assert ledger.policies.put(connection, PolicyVersion(4, AT, "d", "cli", ""))
        connection.commit()
    assert [each.version for each in ledger.policies.list()] == [4, 1]
    assert ledger.policies.before(4) == ledger.policies.get(1) == one
    assert ledger.policies.before(1) is None
    assert ledger.policies.latest() == 4


def test_entries_are_read_in_pages(store: AuditStore) -> None:
    """More of them than one query brings."""

    def many(connection) -> Entry:
        for n in range(PAGE + 5):
            entry = store.append(connection, "odd" if n % 2 else "even", "test", {"n": n}, AT + n)
        return entry

    store.within(many)
    assert [entry.seq for entry in store.entries()] == list(range(1, PAGE + 7))
    assert [entry.seq for entry in store.entries(after=PAGE, last=PAGE + 2)] == [PAGE + 1, PAGE + 2]
    assert {entry.kind for entry in store.entries(kind="odd")} == {"odd"}
    assert [entry.seq for entry in store.page(2, before=5)] == [4, 3]
    assert [entry.seq for entry in store.page(1, kind="even", payload='%"n":2}')] == [4]
    first, last = store.span(AT + 2, AT + 4)
    assert first is not None
    assert last is not None
    assert (first.seq, last.seq) == (4, 5)
    assert store.span(AT - 10, AT - 5) == (None, None)


def test_a_chain_is_shortened_at_a_checkpoint_only(store: AuditStore) -> None:
    """What is left begins with it, and holds by itself."""
    trail = LedgerTrail(store, lambda: AT)
    trail.add("policy", "cli", {})
    assert store.prune(AT + 1) == 0

    def signed(origin: str | None, head: Entry) -> dict[str, object]:
        return {"origin": origin, "seq": head.seq, "head": head.hash}

    store.add_upon(CHECKPOINT, "test", signed, AT + 10)
    store.add("policy", "cli", {}, AT + 20)
    store.add_upon(CHECKPOINT, "test", signed, AT + 30)
    origin = store.origin()
    assert store.prune(AT + 25) == 2
    assert [entry.seq for entry in store.entries()] == [3, 4, 5]
    assert list(verify(store.entries())) == []
    assert store.origin() == origin
    assert store.add("policy", "cli", {}, AT + 40).seq == 6


def test_a_byte_that_is_no_text_is_named_and_not_stumbled_over(tmp_path) -> None:
    """SQLite keeps whatever is put into its file."""
    opened = Ledger(tmp_path / "ledger.db")
    opened.audit.add("policy", "cli", {"version": 1}, AT)
    with opened.audit.connect() as connection:
        connection.execute(text("update audit set payload = cast(x'7bff7d' as text) where seq = 2"))
        connection.commit()
    assert [finding.where for finding in verify(opened.audit.entries())] == ["entry 2"]
    opened.close()
