"""Records of a drill's requests -> what it measured. Pure: the same records give the same figures."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import ceil
from statistics import fmean

import msgspec

from turnout.drill.figures import Failover, Measurements, Moment, Phase, Quantiles, RouteFigures
from turnout.drill.paid import paid
from turnout.types.drill import Drill, makes_up
from turnout.types.money import PicoDollars, usd
from turnout.types.record import Attempt, Record

Aim = Callable[[str], bool]
"""Whether a model (``provider/model``) is what is drilled."""
Quality = Callable[[str, str | None], float | None]
"""Estimate (0..10) of a model's answers to a task."""

SLICES = 60
EXPECTED_TOUCHES = 10
"""A stretch is long enough to tell whether a provider is left alone when it would usually have had this many requests in it."""
CHECK_FAILED = "check_failed"
BACK = 0.8
"""The part of its usual share with which a provider counts as back."""


def measure(
    records: Iterable[Record], drill: Drill, aim: Aim, quality: Quality, *, beside: Iterable[Record] = ()
) -> Measurements:
    """``records`` are those of the drill's requests; ``beside`` those of other traffic at the time, where it was live."""
    seen, unhurt = _Seen(drill, aim, quality), _Seen(drill, aim, quality, spared=True)
    called = sorted((record for record in records if record.outcome != "rejected"), key=lambda record: record.at)
    before = [record for record in called if record.at < drill.since]
    during = [record for record in called if drill.since <= record.at < drill.ends]
    after = [record for record in called if record.at >= drill.ends]
    others = [record for record in beside if record.outcome != "rejected" and drill.since <= record.at < drill.ends]
    usual = seen.phase(before)
    starts = called[0].at if called else drill.since
    slice_s = max(1.0, ceil((called[-1].at - starts) / SLICES)) if called else 1.0
    return Measurements(
        drill=drill,
        before=usual,
        during=seen.phase(during),
        after=seen.phase(after),
        beside=unhurt.phase(others) if others else None,
        struck=sum(seen.is_struck(attempt) for record in during for attempt in record.attempts),
        met=sum(map(seen.meets, during)),
        saved=sum(map(seen.saved, during)),
        failover=seen.failover(seen.with_somewhere_to_go(during), usual.to_target),
        recovery_s=seen.recovery(after, usual.to_target),
        routes=tuple(
            msgspec.structs.replace(mine, beside=unhurt.of_route(others, mine.name)) for mine in seen.routes(before, during)
        ),
        timeline=tuple(seen.timeline(called, starts, slice_s)),
        slice_s=slice_s,
        starts=starts,
        served_by=dict(Counter(record.model for record in during if seen.answered(record) and record.model).most_common()),
        faults_elsewhere=seen.faults_elsewhere(during),
        spent_usd=sum(usd(cost) for record in called if (cost := seen.cost(record)) is not None),
    )


class _Seen(msgspec.Struct, frozen=True):
    """How a record is read, given what was drilled; ``spared``: it was no part of it."""

    drill: Drill
    aim: Aim
    quality: Quality
    spared: bool = False

    def is_struck(self, attempt: Attempt) -> bool:
        """It met the failure; calls that are only slow, or answered with nonsense, need not have failed for that."""
        quiet = self.drill.kind in ("degradation", "bad_content")
        return not self.spared and self.aim(attempt.model) and (quiet or attempt.fault is not None)

    def touches(self, record: Record) -> bool:
        return any(map(self.is_struck, record.attempts))

    def is_led_around(self, record: Record) -> bool:
        """Its plan had what was drilled, and dispatch left it out."""
        return not self.spared and any(self.aim(model) for model, _ in record.skipped)

    def meets(self, record: Record) -> bool:
        return self.touches(record) or self.is_led_around(record)

    def is_spoiled(self, record: Record) -> bool:
        """The client was given what the drill made up."""
        at = record.at
        return (
            self.drill.kind == "bad_content"
            and record.outcome == "ok"
            and self.drill.since <= at < self.drill.ends
            and record.model is not None
            and self.aim(record.model)
            and any(map(self.is_struck, record.attempts))
        )

    def answered(self, record: Record) -> bool:
        return record.outcome == "ok" and not self.is_spoiled(record)

    def is_lost(self, record: Record) -> bool:
        return self.is_spoiled(record) or (record.outcome in ("failed", "cut") and self.meets(record))

    def saved(self, record: Record) -> bool:
        """It would have been lost, had there been nobody else."""
        if not self.answered(record) or (record.model is not None and self.aim(record.model)):
            return False
        return self.meets(record)

    def cost(self, record: Record) -> PicoDollars | None:
        return paid(record.attempts, lambda model: makes_up(self.drill) and not self.spared and self.aim(model))

    def phase(self, records: Sequence[Record]) -> Phase:
        answered = [record for record in records if self.answered(record)]
        known = [usd(cost) for record in answered if (cost := self.cost(record)) is not None]
        checked = [attempt.fault for record in records for attempt in record.attempts if attempt.reason == "cascade"]
        good = [
            figure
            for record in answered
            if record.model is not None
            and (figure := self.quality(record.model, record.traits.task.value if record.traits else None)) is not None
        ]
        attempts = sum(len(record.attempts) for record in records)
        first = sum(bool(record.attempts) and self.aim(record.attempts[0].model) for record in records)
        lost = sum(map(self.is_lost, records))
        return Phase(
            requests=len(records),
            answered=len(answered),
            lost=lost,
            cut=sum(record.outcome == "cut" and self.is_lost(record) for record in records),
            failed_otherwise=sum(record.outcome in ("failed", "cut") for record in records if not self.is_lost(record)),
            amplification=attempts / len(records) if records else None,
            latency_ms=quantiles([record.duration_ms for record in answered]),
            first_token_ms=quantiles([record.first_token_ms for record in answered if record.first_token_ms is not None]),
            cost_usd=fmean(known) if known else None,
            unpriced=len(answered) - len(known),
            quality=fmean(good) if good else None,
            to_target=first / len(records) if records else 0.0,
            checked=sum(fault in (None, CHECK_FAILED) for fault in checked),
            turned_down=checked.count(CHECK_FAILED),
        )

    def with_somewhere_to_go(self, during: Sequence[Record]) -> Sequence[Record]:
        """Those of routes on which others answered; where nobody can, what failed is tried to the end, for want of better."""
        routes = {record.route for record in during if self.saved(record)}
        return [record for record in during if record.route in routes] if routes else during

    def failover(self, during: Sequence[Record], usual: float) -> Failover:
        """Over when, in a stretch that would usually have had ten requests for what is drilled, it gets one at most."""
        touched = [self.touches(record) for record in during]
        total = sum(touched)
        if not total:
            return Failover(0.0, 0, 0, None)
        first = touched.index(True)
        window = ceil(EXPECTED_TOUCHES / max(usual, 0.05))
        last = next((i for i in range(first, len(touched)) if _is_left(touched[i:], window)), None)
        hit = during if last is None else during[: last + 1]
        waits = [self._wasted_ms(record) for record, is_touched in zip(hit, touched, strict=False) if is_touched]
        return Failover(
            seconds=None if last is None else during[last].at - during[first].at,
            hit=len(waits),
            probes=total - len(waits),
            worst_wait_ms=max(waits),
        )

    def _wasted_ms(self, record: Record) -> float:
        return sum(
            attempt.ended_ms - attempt.started_ms
            for attempt in record.attempts
            if attempt.fault is not None and self.aim(attempt.model)
        )

    def recovery(self, after: Sequence[Record], usual: float) -> float | None:
        """Until the first request of a stretch in which what was drilled has most of its usual share again, and serves it."""
        window = ceil(EXPECTED_TOUCHES / max(usual, 0.05))
        served = [record.outcome == "ok" and record.model is not None and self.aim(record.model) for record in after]
        for i, record in enumerate(after):
            stretch = served[i : i + window]
            if served[i] and len(stretch) > window // 2 and sum(stretch) >= BACK * usual * len(stretch):
                return record.at - self.drill.ends
        return None

    def routes(self, before: Sequence[Record], during: Sequence[Record]) -> Iterable[RouteFigures]:
        names = sorted({record.route for record in (*before, *during) if record.route is not None})
        for name in names:
            mine = [record for record in during if record.route == name]
            attempts = [attempt for record in mine for attempt in record.attempts]
            yield RouteFigures(
                name,
                self.phase([record for record in before if record.route == name]),
                self.phase(mine),
                sum(map(self.saved, mine)),
                dict(Counter(attempt.fault for attempt in attempts if attempt.fault and self.aim(attempt.model))),
                tuple(sorted({attempt.model for attempt in attempts})),
            )

    def of_route(self, records: Sequence[Record], name: str) -> Phase | None:
        mine = [record for record in records if record.route == name]
        return self.phase(mine) if mine else None

    def timeline(self, records: Sequence[Record], starts: float, slice_s: float) -> Iterable[Moment]:
        slices: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            slices[int((record.at - starts) // slice_s)].append(record)
        for n in range(max(slices, default=-1) + 1):
            here = slices.get(n, [])
            answered = [record for record in here if self.answered(record)]
            by_target = sum(record.model is not None and self.aim(record.model) for record in answered)
            yield Moment(
                n * slice_s,
                by_target,
                len(answered) - by_target,
                sum(map(self.is_lost, here)),
                quantiles([record.duration_ms for record in answered]).p95,
            )

    def faults_elsewhere(self, records: Iterable[Record]) -> dict[str, dict[str, int]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for record in records:
            for attempt in record.attempts:
                if attempt.fault is not None and not self.aim(attempt.model):
                    found[attempt.model][attempt.fault] += 1
        return {model: dict(faults) for model, faults in found.items()}


def quantiles(values: Iterable[float]) -> Quantiles:
    """By nearest rank."""
    ranked = sorted(values)
    if not ranked:
        return Quantiles()
    return Quantiles(*(ranked[max(ceil(share * len(ranked)) - 1, 0)] for share in (0.5, 0.95, 0.99)))


def _is_left(touched: Sequence[bool], window: int) -> bool:
    """Whether the first of these requests met the failure, and those after it do not, but for a probe."""
    after = touched[1 : 1 + window]
    return touched[0] and len(after) > window // 2 and not after[0] and sum(after) <= 1
