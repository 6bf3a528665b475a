"""The cheapest provider fails under load, by 503, by silence, by resets, and comes back: what users notice, to the last request."""

from itertools import pairwise
from pathlib import Path

import pytest
from bench import books, free_port, outage
from bench.fleet import serving_fleet
from bench.outage import EACH, FIRST_TOKEN, IN_A_ROW, RATE, Outage, Phase, Run

from tests.e2e_load.running import serving

WORKERS = 2
IN_ROW = 5
"""The policy's ``consecutive``: failures in a row that eject."""

IN_FLIGHT = 10
"""Requests per worker that were under way when the fifth failed, at most: each takes some 25 ms."""

LEAST_SILENCE = 0.25
"""Seconds of nothing said that are silence at the least; models here are quicker than a third of it."""

AFTER_CHECK = 5
"""Users whom a check can mislead once: the list of models is served, and completions are still reset."""


def run(folder: Path, phases: tuple[Phase, ...], *, rate: float, **health: str) -> Run:
    sim = free_port()
    rules = outage.two_routes(sim) | {"health": health}
    with serving_fleet(sim), serving(folder, rules, workers=WORKERS) as turnout:
        return outage.live(turnout.url, f"http://127.0.0.1:{sim}", turnout.data_dir / "ledger.db", phases, rate=rate)


def nobody_was_lost(run: Run) -> None:
    """Every request was served whole; client, ledger and sim agree on each, and on the bill."""
    assert [one for one in run.heard if not one.ok] == []
    assert len(run.rows) == len(run.heard)
    assert books.disagreements(run.heard, run.rows) == []
    assert books.unbilled(run.stats, run.rows) == []


def few_have_met_it(out: Outage, rate: float) -> None:
    """Per worker: five and those in flight; of a silence those who came until it was noticed; later only probes."""
    per_worker = rate / WORKERS
    most = IN_ROW + IN_FLIGHT if out.fault != "silence" else 2 * per_worker * LEAST_SILENCE + IN_FLIGHT
    assert max(out.met.values(), default=0) <= most
    assert sum(out.met.values()) + sum(out.probes.values()) <= out.struck + IN_FLIGHT  # the sim's count, but for a phase's edges


def test_an_outage_is_no_users_business(tmp_path):
    """In short, with a quick ejection: each of the three faults meets few, nobody fails, and the primary gets its requests back."""
    phases = (Phase(None, 1), Phase("503", 1), Phase(None, 2), Phase("silence", 1.5), Phase(None, 2.5), Phase("resets", 1))
    seen = run(tmp_path, phases, rate=80, ejection="300ms", ramp="500ms", window="1s")
    outs = outage.outages(seen)

    nobody_was_lost(seen)
    assert [out.fault for out in outs] == ["503", "silence", "resets"]
    assert all(out.met for out in outs), "each fault has met somebody: the primary had been back"
    for out in outs:
        few_have_met_it(out, 80)
    assert outs[1].longest_met < FIRST_TOKEN * 1000 + 1_000


@pytest.mark.slow
@pytest.mark.parametrize("phases", [IN_A_ROW, EACH], ids=["in a row", "each"])
def test_what_an_outage_costs(phases, tmp_path):
    """At 200 requests a second: before the ejection the first-token limit and 50 ms, after it 5 ms at the 99th percentile; no herd.

    A machine that is not quiet adds to each what it adds to requests that meet no fault.
    """
    seen = run(tmp_path, phases, rate=RATE)
    outage.show(seen)

    nobody_was_lost(seen)
    for out in outage.outages(seen):
        few_have_met_it(out, RATE)
        # What the machine does to the healthy route in the same seconds it may do to these as well.
        assert out.longest_met <= FIRST_TOKEN * 1000 + 50 + out.well_longest
        assert out.after_p99 <= max(5, out.well_p99 / 2)
        assert sum(out.probes.values()) <= WORKERS * (2 + AFTER_CHECK)
    for back in outage.returns(seen):
        assert back.failed == 0
        assert back.most_in_a_tenth <= 3 * RATE / 10  # the client's own bunches, and no queue let loose
        assert all(later - earlier < 0.35 for earlier, later in pairwise(back.shares))
    last = outage.returns(seen)[-1].shares
    assert last[-1] > 0.95
    assert sum(0.05 < share < 0.95 for share in last) >= 6, "its share grew for some ten seconds"
