"""A model's opinion of another model's answer: on a sample, within a day's budget, while nobody waits."""

import secrets
from hashlib import blake2b

import msgspec

from turnout.checks.answer import Answer, answer_of
from turnout.decide.classify import classify
from turnout.decide.decide import decide
from turnout.dialects.registry import DIALECTS
from turnout.errors import ProviderFault, TurnoutError
from turnout.serve.book import Book
from turnout.serve.copies import NoClient
from turnout.serve.plan import execute
from turnout.serve.rubric import asked, score_of
from turnout.serve.said import said
from turnout.serve.worker import Request, request_id
from turnout.types.feedback import Feedback
from turnout.types.policy import Judging
from turnout.types.reply import Usage
from turnout.types.traits import Hints, Traits

LONGEST_VERDICT = 2_000
"""Tokens that a judge may take, thinking included."""

_FRONT = DIALECTS["openai-chat"]


class Verdict(NoClient):
    """The judge's client: it keeps what it is told."""

    def __init__(self) -> None:
        self.body = b""

    async def send(self, data: bytes) -> None:
        self.body += data


def drawn(rule: Judging, seed: int) -> bool:
    """Whether the request of this seed is in the sample: the same for whoever asks again."""
    digest = blake2b(f"judge\0{seed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 < rule.sample


async def judge(book: Book, rule: Judging, model: str, answer: Answer) -> str:
    """Ask what the judge thinks of ``model``'s answer, and leave its score as feedback. What came of it, in a word."""
    if not answer.text.strip():
        return "no_text"
    if _kin(book, rule.model) == _kin(book, model):
        return "own"
    try:
        copy = _copy(book, rule, answer)
    except TurnoutError:  # too long for it, say
        return "no_judge"
    assert copy.traits is not None, "it has just been classified"
    assert book.decided is not None, "what was answered has been decided"
    gateway, most = book.gateway, _most(copy.traits)
    amount = book.snapshot.world.charge(rule.model, most)
    if amount is None:
        return "no_price"
    held = await gateway.grader.purse.hold(book.decided.route.name, amount, rule.budget, gateway.clock.now())
    if held is None:
        return "no_budget"
    client = Verdict()
    try:
        await execute(copy, client)
    finally:
        gateway.grader.purse.settle(held, copy.execution.cost)
        copy.close()
    if copy.execution.outcome != "ok":
        return "failed"
    return _conclude(book, rule, client.body)


def _conclude(book: Book, rule: Judging, body: bytes) -> str:
    try:
        score = score_of(answer_of(_FRONT.read_reply(body)).text)
    except ProviderFault:
        score = None
    if score is None:
        return "no_score"
    id_, now = f"judge:{book.request.id}:{rule.model}", book.gateway.clock.now()
    book.gateway.journal.append(
        Feedback(id_, now, "judge", "judge", book.request.id, name=rule.model, value=score, verdict=score / 10)
    )
    return "scored"


def _copy(book: Book, rule: Judging, answer: Answer) -> Book:
    """A request of our own, with nothing in it of the client's but what is judged: no headers, no key, no session.

    Raises:
        TurnoutError: the judge cannot take it.
    """
    gateway, view, judged = book.gateway, book.snapshot.view, book.request
    assert book.decided is not None, "what was answered has been decided"
    messages = asked(said(judged), answer.text, f"=== {secrets.token_hex(12)}", rule.prompt)
    body = msgspec.json.encode({"model": rule.model, "messages": messages, _limit(book, rule.model): LONGEST_VERDICT})
    at = gateway.clock.now()
    hints = Hints(tags={"latency": "batch", "judge_of": book.decided.route.name})  # nobody waits: everybody else goes first
    request = Request(
        request_id(at, gateway.clock.seed()), judged.seed, at, gateway.clock.steady(), _FRONT, _FRONT.ask(body), hints, None
    )
    copy = Book(gateway, book.snapshot, request)
    copy.copy_of = judged.id
    copy.traits = classify(request.ask.sketch, hints, front=_FRONT.name, caller=None, held=None)
    copy.decided = decide(view, copy.traits, request.seed)
    return copy


def _limit(book: Book, model: str) -> str:
    """What its provider calls the longest answer."""
    provider = model.partition("/")[0]
    quirks = next((each.quirks for each in book.snapshot.view.policy.providers if each.id == provider), frozenset[str]())
    return "max_tokens" if "max_tokens_param" in quirks else "max_completion_tokens"


def _most(traits: Traits) -> Usage:
    """What one judgement takes at most."""
    return Usage(input=traits.tokens_max, output=LONGEST_VERDICT)


def _kin(book: Book, model: str) -> str:
    """The model it is, wherever it is served."""
    slot = book.snapshot.view.slots.get(model)
    return slot.kin if slot is not None else model
