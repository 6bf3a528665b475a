"""A model's opinion of another model's answer: on a sample, within a day's budget, while nobody waits."""

import secrets
from hashlib import blake2b

from turnout.checks.answer import Answer
from turnout.errors import ProviderFault, TurnoutError
from turnout.serve.book import Book
from turnout.serve.own import Own, Question, prepared
from turnout.serve.rubric import asked, score_of
from turnout.serve.said import said
from turnout.types.feedback import Feedback
from turnout.types.policy import Judging

LONGEST_VERDICT = 2_000
"""Tokens that a judge may take, thinking included."""


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
    assert book.decided is not None, "what was answered has been decided"
    route = book.decided.route.name
    try:
        question = _question(book, rule, route, answer)
    except TurnoutError:  # too long for it, say
        return "no_judge"
    gateway = book.gateway
    amount = book.snapshot.world.charge(rule.model, question.most)
    if amount is None:
        return "no_price"
    held = await gateway.grader.purse.hold(route, amount, rule.budget, gateway.clock.now())
    if held is None:
        return "no_budget"
    try:
        await question.ask()
    finally:
        gateway.grader.purse.settle(held, question.book.execution.cost)
    if question.book.execution.outcome != "ok":
        return "failed"
    return _conclude(book, rule, question)


def _conclude(book: Book, rule: Judging, question: Own) -> str:
    try:
        score = score_of(question.answer().text)
    except ProviderFault:
        score = None
    if score is None:
        return "no_score"
    id_, now = f"judge:{book.request.id}:{rule.model}", book.gateway.clock.now()
    book.gateway.journal.append(
        Feedback(id_, now, "judge", "judge", book.request.id, name=rule.model, value=score, verdict=score / 10)
    )
    return "scored"


def _question(book: Book, rule: Judging, route: str, answer: Answer) -> Own:
    """With nothing in it of the client's but what is judged. Raises TurnoutError: the judge cannot take it."""
    judged = book.request
    messages = asked(said(judged), answer.text, f"=== {secrets.token_hex(12)}", rule.prompt)
    question = Question(
        rule.model, {"messages": messages}, LONGEST_VERDICT, {"judge_of": route}, copy_of=judged.id, seed=judged.seed
    )
    return prepared(book.gateway, book.snapshot, question)


def _kin(book: Book, model: str) -> str:
    """The model it is, wherever it is served."""
    slot = book.snapshot.view.slots.get(model)
    return slot.kin if slot is not None else model
