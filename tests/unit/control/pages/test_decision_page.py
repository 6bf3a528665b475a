"""One request's page against its record: what was decided, tried and said, and what it cannot show."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.dashboard import blocks, figure, filled, sources, table, values
from tests.support.records import NOW, TRAITS, attempt, record
from tests.support.views import FLEET, TASKS, TODAY, traits
from turnout.clock import ManualClock
from turnout.content.open import Opened, close
from turnout.content.seal import ContentKey, Keyring
from turnout.control.contents import ContentDesk
from turnout.control.pages.blocks import Action, Cell, Figures, NoSuchThing, Note, Page, Table, Text
from turnout.control.pages.decision import SHOWN, one
from turnout.control.pages.sources import Sources
from turnout.decide.decide import decide
from turnout.decide.order import digest
from turnout.store.ledger import Ledger
from turnout.types.feedback import Feedback
from turnout.types.policy import Policy, Provider, Route
from turnout.types.record import Record
from turnout.types.view import Base, Overlay
from turnout.view import ViewStore

PROVIDERS = tuple(Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none") for name in "abc")


def notes(page: Page) -> str:
    return " | ".join(block.text for block in blocks(page) if isinstance(block, Note))


def texts(page: Page) -> dict[str, str]:
    return {block.title: block.text for block in blocks(page) if isinstance(block, Text)}


def tables(page: Page) -> set[str]:
    return {block.id for block in blocks(page) if isinstance(block, Table)}


def links(page: Page) -> dict[str, str | None]:
    return {each.name: each.link for block in blocks(page) if isinstance(block, Figures) for each in block.figures}


@pytest.fixture
def decided(ledger: Ledger, made_from: Sources) -> Callable[..., Record]:
    """A request as it was really decided on a stored view, by a route of this objective."""

    def made(objective: str = "cost", **changes: Any) -> Record:
        base = Base(
            4, Policy((Route("default", objective),), PROVIDERS), FLEET, {task: dict(skills) for task, skills in TASKS.items()}
        )
        view_hash = made_from.views.publish(base, Overlay("base", TODAY))
        found, seed = traits(tags={"team": "web", "env": "prod"}, bound=frozenset({"team"}), session="s 1", caller="app"), 7
        done = decide(made_from.views.load(view_hash), found, seed)
        plan = digest(done.route.name, done.plan)
        told = record(
            at=NOW - 9,
            view=view_hash,
            seed=seed,
            plan=plan,
            route="default",
            policy=4,
            traits=found,
            reason=done.reason,
            **changes,
        )
        filled(ledger, [told])
        return told

    return made


def test_the_figures_are_the_records(ledger: Ledger, made_from: Sources):
    """Costs to the pico-dollar, each call with its own time, tokens and cost."""
    calls = (
        attempt(model="openai/gpt-5", fault="timeout", cost=None, usage=None, status=None, first_token_ms=None, started_ms=1.0, ended_ms=301.0, detail="no first token"),
        attempt(started_ms=310.5, first_token_ms=400.5, ended_ms=800.5),
    )  # fmt: skip
    told = record(at=NOW - 9, attempts=calls, skipped=(("x/y", "ejected"),))
    filled(ledger, [told])

    page = one("req-0", made_from)

    assert [figure(page, name).value for name in ("Cost", "On the best model", "Took", "First token", "Deciding", "Arrived")] == [
        told.cost, told.baseline, 831.0, 200.5, 45.0, NOW - 9,
    ]  # fmt: skip
    first, second = (values(row) for row in table(page, "attempts").rows)
    assert first == [
        1,
        "openai/gpt-5",
        "cheapest",
        1.0,
        300.0,
        "\u2013",
        "\u2013",
        "timeout",
        "\u2013",
        "\u2013",
        None,
        "no first token",
    ]
    assert second == [2, told.model, "cheapest", 310.5, 490.0, 90.0, "200", "\u2013", 500, 210, told.cost, "\u2013"]
    assert [values(row) for row in table(page, "skipped").rows] == [["x/y", "ejected"]]
    assert page.asof == NOW - 9


@pytest.mark.parametrize("objective", ["cost", "quality", "latency", "balanced"])
def test_a_decision_is_made_again_and_says_why_not_another_model(
    decided: Callable[..., Record], made_from: Sources, objective: str
):
    """Each candidate that was not taken says how it differs; costs are written as amounts."""
    page = one(decided(objective).id, made_from)

    rows = [values(row) for row in table(page, "candidates").rows]
    assert {row[0] for row in rows} == {facts.id for facts in FLEET}
    assert "and identical" in notes(page)
    taken, *others = sorted(rows, key=lambda row: row[6] != "it was")
    assert taken[0] == values(table(page, "plan").rows[0])[1]
    for row in others:
        assert isinstance(row[6], str)
        assert "$" in row[6]
        assert ("dearer" in row[6]) == ((row[3] or 0) > (taken[3] or 0))  # type: ignore[operator]  # amounts
    if objective == "cost":
        assert taken[4] == pytest.approx(taken[3], rel=1e-9)  # the expense, as an amount


def test_what_belongs_to_it_is_a_link_away(decided: Callable[..., Record], made_from: Sources):
    """Its original, drill, ticket, policy, session, caller and each of its tags."""
    page = one(decided(copy_of="req 9", drill="d/1", ticket="t-1").id, made_from)

    found = links(page)
    assert (found["Copy of"], found["Drill"], found["Ticket"]) == ("/decisions/req%209", "/drills/d%2F1", "/queues/t-1")
    assert (found["Policy"], found["Route"]) == ("/policy/4", "/decisions?window=400d&route=default")
    known = {values(row)[0]: row for row in table(page, "traits").rows}
    assert [cell.link for name in ("tag team", "tag env", "session", "caller") if isinstance(cell := known[name][1], Cell)] == [
        "/decisions?window=400d&tag=team%3Dweb", "/decisions?window=400d&tag=env%3Dprod", "/decisions?window=400d&session=s+1",
        "/decisions?window=400d&caller=app",
    ]  # fmt: skip
    assert known["tag team"][2] == "bound to the key"
    assert "copy of another request" in notes(page)


def test_its_session_is_the_callers_own(ledger: Ledger, made_from: Sources):
    """Two callers may use one word; the request itself is marked."""
    other = msgspec.structs.replace(TRAITS, caller="other")
    filled(ledger, [record(0, at=NOW - 9), record(1, at=NOW - 8), record(2, at=NOW - 7, traits=other)])

    rows = table(one("req-0", made_from), "session").rows

    assert [(row[0].link, row[0].note) for row in rows if isinstance(row[0], Cell)] == [
        ("/decisions/req-1", ""),
        ("/decisions/req-0", "this one"),
    ]


def test_an_unknown_request_is_not_found(made_from: Sources):
    """And the words say why that may be."""
    with pytest.raises(NoSuchThing, match="deleted by policy"):
        one("none", made_from)


def test_an_unknown_cost_is_unknown(ledger: Ledger, made_from: Sources):
    """Never zero, and said."""
    filled(ledger, [record(at=NOW - 9, cost=None, baseline=None)])

    page = one("req-0", made_from)

    assert figure(page, "Cost").value is None
    assert figure(page, "On the best model").value == "\u2013"
    assert "cost is unknown" in notes(page)


def test_a_request_refused_before_it_was_decided_has_a_page(ledger: Ledger, made_from: Sources):
    """Without traits, route, calls or view."""
    filled(
        ledger,
        [
            record(
                at=NOW - 9,
                traits=None,
                route=None,
                reason=None,
                model=None,
                outcome="rejected",
                code="unauthenticated",
                attempts=(),
                plan="",
                cost=0,
            )
        ],
    )

    page = one("req-0", made_from)

    assert figure(page, "Outcome").value == "unauthenticated"
    assert "nobody was called" in figure(page, "Outcome").note
    assert "refused (unauthenticated) before anything was decided" in notes(page)
    assert {"traits", "session", "candidates"}.isdisjoint(tables(page))


def test_a_begun_stream_has_no_duration_yet(ledger: Ledger, made_from: Sources):
    """Its end may never be recorded."""
    filled(ledger, [record(at=NOW - 9, outcome="begun", stream=True)])

    page = one("req-0", made_from)

    assert (figure(page, "Took").value, figure(page, "Outcome").tone) == ("\u2013", "warn")


@pytest.mark.parametrize("harm", ["gone", "damaged", "other decider"])
def test_a_view_that_cannot_be_used_is_said(decided: Callable[..., Record], made_from: Sources, tmp_path: Path, harm: str):
    """The rest of the page stands."""
    told = decided()
    path = tmp_path / "views" / f"{told.view}.view.json"
    if harm == "gone":
        path.unlink()
    elif harm == "damaged":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        overlay = msgspec.structs.replace(ViewStore(tmp_path / "views").overlay(told.view), decider=1)
        content = msgspec.json.encode(overlay, order="deterministic")
        name = sha256(content).hexdigest()[:32]
        (tmp_path / "views" / f"{name}.view.json").write_bytes(content)
        told = msgspec.structs.replace(told, view=name, id="req-1")
        filled(made_from.ledger, [told])

    page = one(told.id, made_from)

    assert "Candidates and rejections cannot be shown" in notes(page)
    assert "candidates" not in tables(page)
    assert table(page, "attempts").rows


def test_opinions_are_listed_with_their_state(ledger: Ledger, made_from: Sources):
    """Without a value or verdict nothing is invented."""
    filled(ledger, [record(at=NOW - 9)])
    said = Feedback(
        id="f-1",
        at=NOW - 2,
        kind="thumb",
        source="user",
        request_id="req-0",
        value=1.0,
        verdict=1.0,
        note="<b>good</b>",
    )
    ledger.feedback.take([said])

    rows = [values(row) for row in table(one("req-0", made_from), "feedback").rows]

    assert [(row[1], row[2], row[4], row[5], row[6]) for row in rows] == [("user", "thumb", 1.0, 1.0, "<b>good</b>")]


@pytest.fixture
def kept(ledger: Ledger, tmp_path: Path) -> Callable[..., Sources]:
    """A request whose content is kept under a key, and pages that have these keys."""
    key = ContentKey(os.urandom(32))

    def made(opened: Opened, *, has_key: bool = True, damage: bool = False) -> Sources:
        told = record(at=NOW - 9)
        sealed = close(told.id, told.at, "full", opened, key)
        if damage:
            sealed = msgspec.structs.replace(sealed, sealed=sealed.sealed[:-1] + bytes([sealed.sealed[-1] ^ 1]))
        filled(ledger, [told, sealed])  # type: ignore[list-item]  # entries, as the journal has them
        desk = ContentDesk(
            ledger.contents, lambda: Keyring((key,) if has_key else ()), sources(ledger, tmp_path, ManualClock(NOW)).audit.trail
        )
        return sources(ledger, tmp_path, ManualClock(NOW), opened=desk.open)

    return made


def test_kept_content_is_shown_and_can_be_deleted(kept: Callable[..., Sources]):
    """JSON in lines, a stream as it was; the button names the very request."""
    page = one("req-0", kept(Opened("openai-chat", b'{"model":"auto"}', b"data: x\n\n", stream=True, error="cut off")))

    assert texts(page)["Asked (openai-chat)"] == '{\n  "model": "auto"\n}'
    assert texts(page)["Answered"] == "data: x\n\n"
    assert "cut off" in notes(page)
    action = next(block for block in blocks(page) if isinstance(block, Action))
    assert (action.method, action.path) == ("DELETE", "/api/requests/req-0/content")


@pytest.mark.parametrize(("how", "said"), [({"has_key": False}, "was sealed with key"), ({"damage": True}, "damaged")])
def test_content_that_stays_shut_is_said(kept: Callable[..., Sources], how: dict[str, bool], said: str):
    """The rest of the page stands."""
    page = one("req-0", kept(Opened("openai-chat", b"{}", b"", stream=False), **how))

    assert said in notes(page)
    assert table(page, "attempts").rows


def test_a_huge_conversation_is_shown_in_part(kept: Callable[..., Sources]):
    """With the place where all of it is."""
    page = one("req-0", kept(Opened("openai-chat", b'"' + b"x" * SHOWN + b'"', b"", stream=False)))

    assert len(texts(page)["Asked (openai-chat)"]) == SHOWN
    assert "2 more characters are not shown" in notes(page)
    assert any(isinstance(block, Note) and block.command == "/api/requests/req-0/content" for block in blocks(page))


def test_nothing_kept_says_how_to_keep_it(ledger: Ledger, made_from: Sources):
    """In the words of the policy."""
    filled(ledger, [record(at=NOW - 9)])

    assert "content: redacted" in notes(one("req-0", made_from))
