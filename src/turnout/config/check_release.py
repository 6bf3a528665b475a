"""What can be wrong with releases and suites: rules that contradict each other, cases that nobody has, judges that would judge themselves."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path as FilePath

from turnout.catalog import rates
from turnout.catalog.family import unfit
from turnout.catalog.places import PLACES
from turnout.config.check_providers import did_you_mean
from turnout.config.check_routes import check_named
from turnout.config.document import Finding, Path
from turnout.config.graders import GraderError, graders_of
from turnout.config.resolve import DEFAULT_ROUTE, candidates
from turnout.config.schema import File
from turnout.config.schema_release import ReleasePart, SuitePart
from turnout.config.schema_routes import RoutePart
from turnout.config.shape import Shaped
from turnout.hosts import host_of, is_loopback
from turnout.types.models import ModelFacts
from turnout.types.suite import Pairwise


def check_release(shaped: Shaped, facts: Mapping[str, ModelFacts], today: date) -> Iterator[Finding]:
    """How releases are handled."""
    part, at = shaped.file.release, ("release",)
    yield from _figures(at, part, shaped)
    if part.judge is not None:
        yield from _judge_exists((*at, "judge"), part.judge, shaped.file, facts, today)
    if part.mirror.sample and not part.mirror.budget_usd_per_day:
        yield Finding((*at, "mirror"), "copies nothing: it has no budget", "set mirror.budget_usd_per_day")
    yield from _approvals(at, shaped)


def _figures(at: Path, part: ReleasePart, shaped: Shaped) -> Iterator[Finding]:
    weights, stages = part.weights, part.stages
    if not (weights.cost or weights.latency or weights.quality):
        yield Finding((*at, "weights"), "every weight is zero, so that every score is", "give at least one a weight")
    for name, limits in (("thresholds", part.thresholds), ("net_thresholds", part.net_thresholds)):
        if not limits.trial <= limits.ten <= limits.fifty:
            yield Finding((*at, name), "a larger share may not ask for less", "write them ascending: trial, ten, fifty")
    if not shaped.is_whole(*at, "stages"):
        return
    if any(later <= earlier for earlier, later in pairwise(stages)):
        yield Finding((*at, "stages"), "not ascending", f"write [{', '.join(f'{each:g}' for each in sorted(set(stages)))}]")
    elif stages[-1] != 100:
        yield Finding((*at, "stages"), f"the last stage is {stages[-1]:g} percent", "end with 100")
    elif stages[0] > part.first_ceiling:
        yield Finding(
            (*at, "stages"), f"the first stage is above first_ceiling ({part.first_ceiling:g} percent), where most trials begin",
            "begin lower, or raise first_ceiling", warning=True,
        )  # fmt: skip
    if part.longest < part.stage_time * len(stages):
        yield Finding(
            (*at, "longest"), f"{len(stages)} stages of stage_time take longer, so that no trial reaches the last one", "raise it"
        )


def _approvals(at: Path, shaped: Shaped) -> Iterator[Finding]:
    """Whether there are people enough. The admin token counts for one."""
    rules, people = shaped.file.release.approvals, shaped.file.control.people
    if not shaped.is_whole("control", "people"):
        return
    able = sum(person.role in rules.roles for person in people) + ("admin" in rules.roles)
    if able < rules.count:
        yield Finding(
            (*at, "approvals", "count"), f"{rules.count} people must approve, and {able} may", "name more under control.people"
        )
    if rules.owner:
        names = {person.name for person in people if person.role in rules.roles}
        for name, route in shaped.file.routes.items():
            if route.owner not in names:
                yield Finding(
                    (*at, "approvals", "owner"), f"nobody can approve for route {name}: its owner is not among control.people",
                    "name its owner there, with a role that approves", warning=True,
                )  # fmt: skip


def check_sources(shaped: Shaped, base: FilePath | None) -> Iterator[Finding]:
    """Where releases are looked for: what is named has to be there. ``base`` is the policy file's folder."""
    vendors = {part.vendor or name for name, part in shaped.file.providers.items()}
    known = (*PLACES, *(f"vendor:{name}" for name in shaped.file.providers))
    for index, source in enumerate(shaped.file.release.sources):
        at = ("release", "sources", index)
        scheme, is_url, rest = source.partition("://")
        if source.startswith("vendor:"):
            name = source.removeprefix("vendor:")
            if name not in shaped.file.providers and name not in vendors:
                yield Finding(at, f'no provider "{name}"', did_you_mean(name, shaped.file.providers))
        elif is_url and scheme.lower() != "https":
            if scheme.lower() != "http" or not is_loopback(host_of(rest.partition("/")[0])):
                yield Finding(
                    at, f"{scheme} is not trusted with prices: anybody on the way could change them", "use https, or a file"
                )
        elif not is_url and source not in PLACES:
            path = FilePath(source).expanduser()
            if not (path if base is None else base / path).is_file():
                hint = (
                    did_you_mean(source, known)
                    or f"write a URL, a path from the policy file, vendor:NAME, or one of {', '.join(PLACES)}"
                )
                yield Finding(at, f"no file {source}", hint, warning=True)


def check_suites(shaped: Shaped, facts: Mapping[str, ModelFacts], today: date, base: FilePath | None) -> Iterator[Finding]:
    """Every suite by itself. ``base`` is the policy file's folder."""
    for name, part in shaped.file.suites.items():
        at = ("suites", name)
        yield from _cases(at, part, shaped, base)
        yield from _routes(at, name, part, shaped.file)
        yield from _graders(at, part, shaped.file.release)
        yield from _judge(at, name, part, shaped.file, facts, today)
        yield from _labels(at, part, shaped.file.release, base)
        if part.schedule is not None and not part.budget_usd and shaped.is_whole(*at, "budget_usd"):
            yield Finding((*at, "schedule"), "no run ever begins: budget_usd is 0", "say what one run may cost", warning=True)


def _cases(at: Path, part: SuitePart, shaped: Shaped, base: FilePath | None) -> Iterator[Finding]:
    if not (shaped.is_whole(*at, "file") and shaped.is_whole(*at, "sample")):
        return
    if (part.file is None) == (part.sample is None):
        yield Finding(at, "needs exactly one of file and sample", "say where its cases are")
    elif part.file is not None:
        yield from _is_there((*at, "file"), part.file, base)


def _is_there(where: Path, file: str, base: FilePath | None) -> Iterator[Finding]:
    path = FilePath(file).expanduser()
    if not (path if base is None else base / path).is_file():
        yield Finding(where, f"no file {file}", "it is looked for beside the policy file; its benchmarks wait", warning=True)


def _labels(at: Path, part: SuitePart, rules: ReleasePart, base: FilePath | None) -> Iterator[Finding]:
    """What people said, for the judge to be held against."""
    if part.calibration is None:
        return
    where = (*at, "calibration")
    if part.judge is None and rules.judge is None:
        yield Finding(where, "there is no judge to hold against these labels", "name a `judge` here, or release.judge")
    yield from _is_there(where, part.calibration, base)


def _routes(at: Path, name: str, part: SuitePart, file: File) -> Iterator[Finding]:
    if part.routes is None and not _is_route(name, file):
        yield Finding(at, f'no route "{name}"', "say under `routes` which ones it speaks for")
    sampled = part.sample.routes if part.sample is not None else None
    for where, routes in (((*at, "routes"), part.routes), ((*at, "sample", "routes"), sampled)):
        for index, route in enumerate(routes or ()):
            if not _is_route(route, file):
                yield Finding((*where, index), f'no route "{route}"', did_you_mean(route, file.routes))
    if part.sample is not None:
        for route in sampled or part.routes or (name,):
            kept = file.routes[route].content if route in file.routes else None
            if _is_route(route, file) and (kept or file.store.content) == "none":
                yield Finding(
                    (*at, "sample"), f"there is nothing to draw from: route {route} keeps no content",
                    "set `content: redacted` on the route", warning=True,
                )  # fmt: skip


def _is_route(name: str, file: File) -> bool:
    return name in file.routes or name == DEFAULT_ROUTE


def _graders(at: Path, part: SuitePart, rules: ReleasePart) -> Iterator[Finding]:
    for index, raw in enumerate(part.graders):
        where = (*at, "graders", index)
        try:
            (graded,) = graders_of([raw], (*at, "graders"))
        except GraderError as wrong:
            here = (*where, *wrong.path[len(where) :])
            yield Finding(here, wrong.message, wrong.suggestion)
            continue
        if isinstance(graded.rule, Pairwise) and part.judge is None and rules.judge is None:
            yield Finding(where, "nobody compares the answers", "name a `judge` here, or release.judge")


def _judge(at: Path, name: str, part: SuitePart, file: File, facts: Mapping[str, ModelFacts], today: date) -> Iterator[Finding]:
    """No model may judge itself: the suite's judge against the candidates of its routes."""
    judge, where = part.judge or file.release.judge, (*at, "judge")
    if part.judge is not None:
        yield from _judge_exists(where, part.judge, file, facts, today)
    if judge is None or judge not in facts:
        return
    for route in part.routes or (name,):
        own = candidates(file.routes.get(route, RoutePart()))
        if own == (judge,):
            yield Finding(
                where, f'"{judge}" is the only model of route {route}, and no model judges itself', "name another judge"
            )
        elif judge in own:
            yield Finding(
                where, f'"{judge}" is a candidate of route {route}: its own answers are not compared',
                "name a judge that is no candidate", warning=True,
            )  # fmt: skip
        else:
            why = unfit(facts[judge], [facts[model] for model in own if model in facts])
            if why is not None:
                yield Finding(where, f"route {route}: {why}", "name a judge of another family", warning=True)


def _judge_exists(where: Path, judge: str, file: File, facts: Mapping[str, ModelFacts], today: date) -> Iterator[Finding]:
    yield from check_named(where, judge, facts, file, today)
    if judge not in facts:
        return
    known = facts[judge]
    if known.disabled or (known.retires is not None and known.retires <= today):
        yield Finding(where, f'"{judge}" is {"disabled" if known.disabled else "retired"}', "name another judge")
    if rates.in_force(known.prices, today) is None:
        yield Finding(
            where, f'the price of "{judge}" is unknown, so no budget can be kept', f"state models.{judge}.price, or name another"
        )


def check_segments(shaped: Shaped) -> Iterator[Finding]:
    """What releases make of routes, where people write it themselves."""
    for name, part in shaped.file.routes.items():
        at = ("routes", name)
        yield from _explore(at, part)
        yield from _segments(at, part)
        yield from _admitted(at, part)


def _explore(at: Path, part: RoutePart) -> Iterator[Finding]:
    if part.explore and (part.static or part.split):
        yield Finding((*at, "explore"), f"{'static' if part.static else 'split'} already decides", "remove one of them")
    elif part.explore and part.journal == "required":
        yield Finding((*at, "explore"), "nothing is tried at random on an audited route (journal: required)", "remove it")


def _segments(at: Path, part: RoutePart) -> Iterator[Finding]:
    for index, segment in enumerate(part.segments):
        where = (*at, "segments", index)
        if any(earlier.when is None for earlier in part.segments[:index]):
            yield Finding(
                where,
                "is never reached: one before it takes every request",
                "remove it, or write it before that one",
                warning=True,
            )
        if part.approved is not None and segment.model not in (*part.approved, *part.admitted):
            yield Finding((*where, "model"), f'"{segment.model}" is not approved here', "add it to `approved`, or to `admitted`")


def _admitted(at: Path, part: RoutePart) -> Iterator[Finding]:
    if part.admitted and part.approved is None:
        yield Finding((*at, "admitted"), "there is no approved list, so that every model may serve", "remove it")
        return
    named = {
        *(each.model for each in part.segments),
        *(each.model for each in part.cascade),
        *(each.model for each in part.fallback),
    }
    for index, model in enumerate(part.admitted):
        if model not in named:
            yield Finding(
                (*at, "admitted", index),
                f'no segment, cascade or fallback names "{model}"',
                "name it there, or remove it",
                warning=True,
            )
