"""Asking a model on our own behalf: for a judge's opinion, or a benchmark's case. Nothing of a client's is in it, and nobody waits."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from turnout.checks.answer import Answer, answer_of
from turnout.decide.classify import classify
from turnout.decide.compiled import View
from turnout.decide.decide import decide
from turnout.dialects.registry import DIALECTS
from turnout.errors import Code, ProviderFault, TurnoutError
from turnout.serve.book import Book
from turnout.serve.copies import NoClient
from turnout.serve.plan import execute
from turnout.serve.worker import Gateway, Request, Snapshot, request_id
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage
from turnout.types.suite import Asked
from turnout.types.traits import Hints

PATIENCE = 60.0
"""Seconds that a question waits for its model to have room, where the policy's own patience is shorter."""

_FRONT = DIALECTS["openai-chat"]
_ITS_OWN_FAULT = {Code.INVALID_REQUEST, Code.NO_CANDIDATE, Code.TOO_LARGE, Code.MODEL_NOT_FOUND}
_OURS = frozenset({"model", "max_tokens", "max_completion_tokens", "stream", "stream_options", "turnout"})
"""Keys of a body that are ours to set."""


class _Client(NoClient):
    """It keeps what it is told."""

    def __init__(self) -> None:
        self.body = b""

    async def send(self, data: bytes) -> None:
        self.body += data


class Question(msgspec.Struct, frozen=True):
    """For ``model`` and for no other. ``body`` is an openai-chat request without a model, ``longest`` the tokens its answer may have.

    ``tags`` say what it is for, ``copy_of`` stands in its record; ``max_cost`` bounds all its calls. ``seed`` None: one is drawn.
    """

    model: str
    body: Mapping[str, Any]
    longest: int
    tags: Mapping[str, str]
    copy_of: str
    max_cost: PicoDollars | None = None
    seed: int | None = None


class Own:
    """A question of ours, decided and not yet asked. ``book`` has its record."""

    def __init__(self, book: Book, longest: int) -> None:
        self.book = book
        self._longest = longest
        self._client = _Client()

    @property
    def most(self) -> Usage:
        """What it takes at most."""
        assert self.book.traits is not None, "it has been classified"
        return Usage(input=self.book.traits.tokens_max, output=self._longest)

    async def ask(self) -> None:
        """Ask, and write the record, however it goes; the book says how it went."""
        try:
            await execute(self.book, self._client)
        finally:
            self.book.close()

    def answer(self) -> Answer:
        """What was answered. Raises ProviderFault: nothing that can be read."""
        return answer_of(_FRONT.read_reply(self._client.body))


def prepared(gateway: Gateway, snapshot: Snapshot, question: Question) -> Own:
    """With no headers, no key and no session; whoever waits for an answer goes first.

    Raises:
        TurnoutError: the model is not known, or cannot take it.
    """
    view, model, at = snapshot.view, question.model, gateway.clock.now()
    said = {key: value for key, value in question.body.items() if key not in _OURS}
    ask = _FRONT.ask(msgspec.json.encode({**said, "model": model, _limit(view, model): question.longest}))
    hints = Hints(tags={"latency": "batch", **question.tags}, max_cost=question.max_cost)
    chance = gateway.clock.seed()
    seed = chance if question.seed is None else question.seed
    request = Request(request_id(at, chance), seed, at, gateway.clock.steady(), _FRONT, ask, hints, None)
    book = Book(gateway, snapshot, request)
    book.copy_of = question.copy_of
    book.traits = classify(ask.sketch, hints, front=_FRONT.name, caller=None, held=None)
    book.decided = decide(view, book.traits, seed)
    return Own(book, question.longest)


async def ask_own(gateway: Gateway, snapshot: Snapshot, question: Question) -> Asked:
    """Ask, and say what came of it. ``rejected``: this model cannot be asked this; ``failed``: nobody answered."""
    try:
        own = prepared(gateway, snapshot, question)
    except TurnoutError as refused:
        return Asked("rejected", cost=PicoDollars(0), error=refused.message)
    decided = own.book.decided
    assert decided is not None, "it has just been decided"
    patient = replace(decided.plan, patience=max(decided.plan.patience, PATIENCE))
    own.book.decided = replace(decided, plan=patient)
    await own.ask()
    return _told(own)


def _told(own: Own) -> Asked:
    done = own.book.execution
    usage = done.usage or Usage()
    # The last call's own time: what went before it was waiting for room, which says nothing of the model.
    last = done.attempts[-1] if done.attempts else None
    asked = Asked(
        done.outcome, ms=last.ended_ms - last.started_ms if last is not None else 0.0, cost=done.cost, tokens_in=usage.total_input,
        tokens_out=usage.total_output, request=own.book.request.id,
    )  # fmt: skip
    if done.outcome != "ok":
        fault = done.error
        cannot = fault is not None and fault.code in _ITS_OWN_FAULT
        return replace(
            asked, outcome="rejected" if cannot else "failed", error=fault.message if fault is not None else done.outcome
        )
    try:
        answer = own.answer()
    except ProviderFault as odd:
        return replace(asked, outcome="failed", error=f"the answer cannot be read: {odd}")
    return replace(asked, text=answer.text, calls=answer.tool_calls, finish=answer.finish)


def _limit(view: View, model: str) -> str:
    """What its provider calls the longest answer."""
    provider = model.partition("/")[0]
    quirks = next((each.quirks for each in view.policy.providers if each.id == provider), frozenset[str]())
    return "max_tokens" if "max_tokens_param" in quirks else "max_completion_tokens"
