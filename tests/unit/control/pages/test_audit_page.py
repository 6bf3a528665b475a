"""The page Audit: the trail in pages and by kind, what was found wrong with it, and a month's inventory."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from tests.support.dashboard import blocks, figure, filled, table, values
from tests.support.records import NOW, record
from turnout import audit as audit_package
from turnout.audit import kinds
from turnout.audit.chain import Finding
from turnout.control.audit_keeper import Verification
from turnout.control.pages.audit import PER_PAGE, AuditAsked, audit
from turnout.control.pages.blocks import Action, Cell, Field, NoSuchThing, Note, Page, Search, Text
from turnout.control.pages.sources import Sources
from turnout.store.ledger import Ledger

SOURCE = Path(audit_package.__file__).parents[1]


def asked(**query: str) -> AuditAsked:
    return msgspec.convert(query, AuditAsked, strict=False)


def seqs(page: Page) -> list[int]:
    return [int(values(row)[0] or 0) for row in table(page, "entries").rows]


def field(page: Page, name: str) -> Field:
    return next(one for block in blocks(page) if isinstance(block, Search) for one in block.fields if one.name == name)


@pytest.mark.parametrize("entries", [1, PER_PAGE - 1, PER_PAGE, 2 * PER_PAGE + 3])
def test_the_trail_is_read_to_its_end(made_from: Sources, entries: int):
    """Latest first, none twice, and no page after the last; the origin is an entry too."""
    for n in range(entries):
        made_from.audit.trail.add(kinds.DRILL, "test", {"drill": f"d-{n}"})
    page = audit(asked(), made_from)
    found = seqs(page)
    while (more := table(page, "entries").more) is not None:
        page = audit(asked(**dict(parse_qsl(urlsplit(more).query))), made_from)
        assert seqs(page)
        found += seqs(page)

    assert found == list(range(entries + 1, 0, -1))


def test_a_kind_is_all_there_is_of_it_and_the_month_stays(made_from: Sources):
    """On every page of it."""
    for n in range(PER_PAGE + 1):
        made_from.audit.trail.add((kinds.DRILL, kinds.TICKET)[n % 2], "test", {"n": n})

    page = audit(asked(kind="ticket", month="2026-08"), made_from)

    assert {values(row)[2] for row in table(page, "entries").rows} == {"ticket"}
    assert len(seqs(page)) == (PER_PAGE + 1) // 2
    assert (field(page, "kind").value, field(page, "month").value) == ("ticket", "2026-08")


def test_the_kinds_are_those_that_are_written():
    """Whatever adds to the chain names its kind by a constant of one module, and all of these can be asked for."""
    constants = {name: value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, str)}
    written = {
        (str(path.relative_to(SOURCE)), name)
        for path in SOURCE.rglob("*.py")
        for name in re.findall(r"(?:trail|audit|AuditStore\(engine\))\.add\(\s*([^,\s]+),", path.read_text())
    }

    assert set(kinds.KINDS) == set(constants.values())
    assert len(kinds.KINDS) == len(set(kinds.KINDS))
    assert len(written) >= 8
    assert [one for one in written if one[1] not in constants] == []


def test_an_entry_is_shown_whole_with_the_way_to_what_it_speaks_of(made_from: Sources):
    """And to its neighbours; in the list it is in words, without hashes."""
    trail = made_from.audit.trail
    trail.add(
        kinds.POLICY,
        "file:turnout.yaml",
        {"version": 4, "base": "f" * 64, "changes": [1, 2], "note": "<b>dear</b>", "restores": None},
    )
    trail.add(kinds.CONTENT_DELETED, "api:admin", {"request": "a/b"})

    policy, deleted = audit(asked(id="2"), made_from), audit(asked(id="3"), made_from)

    assert figure(policy, "Version").link == "/policy/4"
    assert (figure(policy, "Before").link, figure(policy, "After").link) == ("/audit/1", "/audit/3")
    assert figure(deleted, "Request").link == "/decisions/a%2Fb"
    text = next(block.text for block in blocks(policy) if isinstance(block, Text))
    assert msgspec.json.decode(text)["payload"]["base"] == "f" * 64
    assert values(table(audit(asked(kind="policy"), made_from), "entries").rows[0])[4] == "2 changes, note <b>dear</b>, version 4"


def test_one_is_told_as_one(made_from: Sources):
    """Of what an entry lists."""
    made_from.audit.trail.add(kinds.POLICY, "test", {"changes": [1]})

    assert values(table(audit(asked(kind="policy"), made_from), "entries").rows[0])[4] == "1 change"


def test_an_entry_that_is_not_there_is_not_found(made_from: Sources):
    """With what there is."""
    with pytest.raises(NoSuchThing, match="the chain is empty"):
        audit(asked(id="9"), made_from)
    made_from.audit.trail.add(kinds.START, "turnout", {})
    with pytest.raises(NoSuchThing, match="the chain has 1 to 2"):
        audit(asked(id="9"), made_from)


@pytest.mark.parametrize(
    "query", [{"id": "x"}, {"id": "99999999999999"}, {"before": "-1"}, {"before": "nan"}, {"month": "2026-13"}, {"month": "now"}, {"kind": "gossip"}]
)  # fmt: skip
def test_what_is_no_value_is_refused_by_name(query: dict[str, str]):
    """Nothing is guessed."""
    with pytest.raises(msgspec.ValidationError, match=next(iter(query))):
        asked(**query)


def test_what_was_found_wrong_stands_on_top(made_from: Sources):
    """In the words of the verification; a note alone is no alarm."""
    made_from.audit.verified = Verification(
        NOW - 9, False, 7, 7, (Finding("changed", "entry 3", "its content is not what was hashed"),)
    )

    page = audit(asked(), made_from)

    assert (figure(page, "Last verified").note, figure(page, "Last verified").tone) == ("1 finding", "bad")
    found = next(block for block in blocks(page) if isinstance(block, Note) and "entry 3" in block.text)
    assert (found.text, found.tone) == ("changed: entry 3: its content is not what was hashed", "bad")


def test_the_proof_is_what_the_keeper_knows(made_from: Sources):
    """Before the first entry nothing is claimed; a checkpoint and a verification are told with their time."""
    empty = audit(asked(), made_from)
    assert [figure(empty, name).value for name in ("Entries", "Head", "Last checkpoint", "Last verified")] == [
        0,
        "\u2013",
        "\u2013",
        "\u2013",
    ]
    made_from.audit.trail.add(kinds.START, "turnout", {})
    made_from.audit.daily()

    page = audit(asked(), made_from)

    assert (figure(page, "Entries").value, figure(page, "Last checkpoint").value, figure(page, "Last verified").note) == (
        3,
        NOW,
        "whole",
    )
    assert any(isinstance(block, Note) and block.command == made_from.audit.public_key() for block in blocks(page))
    assert next(block.path for block in blocks(page) if isinstance(block, Action)) == "/api/audit/checkpoint"


def test_the_inventory_is_of_the_month_asked_for(ledger: Ledger, made_from: Sources):
    """Requests and costs are the rows'; a copy is counted beside; unknown costs too; another month has nothing."""
    copy = record(4, at=NOW - 60, copy_of="req-0", cost=5)
    filled(ledger, [*(record(n, at=NOW - 60 - n, cost=None if n == 3 else 10**9) for n in range(4)), copy])

    page = audit(asked(), made_from)

    (row,) = table(page, "inventory").rows
    assert values(row)[5:7] == [4, 3 * 10**9 + 5]
    assert [cell.note for cell in row[5:7] if isinstance(cell, Cell)] == ["+ 1 copies", "+ 1 unknown"]
    assert row[2].link == "/policy/3"  # type: ignore[union-attr]  # a cell
    assert field(page, "month").value == "2026-09"
    assert table(audit(asked(month="2026-08"), made_from), "inventory").rows == ()
