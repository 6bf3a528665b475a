"""The control process's own figures, for Prometheus."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from turnout.build.chores import House
from turnout.build.spec import Places
from turnout.control.behind import behind
from turnout.control.openapi import described
from turnout.telemetry.control import Values, exposition, otlp_figures


@described("this process' figures for Prometheus", media=("text/plain",))
def scraped(house: House, _: Request) -> Response:
    # OSError and SQLAlchemyError get through: the app has words for both.
    body, content_type = exposition(dict(_figures(house)))
    return Response(body, media_type=content_type)


def _figures(house: House) -> Iterator[tuple[str, Values]]:
    report, ledger = house.ingested.report, house.ledger
    yield "turnout_ingest_lag_seconds", behind(house.data_dir / Places.journal, ledger, house.clock.now()).seconds
    yield "turnout_ingest_records", float(report.records)
    yield "turnout_ingest_refused", float(report.refused)
    yield "turnout_ingest_damaged_bytes", float(report.damaged)
    yield "turnout_rollups_due", float(ledger.due())
    if (head := house.audit.store.latest()) is not None:
        yield "turnout_audit_head", float(head.seq)
    yield "turnout_ledger_bytes", float(ledger.size())
    yield "turnout_feedback", {labels: float(count) for labels, count in house.ingested.opinions.items()}
    yield from otlp_figures(house.telemetry.state()).items()
