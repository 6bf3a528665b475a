"""What callers may send, what it says of the answer, and how what is wrong is told."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.errors import TurnoutError
from turnout.feedback.read import MOST, Speaker, read, read_each, read_item

NOW = 1_790_000_000.0
USER = Speaker("user", "web", NOW)
ADMIN = Speaker("import", None, NOW)


def said(**fields: Any) -> dict[str, Any]:
    return {"request_id": "r-1", "kind": "thumb", "value": 1, **fields}


def refusal(item: object, speaker: Speaker = USER) -> str:
    with pytest.raises(TurnoutError) as refused:
        read_item(item, speaker)
    assert refused.value.status == 400
    return refused.value.message


@pytest.mark.parametrize(
    ("kind", "name", "sent", "value", "verdict"),
    [
        ("thumb", None, "up", 1.0, 1.0),
        ("thumb", None, "down", -1.0, 0.0),
        ("thumb", None, True, 1.0, 1.0),
        ("thumb", None, False, -1.0, 0.0),
        ("thumb", None, -1, -1.0, 0.0),
        ("stars", None, 1, 1.0, 0.0),
        ("stars", None, 4, 4.0, 0.75),
        ("nps", None, 0, 0.0, 0.0),
        ("nps", None, 9.0, 9.0, 0.9),
        ("label", "good", None, None, 1.0),
        ("label", "unacceptable", None, None, 0.0),
        ("label", "off-topic", None, None, None),
        ("label", "tone", 0.25, 0.25, None),
        ("accepted", None, None, None, 1.0),
        ("rejected", None, None, None, 0.0),
        ("edited", None, None, None, 0.5),
        ("edited", None, 0.8, 0.8, 0.8),
        ("outcome", "churn", 0, 0.0, None),
        ("outcome", "solved", True, 1.0, 1.0),
        ("outcome", "resolved", 0.5, 0.5, 0.5),
        ("outcome", "solved", 3, 3.0, None),
        ("value", "order", 49.0, 49.0, None),
        ("value", "refund", -20, -20.0, None),
    ],
)
def test_each_kind_has_its_scale_and_says_so_much_of_the_answer(kind, name, sent, value, verdict):
    """The table of docs/howto/feedback.md."""
    read = read_item(said(kind=kind, name=name, value=sent), USER)

    assert (read.kind, read.name, read.value, read.verdict) == (kind, name, value, verdict)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"kind": "thumb", "value": "sideways"}, 'value: thumb: a thumb is "up" or "down"'),
        ({"kind": "thumb", "value": None}, "value: thumb"),
        ({"kind": "thumb", "value": [1]}, "value: thumb"),
        ({"kind": "stars", "value": 0}, "value: stars: must be a whole number from 1 to 5"),
        ({"kind": "stars", "value": 3.5}, "value: stars"),
        ({"kind": "stars", "value": True}, "value: stars"),
        ({"kind": "nps", "value": 11}, "value: nps: must be a whole number from 0 to 10"),
        ({"kind": "nps", "value": "7"}, "value: nps"),
        ({"kind": "edited", "value": 1.5}, "value: edited: must be the share"),
        ({"kind": "accepted", "value": 1}, "value: accepted: this kind has none"),
        ({"kind": "label"}, "name: say what the label is called"),
        ({"kind": "value", "name": "order", "value": 1e300}, "value: value: must be a number"),
        ({"kind": "value", "name": "order", "value": None}, "value: value"),
        ({"kind": "outcome", "name": "churn", "value": "no"}, "value: outcome"),
        ({"kind": "judge"}, "kind: must be one of thumb, stars"),
        ({"kind": ["thumb"]}, "kind: must be one of"),
        ({"session": "s"}, "request_id: say either"),
        ({"request_id": None}, "request_id: say either"),
        ({"request_id": ""}, "request_id: must be a text of 1 to 200"),
        ({"request_id": 7}, "request_id: must be a text"),
        ({"note": "a\x00b"}, "note: holds control characters"),
        ({"note": "x" * 4001}, "note: must be a text of 1 to 4,000"),
        ({"at": "yesterday"}, "at: must be unix seconds"),
        ({"at": "2026-11-23T09:30:00"}, "at: must be unix seconds, or a time with its zone"),
        ({"at": NOW * 1000}, "at: lies in the future; unix times are in seconds"),
        ({"at": float("inf")}, "at: must be"),
        ({"at": -1}, "at: must be"),
        ({"stars": 5}, "stars: unknown field; known are request_id"),
        ({"tenant": "other"}, "tenant: unknown field"),
    ],
)
def test_what_is_wrong_is_told_by_field(fields: dict[str, Any], told: str):
    """What, where, and what it should be."""
    assert refusal(said(**fields)).startswith(told)


def test_what_is_no_object_is_refused():
    """Nor is a body that is no JSON, no object, or too long a list."""
    assert refusal(7) == "must be an object"
    bodies = [b"", b"[]", b'{"feedback": {}}', b'{"feedback": []}', b'{"feedback": [], "x": 1}', b"\xff", b"[" * 100_000]
    bodies.append(msgspec.json.encode({"feedback": [said()] * (MOST + 1)}))
    for body in bodies:
        with pytest.raises(TurnoutError):
            read(body, USER)


def test_an_item_of_many_is_named():
    """By its place, from 0."""
    with pytest.raises(TurnoutError) as refused:
        read(msgspec.json.encode({"feedback": [said(), said(kind="?")]}), USER)

    assert refused.value.param == "feedback[1].kind"


@pytest.mark.parametrize("at", [1_789_999_000, 1_789_999_000.0, "2026-09-21T13:56:40Z", "2026-09-21T15:56:40+02:00"])
def test_times_are_unix_seconds_or_rfc_3339(at: object):
    """What is not said is now; what a clock a little ahead says is taken."""
    assert read_item(said(at=at), USER).at == 1_789_999_000.0
    assert read_item(said(), USER).at == NOW
    assert read_item(said(at=NOW + 60), USER).at == NOW + 60


def test_who_speaks_is_the_credentials_to_say():
    """An administrator may say for whom."""
    mine, theirs = read_item(said(), USER), read_item(said(tenant="shop"), ADMIN)

    assert (mine.source, mine.tenant) == ("user", "web")
    assert (theirs.source, theirs.tenant) == ("import", "shop")


def test_an_id_follows_from_what_it_is_about():
    """The same opinion has the same id, another's another; one that is given is kept."""
    ids = [
        read_item(item, speaker).id
        for item, speaker in [
            (said(), USER), (said(value=-1), USER), (said(at=5), USER),
            (said(request_id="r-2"), USER), (said(kind="stars"), USER), (said(), ADMIN),
            (said(request_id=None, session="r-1"), USER),
        ]
    ]  # fmt: skip

    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids)) == 5
    assert read_item(said(id="mine"), USER).id == "mine"


def test_of_many_those_that_can_be_read_are():
    """And the others are told by their place."""
    fit, refused = read_each([said(), "x", said(kind="?"), said()], ADMIN)

    assert sorted(fit) == [0, 3]
    assert [one.item for one in refused] == [1, 2]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
fields = st.sampled_from(["request_id", "session", "kind", "value", "name", "note", "at", "id", "tenant", "x"])


@given(st.dictionaries(fields, json_values | st.sampled_from(["thumb", "stars", "value", "label"]), max_size=8))
def test_whatever_is_sent_is_read_or_refused(item: dict[str, Any]):
    """Never anything else; what is read has a verdict of 0..1 or none, and can be written down."""
    try:
        opinion = read_item({"request_id": "r", "kind": "thumb", **item}, USER)
    except TurnoutError:
        return
    assert opinion.verdict is None or 0 <= opinion.verdict <= 1
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(opinion), type=type(opinion)) == opinion
