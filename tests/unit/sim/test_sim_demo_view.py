import io
from collections import Counter

from rich.console import Console

from turnout.cli.demo_view import Figures, Line, Quantiles, Share, Summary, live, plain
from turnout.sim.policy import Ports
from turnout.sim.savings import Savings, Way
from turnout.sim.traffic import Tally

SUMMARY = Summary(
    requests=100, requests_per_s=12, errors=1, fallbacks=4, cost_usd=2.0, unpriced=3, outcomes={}, latency_ms=Quantiles(80, 900), decision_us_p50=48,
    models=(Share("a/small", 70, 1, 1.0), Share("b/large", 30, 0, 1.0)),
)  # fmt: skip
LINE = Line("support", "fallback", "a/small", "ok", "qa", None, 81, None)
FOUND = Savings(80, Way(2.0, 0.93), "b/large", Way(8.0, 0.97), Way(1.9, 0.85), Way(2.0, 0.86), 6.0)
FIGURES = Figures(30.0, SUMMARY, (LINE,), Tally(ok=99, errors=Counter(APIError=1)), FOUND, 2.01, {"unavailable": 5}, "a/small")


def test_the_summary_says_what_a_demo_must_show() -> None:
    """Models serving, a fallback that saved a request, both baselines, ledger beside invoice, and where to look."""
    text = plain(FIGURES, Ports(), "http://127.0.0.1:8081/#token=t")

    assert "models serving: 2" in text
    assert "fallbacks: 4 requests saved" in text
    assert "saved 75% of b/large" in text
    assert "routing gained +7.0 points at this spend" in text
    assert "as good at random costs $6.0000: saved 67%" in text
    assert "ledger $2.0000 and 3 requests of unknown cost, the providers' invoice $2.0100" in text
    assert "problems: 1 APIError" in text
    assert text.endswith("api: http://127.0.0.1:8080/v1\ndashboard: http://127.0.0.1:8081/#token=t")


def test_the_live_view_draws_on_any_terminal() -> None:
    """Shares as bars, an unknown cost as a question mark, never as zero."""
    for width in (60, 120):
        console = Console(width=width, record=True, file=io.StringIO())
        console.print(live(FIGURES, Ports()))
        text = console.export_text()
        assert "a/small" in text
        assert "█" in text
        assert "$0.000000" not in text
