from itertools import count, permutations
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings

from tests.support.records import NOW, attempt, record, records
from turnout.errors import Unusable
from turnout.store.ledger import Ledger, PublishedView
from turnout.store.queries import Filters
from turnout.types.money import PicoDollars
from turnout.types.record import Record
from turnout.types.reply import Usage


def test_what_is_no_database_is_said_to_be_none(tmp_path: Path):
    """In a line, not in SQL."""
    path = tmp_path / "ledger.db"
    path.write_text("a letter to a friend, longer than a header of a hundred bytes " * 4)

    with pytest.raises(Unusable, match="cannot be opened: file is not a database"):
        Ledger(path)


numbers = count()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records)
def test_any_record_comes_back_as_it_was(ledger: Ledger, any_record: Record):
    """Rows hold all of a record: what replay and audit read is what the worker wrote. PostgreSQL has no place for one character."""
    assume("\\x00" not in repr(any_record))
    one = msgspec.structs.replace(any_record, id=f"any-{next(numbers)}")
    ledger.ingest([one], "s", 1)

    assert ledger.request(one.id) == one


def test_a_record_read_twice_is_stored_once(ledger: Ledger):
    """Ingesting is repeatable: the request id is the key."""
    ledger.ingest([record(0), record(1)], "s", 10)
    ledger.ingest([record(0), record(1), record(1)], "s", 10)

    assert ledger.summary(0, NOW).requests == 2
    assert ledger.request("req-1") == record(1)


BEGUN = record(0, outcome="begun", cost=None, duration_ms=5.0, attempts=(attempt(usage=None, cost=None, ended_ms=2.0),))
COMPLETE = record(0, duration_ms=800.0)
STREAM = [BEGUN, record(0, edition=1, attempts=(attempt(), attempt(model="openai/gpt-5", reason="fallback")))]
LEFT = [COMPLETE, record(0, edition=1, outcome="cancelled")]
LATE = [COMPLETE, record(0, edition=1, outcome="failed", code="deadline_exceeded", status=504)]
UNRECORDED = [*LATE, record(0, edition=2, outcome="failed", code="overloaded", status=503)]


@pytest.mark.parametrize("editions", [STREAM, LEFT, LATE, UNRECORDED])
@pytest.mark.parametrize("batch", [1, 9])
def test_the_last_edition_holds(ledger: Ledger, editions: list[Record], batch: int):
    """In whatever order a request's records come, read twice or not, in one batch or many: the last stays, with its own attempts."""
    for n, order in enumerate(permutations([*editions, editions[0], editions[-1]])):
        one_by_one = [msgspec.structs.replace(one, id=f"req-{n}") for one in order]
        for start in range(0, len(order), batch):
            ledger.ingest(one_by_one[start : start + batch], "s", start)

        assert ledger.request(f"req-{n}") == msgspec.structs.replace(editions[-1], id=f"req-{n}")


def test_of_one_edition_the_first_stays(ledger: Ledger):
    """A record that is read again changes nothing, even if it were another."""
    ledger.ingest([record(0), record(0, outcome="cut", attempts=(attempt(fault="broken"),))], "s", 1)

    assert ledger.request("req-0") == record(0)


def test_a_provisional_record_without_its_final_one_is_kept(ledger: Ledger):
    """After a crash the ledger says honestly that this answer was begun."""
    ledger.ingest([BEGUN], "s", 1)

    assert ledger.request("req-0") == BEGUN
    assert ledger.summary(0, NOW).outcomes == {"begun": 1}


def test_offset_and_records_are_one_transaction(ledger: Ledger):
    """When storing fails, the segment's offset stays where it was, and so do the rows."""
    ledger.ingest([record(0)], "s", 10)
    with ledger._engine.begin() as raw:
        raw.exec_driver_sql("drop table journal_offsets")

    with pytest.raises(Exception, match="journal_offsets"):
        ledger.ingest([record(1)], "s", 20)

    assert ledger.request("req-1") is None


def test_offsets_are_kept_until_forgotten(ledger: Ledger):
    """How far a segment was read is remembered by its name."""
    assert ledger.offset("s") == 0
    ledger.ingest([], "s", 10)
    ledger.ingest([], "s", 25)
    assert ledger.offset("s") == 25
    ledger.forget("s")
    assert ledger.offset("s") == 0


def test_money_adds_up_beyond_64_bits(ledger: Ledger):
    """Sums are exact where pico-dollars would overflow: three times nine million dollars."""
    nine_million = PicoDollars(9 * 10**18 + 7)
    ledger.ingest([record(n, cost=nine_million, baseline=PicoDollars(nine_million + 1)) for n in range(3)], "s", 1)

    summary = ledger.summary(0, NOW)

    assert (summary.cost, summary.baseline, summary.saved) == (3 * nine_million, 3 * nine_million + 3, 3)


def test_unknown_costs_are_counted_not_added(ledger: Ledger):
    """An answer without a cost is in no sum, and loudly one of the unpriced; what was never answered is not."""
    ledger.ingest(
        [
            record(0, cost=PicoDollars(5), baseline=PicoDollars(8)),
            record(1, cost=None, baseline=PicoDollars(100)),
            record(2, cost=PicoDollars(3), baseline=None),
            record(3, cost=None, model=None, outcome="rejected"),
        ],
        "s",
        1,
    )

    summary = ledger.summary(0, NOW)

    assert (summary.cost, summary.baseline, summary.saved, summary.unpriced) == (8, 8, 3, 1)


def test_of_a_copy_only_the_cost_is_in_a_summary(ledger: Ledger):
    """Nobody waited for it, and it was paid for."""
    asked = record(1, cost=PicoDollars(5), baseline=PicoDollars(8))
    ledger.ingest([asked, record(2, cost=PicoDollars(3), baseline=None, outcome="failed", copy_of="req-1", drill="d")], "s", 1)

    summary = ledger.summary(0.0, NOW + 3)
    assert (summary.requests, summary.errors, summary.outcomes) == (1, 0, {"ok": 1})
    assert (summary.cost, summary.baseline, summary.saved) == (8, 8, 3)
    assert [(share.requests, share.errors, share.cost) for share in summary.models] == [(1, 0, 8)]
    assert [line.id for line in ledger.recent(10)] == ["req-1"]


def test_a_summary_says_who_served_and_how_it_ended(ledger: Ledger):
    """Counts by outcome, model and route; errors are what failed or was cut; fallbacks are requests a later choice answered."""
    ledger.ingest(
        [
            record(0),
            record(1, reason="fallback", model="openai/gpt-5"),
            record(2, outcome="cut"),
            record(3, outcome="failed", route="support"),
            record(4, outcome="rejected", route=None, model=None),
            record(5, at=NOW - 5000),
        ],
        "s",
        1,
    )

    summary = ledger.summary(NOW - 60, NOW + 9)

    assert summary.requests == 5
    assert summary.requests_per_s == 0.5
    assert summary.outcomes == {"ok": 2, "cut": 1, "failed": 1, "rejected": 1}
    assert (summary.errors, summary.fallbacks) == (2, 1)
    assert [(share.name, share.requests, share.errors) for share in summary.models] == [
        ("anthropic/claude-haiku-4-5", 3, 2),
        ("openai/gpt-5", 1, 0),
    ]
    assert [(share.name, share.requests, share.errors) for share in summary.routes] == [("code", 3, 1), ("support", 1, 1)]
    assert summary.latest == NOW + 4


def test_an_empty_window_has_no_quantiles(ledger: Ledger):
    """Nothing measured is None, not zero."""
    summary = ledger.summary(0, NOW)

    assert (summary.requests, summary.latency_ms.p50, summary.decision_us_p50, summary.latest) == (0, None, None, None)


def test_quantiles_are_by_nearest_rank(ledger: Ledger):
    """Of 1..100 ms, p50 is 50, p95 95, p99 99; requests still under way do not count."""
    ledger.ingest([record(n, duration_ms=float(n)) for n in range(1, 101)], "s", 1)
    ledger.ingest([record(200, outcome="begun", duration_ms=9e9)], "s", 2)

    quantiles = ledger.summary(0, NOW).latency_ms

    assert (quantiles.p50, quantiles.p95, quantiles.p99) == (50.0, 95.0, 99.0)


def test_recent_requests_are_newest_first_and_filtered(ledger: Ledger):
    """A list is bounded, ordered by arrival, and narrowed by what the caller names."""
    ledger.ingest([record(n, route="code" if n % 2 else "support") for n in range(6)], "s", 1)

    assert [line.id for line in ledger.recent(2)] == ["req-5", "req-4"]
    assert [line.id for line in ledger.recent(9, Filters(route="support"))] == ["req-4", "req-2", "req-0"]
    assert [line.id for line in ledger.recent(9, Filters(route="support", before=NOW + 4))] == ["req-2", "req-0"]
    assert [line.id for line in ledger.recent(9, Filters(outcome="failed"))] == []


def test_a_line_sums_the_tokens_of_all_attempts(ledger: Ledger):
    """What was billed twice was read twice; attempts without usage add nothing, and without any the sum is unknown."""
    ledger.ingest(
        [
            record(0, attempts=(attempt(usage=Usage(input=5, output=1)), attempt(usage=Usage(cache_read=3, reasoning=2)))),
            record(1, attempts=(attempt(usage=None),)),
        ],
        "s",
        1,
    )

    unknown, known = ledger.recent(2)

    assert (known.tokens_in, known.tokens_out, known.attempts) == (8, 3, 2)
    assert (unknown.tokens_in, unknown.tokens_out) == (None, None)


def test_latency_counts_attempts_that_answered(ledger: Ledger):
    """A model's latency comes from its own successful attempts, from their start; speed from the first token on."""
    good = attempt(started_ms=100.0, ended_ms=1100.0, first_token_ms=600.0, usage=Usage(output=40, reasoning=10))
    bad = attempt(model="openai/gpt-5", started_ms=0.0, ended_ms=100.0, fault="timeout", usage=None)
    ledger.ingest([record(0, attempts=(bad, good)), record(1, attempts=(good,))], "s", 1)

    (seen,) = ledger.latency_by_model(NOW).items()

    model, latency = seen
    assert model == "anthropic/claude-haiku-4-5"
    assert (latency.n, latency.p50_ms, latency.p95_ms, latency.ttft_ms, latency.output_tokens_per_s) == (2, 1000, 1000, 500, 100)


def test_an_answer_under_way_has_no_latency_yet(ledger: Ledger):
    """The attempt of a record that only says that it was begun ended when its headers came: that is not what it took."""
    ledger.ingest([BEGUN], "s", 1)

    assert ledger.latency_by_model(NOW) == {}


def test_views_are_noted_once_latest_first(ledger: Ledger):
    """A view keeps the time it was first published at."""
    first, second = PublishedView("h1", 1, NOW, "start"), PublishedView("h2", 2, NOW + 1, "edited")
    ledger.note_view(first)
    ledger.note_view(second)
    ledger.note_view(PublishedView("h1", 1, NOW + 9, "again"))

    assert ledger.views() == (second, first)
    assert ledger.views(1) == (second,)


def test_views_of_one_moment_are_ordered_by_their_policy(ledger: Ledger):
    """A clock that stands still, or a start and an edit within its grain, do not turn the order round."""
    made = [PublishedView(f"h{n}", policy, NOW, "edited") for n, policy in enumerate((2, 3, 1))]
    for view in made:
        ledger.note_view(view)

    assert [view.policy for view in ledger.views()] == [3, 2, 1]


def test_a_ledger_opens_again_with_what_it_held(store_url: str):
    """Closing and opening changes nothing."""
    first = Ledger(store_url)
    first.ingest([record(0)], "s", 7)
    first.close()

    again = Ledger(store_url)

    assert again.request("req-0") == record(0)
    assert again.offset("s") == 7
    again.close()
