"""Logs of other set-ups, as they really look, made anew each time from a seed: with what is in them summed beside, and rows that are broken.

``write(kind, path, rows)`` writes a log and returns its :class:`Truth`. Text is there for half of the calls.
"""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

START = datetime(2026, 11, 9, tzinfo=UTC)
MODELS = (  # as named, catalog's id, provider, USD per million in and out, share
    ("gpt-4o-2024-08-06", "openai/gpt-4o", "openai", "2.5", "10", 4),
    ("gpt-4o-mini", "openai/gpt-4o-mini", "openai", "0.15", "0.6", 3),
    ("claude-haiku-4-5-20251001", "anthropic/claude-haiku-4-5", "anthropic", "1", "5", 2),
    ("our-own-llama", None, "vllm", "0", "0", 1),
)
PROMPTS = (
    "Where is my parcel? I ordered it last week and the tracking page shows nothing.",
    "Translate to French: the meeting is on Friday at ten.",
    "Write a Python function that merges two sorted lists, with type hints and tests.",
    "Extract the invoice number and the total from this text: Invoice 4711, total 99.50 EUR.",
    "Prove rigorously, step by step, that the algorithm terminates and analyse its amortised complexity, memory ordering, failure atomicity, and trade-offs.",
    "Summarize this thread in two sentences for somebody who was on holiday.",
)
CASES = ("support-bot", "docs-search", "code-review")
BROKEN = ("broken_json", "negative", "nan", "bad_time", "bad_utf8", "duplicate", "no_model", "wrong_type")
"""What is done to a row; every log gets all of them, in turn."""
SECRET = "Where is my parcel"
"""Words of a prompt that no report may show."""


class Truth(msgspec.Struct):
    """What a log holds, summed as it was made. ``dirty`` are the lines that are broken; ``spend`` in pico-dollars."""

    calls: int = 0
    spend: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    errors: int = 0
    dirty: list[int] = []
    by_model: dict[str, int] = {}


class One(msgspec.Struct):
    """One call, before it is written in the words of some log."""

    n: int
    model: str
    provider: str
    at: datetime
    took: float
    first: float | None
    prompt: int
    completion: int
    cost: Decimal
    failed: bool
    case: str
    text: str | None


def ones(rows: int, seed: int) -> Iterator[One]:
    """So many calls."""
    chance = random.Random(seed)
    weights = [model[5] for model in MODELS]
    for n in range(rows):
        name, _, provider, dear_in, dear_out, _ = chance.choices(MODELS, weights)[0]
        prompt, completion = chance.randint(20, 3_000), chance.randint(1, 600)
        failed = chance.random() < 0.03
        if failed:
            completion = prompt = 0
        cost = (prompt * Decimal(dear_in) + completion * Decimal(dear_out)) / 1_000_000
        yield One(
            n, name, provider, START + timedelta(seconds=n * 7 * 86_400 / rows), round(chance.lognormvariate(0.3, 0.6), 3),
            0.2 if chance.random() < 0.4 else None, prompt, completion, cost, failed, chance.choice(CASES),
            chance.choice(PROMPTS) if chance.random() < 0.5 else None,
        )  # fmt: skip


def litellm(one: One) -> dict[str, Any]:
    """A row of LiteLLM_SpendLogs."""
    end = one.at + timedelta(seconds=one.took)
    stamp = "%Y-%m-%dT%H:%M:%S.%f+00:00" if one.n % 2 else "%Y-%m-%d %H:%M:%S.%f"
    first = one.at + timedelta(seconds=one.first) if one.first else end
    metadata: dict[str, Any] = {"user_api_key_alias": f"team-{one.n % 3}", "status": "failure" if one.failed else "success"}
    if one.failed:
        metadata["error_information"] = {
            "error_code": "429",
            "error_class": "RateLimitError",
            "error_message": "too many requests",
        }
    return {
        "request_id": f"chatcmpl-{one.n}", "call_type": "acompletion", "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
        "spend": float(one.cost), "total_tokens": one.prompt + one.completion, "prompt_tokens": one.prompt, "completion_tokens": one.completion,
        "startTime": one.at.strftime(stamp), "endTime": end.strftime(stamp), "completionStartTime": first.strftime(stamp),
        "model": one.model, "model_id": "", "model_group": one.model, "custom_llm_provider": one.provider, "api_base": "https://api.example.com",
        "user": f"user-{one.n % 40}", "metadata": metadata, "cache_hit": "False", "cache_key": "Cache OFF", "request_tags": [one.case],
        "team_id": None, "end_user": "", "requester_ip_address": None, "session_id": f"s-{one.n // 3}", "status": metadata["status"],
        "messages": [{"role": "user", "content": one.text}] if one.text else {}, "response": {},
    }  # fmt: skip


def langfuse(one: One) -> dict[str, Any]:
    """An observation."""
    end = one.at + timedelta(seconds=one.took)
    return {
        "id": f"obs-{one.n}", "traceId": f"trace-{one.n // 2}", "type": "GENERATION", "name": one.case, "model": one.model,
        "startTime": one.at.isoformat().replace("+00:00", "Z"), "endTime": end.isoformat().replace("+00:00", "Z"),
        "completionStartTime": (one.at + timedelta(seconds=one.first)).isoformat() if one.first else None,
        "usageDetails": {"input": one.prompt, "output": one.completion, "total": one.prompt + one.completion},
        "costDetails": {"total": float(one.cost)}, "level": "ERROR" if one.failed else "DEFAULT",
        "statusMessage": "RateLimitError: 429" if one.failed else None, "userId": f"user-{one.n % 40}", "tags": ["prod"], "metadata": {},
        "input": [{"role": "user", "content": one.text}] if one.text else None, "output": {"role": "assistant", "content": "..."},
    }  # fmt: skip


def openai(one: One) -> dict[str, Any]:
    """A request and its response, with the cost that a proxy wrote beside them."""
    request: dict[str, Any] = {"model": one.model, "temperature": 0.2}
    if one.text:
        request["messages"] = [{"role": "system", "content": "You are of help."}, {"role": "user", "content": one.text}]
    response: dict[str, Any] = {
        "id": f"chatcmpl-{one.n}", "object": "chat.completion", "created": int(one.at.timestamp()), "model": one.model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "..."}, "finish_reason": "length" if one.n % 50 == 0 else "stop"}],
        "usage": {"prompt_tokens": one.prompt, "completion_tokens": one.completion, "total_tokens": one.prompt + one.completion,
                  "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}},
    }  # fmt: skip
    if one.failed:
        response = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
    return {
        "id": f"req-{one.n}", "timestamp": one.at.timestamp() * (1000 if one.n % 2 else 1), "request": request, "response": response,
        "status_code": 429 if one.failed else 200, "latency_ms": one.took * 1000, "cost_usd": str(one.cost), "user": f"team-{one.n % 3}",
        "tags": [one.case],
    }  # fmt: skip


def columns(one: One) -> dict[str, Any]:
    """A row of some table."""
    return {
        "id": f"c-{one.n}", "timestamp": one.at.isoformat(), "model": one.model, "prompt_tokens": str(one.prompt), "completion_tokens": str(one.completion),
        "cost_usd": f"{one.cost:f}", "latency_ms": str(round(one.took * 1000)), "status": "429" if one.failed else "200", "app": one.case,
    }  # fmt: skip


KINDS: dict[str, Callable[[One], dict[str, Any]]] = {
    "litellm": litellm,
    "langfuse": langfuse,
    "openai": openai,
    "columns": columns,
}
_NAMES = {  # of the fields that are broken: tokens, cost, time
    "litellm": ("prompt_tokens", "spend", "startTime"), "langfuse": ("usageDetails", "costDetails", "startTime"),
    "openai": ("latency_ms", "cost_usd", "timestamp"), "columns": ("prompt_tokens", "cost_usd", "timestamp"),
}  # fmt: skip


def write(kind: str, path: Path, rows: int, *, seed: int = 7, broken: int = 0, table: bool = False) -> Truth:
    """Write a log of ``rows`` calls and ``broken`` broken rows evenly among them. JSON lines; CSV if ``table``; gzip if the name ends in .gz."""
    truth = Truth()
    out = io.BytesIO()
    every = max(rows // broken, 1) if broken else 0
    line = 0
    fields = list(KINDS[kind](next(ones(1, seed))))
    if table:
        out.write(_csv(fields))
        line = 1
    done, before = 0, None
    for one in ones(rows, seed):
        row = KINDS[kind](one)
        if broken and before is not None and one.n % every == 0 and done < broken:
            line += 1
            out.write(
                spoiled(
                    kind,
                    BROKEN[done % len(BROKEN)],
                    KINDS[kind](msgspec.structs.replace(one, n=one.n + 10_000_000)),
                    before,
                    table=table,
                )
            )
            truth.dirty.append(line)
            done += 1
        line += 1
        out.write(_written(row, table=table))
        before = row
        truth.calls += 1
        truth.spend += int(one.cost * 10**12)
        truth.tokens_in += one.prompt
        truth.tokens_out += one.completion
        truth.errors += one.failed
        truth.by_model[one.model] = truth.by_model.get(one.model, 0) + 1
    data = out.getvalue()
    path.write_bytes(gzip.compress(data, 1) if path.name.endswith(".gz") else data)
    return truth


def spoiled(kind: str, how: str, row: dict[str, Any], before: dict[str, Any], *, table: bool) -> bytes:
    """A row that no reader may count, as a line. ``before`` is one that was written already."""
    tokens, cost, time = _NAMES[kind]
    nested = {"usageDetails": lambda value: {"input": value}, "costDetails": lambda value: {"total": value}}
    put = lambda name, value: {**row, name: nested[name](value) if name in nested else value}  # noqa: E731
    match how:
        case "negative":
            return _written(put(cost, -0.25), table=table)
        case "nan":
            return _written(put(tokens, "NaN"), table=table)
        case "bad_time":
            return _written(put(time, "the day before yesterday"), table=table)
        case "duplicate":
            return _written(before, table=table)
        case "no_model":
            nothing = {"request": {}, "response": {}} if kind == "openai" else {"model": "", "model_group": ""}
            return _written({**row, **{name: value for name, value in nothing.items() if name in row}}, table=table)
        case "wrong_type":
            return _written(put(cost, "a lot" if table else {"usd": 1}), table=table)
        case "bad_utf8":
            return _written(row, table=table).replace(b"\n", b"").replace(b"e", b"\xff", 1) + b"\n"
        case _:
            whole = _written(row, table=table).rstrip(b"\n")
            return (whole[: len(whole) // 2] if not table else b"x," + whole) + b"\n"


def _written(row: dict[str, Any], *, table: bool) -> bytes:
    if table:
        return _csv(
            [json.dumps(value) if isinstance(value, dict | list) else "" if value is None else value for value in row.values()]
        )
    return json.dumps(row).encode() + b"\n"


def _csv(cells: list[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode()
