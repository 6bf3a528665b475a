"""Checks in a process of their own: the same verdicts, each in its time, and nothing that brings the worker down."""

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter

import pytest

from turnout.checks.answer import Answer, Failed
from turnout.checks.checker import Checker
from turnout.checks.verify import verify
from turnout.types.checks import Check, Hook, JsonSchema, JsonValid, PythonCompiles, Regex

ENDLESS = (Regex(r"^(a+)+$"), Answer("a" * 60 + "!"))


@pytest.fixture
async def checker() -> AsyncIterator[Checker]:
    checker = Checker(seconds=0.5)
    yield checker
    await checker.close()


def hook(name: str) -> Hook:
    return Hook(f"tests.unit.checks.hooks:{name}")


@pytest.mark.parametrize("checks", [
    (), (JsonValid(),), (JsonSchema('{"type":"array"}'),), (PythonCompiles(),), (Regex("a"), Regex("b")), (hook("passes"), hook("short")),
    (hook("prints"), Regex("nowhere")),
])  # fmt: skip
async def test_the_verdict_is_the_same(checker: Checker, checks: tuple[Check, ...]) -> None:
    """As in the worker itself, for what passes and what fails; what a hook prints is no verdict."""
    for text in ("a", "[1]", "x = 1\n", "```python\nx = (\n```"):
        assert await checker.verify(checks, Answer(text)) == verify(checks, Answer(text))


async def test_a_check_that_never_ends_has_failed(checker: Checker) -> None:
    """After its seconds, while the worker goes on; the next check finds a new process."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    beside = asyncio.create_task(tick())
    started = perf_counter()
    check, answer = ENDLESS

    assert await checker.verify((check,), answer) == Failed("regex", "it took longer than 0.5 s")
    assert perf_counter() - started < 5
    assert ticks > 10
    beside.cancel()
    assert await checker.verify((Regex("a"),), Answer("a")) is None


async def test_a_clients_schema_cannot_hold_it_either(checker: Checker) -> None:
    """Patterns of a schema, and references that double at each step, end at the same bound."""
    pattern = '{"pattern": "^(a+)+$"}'
    doubling = ",".join(f'"d{n}":{{"allOf":[{{"$ref":"#/$defs/d{n + 1}"}},{{"$ref":"#/$defs/d{n + 1}"}}]}}' for n in range(40))
    for schema in (pattern, f'{{"$ref":"#/$defs/d0","$defs":{{{doubling},"d40":{{}}}}}}'):
        failed = await checker.verify((JsonSchema(),), Answer('"' + "a" * 60 + '!"', schema=schema))
        assert failed == Failed("json_schema", "it took longer than 0.5 s")


@pytest.mark.parametrize(("name", "detail"), [
    ("dies", "its process ended with 3"), ("breaks", "it raised KeyError"), ("closes_the_pipe", "it took longer than 0.5 s"),
])  # fmt: skip
async def test_a_hook_that_breaks_its_process_has_failed(checker: Checker, name: str, detail: str) -> None:
    """And nobody else notices."""
    assert await checker.verify((hook(name),), Answer("a")) == Failed(f"hook:tests.unit.checks.hooks:{name}", detail)
    assert await checker.verify((hook("passes"),), Answer("a")) is None


async def test_a_caller_that_leaves_takes_no_verdict_of_another(checker: Checker) -> None:
    """Its check ends with it; the one that waits gets its own verdict."""
    assert await checker.verify((Regex("a"),), Answer("a")) is None
    check, answer = ENDLESS
    leaving = asyncio.create_task(checker.verify((check,), answer))
    waiting = asyncio.create_task(checker.verify((Regex("b"),), Answer("b")))
    await asyncio.sleep(0.05)
    leaving.cancel()

    assert await waiting is None
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_many_at_once(checker: Checker) -> None:
    """They wait for one another, and each gets its own."""
    texts = ["a", "b"] * 20
    verdicts = await asyncio.gather(*(checker.verify((Regex("a"),), Answer(text)) for text in texts))

    assert [verdict is None for verdict in verdicts] == [text == "a" for text in texts]


async def test_a_text_that_cannot_be_sent_has_failed(checker: Checker) -> None:
    """Half a character is no text."""
    failed = await checker.verify((Regex("a"),), Answer("a\ud800"))

    assert failed == Failed("regex", "a character that UTF-8 does not have")


async def test_quick_checks_start_no_process(checker: Checker) -> None:
    """And closing twice is closing once."""
    assert await checker.verify((JsonValid(),), Answer("{}")) is None
    await checker.close()
    await checker.close()


async def test_it_is_warm_before_the_first_answer_that_needs_it(checker: Checker) -> None:
    """The process that a view's checks need runs when the view is taken up: the first answers do not wait for it."""
    await checker.warm((JsonValid(),))
    assert checker._process is None
    await checker.warm((JsonValid(), Regex("a")))
    started = checker._process
    assert started is not None

    assert await checker.verify((Regex("a"),), Answer("a")) is None
    assert checker._process is started
