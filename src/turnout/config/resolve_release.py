"""``release:``, ``suites:``, ``alerts:`` and ``control.people`` -> the policy's own values. Total, as resolve.py is."""

from collections.abc import Iterator, Mapping

from turnout.config.graders import GraderError, graders_of
from turnout.config.schema_release import AlertsPart, EmailPart, PersonPart, ReleasePart, SamplePart, SuitePart
from turnout.types.alert import Alerting, Mailing, Webhook
from turnout.types.money import PicoDollars, pico_from_usd
from turnout.types.policy import Person
from turnout.types.release import Margins, Spec
from turnout.types.release_rules import Approvals, ReleaseRules, Sampling, SuiteRules, Thresholds, Weights
from turnout.types.suite import Graded


def release_rules(part: ReleasePart) -> ReleaseRules:
    """How releases are handled. The mirror's and the stages' rules stand in the spec that each trial begins with."""
    return ReleaseRules(
        autonomy=part.autonomy,
        weights=Weights(**part.weights.model_dump()),
        net_thresholds=Thresholds(**part.net_thresholds.model_dump()),
        thresholds=Thresholds(**part.thresholds.model_dump()),
        first_ceiling=part.first_ceiling,
        spec=_spec(part),
        sources=part.sources,
        refresh=part.refresh,
        budget=pico_from_usd(part.budget_usd_per_day),
        approvals=Approvals(part.approvals.count, frozenset(part.approvals.roles), part.approvals.owner),
        cooldown=part.cooldown,
        overlap=part.overlap,
        judge=part.judge,
        retire_ahead=part.retire_ahead,
    )


def _spec(part: ReleasePart) -> Spec:
    return Spec(
        stages=part.stages,
        ceiling=part.first_ceiling,
        holdback=part.holdback,
        stage_time=part.stage_time,
        stage_units=part.stage_requests,
        longest=part.longest,
        bake=part.bake,
        window=part.feedback_window,
        silence=part.silence,
        alpha=part.alpha,
        margins=Margins(**part.margin.model_dump()),
        mirror_sample=part.mirror.sample,
        mirror_budget=pico_from_usd(part.mirror.budget_usd_per_day),
        mirror_time=part.mirror.time,
    )


def suites(parts: Mapping[str, SuitePart], judge: str | None = None) -> tuple[SuiteRules, ...]:
    """Those of which it is said where the cases are. A file stays as written: it is seen from the policy file's folder.

    ``judge`` is that of suites which name none.
    """
    return tuple(_suite(name, part, judge) for name, part in parts.items() if part.file or part.sample)


def _suite(name: str, part: SuitePart, judge: str | None) -> SuiteRules:
    routes = part.routes or (name,)
    return SuiteRules(
        name=name,
        routes=routes,
        file=part.file,
        sample=_sampling(part.sample, routes) if part.sample else None,
        schedule=part.schedule,
        budget=pico_from_usd(part.budget_usd),
        graders=tuple(_readable(part.graders)),
        judge=part.judge or judge,
        repeats=part.repeats,
        threshold=part.threshold,
        calibration=part.calibration,
    )


def _sampling(part: SamplePart, routes: tuple[str, ...]) -> Sampling:
    return Sampling(part.routes or routes, part.last, part.cases)


def _readable(raw: tuple[object, ...]) -> Iterator[Graded]:
    for grader in raw:
        try:
            yield from graders_of(grader)
        except GraderError:
            continue  # check_release says so


def alerting(part: AlertsPart) -> Alerting:
    return Alerting(
        webhooks=tuple(
            Webhook(hook.name, hook.url, hook.secret, hook.format, frozenset(hook.kinds), hook.severity) for hook in part.webhooks
        ),
        mail=_mailing(part.email) if part.email else None,
        spend=_pico(part.spend.usd_per_day),
        spend_by_route={route: pico_from_usd(usd) for route, usd in part.spend.routes.items()},
        outperforms=part.outperforms,
    )


def _mailing(part: EmailPart) -> Mailing:
    return Mailing(
        host=part.host,
        port=part.port,
        security=part.security,
        user=part.user,
        password=part.password,
        sender=part.from_,
        to=part.to or (),
        kinds=frozenset(part.kinds),
        severity=part.severity,
    )


def people(parts: tuple[PersonPart, ...]) -> tuple[Person, ...]:
    return tuple(Person(part.name, part.hash, part.role) for part in parts)


def _pico(usd: float | None) -> PicoDollars | None:
    return None if usd is None else pico_from_usd(usd)
