"""Logs become calls: totals are exact, exactly the broken rows are listed, and nothing that a file may hold stops the reading."""

import csv
import gzip
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import logs
from turnout.errors import Unusable
from turnout.reports.logs.call import Call, Dirty
from turnout.reports.logs.columns import KNOWN
from turnout.reports.logs.read import FORMATS, Reader
from turnout.reports.logs.source import opened

ROWS, BROKEN = 400, 16


def read(path: Path, **how) -> tuple[list[Call], list[Dirty], Reader]:
    reader = Reader(**how)
    with opened([str(path)]) as found:
        seen = list(reader.calls(found, lambda _: None))
    return [one for one in seen if isinstance(one, Call)], [one for one in seen if isinstance(one, Dirty)], reader


def told(path: Path, data: bytes, **how) -> tuple[list[Call], list[Dirty], Reader]:
    path.write_bytes(data)
    return read(path, **how)


@pytest.mark.parametrize(("kind", "name", "table"), [
    ("litellm", "x.jsonl", False), ("litellm", "x.csv", True), ("litellm", "x.jsonl.gz", False), ("langfuse", "x.jsonl", False),
    ("langfuse", "x.csv", True), ("openai", "x.jsonl", False), ("columns", "x.csv", True), ("columns", "x.jsonl", False),
])  # fmt: skip
def test_totals_are_exact_and_exactly_the_broken_rows_are_dirty(tmp_path, kind, name, table):
    """Sums equal those made while the log was written, to the pico-dollar; dirty lines are those that were broken, and no other."""
    truth = logs.write(kind, tmp_path / name, ROWS, broken=BROKEN, table=table)

    calls, dirty, reader = read(tmp_path / name)

    assert reader.formats == {name: kind}
    assert [row.line for row in dirty] == truth.dirty
    assert len(truth.dirty) >= len(logs.BROKEN)
    assert len(calls) == truth.calls
    assert sum(call.stated or 0 for call in calls) == truth.spend
    assert sum(call.usage.total_input for call in calls if call.usage) == truth.tokens_in
    assert sum(call.usage.total_output for call in calls if call.usage) == truth.tokens_out
    assert sum(call.error is not None for call in calls) == truth.errors
    assert {call.error for call in calls} == {None, "rate_limited"}
    assert all(call.at is not None and logs.START.timestamp() <= call.at < logs.START.timestamp() + 7 * 86_400 for call in calls)
    assert reader.rows == len(calls) + len(dirty) + reader.passed


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("kind", ["litellm", "langfuse"])
def test_an_array_reads_as_its_rows_do(tmp_path, kind, indent):
    """One JSON array, on one line or spread over many, is the same log."""
    rows = [logs.KINDS[kind](one) for one in logs.ones(300, 3)]

    calls, dirty, _ = told(tmp_path / "a.json", json.dumps(rows, indent=indent).encode())

    assert not dirty
    assert [call.id for call in calls] == [row.get("request_id") or row["id"] for row in rows]


def test_a_long_single_line_is_read_in_pieces(tmp_path):
    """An array of several megabytes on one line, with texts that look like structure, loses nothing at the seams."""
    rows = [{**logs.litellm(one), "metadata": {"note": '"}],{[' * (one.n % 90) + "é\\" * 7}} for one in logs.ones(1_500, 4)]

    calls, dirty, _ = told(tmp_path / "a.json", json.dumps(rows).encode())

    assert (len(calls), len(dirty)) == (1_500, 0)


def test_a_broken_object_in_an_array_costs_its_own_row(tmp_path):
    """Reading goes on at the next object where braces do not match."""
    parts = [json.dumps(logs.litellm(one)) for one in logs.ones(20, 5)]
    parts[7] = parts[7][: len(parts[7]) // 2]

    calls, dirty, _ = told(tmp_path / "a.json", ("[\n" + ",\n".join(parts) + "\n]\n").encode())

    assert len(calls) == 19
    assert [row.line for row in dirty] == [9]


def test_a_file_that_breaks_off_says_so(tmp_path):
    """The last line without its end is dirty, whatever came before counts; so it is with a compressed file cut short."""
    whole = b"".join(json.dumps(logs.litellm(one)).encode() + b"\n" for one in logs.ones(50, 5))

    calls, dirty, _ = told(tmp_path / "cut.jsonl", whole[:-40])
    packed_calls, packed_dirty, _ = told(tmp_path / "cut.jsonl.gz", gzip.compress(whole)[:-2_000])

    assert (len(calls), dirty[0].line) == (49, 50)
    assert "broken off" in dirty[0].why
    assert 0 < len(packed_calls) < 50
    assert "cannot be read on" in packed_dirty[-1].why


def test_an_open_quote_costs_its_own_line(tmp_path):
    """A quote in a table that nobody closes does not swallow what follows."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rows = [logs.columns(one) for one in logs.ones(600, 6)]
    writer.writerows([list(rows[0]), *(list(row.values()) for row in rows)])
    lines = out.getvalue().splitlines(keepends=True)
    lines[5] = lines[5].replace("c-", '"c-', 1)

    calls, dirty, _ = told(tmp_path / "t.csv", "".join(lines).encode())

    assert len(calls) == 599
    assert [row.line for row in dirty] == [6]


def test_batch_output(tmp_path):
    """OpenAI's Batch output: status and body inside the response; an error beside it; an input file says nothing of answers."""
    body = {
        "id": "c",
        "object": "chat.completion",
        "created": 1_780_000_000,
        "model": "gpt-4o-mini",
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    }
    lines = [
        {"id": "b1", "custom_id": "1", "response": {"status_code": 200, "request_id": "r1", "body": body}, "error": None},
        {"id": "b2", "custom_id": "2", "response": {"status_code": 500, "request_id": "r2", "body": {"model": "gpt-4o-mini"}}, "error": None},
        {"custom_id": "3", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o-mini", "messages": []}},
    ]  # fmt: skip

    calls, dirty, _ = told(tmp_path / "b.jsonl", b"\n".join(json.dumps(line).encode() for line in lines))

    assert [(call.batch, call.error, call.usage and call.usage.total_input) for call in calls] == [
        (True, None, 9),
        (True, "unavailable", None),
    ]
    assert "batch's input" in dirty[0].why


def test_langfuse_traces_spans_and_details(tmp_path):
    """Observations inside a trace are its calls; spans are passed over; cached and thinking tokens stand apart, or are parts, as the total says."""
    seen = {"type": "GENERATION", "model": "gpt-5", "startTime": "2026-11-10T00:00:00Z"}
    trace = {"id": "t", "name": "chat", "userId": "ada", "tags": ["team:web"], "observations": [
        {**seen, "id": "1", "usageDetails": {"input": 70, "input_cached_tokens": 30, "output": 10, "output_reasoning_tokens": 5, "total": 115}},
        {**seen, "id": "2", "usageDetails": {"input": 100, "input_cached_tokens": 30, "output": 15, "output_reasoning_tokens": 5, "total": 115}},
        {"id": "3", "type": "SPAN", "startTime": "2026-11-10T00:00:00Z"},
    ]}  # fmt: skip

    calls, dirty, _ = told(tmp_path / "t.jsonl", json.dumps(trace).encode())

    assert not dirty
    assert calls[0].usage == calls[1].usage
    assert (calls[0].usage.input, calls[0].usage.cache_read, calls[0].usage.output, calls[0].usage.reasoning) == (70, 30, 10, 5)
    assert (calls[0].caller, calls[0].use_case, calls[0].tags) == ("ada", "chat", {"team": "web"})


def test_litellm_details_cache_hits_and_nothing_reported(tmp_path):
    """The usage object's details are taken apart; a hit is a hit; a row whose counts are all zero reported nothing."""
    one = next(logs.ones(1, 1))
    row = {**logs.litellm(one), "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "status": "success"}
    detailed = {
        **row,
        "metadata": {
            "usage_object": {
                "prompt_tokens": 100,
                "completion_tokens": 20,
                "total_tokens": 120,
                "prompt_tokens_details": {"cached_tokens": 64},
            }
        },
    }
    rows = [
        detailed,
        {**row, "request_id": "h", "cache_hit": "True"},
        {**row, "request_id": "z", "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    ]

    calls, _, _ = told(tmp_path / "l.jsonl", b"\n".join(json.dumps(each).encode() for each in rows))

    assert (calls[0].usage.input, calls[0].usage.cache_read) == (36, 64)
    assert calls[1].cached
    assert calls[2].usage is None


def test_columns_are_guessed_or_named(tmp_path):
    """Semicolons, other names, seconds: what the common names do not tell, --map does; a table without a model is refused in words."""
    data = b"Modell;Eingabe;Ausgabe;Kosten;latency\ngpt-4o;10;5;0,1;1.5\ngpt-4o;10;5;0.000075;1.5\n"

    calls, dirty, _ = told(
        tmp_path / "t.csv", data, mapping={"model": "Modell", "input": "Eingabe", "output": "Ausgabe", "cost": "Kosten"}
    )

    assert [(call.usage.input, call.usage.output, call.stated, call.latency_ms) for call in calls] == [
        (10, 5, 75_000_000, 1_500.0)
    ]
    assert "Kosten is no number" in dirty[0].why
    with pytest.raises(Unusable, match="--map model=COLUMN"):
        read(tmp_path / "t.csv")


def test_an_id_seen_in_an_earlier_file_is_a_duplicate(tmp_path):
    """The same file given twice counts once."""
    truth = logs.write("litellm", tmp_path / "a.jsonl", 30)
    (tmp_path / "b.jsonl").write_bytes((tmp_path / "a.jsonl").read_bytes())
    with opened([str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]) as found:
        seen = list(Reader().calls(found, lambda _: None))

    assert sum(isinstance(one, Call) for one in seen) == truth.calls
    assert all("earlier file" in one.why for one in seen if isinstance(one, Dirty))


def test_no_excerpt_shows_content(tmp_path):
    """What is shown of a dirty row are field names and numbers."""
    for kind in ("litellm", "langfuse", "openai"):
        logs.write(kind, tmp_path / "x.jsonl", ROWS, broken=200)
        _, dirty, _ = read(tmp_path / "x.jsonl")

        assert dirty
        assert not any("parcel" in row.excerpt + row.why or "Translate" in row.excerpt + row.why for row in dirty)


_NAMES = sorted({name for known in KNOWN.values() for name in known} | {
    "startTime", "endTime", "completionStartTime", "spend", "call_type", "metadata", "usage", "usageDetails", "costDetails", "observations",
    "traceId", "type", "request", "response", "messages", "custom_id", "body", "choices", "request_tags", "input", "data",
})  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12)
    | st.sampled_from(["GENERATION", "2026-11-10", "gpt-4o", "1e999", "-3", "NaN", "{", "[1]", '{"a": 1}']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*_NAMES, "total", "prompt_tokens", "role", "content"]), inner, max_size=4),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=9), min_size=1, max_size=4), st.sampled_from(FORMATS))
def test_whatever_a_row_holds_it_is_a_call_or_dirty(tmp_path_factory, rows, shape):
    """No value in any field raises, in any shape; every row is accounted for, and counts are never negative."""
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    calls, dirty, reader = told(path, b"\n".join(json.dumps(row).encode() for row in rows), shape=shape)

    assert reader.rows == len(rows)
    assert len(calls) + len(dirty) + reader.passed >= len(rows)
    assert all((call.stated or 0) >= 0 for call in calls)
    assert all(call.usage is None or min(call.usage.total_input, call.usage.total_output) >= 0 for call in calls)


@settings(max_examples=120, deadline=None)
@given(
    st.binary(max_size=400) | st.text(alphabet='{}[]":,\n\\ a1é', max_size=200).map(str.encode), st.sampled_from([*FORMATS, None])
)
def test_whatever_a_file_holds_reading_ends(tmp_path_factory, data, shape):
    """Any bytes are read to their end, or refused in words."""
    path = tmp_path_factory.getbasetemp() / "any.bin"
    try:
        _, dirty, reader = told(path, data, shape=shape)
    except Unusable:
        return
    assert len(dirty) <= reader.rows + 1


def test_what_can_be_read_once_only_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """A pipe by name would hang or come to nothing the second time; that there is such a name is not denied."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(Unusable, match="name -"), opened([str(tmp_path / "pipe")]):
        pass
    with pytest.raises(Unusable, match="no such file"), opened([str(tmp_path / "none")]):
        pass
