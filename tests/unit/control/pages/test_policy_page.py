"""The page Policy: versions with what they served, compared, and the way back as the browser goes it."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from starlette.applications import Starlette

from tests.support.asgi import call
from tests.support.dashboard import blocks, figure, filled, sources, table, values
from tests.support.records import record
from tests.unit.control.test_publish import ONE, TWO
from tests.unit.control.test_publish_history import THREE, Bench
from turnout.control.app import control_app
from turnout.control.page_api import page_routes
from turnout.control.pages.blocks import Action, Cell, Field, NoSuchThing, Page, Search, Text
from turnout.control.pages.policy import PolicyAsked, policy
from turnout.control.pages.sources import Sources
from turnout.control.policy_api import policy_routes


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.adopt(ONE, TWO, THREE)
    yield made
    made.ledger.close()


@pytest.fixture
def made_from(bench: Bench) -> Sources:
    return sources(bench.ledger, bench.folder, bench.clock, history=bench.history)


def diff(page: Page) -> str:
    return next((block.text for block in blocks(page) if isinstance(block, Text) and block.language == "diff"), "")


def actions(page: Page) -> list[Action]:
    return [block for block in blocks(page) if isinstance(block, Action)]


def test_versions_are_listed_with_what_they_served(bench: Bench, made_from: Sources):
    """Latest first, the one in force marked; an unknown cost is counted beside, and verdicts of nobody are none."""
    now = bench.clock.now()
    records = [record(n, at=now - 10 - n, policy=3 if n < 3 else 2, cost=None if n == 0 else 10**9) for n in range(5)]
    filled(bench.ledger, records, now)

    rows = table(policy(PolicyAsked(), made_from), "versions").rows

    assert [values(row)[0] for row in rows] == ["3", "2", "1"]
    assert [row[0].note for row in rows if isinstance(row[0], Cell)] == ["in force", "", ""]
    assert [values(row)[4:] for row in rows] == [[3, 2 * 10**9, 1, "\u2013"], [2, 2 * 10**9, 0, "\u2013"], [0, 0, 0, "\u2013"]]


def test_versions_of_before_they_were_kept_are_said_to_be_unknown(bench: Bench, made_from: Sources):
    """Their requests are still there; the version itself is not, and says so."""
    filled(bench.ledger, [record(at=bench.clock.now() - 10, policy=17)], bench.clock.now())

    rows = table(policy(PolicyAsked(), made_from), "versions").rows

    assert values(rows[-1])[:5] == ["17", "\u2013", "\u2013", "nothing is kept of it", 1]
    with pytest.raises(NoSuchThing, match="no version 17"):
        policy(PolicyAsked(id=17), made_from)


def test_one_version_says_what_it_changed_and_for_whom(made_from: Sources):
    """Against the one before it, with the note and its place in the chain."""
    page = policy(PolicyAsked(id=2), made_from)

    assert [values(row) for row in table(page, "changes").rows] == [["route default changed: objective from balanced to cost"]]
    assert diff(page) == "  route default\n-     objective: balanced\n+     objective: cost"
    assert figure(page, "Version").note == "no longer in force"
    entry = figure(page, "Audit entry")
    assert entry.link == f"/audit/{entry.value}"
    note = next(block.text for block in blocks(page) if isinstance(block, Text) and block.language == "plain")
    assert note.startswith("Policy 2 is in force since")


def test_any_two_versions_are_compared(made_from: Sources):
    """Either way round; with itself nothing differs."""
    back = policy(PolicyAsked(id=1, against=2), made_from)

    assert diff(back) == "  route default\n-     objective: cost\n+     objective: balanced"
    field = next(block.fields[0] for block in blocks(back) if isinstance(block, Search))
    assert (field.value, field.options) == ("2", ("3", "2"))
    assert diff(policy(PolicyAsked(id=2, against=2), made_from)) == ""


def test_the_first_has_nothing_before_it_and_the_last_no_way_back(made_from: Sources):
    """Who is in force cannot be brought back."""
    assert diff(policy(PolicyAsked(id=1), made_from)) == ""
    assert actions(policy(PolicyAsked(id=3), made_from)) == []
    assert len(actions(policy(PolicyAsked(id=1), made_from))) == 1


@pytest.mark.parametrize("asked", [PolicyAsked(id=9), PolicyAsked(id=1, against=9)])
def test_a_version_that_never_was_is_not_found(made_from: Sources, asked: PolicyAsked):
    """Nor compared with."""
    with pytest.raises(NoSuchThing, match="no version 9"):
        policy(asked, made_from)


def test_a_version_whose_file_is_gone_is_said(bench: Bench, made_from: Sources):
    """Not an error of the server's."""
    base = next(one.base for one in bench.history.list() if one.version == 1)
    (bench.folder / "views" / f"{base}.base.json").unlink()
    bench.restart()

    with pytest.raises(NoSuchThing, match="version 1 cannot be read"):
        policy(PolicyAsked(id=2), sources(bench.ledger, bench.folder, bench.clock, history=bench.history))


@pytest.mark.parametrize("query", [{"id": "x"}, {"id": "-1"}, {"id": "99999999999999999999"}, {"id": "1", "against": "nan"}])
def test_a_number_that_is_none_is_refused_by_name(query: dict[str, str]):
    """Before the ledger is asked."""
    with pytest.raises(msgspec.ValidationError, match=r"\$\.(id|against)"):
        msgspec.convert(query, PolicyAsked, strict=False)


def test_nothing_was_ever_in_force(tmp_path: Path):
    """An empty history says how the first begins."""
    bench = Bench(tmp_path)
    found = table(policy(PolicyAsked(), sources(bench.ledger, tmp_path, bench.clock, history=bench.history)), "versions")
    bench.ledger.close()

    assert (found.rows, "turnout serve" in found.empty) == ((), True)


async def test_the_button_brings_a_version_back(bench: Bench, made_from: Sources):
    """As the browser does it: its path, its fields, JSON; without a reason nothing happens, and afterwards the page says who and why."""
    app: Starlette = control_app(
        bench.ledger, "secret", [], more=[*page_routes(made_from), *policy_routes(bench.publish, bench.history)]
    )
    action = actions(policy(PolicyAsked(id=1), made_from))[0]
    named = {field.name: field for field in action.fields}
    assert named == {"note": Field("note", "Why"), "by": Field("by", "Your name")}

    async def press(**filled_in: str) -> int:
        body = json.dumps({**action.body, **filled_in}).encode()
        sent = await call(
            app, action.path, method=action.method, body=body, authorization="Bearer secret", content_type="application/json"
        )
        return sent.status

    assert await press() == 400
    assert await press(note="too dear", by="ana") == 200
    assert bench.objective == "balanced"
    shown = (await call(app, "/api/pages/policy", authorization="Bearer secret")).json
    (section,) = shown["sections"]
    newest = section["blocks"][0]["rows"][0]
    assert (newest[0]["value"], newest[0]["note"], newest[2], newest[3]) == ("4", "in force", "ana", "brings back 1: too dear")
