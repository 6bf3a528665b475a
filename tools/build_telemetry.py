"""Writes deploy/prometheus/rules.yml and deploy/grafana/turnout.json from the table of names (turnout.telemetry.names).

``python tools/build_telemetry.py`` after a change of a metric, a rule or a panel; tests/unit/telemetry says when it is due. A rule or panel
that names a metric which does not exist stops the program.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from turnout.telemetry.names import Exposed, control_plane, data_plane

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "turnout.json"
NOTE = "Made by `python tools/build_telemetry.py`; thresholds are a start, to be set to what is usual in your house.\n"

TABLE: Mapping[str, Exposed] = {series: one for one in (*data_plane(), *control_plane()) for series in one.series}
_NAMED = re.compile(r"\bturnout_[a-z0-9_]+")
_RECORDED = re.compile(r"\bturnout:[a-z0-9_:]+")

SPEND_USD_PER_HOUR = 50
SLOW_SECONDS = 20


def _share(of: str) -> str:
    """Of each route's requests; zero, not nothing, where there are none of these."""
    whole = "sum by (route) (rate(turnout_requests_total[5m]))"
    return f"(sum by (route) (rate({of}[5m])) or 0 * {whole}) / {whole}"


def _quantile(share: float, histogram: str, by: str, selector: str = "", over: str = "5m") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{selector}[{over}])))"


RECORDING = {
    "turnout:requests:rate5m": "sum by (route, model) (rate(turnout_requests_total[5m]))",
    "turnout:errors:ratio5m": _share('turnout_requests_total{outcome=~"failed|cut"}'),
    "turnout:fallbacks:ratio5m": _share("turnout_fallbacks_total"),
    "turnout:request_duration_seconds:p95_5m": _quantile(0.95, "turnout_request_duration_seconds", "route"),
    "turnout:time_to_first_token_seconds:p95_5m": _quantile(0.95, "turnout_time_to_first_token_seconds", "route"),
    "turnout:cost_usd:rate1h": "sum by (route, model) (rate(turnout_cost_usd_total[1h])) * 3600",
}
"""Name -> expression. Shares are by route; the cost is USD per hour."""


class Alert(NamedTuple):
    name: str
    expr: str
    wait: str
    severity: str
    summary: str
    todo: str


ALERTS = (
    Alert(
        "TurnoutErrors", "turnout:errors:ratio5m > 0.05", "5m", "page",
        "{{ $value | humanizePercentage }} of route {{ $labels.route }} fail",
        "See which models fail, and how: turnout_attempts_total by fault, /api/health.",
    ),
    Alert(
        "TurnoutFallbacks", "turnout:fallbacks:ratio5m > 0.2", "10m", "warn",
        "{{ $value | humanizePercentage }} of route {{ $labels.route }} are answered by a fallback",
        "The first choice is not well, or has no room: turnout_skipped_total and turnout_attempts_total.",
    ),
    Alert(
        "TurnoutSlow", f"turnout:request_duration_seconds:p95_5m > {SLOW_SECONDS}", "10m", "warn",
        "route {{ $labels.route }} takes {{ $value | humanizeDuration }} at the 95th percentile",
        "Set the threshold to what the route promises.",
    ),
    Alert(
        "TurnoutCostUnknown", "sum by (route, model) (increase(turnout_cost_unknown_total[15m])) > 0", "0m", "warn",
        "{{ $labels.model }} billed calls that nobody can price",
        "Give the model a price, or find out why its usage is missing.",
    ),
    Alert(
        "TurnoutSpend", f"sum(turnout:cost_usd:rate1h) > {SPEND_USD_PER_HOUR}", "10m", "warn",
        '{{ $value | printf "%.2f" }} USD an hour are spent', "Set the threshold to the budget; the panel Cost says on what.",
    ),
    Alert(
        "TurnoutModelEjected", 'sum by (model, credential) (turnout_deployments{standing="ejected"}) > 0', "5m", "warn",
        "{{ $labels.model }} {{ $labels.credential }} is put out", "/api/health says why, and until when.",
    ),
    Alert(
        "TurnoutInternalErrors", "sum by (error) (increase(turnout_internal_errors_total[10m])) > 0", "0m", "page",
        "{{ $labels.error }} inside Turnout", "The log names each request and place.",
    ),
    Alert(
        "TurnoutJournalFailing", "max by (worker) (turnout_journal_failing) == 1", "1m", "page",
        "the disk refuses the journal of worker {{ $labels.worker }}", "Make room, or mend the disk: audited routes answer 503 until then.",
    ),
    Alert(
        "TurnoutRecordsDropped", "sum by (worker) (increase(turnout_journal_dropped_total[10m])) > 0", "0m", "page",
        "worker {{ $labels.worker }} lost records", "The buffer was full and the disk refused.",
    ),
    Alert(
        "TurnoutLedgerLag", "turnout_ingest_lag_seconds > 60", "5m", "warn",
        "the ledger is {{ $value | humanizeDuration }} behind", "The ledger is away or too slow; the journal keeps what waits.",
    ),
    Alert(
        "TurnoutIngestRefused", "increase(turnout_ingest_refused_total[15m]) > 0", "0m", "warn",
        "the ledger could not take some records", "They are kept in its table `refused`, each with the error.",
    ),
    Alert(
        "TurnoutTicketsWaiting", "turnout_tickets_waiting > 0", "1h", "info",
        "{{ $value }} requests wait for a person", "The dashboard's queues have them.",
    ),
    Alert(
        "TurnoutTelemetryFailing", "turnout_otlp_failing == 1", "10m", "info",
        "the OTLP collector takes nothing", "Spans are lost meanwhile, metrics are not.",
    ),
    Alert(
        "TurnoutNoTraffic", "sum(rate(turnout_requests_total[15m])) == 0", "15m", "info",
        "nobody asks anything", "Nothing to do where that is usual at this hour.",
    ),
    Alert(
        "TurnoutGatewayAbsent", "absent(turnout_in_line)", "5m", "page",
        "no gateway's metrics arrive", "No alert above can fire without them: is it running, and scraped?",
    ),
    Alert(
        "TurnoutControlAbsent", "absent(turnout_rollups_due)", "10m", "warn",
        "the control process's metrics do not arrive", "Requests go on; is it running, and does the scrape have its token?",
    ),
)  # fmt: skip


class Panel(NamedTuple):
    """``queries`` are expressions and their legends; ``kind`` is Grafana's."""

    title: str
    kind: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    text: str = ""


_SELECTED = '{route=~"$route", model=~"$model"}'
_MODEL = '{model=~"$model"}'
_RATE = "[$__rate_interval]"


def _rate(counter: str, by: str, selector: str = "", times: str = "") -> str:
    return f"sum by ({by}) (rate({counter}{selector}{_RATE})){times}"


def _quantiles(histogram: str, by: str = "", selector: str = _SELECTED) -> tuple[tuple[str, str], ...]:
    legend = f" {{{{{by}}}}}" if by else ""
    return tuple(
        (_quantile(q, histogram, by, selector, "$__rate_interval"), f"p{q * 100:.0f}{legend}") for q in (0.5, 0.95, 0.99)
    )


ROWS: Mapping[str, tuple[Panel, ...]] = {
    "Now": (
        Panel("Requests", "stat", "reqps", ((f"sum(rate(turnout_requests_total{_SELECTED}{_RATE}))", ""),)),
        Panel("Errors", "stat", "percentunit", (('sum(rate(turnout_requests_total{outcome=~"failed|cut"}[5m])) / sum(rate(turnout_requests_total[5m])) or vector(0)', ""),)),
        Panel("Fallbacks", "stat", "percentunit", (("sum(rate(turnout_fallbacks_total[5m])) / sum(rate(turnout_requests_total[5m])) or vector(0)", ""),)),
        Panel("p95", "stat", "s", ((_quantile(0.95, "turnout_request_duration_seconds", "", _SELECTED), ""),)),
        Panel("Cost per hour", "stat", "currencyUSD", ((f"sum(rate(turnout_cost_usd_total{_SELECTED}[1h])) * 3600", ""),)),
        Panel("Calls at unknown cost", "stat", "short", ((f"sum(increase(turnout_cost_unknown_total{_SELECTED}[$__range])) or vector(0)", ""),), "Billed, and nobody can price it. Never counted as zero."),
    ),
    "Traffic": (
        Panel("Who answers", "piechart", "short", ((f"sum by (model) (increase(turnout_requests_total{_SELECTED}[$__range]))", "{{model}}"),)),
        Panel("Requests by route", "timeseries", "reqps", ((_rate("turnout_requests_total", "route", _SELECTED), "{{route}}"),)),
        Panel("Requests by outcome", "timeseries", "reqps", ((_rate("turnout_requests_total", "outcome, code", _SELECTED), "{{outcome}} {{code}}"),)),
        Panel("Answered by a fallback", "timeseries", "reqps", ((_rate("turnout_fallbacks_total", "route, model", _SELECTED), "{{route}}: {{model}}"),)),
        Panel("Failed calls", "timeseries", "reqps", ((_rate("turnout_attempts_total", "model, fault", '{model=~"$model", fault!="ok"}'), "{{model}} {{fault}}"),)),
        Panel("Left out at dispatch", "timeseries", "reqps", ((_rate("turnout_skipped_total", "model, reason", _MODEL), "{{model}} {{reason}}"),)),
    ),
    "Latency": (
        Panel("Time to the end of the answer", "timeseries", "s", _quantiles("turnout_request_duration_seconds")),
        Panel("Time to the first token", "timeseries", "s", _quantiles("turnout_time_to_first_token_seconds")),
        Panel("p95 by model", "timeseries", "s", ((_quantile(0.95, "turnout_request_duration_seconds", "model", _SELECTED, "$__rate_interval"), "{{model}}"),)),
        Panel("Deciding", "timeseries", "s", _quantiles("turnout_decision_seconds", selector="")),
    ),
    "Cost": (
        Panel("By model, per hour", "timeseries", "currencyUSD", ((_rate("turnout_cost_usd_total", "model", _SELECTED, " * 3600"), "{{model}}"),)),
        Panel("By route, per hour", "timeseries", "currencyUSD", ((_rate("turnout_cost_usd_total", "route", _SELECTED, " * 3600"), "{{route}}"),)),
        Panel("Tokens read", "timeseries", "short", ((_rate("turnout_input_tokens_total", "model, kind", _MODEL), "{{model}} {{kind}}"),)),
        Panel("Tokens written", "timeseries", "short", ((_rate("turnout_output_tokens_total", "model, kind", _MODEL), "{{model}} {{kind}}"),)),
        Panel("Saved by the cache", "timeseries", "currencyUSD", ((f"sum(rate(turnout_cache_saved_usd_total{_RATE})) * 3600", "per hour"),)),
        Panel("Active checks", "timeseries", "currencyUSD", ((_rate("turnout_active_check_cost_usd_total", "provider", times=" * 3600"), "{{provider}} per hour"), (_rate("turnout_active_check_cost_unknown_total", "provider"), "{{provider}} unpriced"))),
    ),
    "Health": (
        Panel("How models stand", "timeseries", "short", (('sum by (model, credential, standing) (turnout_deployments{standing!="admitting", model=~"$model"})', "{{model}} {{credential}} {{standing}}"),), "Workers for whom a model behind a credential is not simply admitted."),
        Panel("Under way", "timeseries", "short", ((f"sum by (model) (turnout_in_flight{_MODEL})", "{{model}}"), ("sum(turnout_in_line)", "in line"))),
        Panel("Put out, and probed", "timeseries", "short", ((_rate("turnout_ejections_total", "what, cause"), "out: {{what}} {{cause}}"), (_rate("turnout_probes_total", "what"), "probe: {{what}}"))),
        Panel("No room", "timeseries", "short", ((_rate("turnout_held_back_total", "what"), "{{what}}"),)),
        Panel("Second tries and hedges", "timeseries", "short", ((_rate("turnout_extra_attempts_total", "route, kind, verdict"), "{{route}} {{kind}} {{verdict}}"),)),
        Panel("Active checks", "timeseries", "short", ((_rate("turnout_active_checks_total", "provider, result"), "{{provider}} {{result}}"),)),
    ),
    "Quality": (
        Panel("Online checks", "timeseries", "short", ((_rate("turnout_online_checks_total", "model, check, result", _SELECTED), "{{model}} {{check}} {{result}}"),)),
        Panel("Judged", "timeseries", "short", ((_rate("turnout_judged_total", "model, result", _SELECTED), "{{model}} {{result}}"), (_rate("turnout_online_left_out_total", "reason"), "left out: {{reason}}"))),
        Panel("Feedback", "timeseries", "short", ((_rate("turnout_feedback_total", "kind, source"), "{{kind}} {{source}}"),)),
        Panel("On trial", "timeseries", "reqps", ((_rate("turnout_exposures_total", "route, side", '{route=~"$route"}'), "{{route}} {{side}}"), (_rate("turnout_mirrored_total", "route, result", '{route=~"$route"}'), "mirror, {{route}} {{result}}"))),
    ),
    "Cache, people, content": (
        Panel("Cache", "timeseries", "short", ((_rate("turnout_cache_lookups_total", "result"), "{{result}}"), (f"sum(rate(turnout_cache_kept_total{_RATE}))", "kept"), (f"sum(rate(turnout_cache_errors_total{_RATE}))", "errors"))),
        Panel("Tickets", "timeseries", "short", ((_rate("turnout_tickets_total", "result"), "{{result}}"), ("sum(turnout_tickets_waiting)", "waiting"))),
        Panel("Content kept", "timeseries", "short", ((_rate("turnout_content_total", "route, result", '{route=~"$route"}'), "{{route}} {{result}}"),)),
    ),
    "Turnout itself": (
        Panel("Errors inside", "timeseries", "short", ((_rate("turnout_internal_errors_total", "error"), "{{error}}"),)),
        Panel("Journal", "timeseries", "bytes", (("sum by (worker) (turnout_journal_buffered_bytes)", "waits, {{worker}}"),)),
        Panel("Journal in trouble", "timeseries", "short", (("max by (worker) (turnout_journal_failing)", "disk refuses, {{worker}}"), (_rate("turnout_journal_dropped_total", "worker"), "lost, {{worker}}"), (_rate("turnout_journal_written_at_once_total", "worker"), "written at once, {{worker}}"))),
        Panel("Ledger", "timeseries", "s", (("turnout_ingest_lag_seconds", "behind"),)),
        Panel("Ingest", "timeseries", "short", ((f"rate(turnout_ingest_records_total{_RATE})", "records"), (f"rate(turnout_ingest_refused_total{_RATE})", "refused"), (f"rate(turnout_ingest_damaged_bytes_total{_RATE})", "damaged bytes"), ("turnout_rollups_due", "minutes to sum"))),
        Panel("Size of the ledger", "timeseries", "bytes", (("turnout_ledger_bytes", "ledger"),)),
        Panel("Audit chain", "stat", "short", (("turnout_audit_head", "entries"),)),
        Panel("OTLP", "timeseries", "short", ((_rate("turnout_otlp_spans_total", "result"), "spans {{result}}"), (_rate("turnout_otlp_exports_total", "result"), "metrics {{result}}"), ("turnout_otlp_failing", "failing"))),
    ),
}  # fmt: skip


def files() -> dict[Path, str]:
    """Every file this program owns, whole, by its path."""
    return {RULES: rules(), DASHBOARD: json.dumps(dashboard(), indent=2) + "\n"}


def rules() -> str:
    """Recording and alert rules, as Prometheus reads them."""
    records = [{"record": name, "expr": _known(expr)} for name, expr in RECORDING.items()]
    alerts = [
        {
            "alert": one.name,
            "expr": _known(one.expr),
            "for": one.wait,
            "labels": {"severity": one.severity},
            "annotations": {"summary": one.summary, "description": one.todo},
        }
        for one in ALERTS
    ]
    yaml, text = YAML(), io.StringIO(f"# {NOTE}")
    yaml.width = 200
    text.seek(0, io.SEEK_END)
    yaml.dump({"groups": [{"name": "turnout-records", "rules": records}, {"name": "turnout-alerts", "rules": alerts}]}, text)
    return text.getvalue()


def dashboard() -> dict[str, Any]:
    """Importable as it is: the data source is a variable."""
    return {
        "title": "Turnout",
        "uid": "turnout",
        "description": NOTE.strip(),
        "tags": ["turnout", "llm"],
        "schemaVersion": 41,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), _choice("route"), _choice("model")]},
        "panels": list(_panels()),
    }


def _source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1}


def _choice(label: str) -> dict[str, Any]:
    query = f"label_values(turnout_requests_total, {label})"
    return {
        "name": label, "type": "query", "datasource": _DATASOURCE, "definition": query, "query": {"query": query, "refId": label},
        "refresh": 2, "multi": True, "includeAll": True, "allValue": ".*", "sort": 1, "current": {"text": "All", "value": "$__all"},
    }  # fmt: skip


_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDE, _TALL, _SMALL = 24, 8, 4


def _panels() -> Iterator[dict[str, Any]]:
    id_, y = 0, 0
    for title, panels in ROWS.items():
        id_ += 1
        yield {
            "id": id_,
            "type": "row",
            "title": title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": _WIDE, "h": 1},
            "panels": [],
        }
        y, x = y + 1, 0
        width, height = (_WIDE // len(panels), _SMALL) if all(one.kind == "stat" for one in panels) else (_WIDE // 3, _TALL)
        for panel in panels:
            if x + width > _WIDE:
                x, y = 0, y + height
            id_ += 1
            yield _panel(id_, panel, {"x": x, "y": y, "w": width, "h": height})
            x += width
        y += height


def _panel(id_: int, panel: Panel, place: Mapping[str, int]) -> dict[str, Any]:
    instant = panel.kind != "timeseries"
    return {
        "id": id_,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": _DATASOURCE,
        "gridPos": dict(place),
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}} if panel.kind != "stat" else {},
        "targets": [
            {
                "refId": chr(ord("A") + n), "datasource": _DATASOURCE, "expr": _known(expr), "legendFormat": legend or "__auto",
                "instant": instant, "range": not instant,
            }
            for n, (expr, legend) in enumerate(panel.queries)
        ],
    }  # fmt: skip


def _known(expr: str) -> str:
    """As it is; whoever names a metric that there is not is told now, and not by a panel that stays empty."""
    unknown = [name for name in _NAMED.findall(expr) if name not in TABLE] + [
        name for name in _RECORDED.findall(expr) if name not in RECORDING
    ]
    if unknown:
        raise SystemExit(f"{', '.join(unknown)}: no such metric in turnout.telemetry.names; named in: {expr}")
    return expr


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
