"""Nothing that a caller or a provider writes becomes a label: a metric has as many series as the policy has names."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.fake_transport import Answer, FakeIncoming
from tests.support.gateway import House, ask, house
from tests.support.virtual_time import LoopClock, VirtualLoop
from turnout.errors import FAULT_NAMES, Code
from turnout.metrics import Counts
from turnout.telemetry.figures import Figures
from turnout.telemetry.names import BOTH

UNMOVED = "health: {consecutive: 1000000, samples: 1000000, quarantine: 1ms, check: none}\nquota: {shadow: true}\n"
"""Else everything would be put out after some examples, and no label but that be seen."""

PATHS = ("/v1/chat/completions", "/v1/messages")
KNOWN = ("auto", "code", "default", "support", "sim-openai/small", "sim-anthropic/swift", "sim-local/coder")
OUTCOMES = {"ok", "rejected", "failed", "cut", "cancelled"}
KINDS = {"uncached", "cache_read", "cache_write", "visible", "reasoning"}
SKIPS = {"ejected", "quota", "retries", "degraded", "budget", "deadline"}


class Whimsical:
    """A provider that says what it likes: any status, any model's name, any error."""

    def __init__(self) -> None:
        self.answer = Answer()

    async def send(self, request: Any, *, connect_timeout: float) -> FakeIncoming:
        return FakeIncoming(self.answer)

    async def close(self) -> None:
        pass


class Rooms:
    """A gateway for all examples, and the loop that it lives on."""

    def __init__(self, directory: Path) -> None:
        self.provider = Whimsical()
        self.house: House = house(directory, self.provider, more=UNMOVED, clock=LoopClock())
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)

    @property
    def counts(self) -> Counts:
        return self.house.gateway.metrics.counts()

    def ask(self, path: str, body: dict[str, Any], answer: Answer, **headers: str) -> None:
        self.provider.answer = answer
        self.runner.run(ask(self.house.app, path, body, **headers))


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rooms]:
    running = Rooms(tmp_path_factory.mktemp("labels"))
    yield running
    running.runner.close()


_text = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20)
_names = st.sampled_from(KNOWN) | _text
_bodies = st.fixed_dictionaries(
    {"model": _names, "messages": st.just([{"role": "user", "content": "hello"}]), "max_tokens": st.just(100)},
    optional={
        "stream": st.booleans(), "user": _text, "metadata": st.dictionaries(_text, _text, max_size=2),
        "turnout": st.fixed_dictionaries({}, optional={"tags": st.dictionaries(_text, _text, max_size=2), "session": _text, "route": _names}),
    },
)  # fmt: skip


def _answered(status: int, model: str, text: str) -> Answer:
    answer = {
        "id": text, "model": model, "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    }  # fmt: skip
    error = {"type": "error", "error": {"type": text, "message": text, "code": model}}
    return Answer(
        json.dumps(answer if status == 200 else error).encode(), status=status, headers={"content-type": "application/json"}
    )


_answers = st.builds(_answered, st.sampled_from([200, 200, 400, 401, 404, 418, 429, 500, 529]), _text, _text)


@example(
    body={"model": "sim-openai/small", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100},
    path=PATHS[0], session="s", tag="web", answer=_answered(200, "m", "hello"),
)  # fmt: skip
@given(body=_bodies, path=st.sampled_from(PATHS), session=_text, tag=_text, answer=_answers)
def test_no_text_of_others_becomes_a_label(
    rooms: Rooms, body: dict[str, Any], path: str, session: str, tag: str, answer: Answer
) -> None:
    """Whatever they send, and whatever comes back: labels are names of the policy and closed sets of words."""
    rooms.ask(path, body, answer, **{"x-turnout-session": session, "x-turnout-tags": f"team={tag}"})

    view = rooms.house.gateway.snapshot.view
    routes, models = {"", "direct", *(route.name for route in view.policy.routes)}, {"", *view.slots}
    allowed = {
        "turnout_requests": (routes, models, OUTCOMES, {"", *Code}),
        "turnout_attempts": (models, {"ok", *FAULT_NAMES.values()}),
        "turnout_fallbacks": (routes, models),
        "turnout_cost_usd": (routes, models),
        "turnout_cost_unknown": (routes, models),
        "turnout_input_tokens": (models, KINDS),
        "turnout_output_tokens": (models, KINDS),
        "turnout_skipped": (models, SKIPS),
        "turnout_decision_seconds": (),
        "turnout_request_duration_seconds": (routes, models),
        "turnout_time_to_first_token_seconds": (routes, models),
    }
    counts = rooms.counts
    for name, series in (*counts.counters.items(), *counts.buckets.items()):
        for labels in series:
            assert all(label in known for label, known in zip(labels, allowed[name], strict=True)), (name, labels)


def test_the_fuzz_reached_the_counters(rooms: Rooms) -> None:
    """Or it would have shown nothing: answers, failures and refusals were all counted by it."""
    outcomes = {labels[2] for labels in rooms.counts.counters["turnout_requests"]}
    assert {"ok", "failed", "rejected"} <= outcomes


def test_otlp_has_no_more(rooms: Rooms) -> None:
    """But for what providers call their models, whose number is bounded."""
    figures = Figures()
    for record in rooms.house.journal.records:
        figures.count(record)
    keys = {key for point in figures.points(BOTH) for key in point.attributes}

    assert keys <= {
        "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.token.type",
        "gen_ai.token.modality", "error.type",
    }  # fmt: skip
