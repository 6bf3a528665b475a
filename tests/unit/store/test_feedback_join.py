"""Feedback and requests find each other, whichever comes first, and each request has the one verdict that follows from all of it."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select

from tests.support.records import NOW, TRAITS, record
from turnout.feedback.scales import SCALES
from turnout.store import feedback as joining
from turnout.store.feedback import Taken
from turnout.store.ledger import Ledger
from turnout.store.schema import feedback, requests, rollups_due
from turnout.types.entry import Entry
from turnout.types.feedback import Feedback
from turnout.types.record import Record

LATER = NOW + 1_000.0


def said(value: float | None = None, about: str | None = "req-0", **more: Any) -> Feedback:
    """A thumb of the caller's, unless it says otherwise."""
    fields = {
        "id": "",
        "at": LATER,
        "kind": "thumb",
        "source": "user",
        "request_id": about,
        "tenant": "web",
        "value": value,
        **more,
    }
    if "verdict" not in fields:
        scale = SCALES.get(fields["kind"])
        fields["verdict"] = scale.verdict(fields.get("name"), value) if scale else None
    return Feedback(**fields)


def about_session(value: float, **more: Any) -> Feedback:
    return said(value, None, **{"session": "s-1", **more})


def asked(n: int = 0, caller: str | None = "web", session: str | None = "s-1", **more: Any) -> Record:
    return record(n, traits=msgspec.structs.replace(TRAITS, caller=caller, session=session), **more)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """For laws, which empty it each time."""
    opened = Ledger(tmp_path_factory.mktemp("once") / "ledger.db")
    yield opened
    opened.close()


def empty(ledger: Ledger) -> None:
    with ledger._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA synchronous=OFF")
        for table in (requests, feedback, rollups_due):
            connection.execute(delete(table))


def take_in(ledger: Ledger, *entries: Entry) -> None:
    """Each in a batch of its own, as they come."""
    for n, entry in enumerate(entries):
        ledger.ingest([entry], "s", n)


def verdicts(ledger: Ledger) -> dict[str, tuple[float | None, str | None]]:
    with ledger._engine.connect() as connection:
        return {row.id: (row.verdict, row.verdict_by) for row in connection.execute(select(requests))}


def states(ledger: Ledger) -> list[str]:
    with ledger._engine.connect() as connection:
        return sorted(connection.execute(select(feedback.c.state)).scalars())


def due(ledger: Ledger) -> dict[int, int]:
    with ledger._engine.connect() as connection:
        return {row.start: row.mark for row in connection.execute(select(rollups_due))}


def worth(ledger: Ledger) -> dict[str, float]:
    with ledger._engine.connect() as connection:
        rows = connection.execute(select(feedback).where(feedback.c.kind == "value", feedback.c.state == "joined"))
        return {row.request_id: row.value for row in rows}


def forget_due(ledger: Ledger) -> None:
    with ledger._engine.begin() as connection:
        connection.execute(delete(rollups_due))


def test_feedback_after_its_request_is_joined(ledger: Ledger):
    """The usual way: the answer was recorded long before."""
    take_in(ledger, asked(), said(1.0))

    assert verdicts(ledger) == {"req-0": (1.0, "user")}
    assert states(ledger) == ["joined"]


def test_feedback_before_its_request_waits_for_it(ledger: Ledger):
    """Two workers' segments are read in any order."""
    take_in(ledger, said(-1.0))
    assert states(ledger) == ["waiting"]
    take_in(ledger, asked(1))
    assert states(ledger) == ["waiting"]
    take_in(ledger, asked())

    assert verdicts(ledger) == {"req-0": (0.0, "user"), "req-1": (None, None)}
    assert states(ledger) == ["joined"]


@pytest.mark.parametrize("first", ["request", "feedback"])
def test_feedback_on_anothers_request_counts_for_nothing(ledger: Ledger, first: str):
    """It is kept, and said to be foreign; nor may one without a key judge what came with one."""
    entries = [asked(), said(-1.0, tenant="intruder"), said(-1.0, tenant=None)]
    take_in(ledger, *(entries if first == "request" else reversed(entries)))

    assert verdicts(ledger) == {"req-0": (None, None)}
    assert states(ledger) == ["foreign", "foreign"]


def test_an_id_made_up_to_be_anothers_replaces_nothing(ledger: Ledger):
    """Ids are the callers' own to choose."""
    take_in(ledger, asked(), said(1.0, id="mine"), said(-1.0, id="mine", tenant="intruder", at=LATER + 1))

    assert verdicts(ledger) == {"req-0": (1.0, "user")}


def test_an_administrator_may_judge_every_request(ledger: Ledger):
    """And, naming a tenant, that tenant's alone."""
    take_in(ledger, asked(), asked(1, caller=None), asked(2))
    taken = ledger.feedback.take(
        [
            said(1.0, source="import", tenant=None),
            said(1.0, "req-1", source="import", tenant=None),
            said(1.0, "req-2", source="import", tenant="other"),
            said(1.0, "req-9", source="import", tenant=None),
        ]
    )

    assert taken == Taken(joined=2, waiting=1, foreign=1)
    assert verdicts(ledger) == {"req-0": (1.0, "import"), "req-1": (1.0, "import"), "req-2": (None, None)}


def test_said_twice_is_said_once(ledger: Ledger):
    """A client that had no answer sends it again."""
    take_in(ledger, asked(), said(1.0), said(1.0))
    taken = ledger.feedback.take([said(1.0), said(1.0)])

    assert taken == Taken(known=2)
    assert states(ledger) == ["joined"]
    assert verdicts(ledger) == {"req-0": (1.0, "user")}


def test_a_later_opinion_replaces_an_earlier_one_of_its_kind(ledger: Ledger):
    """By when it was said, not by when it came; stars beside the thumb count as well."""
    take_in(ledger, asked(), said(-1.0, at=LATER + 5), said(1.0, at=LATER), said(5.0, kind="stars"))

    assert verdicts(ledger) == {"req-0": (0.5, "user")}


def test_up_down_up_is_up(ledger: Ledger):
    """The same words again, later, are the latest."""
    take_in(ledger, asked(), *(said(value, at=LATER + n) for n, value in enumerate((1.0, -1.0, 1.0))))

    assert verdicts(ledger) == {"req-0": (1.0, "user")}


def test_who_knows_better_is_heard_alone(ledger: Ledger):
    """People over judges over checks over signals."""
    steps = [
        (said(None, source="implicit", kind="implicit", name="edit", verdict=0.4), (0.4, "implicit")),
        (said(None, source="check", kind="check", name="json_valid", verdict=1.0), (1.0, "check")),
        (said(None, source="judge", kind="judge", verdict=0.7), (0.7, "judge")),
        (said(-1.0, source="import", tenant=None), (0.0, "import")),
        (said(1.0), (0.5, "user")),
    ]
    take_in(ledger, asked())
    for opinion, expected in steps:
        take_in(ledger, opinion)
        assert verdicts(ledger)["req-0"] == expected


def test_what_is_said_of_a_session_holds_for_its_requests_until_then(ledger: Ledger):
    """Of the same tenant's; and a request's own feedback of the same rank is heard alone."""
    take_in(
        ledger, asked(0), asked(1), asked(2), asked(3, caller="other"), asked(4, session="s-2"), said(1.0, "req-1"),
        about_session(-1.0, at=NOW + 1.5), asked(5),
    )  # fmt: skip

    assert {id_: verdict for id_, (verdict, _) in verdicts(ledger).items()} == {
        "req-0": 0.0, "req-1": 1.0, "req-2": None, "req-3": None, "req-4": None, "req-5": None,
    }  # fmt: skip


def test_a_sessions_verdict_of_people_outranks_a_requests_check(ledger: Ledger):
    """Rank comes first."""
    take_in(ledger, asked(), said(None, source="check", kind="check", name="length", verdict=1.0), about_session(-1.0))

    assert verdicts(ledger) == {"req-0": (0.0, "user")}


def test_what_is_said_of_a_session_reaches_a_bounded_number_of_its_requests(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    """The latest; one that comes late pushes the first of them out of reach."""
    monkeypatch.setattr(joining, "REACH", 2)
    take_in(ledger, asked(0), asked(2), about_session(1.0))
    assert [id_ for id_, (verdict, _) in verdicts(ledger).items() if verdict is not None] == ["req-0", "req-2"]

    take_in(ledger, asked(1))
    assert sorted(id_ for id_, (verdict, _) in verdicts(ledger).items() if verdict is not None) == ["req-1", "req-2"]


@pytest.mark.parametrize("kind", ["label", "value"])
def test_a_session_of_which_much_is_said_holds_up_no_ingest(sqlite: Ledger, kind: str):
    """A caller may name as many things as it likes: its next request costs no query for each of them."""
    sqlite.ingest([asked(0)], "s", 0)
    opinions = [about_session(1.0, kind=kind, name=f"n{n}", verdict=None) for n in range(600)]
    sqlite.feedback.take(opinions)
    statements: list[str] = []
    event.listen(sqlite._engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    sqlite.ingest([asked(1, at=NOW + 1)], "s", 1)

    assert len(statements) < 60
    with sqlite._engine.connect() as connection:
        places = set(connection.execute(select(feedback.c.request_id)).scalars())
    assert places == ({"req-1"} if kind == "value" else {None})


def test_a_later_edition_of_a_record_keeps_the_verdict(ledger: Ledger):
    """It says how the answer ended; what was thought of it stays."""
    take_in(ledger, asked(outcome="begun"), said(1.0), asked(edition=1))

    assert verdicts(ledger) == {"req-0": (1.0, "user")}
    assert ledger.request("req-0") == asked(edition=1)


def test_a_changed_verdict_makes_the_requests_minute_due(ledger: Ledger):
    """Sums are made anew where something changed, and only there."""
    take_in(ledger, asked(), asked(1), said(1.0))
    minute = int(NOW // 60) * 60
    assert minute in due(ledger)

    forget_due(ledger)
    take_in(ledger, said(1.0, at=LATER + 1))
    assert due(ledger) == {}


def test_a_business_value_makes_its_minute_due_and_is_no_verdict(ledger: Ledger):
    """Of a session, it belongs to the session's latest request."""
    take_in(ledger, asked(0), asked(100))
    forget_due(ledger)
    take_in(ledger, said(49.0, None, kind="value", name="order", session="s-1", at=NOW + 50))
    assert list(due(ledger)) == [int(NOW // 60) * 60]
    assert worth(ledger) == {"req-0": 49.0}

    take_in(ledger, asked(30))
    assert worth(ledger) == {"req-30": 49.0}

    forget_due(ledger)
    take_in(ledger, said(20.0, "req-100", kind="value", name="order"))
    assert list(due(ledger)) == [int((NOW + 100) // 60) * 60]
    assert worth(ledger) == {"req-30": 49.0, "req-100": 20.0}
    assert set(verdicts(ledger).values()) == {(None, None)}


def test_what_was_said_of_a_request_can_be_shown(ledger: Ledger):
    """Its own and its session's, latest first, foreign ones marked."""
    take_in(ledger, asked(), said(1.0, note="quick"), about_session(-1.0, at=LATER + 1), said(-1.0, tenant="x", at=LATER + 2))
    shown = ledger.feedback.of_request("req-0")

    assert [(kept.state, kept.feedback.note, kept.feedback.value) for kept in shown] == [
        ("foreign", None, -1.0), ("joined", None, -1.0), ("joined", "quick", 1.0),
    ]  # fmt: skip
    assert ledger.feedback.of_request("req-none") == ()


def test_one_bad_opinion_stops_no_other(ledger: Ledger):
    """What the store does not take is kept aside."""
    bad = said(1.0, "req-1", kind=None)
    assert ledger.ingest([asked(), bad, said(1.0)], "s", 1) == 1

    assert verdicts(ledger) == {"req-0": (1.0, "user")}


opinions = st.builds(
    lambda value, at, about, tenant, source, kind: (
        said(value, None if about == "s-1" else about, session="s-1" if about == "s-1" else None, at=NOW + at, tenant=tenant, source=source)
        if kind == "thumb"
        else said(value, about if about != "s-1" else "req-0", at=NOW + at, kind="label", name=kind, tenant=tenant, source=source)
    ),
    st.sampled_from([1.0, -1.0]),
    st.integers(0, 4),
    st.sampled_from(["req-0", "req-1", "req-2", "s-1"]),
    st.sampled_from(["web", "other", None]),
    st.sampled_from(["user", "import", "judge"]),
    st.sampled_from(["thumb", "good", "bad"]),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(opinions, max_size=6), st.data())
def test_the_order_of_arrival_changes_nothing(once: Ledger, entries: list[Feedback], data: st.DataObject):
    """Nor how they are batched, nor what comes twice: the same was said, so the same holds."""
    came: list[Entry] = [*entries, asked(0), asked(1, caller=None), asked(2, edition=1), asked(2, outcome="begun")]
    other = data.draw(st.permutations(came)) + data.draw(st.lists(st.sampled_from(came), max_size=2))
    size = data.draw(st.integers(1, 4))
    ends = []
    for order, by in ((came, len(came)), (other, size)):
        empty(once)
        for start in range(0, len(order), by):
            once.ingest(order[start : start + by], "s", start)
        with once._engine.connect() as connection:
            kept = sorted(tuple(row) for row in connection.execute(select(feedback.c.id, feedback.c.at, feedback.c.state)))
        ends.append((verdicts(once), kept))

    assert ends[0] == ends[1]


def test_every_order_of_a_session_gives_the_same(once: Ledger, monkeypatch: pytest.MonkeyPatch):
    """With more requests than an opinion reaches."""
    monkeypatch.setattr(joining, "REACH", 2)
    entries = [asked(0), asked(1), asked(2), about_session(1.0, at=NOW + 1.5), about_session(-1.0, kind="stars", at=NOW + 9)]
    ends = set()
    for n, order in enumerate(permutations(entries)):
        if n % 4:
            continue  # thirty of them will do
        empty(once)
        take_in(once, *order)
        ends.add(str(sorted(verdicts(once).items())))

    assert len(ends) == 1
