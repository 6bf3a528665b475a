"""One call in ten fails, at random, in every way the sim knows, at every model: no wrong answer, no double bill, hardly a failed request."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import msgspec
import pytest
from bench import books, free_port
from bench.askers import Askers, Front, Heard, Question
from bench.books import NOT_TOLD, Row, Tokens
from bench.fleet import fleet, policy, serving_fleet

from tests.e2e_load.running import serving, until
from turnout.dialects.registry import DIALECTS
from turnout.sim import cases
from turnout.sim.answer import PIECE
from turnout.sim.brain import Thought, think
from turnout.sim.faults import Fault, Rule, Script
from turnout.types.reply import Text, Usage

SHARE = 0.1
FAULTS = (
    Fault("rate_limited"),
    Fault("rate_limited", retry_after=0.5),
    Fault("overloaded"),
    Fault("server_error"),
    Fault("unavailable"),
    Fault("slow_first_token", seconds=0.2),
    Fault("stall", after=None),
    Fault("stall", after=0),
    Fault("stall", after=2, seconds=0.2),
    Fault("stall", after=2),
    *(Fault(kind, after=after) for kind in ("cut", "reset") for after in (None, 0, 2)),
    *(Fault(kind, after=after) for kind in ("truncated", "broken_json", "error_in_200") for after in (0, 2)),
    Fault("wrong_usage"),
    Fault("no_usage"),
    Fault("quality_drop", factor=0.0),
)  # fmt: skip
PATIENT = {"slow_first_token", "stall"}
"""Kinds that end in a whole answer when they do not last."""

HARMLESS = {"wrong_usage", "no_usage", "quality_drop"}
TIMEOUTS = {"connect": "1s", "first_token": "1s", "idle": "1s", "total": "1s"}
FLEET = fleet()
MODELS = FLEET.models()


def rules() -> tuple[Rule, ...]:
    """All faults alike often, together in SHARE of all calls: a rule is asked only when those before it did not strike."""
    each = SHARE / len(FAULTS)
    return tuple(Rule(fault, probability=each / (1 - n * each)) for n, fault in enumerate(FAULTS))


SCRIPT = Script(rules(), seed=FLEET.seed)


def question(n: int) -> Question:
    """Half of them have a right answer, that some models know and some do not; the others are answered with their own words."""
    fronts: tuple[Front, ...] = ("openai-chat", "anthropic-messages")
    known = cases.case(("math", "extraction", "customer_support")[n % 3], n).prompt
    return Question(fronts[n % 2], n % 4 >= 2, known if n % 8 < 4 else f"Question {n} on trains: how long does number {n} take?")


class Run(msgspec.Struct, frozen=True):
    heard: Sequence[Heard]
    rows: dict[str, Row]
    stats: Any


def run(folder: Path, requests: int, rate: float) -> Run:
    sim = free_port()
    with serving_fleet(sim), serving(folder, policy(sim, timeouts=TIMEOUTS), workers=2) as turnout:
        inject = HttpRequest(f"http://127.0.0.1:{sim}/sim/faults", msgspec.json.encode(rules()))
        urlopen(inject, timeout=5).close()
        askers = Askers(turnout.url, rate, question)
        asyncio.run(askers.run(requests))
        ledger = turnout.data_dir / "ledger.db"
        until(lambda: books.count(ledger) >= requests, "all requests in the ledger")
        with urlopen(f"http://127.0.0.1:{sim}/sim/stats", timeout=5) as stats:
            return Run(askers.heard, books.rows(ledger), msgspec.json.decode(stats.read()))


class Truth(msgspec.Struct, frozen=True):
    """What the sim must have said in one call, and what it told of its tokens. ``pieces``: content events of it, as a stream."""

    fault: Fault | None
    text: str
    usage: Usage
    told: Tokens
    pieces: int


def truth(heard: Heard) -> Truth:
    """Of the call whose answer was served; its number is in the answer."""
    serial = int(heard.said.id.removeprefix("sim-"))
    fault = SCRIPT.choose(heard.model, serial, 0.0)
    thought = thought_of(heard.question, heard.model, fault.factor if fault and fault.kind == "quality_drop" else 1.0)
    text = "".join(part.text for part in thought.choice.parts if isinstance(part, Text))
    usage, factor = thought.usage, fault.factor if fault and fault.kind == "wrong_usage" else 1.0
    told = (int(usage.input * factor), usage.cache_read, int(usage.total_output * factor))
    if fault and fault.kind == "no_usage":
        told = NOT_TOLD
    return Truth(fault, text, usage, told, -(-len(text) // PIECE) + 1)


def passes(fault: Fault, true: Truth, *, stream: bool) -> bool:
    """Whether an answer is whole in spite of it: it does no harm, it does not last, or the answer was over before."""
    over = stream and fault.after is not None and fault.after >= true.pieces
    return over or fault.kind in HARMLESS or (fault.kind in PATIENT and fault.seconds < 1)


@lru_cache(100_000)
def thought_of(asked: Question, model: str, factor: float) -> Thought:
    dialect = DIALECTS[asked.front]
    return think(model, MODELS[model], dialect.to_hub(dialect.ask(asked.body)), seed=FLEET.seed, factor=factor)


def problem(heard: Heard, row: Row) -> str | None:
    """What is wrong with an answer or its bill."""
    true = truth(heard)
    fault = true.fault
    if not heard.ok:
        is_prefix = true.text.startswith(heard.said.text) and heard.said.text != ""
        return (
            None if is_prefix and heard.said.error and not heard.said.ended else "a cut answer that is not the answer's beginning"
        )
    if fault is not None and not passes(fault, true, stream=heard.question.stream):
        return f"whole, in spite of {fault}"
    if heard.said.text != true.text:
        return f"another answer than {true.text!r}"
    served, failed = row.tried[-1], row.tried[:-1]
    told = Usage(input=true.told[0], cache_read=true.told[1], output=true.told[2])
    if (served.tokens or NOT_TOLD) != true.told or served.cost != (
        None if true.told == NOT_TOLD else MODELS[heard.model].bill(told)
    ):
        return f"billed {served}, told {told}"
    if any(one.cost for one in failed):
        return f"a failed attempt was billed: {failed}"
    return None


def wrong(seen: Run) -> list[tuple[str, Heard, Row]]:
    served = (one for one in seen.heard if one.status == 200)
    return [(said, one, seen.rows[one.id]) for one in served if (said := problem(one, seen.rows[one.id])) is not None]


def check(seen: Run, success: float) -> None:
    """Print the figures and hold them to the promise."""
    cut = [one for one in seen.heard if one.status == 200 and not one.ok]
    failed = [one for one in seen.heard if one.status != 200]
    servable = len(seen.heard) - len(cut)
    calls = sum(len(row.tried) for row in seen.rows.values())
    amplification = calls / len(seen.heard)
    served = [one for one in seen.heard if one.ok]
    wrongs = wrong(seen)
    print(
        f"{len(seen.heard)} requests, {sum(seen.stats['faults'].values())} faults in {calls} calls: {len(failed)} failed "
        f"({100 * (1 - len(failed) / servable):.3f} % success), {len(cut)} cut past their commit, {len(wrongs)} wrong, "
        f"{amplification:.3f} calls a request; statuses {dict(Counter(one.status for one in failed))}"
    )

    assert wrongs == []
    assert books.disagreements((one for one in seen.heard if one.status != 200 or one.ok), seen.rows) == []
    assert len({one.said.id for one in served}) == len(served), "no call's answer was given twice"
    by_model = Counter(one.model for row in seen.rows.values() for one in row.tried)
    assert by_model == Counter({name: model["requests"] for name, model in seen.stats["models"].items() if model["requests"]})
    billed = sum(MODELS[one.model].bill(truth(one).usage) for one in served)
    assert billed == sum(cell["billed_pico"] for cell in seen.stats["cells"]), "each whole answer of the sim was served once"
    assert 1 - len(failed) / servable >= success
    assert amplification <= 1.2


def test_few_requests_notice_random_faults(tmp_path):
    """Four hundred requests."""
    check(run(tmp_path, 400, 250), success=0.98)


@pytest.mark.slow
def test_random_faults_of_fifty_thousand_requests(tmp_path):
    """Zero wrong answers, zero double billing, 99.8 % served of what could be, at most 1.2 calls a request."""
    check(run(tmp_path, 50_000, 250), success=0.998)
