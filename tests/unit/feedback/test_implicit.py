"""Which turn a request is, and what the next one says of the answer before."""

from typing import Any

import msgspec
import pytest

from turnout.dialects.registry import DIALECTS
from turnout.feedback.implicit import Turn, signals
from turnout.feedback.turns import BEGINNING, turn_of

USER, BOT = "user", "assistant"


def turn(*messages: tuple[str, Any], session: str = "s", dialect: str = "openai-chat") -> tuple[int, int] | None:
    """Of a request with these messages."""
    body = {"model": "auto", "max_tokens": 5, "messages": [{"role": role, "content": content} for role, content in messages]}
    return turn_of(DIALECTS[dialect].ask(msgspec.json.encode(body), {}).sketch, session)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_the_same_turn_has_the_same_digests(dialect: str):
    """Asked again, or in other words, or further on: told apart without a word kept."""
    first = turn((USER, "hi"), dialect=dialect)
    second = turn((USER, "hi"), (BOT, "hello"), (USER, "why?"), dialect=dialect)
    edited = turn((USER, "hi"), (BOT, "hello"), (USER, "how?"), dialect=dialect)

    assert first is not None
    assert first[0] == BEGINNING
    assert second == turn((USER, "hi"), (BOT, "hello"), (USER, "why?"), dialect=dialect)
    assert second is not None
    assert edited is not None
    assert second[0] == edited[0] != BEGINNING
    assert second[1] != edited[1]
    assert all(0 <= digest < 2**63 for digest in (*second, *edited))


def test_sessions_cannot_be_compared():
    """The same words in another session have another digest."""
    assert turn((USER, "hi"), session="a") != turn((USER, "hi"), session="b")


def test_instructions_are_no_turn_before():
    """A conversation begins after them; others make another turn."""
    with_system = turn(("system", "be brief"), (USER, "hi"))

    assert with_system is not None
    assert with_system[0] == BEGINNING
    assert with_system != turn(("system", "be long"), (USER, "hi"))


@pytest.mark.parametrize(
    "messages",
    [
        [(USER, "hi"), (BOT, "I think")],
        [(USER, "run it"), (BOT, "running"), ("tool", "done")],
        [
            (
                USER,
                [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}],
            )
        ],
        [("system", "be brief")],
        [(USER, "")],
    ],
    ids=["prefilled", "tool result", "image", "no user", "empty"],
)
def test_what_is_no_new_message_is_no_turn(messages: list[tuple[str, Any]]):
    """An answer to be continued, a tool's result; nor media, which cannot be told apart."""
    assert turn(*messages) is None


def test_a_message_in_parts_is_one():
    """Texts of the same message belong together."""
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    found = turn((USER, "hi"), (BOT, "hello"), (USER, parts))

    assert found is not None
    assert found[0] == (turn((USER, "hi"), (BOT, "hello"), (USER, "x")) or ())[0]


def asked(at: float, before: int = 7, message: int = 1, **more: Any) -> Turn:
    """Answered in a second by model m/a, unless it says otherwise."""
    return Turn(**{"request_id": f"r{at:g}", "at": at, "ended": at + 1, "before": before, "message": message, "answered": True,
                   "served": "m/a", **more})  # fmt: skip


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (asked(30), ("regenerate", 0.2)),
        (asked(30, message=2), ("edit", 0.4)),
        (asked(30, asked="m/b", served="m/b"), ("switch", 0.1)),
        (asked(30, asked="m/a"), ("regenerate", 0.2)),
        (asked(30, served="m/b"), ("regenerate", 0.2)),
        (asked(30, before=8), None),
        (asked(602), None),
        (asked(0.5), None),
    ],
    ids=[
        "again",
        "other words",
        "other model",
        "same model by name",
        "other model by route",
        "next turn",
        "much later",
        "at once",
    ],
)
def test_what_is_asked_next_says_something_of_the_answer_before(later: Turn, expected: tuple[str, float] | None):
    """Within ten minutes of its end, and of the answer before alone."""
    found = list(signals([later, asked(0)], "web"))

    assert [(said.name, said.verdict) for said in found] == ([expected] if expected else [])
    assert all((said.request_id, said.tenant, said.source, said.at) == ("r0", "web", "implicit", later.at) for said in found)


def test_asking_again_after_a_failure_says_nothing():
    """Whoever had no answer has none to judge."""
    assert list(signals([asked(0, answered=False), asked(30)], None)) == []


def test_another_beginning_may_be_another_conversation():
    """A session may hold many; the same words again are the same all the same."""
    assert list(signals([asked(0, before=BEGINNING), asked(30, before=BEGINNING, message=2)], None)) == []
    assert [said.name for said in signals([asked(0, before=BEGINNING), asked(30, before=BEGINNING)], None)] == ["regenerate"]


def test_the_same_signal_has_the_same_id():
    """Found again at the next look, it is the same opinion."""
    first, again = (next(iter(signals([asked(0), asked(30)], None))) for _ in range(2))

    assert first == again
    assert first.id
