"""Which model a session stays with."""

import json
from pathlib import Path

from tests.support.fake_transport import Answer, FakeTransport
from tests.support.gateway import ASK, ask, house

ROUTES = """\
routes:
  default: {objective: cost, models: [sim-openai/small, sim-openai/medium, sim-openai/large]}
"""


def saying(text: str) -> Answer:
    message = {"role": "assistant", "content": text}
    body = {
        "id": "1", "object": "chat.completion", "model": "m", "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }  # fmt: skip
    return Answer(json.dumps(body).encode())


async def test_a_short_outage_does_not_move_a_session(tmp_path: Path) -> None:
    """While its model is away a fallback answers; after that it is where it was, and one that was nowhere is nowhere."""
    built = house(tmp_path, FakeTransport(saying("one"), Answer(status=500), saying("two"), saying("three")), routes=ROUTES)
    served = []
    for _ in range(3):
        answered = await ask(built.app, "/v1/chat/completions", ASK, x_turnout_session="talk")
        served.append((answered.headers["x-turnout-model"], answered.headers["x-turnout-reason"]))

    first, during, after = served
    assert during[1] == "fallback"
    assert during[0] != first[0]
    assert after == first
    assert built.gateway.sessions.get("talk", None) == first[0]

    built = house(tmp_path, FakeTransport(Answer(status=500), saying("one")), routes=ROUTES)
    await ask(built.app, "/v1/chat/completions", ASK, x_turnout_session="talk")
    assert built.gateway.sessions.get("talk", None) is None


def test_every_model_that_a_plan_can_name_can_be_called(tmp_path: Path) -> None:
    """The view's models and the world's upstreams are made of the same policy and facts."""
    snapshot = house(tmp_path, FakeTransport()).gateway.snapshot

    assert snapshot.view.slots.keys() <= snapshot.world.pools.keys()
