"""The fault matrix: every cell is as docs/reference/fault-matrix.md publishes it, and the official SDKs raise what they should."""

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import msgspec
import openai
import pytest
from tools.fault_matrix.cells import Cell, Key, all_cells
from tools.fault_matrix.client import Answer, question
from tools.fault_matrix.judge import Outcome, judge
from tools.fault_matrix.page import PAGE, differences, read, write
from tools.fault_matrix.run import WAITING, Matrix, Stage, play, staged
from tools.fault_matrix.sound import FALLBACK, PRIMARY, Dialect

CELLS = all_cells()
WAYS = 8
"""Cells of one fault, phase and way of asking: dialects of client and provider, and whether somebody is behind."""
SDK_RETRIES = 2
ODD = 20
"""Cells that may differ at first; more than these have no machine to blame."""
RAISED: dict[Dialect, dict[str, type[Exception]]] = {
    "openai-chat": {
        "400": openai.BadRequestError,
        "413": openai.APIStatusError,
        "429": openai.RateLimitError,
        "502": openai.InternalServerError,
        "504": openai.InternalServerError,
        "cut": openai.APIError,
    },
    "anthropic-messages": {
        "400": anthropic.BadRequestError,
        "413": anthropic.RequestTooLargeError,
        "429": anthropic.RateLimitError,
        "502": anthropic.InternalServerError,
        "504": anthropic.DeadlineExceededError,
        "cut": anthropic.APIStatusError,
    },
}
"""What the client gets, by its first word -> the class that its SDK promises for it."""
TEXTS = {"its answer": PRIMARY.text, "fallback": FALLBACK.text}


def some(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Of the ways each fault can be met two opposite ones, by turns: each dialect on each side, with a fallback and without."""
    return tuple(cell for n, cell in enumerate(cells) if n % WAYS in ((n // WAYS) % 4, WAYS - 1 - (n // WAYS) % 4))


@pytest.fixture(scope="module", params=["some", pytest.param("all", marks=pytest.mark.slow)])
def cells(request: pytest.FixtureRequest) -> tuple[Cell, ...]:
    """A quarter of them; `make soak` asks all."""
    return some(CELLS) if request.param == "some" else CELLS


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module")
def stage(runner: asyncio.Runner, cells: tuple[Cell, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The gateway, and the provider behind it in this process."""
    staging = staged(cells, tmp_path_factory.mktemp("matrix"))
    yield runner.run(staging.__aenter__())
    runner.run(staging.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def matrix(runner: asyncio.Runner, stage: Stage, cells: tuple[Cell, ...]) -> Matrix:
    """Each of these cells, asked for real. One that differs is asked once more: where the machine stands still, another limit strikes first."""
    first = runner.run(play(stage, cells))
    published = read(PAGE.read_text("utf-8"))
    odd = [cell for cell in cells if cell.key in first.problems or published.get(cell.key) != first.outcomes[cell.key]]
    if not odd or len(odd) > ODD:
        return first
    for cell in odd:
        stage.provider.forget(cell.id)
    second = runner.run(play(stage, odd))
    problems = {key: found for key, found in first.problems.items() if key not in second.outcomes}
    return Matrix({**first.outcomes, **second.outcomes}, {**problems, **second.problems})


def test_every_cell_is_as_published(matrix: Matrix) -> None:
    """Two reasons to fail: the program has changed (``python -m tools.fault_matrix --write``), or it has broken."""
    published = read(PAGE.read_text("utf-8"))
    found = differences({key: outcome for key, outcome in published.items() if key in matrix.outcomes}, matrix.outcomes)
    assert not found, "\n".join(found)


def test_client_ledger_and_provider_tell_one_story(matrix: Matrix) -> None:
    """Status, model, attempts, money, once each: in every cell, whatever its row says."""
    assert not matrix.problems, "\n".join(f"{key}: {problem}" for key, found in matrix.problems.items() for problem in found)


def test_the_page_is_current(matrix: Matrix) -> None:
    """It has every cell and no other, and its words are those of what was found."""
    page = PAGE.read_text("utf-8")
    published = read(page)
    assert published.keys() == {cell.key for cell in CELLS}
    assert write({**published, **matrix.outcomes}) == page, "run python -m tools.fault_matrix --write"


def test_some_are_of_every_kind() -> None:
    """What is asked by default has every fault in every phase and way of asking, in each dialect on each side, with a fallback and without."""
    asked = {cell.key for cell in some(CELLS)}
    kinds = {(key.fault, key.phase, key.asked) for key in (cell.key for cell in CELLS)}
    for field in ("front", "back", "behind"):
        values = {getattr(cell.key, field) for cell in CELLS}
        seen = {(key.fault, key.phase, key.asked, getattr(key, field)) for key in asked}
        assert seen == {(*kind, value) for kind in kinds for value in values}


def test_the_sdks_raise_what_they_promise(runner: asyncio.Runner, stage: Stage, matrix: Matrix, cells: tuple[Cell, ...]) -> None:
    """For each thing that a client can get; and their retries do not multiply ours."""
    kinds: dict[tuple[str, str, str], Cell] = {}
    for cell in sorted(cells, key=lambda cell: cell.fault.name in WAITING):
        kinds.setdefault((cell.key.front, cell.key.asked, matrix.outcomes[cell.key].gets), cell)
    before = stage.provider.calls.copy()
    heard = runner.run(asked_by_sdk(stage, tuple(kinds.values())))

    for (front, _, gets), cell in kinds.items():
        expected = TEXTS.get(gets) or RAISED[front][gets.partition(" ")[0]]  # type: ignore[index]  # the keys are dialects
        said = heard[cell.id]
        assert said == expected if isinstance(expected, str) else isinstance(said, expected), f"{cell.key}: {said!r}"
        assert stage.provider.calls[cell.id] - before[cell.id] <= SDK_RETRIES, cell.key
    assert {gets.partition(" ")[0] for _, _, gets in kinds} == {"its", "fallback", *RAISED["openai-chat"]}


async def asked_by_sdk(stage: Stage, cells: tuple[Cell, ...]) -> dict[str, str | Exception]:
    """The text, or what was raised."""
    url = f"http://127.0.0.1:{stage.house.api}"
    async with (
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=SDK_RETRIES) as chat,
        anthropic.AsyncAnthropic(base_url=url, api_key="x", max_retries=SDK_RETRIES) as messages,
    ):
        said = await asyncio.gather(*(_said(chat if cell.key.front == "openai-chat" else messages, cell) for cell in cells))
    return {cell.id: text for cell, text in zip(cells, said, strict=True)}


async def _said(client: Any, cell: Cell) -> str | Exception:
    try:
        if cell.key.front == "openai-chat":
            answer = await client.chat.completions.create(**question(cell.id, stream=cell.stream))
            if not cell.stream:
                return answer.choices[0].message.content
            return "".join([event.choices[0].delta.content or "" async for event in answer if event.choices])
        answer = await client.messages.create(**question(cell.id, stream=cell.stream))
        if not cell.stream:
            return answer.content[0].text
        return "".join([event.delta.text async for event in answer if event.type == "content_block_delta"])
    except (openai.OpenAIError, anthropic.AnthropicError) as error:
        return error


# That the checker itself can fail.

CELL = next(cell for cell in CELLS if cell.fault.name == "503" and cell.key.behind == "fallback" and not cell.stream)
HEADERS = {
    "content-type": "application/json", "x-turnout-model": f"well-{CELL.other}/m", "x-turnout-attempts": "2", "x-turnout-cost-usd": "0.00029",
}  # fmt: skip
BODY = msgspec.json.encode({"choices": [{"message": {"content": FALLBACK.text}}]})
TOLD = Answer(200, HEADERS, BODY, complete=True, seconds=0.02)


def attempt(model: str, fault: str | None, cost: float | None) -> dict[str, Any]:
    return {
        "model": model, "fault": fault, "detail": fault, "cost_usd": cost, "started_ms": 0.0, "ended_ms": 5.0,
        "status": 503 if fault else 200, "upstream_model": FALLBACK.model,
    }  # fmt: skip


def record(**changes: Any) -> dict[str, Any]:
    attempts = [attempt(f"{CELL.id}/m", "unavailable", 0.0), attempt(f"well-{CELL.other}/m", None, 0.00029)]
    return {
        "outcome": "ok", "status": 200, "model": f"well-{CELL.other}/m", "code": None, "stream": False, "route": CELL.id,
        "cost_usd": 0.00029, "duration_ms": 10.0, "attempts": attempts, **changes,
    }  # fmt: skip


def test_a_cell_in_order_has_no_problem() -> None:
    """The ground for the next test."""
    assert judge(CELL, TOLD, record(), 1, 1) == (Outcome("unavailable", "-", "fallback", "free + known"), [])


@pytest.mark.parametrize(
    ("changes", "reached", "saved", "said"),
    [
        ({"outcome": "cut"}, 1, 1, "outcome"),
        ({"status": 502}, 1, 1, "status"),
        ({"model": f"{CELL.id}/m"}, 1, 1, "model"),
        ({"cost_usd": None}, 1, 1, "its attempts"),
        ({"cost_usd": 0.00058}, 1, 1, "its attempts"),
        ({"attempts": [attempt(f"{CELL.id}/m", None, 0.0)]}, 1, 1, "free"),
        ({"attempts": [attempt(f"{CELL.id}/m", None, 0.123)]}, 1, 1, "no price"),
        ({}, 2, 1, "called 2 times"),
        ({}, 1, 0, "called 0 times"),
        ({"attempts": [{**attempt(f"{CELL.id}/m", "timeout", 0.0), "detail": "no answer within the time"}]}, 1, 0, "ended by total"),
    ],
)  # fmt: skip
def test_a_disagreement_is_named(changes: dict[str, Any], reached: int, saved: int, said: str) -> None:
    """Whoever tells another story."""
    _, problems = judge(CELL, TOLD, record(**changes), reached, saved)
    assert any(said in problem for problem in problems), problems


def test_a_difference_names_its_cell() -> None:
    """And what is missing on either side is one."""
    key = Key("503", "headers", "whole", "openai-chat", "openai-chat", "fallback")
    one, other = Outcome("unavailable", "-", "fallback", "free + known"), Outcome("unavailable", "-", "502", "free")
    (line,) = differences({key: one}, {key: other})
    assert line.startswith("503 / headers / whole / openai-chat -> openai-chat / fallback behind: the page says")
    assert differences({key: one}, {}) == [
        f"{key}: the page says [fallback; free + known; fault unavailable, limit -], it is nothing"
    ]
