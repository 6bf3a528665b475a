"""Online graders: what a route has found out of its answers, once they are given (PRODUCT R12)."""

import asyncio

from turnout.checks.answer import Answer
from turnout.checks.verify import applies
from turnout.errors import ProviderFault
from turnout.execute.checking import held_answer
from turnout.serve.aside import aside
from turnout.serve.book import Book
from turnout.serve.ends import PEOPLE
from turnout.serve.graders import JUDGES_AT_ONCE
from turnout.serve.judge import drawn, judge
from turnout.types.checks import Check, name_of
from turnout.types.feedback import Feedback
from turnout.types.policy import After, Judging


def grade(book: Book, after: After, body: bytes, size: int) -> None:
    """Check, and have judged, an answer that a model gave in full. What is left out is counted."""
    done, gateway = book.execution, book.gateway
    if done.outcome != "ok" or done.model is None or done.model == PEOPLE:
        return
    if size > len(body):
        left_out(book, "too_large")
    elif gateway.grader.is_busy:
        left_out(book, "busy")
    else:
        task = asyncio.ensure_future(_graded(book, done.model, after, body))
        gateway.grader.tasks.add(task)
        task.add_done_callback(gateway.grader.tasks.discard)


def left_out(book: Book, reason: str) -> None:
    book.gateway.metrics.add("turnout_online_left_out", (reason,))


async def _graded(book: Book, model: str, after: After, body: bytes) -> None:
    try:
        answer = await aside(len(body), held_answer, book.request.ask, book.request.front, body)
    except ProviderFault:
        left_out(book, "unreadable")
        return
    try:
        await _checked(book, model, after.checks, answer)
        # An answer that is given again was judged, or could have been, when it was made.
        if after.judge is not None and book.execution.reason != "cache" and drawn(after.judge, book.request.seed):
            await _judged(book, model, after.judge, answer)
    except Exception as bug:  # noqa: BLE001 - the top of a task that nobody awaits; its text may hold content, its class does not
        book.gateway.metrics.broke(type(bug).__name__)


async def _checked(book: Book, model: str, checks: tuple[Check, ...], answer: Answer) -> None:
    gateway = book.gateway
    assert book.decided is not None, "what was answered has been decided"
    names = list[str]()
    for check in checks:
        name = name_of(check)
        names.append(name)
        # Two checks of one kind are two opinions.
        called = name if names.count(name) == 1 else f"{name}#{names.count(name)}"
        result = "skipped"
        if applies(check, answer):
            failed = await gateway.grader.checker.verify((check,), answer)
            result, value = ("passed", 1.0) if failed is None else ("failed", 0.0)
            id_ = f"check:{book.request.id}:{called}"
            gateway.journal.append(
                Feedback(id_, gateway.clock.now(), "check", "check", book.request.id, name=called, value=value, verdict=value)
            )
        gateway.metrics.add("turnout_online_checks", (book.decided.route.name, model, called, result))


async def _judged(book: Book, model: str, rule: Judging, answer: Answer) -> None:
    gateway = book.gateway
    assert book.decided is not None, "what was answered has been decided"
    if gateway.grader.judging >= JUDGES_AT_ONCE:
        left_out(book, "busy")
        return
    gateway.grader.judging += 1
    try:
        result = await judge(book, rule, model, answer)
    finally:
        gateway.grader.judging -= 1
    gateway.metrics.add("turnout_judged", (book.decided.route.name, model, result))
