"""Signals from sessions' rows, and how often a choice was right."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.records import NOW, TRAITS, attempt, record
from turnout.store import quality
from turnout.store.feedback import Taken
from turnout.store.ledger import Ledger
from turnout.store.schema import requests
from turnout.types.feedback import Feedback
from turnout.types.money import PicoDollars
from turnout.types.record import Record
from turnout.types.traits import Trait

BEFORE, QUESTION, REWORDED = 11, 2**63 - 1, 5


def turn(n: float, message: int, *, model: str = "auto", session: str = "s-1", caller: str = "web", **more: Any) -> Record:
    """A request of a session, ``n`` seconds in."""
    traits = msgspec.structs.replace(TRAITS, model=model, session=session, caller=caller)
    return record(0, **{"id": f"{session}-{n}", "at": NOW + n, "traits": traits, "turn": (BEFORE, message), **more})


def verdicts(ledger: Ledger) -> dict[str, tuple[str | None, float | None]]:
    found = {}
    for line in ledger.recent(100):
        kept = ledger.feedback.of_request(line.id)
        if kept:
            found[line.id] = (kept[0].feedback.name, kept[0].feedback.verdict)
    return found


def test_what_people_did_next_becomes_feedback(ledger: Ledger):
    """Of each session and tenant by itself; copies and drills are nobody's doing."""
    entries = [
        turn(0, QUESTION), turn(20, QUESTION, caller="other"), turn(30, QUESTION), turn(40, REWORDED),
        turn(50, REWORDED),
        turn(0, QUESTION, session="s-2"), turn(10, QUESTION, session="s-2", copy_of="s-2-0"), turn(20, QUESTION, session="s-2", drill="d"),
    ]  # fmt: skip
    ledger.ingest(entries, "s", 1)
    taken = ledger.quality.note_signals(NOW + 60)

    assert taken == Taken(joined=3)
    assert verdicts(ledger) == {"s-1-0": ("regenerate", 0.2), "s-1-30": ("edit", 0.4), "s-1-40": ("regenerate", 0.2)}
    assert ledger.quality.note_signals(NOW + 120) == Taken(known=3)


def test_asking_another_model_by_name_is_a_signal(ledger: Ledger):
    """A route's name is no model's."""
    asked = [
        turn(0, QUESTION),
        turn(10, QUESTION, model="openai/gpt-5.5"),
        turn(20, QUESTION, model="code"),
    ]
    asked[1] = msgspec.structs.replace(asked[1], model="openai/gpt-5.5")
    ledger.ingest(asked, "s", 1)
    ledger.quality.note_signals(NOW + 60)

    assert verdicts(ledger) == {"s-1-0": ("switch", 0.1), "s-1-10": ("regenerate", 0.2)}


def test_sessions_of_long_ago_are_not_looked_at(ledger: Ledger):
    """They were, then."""
    ledger.ingest([turn(0, QUESTION), turn(30, QUESTION)], "s", 1)

    assert ledger.quality.note_signals(NOW + 7_200) == Taken()


def said(about: str, verdict: float, at: float = NOW + 100) -> Feedback:
    return Feedback(id="", at=at, kind="judge", source="judge", request_id=about, verdict=verdict)


def dear(n: int, task: str = "qa", **more: Any) -> Record:
    traits = msgspec.structs.replace(TRAITS, task=Trait(task, "words"), session=None)
    return record(n, **{"traits": traits, "model": "m/dear", "cost": PicoDollars(100), **more})


def test_a_cheaper_models_copies_and_refused_tries_are_evidence(ledger: Ledger):
    """One each request: a dearer copy is none, nor one that nobody graded."""
    cheap = {"model": "m/cheap", "cost": PicoDollars(10)}
    refused = attempt(model="m/cheap", reason="cascade", fault="check_failed")
    ledger.ingest(
        [
            dear(0), dear(1), dear(2), dear(3), dear(4, attempts=(refused, attempt(model="m/dear"))),
            dear(10, copy_of="req-0", **cheap), dear(11, copy_of="req-1", **cheap), dear(12, copy_of="req-2", **cheap),
            dear(13, copy_of="req-3", model="m/dearest", cost=PicoDollars(1000)),
            dear(14, copy_of="req-1", **{**cheap, "model": "m/cheaper"}),
        ],
        "s", 1,
    )  # fmt: skip
    ledger.feedback.take([said("req-10", 1.0), said("req-11", 0.2), said("req-13", 1.0), said("req-14", 0.9)])
    [found] = ledger.quality.cheaper(NOW, NOW + 100)

    assert (found.route, found.task) == ("code", "qa")
    assert (found.acceptable.part, found.acceptable.n) == (2, 3)
    assert ledger.quality.cheaper(NOW, NOW + 100, route="code", model="m/dear", task="qa") == (found,)
    assert ledger.quality.cheaper(NOW, NOW + 100, model="m/cheap") == ()
    assert ledger.quality.cheaper(NOW + 50, NOW + 100) == ()


def test_of_too_many_requests_the_latest_are_looked_at(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    """So that a page is as quick on a large ledger as on a small one."""
    monkeypatch.setattr(quality, "MOST_LOOKED_AT", 2)
    refused = attempt(model="m/cheap", reason="cascade", fault="check_failed")
    ledger.ingest([dear(n, attempts=(refused, attempt(model="m/dear"))) for n in range(4)], "s", 1)
    [found] = ledger.quality.cheaper(NOW, NOW + 100)

    assert (found.acceptable.part, found.acceptable.n) == (0, 2)


def test_recent_turns_are_found_by_their_index(tmp_path: Path):
    """Requests without a session are not even looked at, however many there are."""
    ledger = Ledger(tmp_path / "ledger.db")
    query = quality._TURNS.where(requests.c.at >= NOW).compile(ledger._engine)
    with ledger._engine.connect() as connection:
        plan = connection.exec_driver_sql(
            f"explain query plan {query}", (NOW, quality.MOST_TURNS, 0)[: str(query).count("?")]
        ).all()
    ledger.close()

    assert "requests_turns" in str(plan)
