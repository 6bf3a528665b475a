"""What the ledger, its summary and the page Cost say was spent is what the providers bill, to the pico-dollar; what nobody can know is counted."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import anthropic
import msgspec
import openai
import pytest

from tests.e2e.asking import SHAPES, ask, body, user
from tests.e2e.own import Own, eventually, own, sim_of
from tests.e2e.world import ROUTES, UNMOVED
from turnout.sim import cases
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import Fleet, SimModel, SimProvider, default_fleet
from turnout.types.models import Feature
from turnout.types.money import PICO_PER_USD

REQUESTS = 240
KINDS = (
    "auto", "support", "code", "default", "openai-first", "anthropic-first", "quick", "shared", "audited", "kept-openai", "checked",
    "sim-openai/medium",
)  # fmt: skip
TASKS = ("customer_support", "code_generation", "math", "translation", "summarization")
LONG = [user("Once upon a time there was a router. " * 60), {"role": "assistant", "content": "Go on."}]
"""Long enough for a prompt cache; read again by all who end it otherwise."""
CAN = int(Feature.TOOLS | Feature.TOOL_CHOICE | Feature.STREAMING | Feature.STOP | Feature.JSON_MODE)


def model(name: str, right: float = 0.9) -> SimModel:
    return SimModel(name, 0.7, 2.3, 64_000, 8_000, 140, 320, 110, {"default": (right, right, right)}, CAN)


ODD = ("odd/unpriced", "odd/silent", "odd/breaks", "odd/left")
"""What they bill cannot be known: no price; no usage told; a stream that breaks off; one that its client left."""
FLEET = msgspec.structs.replace(
    default_fleet(time_scale=0),
    providers=(
        *default_fleet(time_scale=0).providers,
        SimProvider("sim-rough", "openai-chat", (model("rough", 0.5),)),
        SimProvider("odd", "openai-chat", tuple(map(model, ("unpriced", "silent", "breaks", "left", "sure")))),
    ),
)
MORE = """\
  checked:
    static: sim-anthropic/steady
    cascade: [{model: sim-rough/rough, check: [python_compiles]}]
  saved-by-another:
    static: odd/sure
    cascade: [{model: odd/silent, check: [python_compiles]}]
  default:"""
FAULTS = (
    {"fault": {"kind": "no_usage"}, "model": "odd/silent"},
    {"fault": {"kind": "cut", "after": 2}, "model": "odd/breaks"},
    {"fault": {"kind": "stall", "after": 2}, "model": "odd/left"},
    {"fault": {"kind": "server_error"}, "model": "sim-openai/small", "probability": 0.2},
    {"fault": {"kind": "rate_limited"}, "model": "sim-anthropic/swift", "probability": 0.2},
)


class Books(msgspec.Struct):
    """The providers' invoice by model, the ledger's rows, what it says in sum. ``cached`` tokens were billed for less; ``odd`` requests cost something unknown."""

    invoice: dict[str, int]
    rows: list[tuple[str, int | None, str]]
    summary: Any
    pages: dict[str, Any]
    csv: str
    cached: int
    odd: int


def policy(fleet: Fleet, ports: Ports) -> str:
    text = policy_yaml(fleet, ports, routes=ROUTES.replace("  default:", MORE)) + UNMOVED
    priced = re.compile(r"(  odd/unpriced:\n(?:    (?!price).*\n)*)    price:.*\n")
    assert priced.search(text)
    return priced.sub(r"\1", text)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    with sim_of(FLEET) as sim, own(tmp_path_factory.mktemp("invoices"), sim, lambda ports: policy(FLEET, ports)) as gateway:
        gateway.inject(*FAULTS)
        for n in range(REQUESTS):
            usual(gateway, n)
        odd = unknowable(gateway)
        asked = REQUESTS + odd
        eventually(lambda: summary(gateway)["requests"] == asked, "all in the ledger")
        eventually(lambda: sum(n for n, _, _ in parts(cost(gateway, "route")).values()) == asked, "all in the sums")
        yield Books(
            {name: model["billed_pico"] for name, model in gateway.stats()["models"].items() if model["billed_pico"]},
            sqlite3.connect(gateway.data_dir / "ledger.db")
            .execute("select model, cost_pico, request_id from attempts")
            .fetchall(),
            summary(gateway),
            {by: cost(gateway, by) for by in ("model", "route", "provider")},
            gateway.control_get("/api/pages/cost/parts.csv?window=24h&by=model").body.decode(),
            read(gateway, "select sum(cache_read) from attempts")[0][0],
            odd,
        )


def usual(gateway: Own, n: int) -> None:
    """Every kind of route and shape, streams, sessions, prompts that were read before."""
    front, asks_for = ("openai", "anthropic")[n % 2], KINDS[n % len(KINDS)]
    shapes = [shape for shape in SHAPES if shape != "length"]
    if n % 5 == 0:
        asked = {"model": asks_for, "max_tokens": 300, "messages": [*LONG, user(f"What then, {n}?")]}
    elif n % 5 < 4:
        asked = {"model": asks_for, "max_tokens": 900, "messages": [user(cases.case(TASKS[n % 5], n % 50).prompt)]}
    else:
        asked = body(shapes[n // 5 % len(shapes)], front, asks_for)  # type: ignore[arg-type]  # one of the two
    with suppress(openai.APIError, anthropic.APIError):  # where both models of a chain refuse: that is free
        ask(gateway.sdk(front), asked, stream=n % 4 < 2, headers={"x-turnout-session": f"s{n % 7}"} if n % 3 == 0 else None)


def unknowable(gateway: Own) -> int:
    """How many requests were asked whose cost nobody can tell."""
    client, prompt = gateway.sdk("openai"), [user(cases.case("code_generation", 3).prompt)]
    for n in range(6):
        ask(client, {"model": "odd/unpriced", "messages": prompt}, stream=n % 2 == 0)
        answer = gateway.post("/v1/chat/completions", {"model": "odd/silent", "messages": prompt, "stream": n % 2 == 0})
        assert answer.status == 200
        with pytest.raises(openai.APIError):
            for _ in client.chat.completions.create(model="odd/breaks", messages=prompt, stream=True):
                pass
        left = client.chat.completions.create(model="odd/left", messages=prompt, stream=True)
        next(iter(left))
        left.close()
        # The arm that tells no usage answers half of these; where its code does not compile, another answers, whose price is known.
        told = {"model": "saved-by-another", "messages": [user(cases.case("code_generation", 100 + n).prompt)]}
        assert gateway.post("/v1/chat/completions", told).status == 200
    return 30


def summary(gateway: Own) -> Any:
    return gateway.control_get("/api/summary?window=0").json


def cost(gateway: Own, by: str = "model") -> Any:
    return gateway.control_get(f"/api/pages/cost?window=24h&by={by}").json


def read(gateway: Own, query: str) -> list[Any]:
    with closing(sqlite3.connect(gateway.data_dir / "ledger.db")) as ledger:
        return ledger.execute(query).fetchall()


def figure(page: Any, name: str) -> Any:
    return next(
        one
        for section in page["sections"]
        for block in section["blocks"]
        for one in block.get("figures", ())
        if one["name"] == name
    )


def parts(page: Any) -> dict[str, tuple[int, int, int]]:
    """Requests or calls, pico-dollars, and those of unknown price."""
    [table] = [block for section in page["sections"] for block in section["blocks"] if block.get("id") == "parts"]
    rows = [[cell["value"] if isinstance(cell, dict) else cell for cell in row] for row in table["rows"]]
    return {row[0]: (row[1], row[2], row[4]) for row in rows}


def known(books: Books) -> dict[str, int]:
    """The invoice without what nobody can know."""
    return {name: billed for name, billed in books.invoice.items() if name not in ODD}


def test_each_call_is_as_it_was_billed(books: Books) -> None:
    """By model: what all attempts of the ledger cost, failed checks and cached tokens included, is what the provider bills for it."""
    spent: Counter[str] = Counter()
    for name, pico, _ in books.rows:
        spent[name] += pico or 0

    assert +spent == known(books)
    assert {name for name, pico, _ in books.rows if pico is None} == set(ODD)
    assert all(books.invoice[name] > 0 for name in ODD)
    assert books.cached > 1000
    assert books.summary["fallbacks"] > 10
    assert {"sim-rough/rough", "sim-anthropic/steady", "odd/sure"} <= known(books).keys()


def test_sums_are_the_invoice(books: Books) -> None:
    """The summary and the page Cost, by route: all but what was called beside a call of unknown cost, which is in neither."""
    beside = books.invoice["odd/sure"]
    billed = sum(known(books).values()) - beside
    total = figure(books.pages["route"], "Cost")

    assert beside > 0
    assert round(books.summary["cost_usd"] * PICO_PER_USD) == total["value"] == billed
    assert sum(pico for _, pico, _ in parts(books.pages["route"]).values()) == billed


def test_the_page_by_model_is_each_invoice(books: Books) -> None:
    """Each model's row, each provider's, and the file for the accountant."""
    rows, providers = parts(books.pages["model"]), parts(books.pages["provider"])
    by_provider: Counter[str] = Counter()
    for name, billed in known(books).items():
        by_provider[name.partition("/")[0]] += billed

    assert {name: pico for name, (_, pico, _) in rows.items() if pico} == known(books)
    assert {name: pico for name, (_, pico, _) in providers.items()} == by_provider
    for name, billed in known(books).items():
        assert re.search(
            rf"^{name},\d+,{billed // PICO_PER_USD}\.{billed % PICO_PER_USD:012}".rstrip("0"), books.csv, re.MULTILINE
        )


def test_what_is_unknown_is_counted_and_seen(books: Books) -> None:
    """Every request that billed something unknown: whether it was served, broke off, or was left by its client."""
    rows, total = parts(books.pages["model"]), figure(books.pages["model"], "Cost")

    assert books.summary["unpriced"] == books.odd
    assert (total["note"], total["tone"]) == (f"and {books.odd} of unknown price", "warn")
    assert {name: unpriced for name, (_, _, unpriced) in rows.items() if unpriced} == {
        "odd/unpriced": 6, "odd/silent": 12, "odd/breaks": 6, "odd/left": 6,
    }  # fmt: skip
    assert len({request for _, pico, request in books.rows if pico is None}) == books.odd
    assert sum(unpriced for _, _, unpriced in parts(books.pages["route"]).values()) == books.odd
