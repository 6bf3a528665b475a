"""The Week-1 audit: what somebody's set-up is, from their logs, and what another policy would make of the same traffic.

Logs are read twice: once to see which models there are, from which a policy is suggested where none is given; then for everything else.
"""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import msgspec

from turnout.catalog.load import Catalog
from turnout.config.check import check
from turnout.config.document import read
from turnout.config.load import inspect
from turnout.config.shape import shape
from turnout.decide.classify import classify
from turnout.decide.compiled import View, compile_view
from turnout.decide.mix import BINS, PRIOR_WEIGHT
from turnout.errors import ConfigProblems
from turnout.providers.registry import vendors
from turnout.reports.fit import Fit, Over, Under
from turnout.reports.logs.call import Call, Dirty
from turnout.reports.logs.read import Reader
from turnout.reports.logs.source import Log
from turnout.reports.names import Names
from turnout.reports.piles import Sizes
from turnout.reports.setup import Model, Setup, Sums, Times
from turnout.reports.suggest import Suggestion, suggest
from turnout.reports.whatif import Rerun, WhatIf
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy, Provider, Route
from turnout.types.traits import Hints, Traits
from turnout.types.view import Base, Overlay

DIRTY_SHOWN = 200
"""Rows that the report lists; all of them go to the file that ``--dirty`` names."""

GOLDEN = 0x9E3779B97F4A7C15
"""Seeds are multiples of the golden ratio: spread evenly, and the same each time."""

Progress = Callable[[str, int], None]
"""Told what is being done, and how many bytes of it are."""


class Planned(msgspec.Struct, frozen=True):
    """The policy that the what-if is of, and its models; ``suggestion`` where nobody named one."""

    name: str
    policy: Policy
    models: tuple[ModelFacts, ...]
    suggestion: Suggestion | None = None


class Audit(msgspec.Struct, frozen=True):
    """Everything the report says. Money in pico-dollars, times in unix seconds, shares 0..1. ``rows`` = calls + dirty + passed."""

    title: str
    files: dict[str, str]
    today: date
    rows: int
    passed: int
    dirty: int
    dirty_why: dict[str, int]
    dirty_rows: tuple[Dirty, ...]
    since: float | None
    until: float | None
    total: Sums
    models: tuple[Model, ...]
    use_cases: dict[str, Sums]
    callers: dict[str, int]
    days: dict[str, Sums]
    kinds: dict[str, int]
    with_text: int
    bands: dict[str, int]
    tasks: dict[str, int]
    over: tuple[Over, ...]
    under: tuple[Under, ...]
    policy: str | None
    suggestion: Suggestion | None
    whatif: WhatIf | None


def audit(
    logs: list[Log], reader: Reader, catalog: Catalog, today: date, named: Planned | None, tell: Progress, note: Callable[[Dirty], None],
    *, title: str,
) -> Audit:  # fmt: skip
    """Read ``logs`` and work it all out. ``named`` is the policy to try, None: a suggested one. ``note`` is told of every dirty row, in order.

    Raises:
        Unusable: a file is no log of a known shape.
        ConfigProblems: the policy cannot be used.
    """
    names = Names(catalog)
    planned, mix = _planned(logs, reader, names, tell, named, catalog, today)
    known = _everything(catalog, today)
    view = _view(planned, catalog, today, mix) if planned is not None else known
    sizes = Sizes(slot.tiers for slot in (*known.slots.values(), *view.slots.values()))
    folds = _Folds(Setup(today), Fit(sizes), Rerun(view, known.slots, sizes) if planned is not None else None, names)
    reader.forget()
    dirty: list[Dirty] = []
    why: dict[str, int] = {}
    count = 0
    for found in reader.calls(logs, lambda at: tell("reading and deciding", at)):
        if isinstance(found, Call):
            folds.add(found)
            continue
        count += 1
        note(found)
        reason = found.why.partition(":")[0]
        why[reason if reason in why or len(why) < DIRTY_SHOWN else "other"] = why.get(reason, 0) + 1
        if len(dirty) < DIRTY_SHOWN:
            dirty.append(found)
    pool = {slot.id: slot for lane in view.lanes for slot in lane.slots}
    setup, slots = folds.setup, {**known.slots, **view.slots}
    return Audit(
        title=title, files=dict(reader.formats), today=today, rows=reader.rows, passed=reader.passed, dirty=count,
        dirty_why=dict(sorted(why.items(), key=lambda item: -item[1])), dirty_rows=tuple(dirty),
        since=setup.since, until=setup.until, total=setup.total,
        models=tuple(sorted(setup.models.values(), key=lambda model: (-model.sums.spend, -model.sums.calls))),
        use_cases=dict(sorted(setup.use_cases.items(), key=lambda item: (-item[1].spend, -item[1].calls))),
        callers=dict(sorted(setup.callers.items(), key=lambda item: -item[1])),
        days=dict(sorted(setup.days.items())), kinds=setup.kinds, with_text=folds.with_text, bands=folds.bands, tasks=folds.tasks,
        over=folds.fit.over(slots, pool.values()) if planned is not None else (), under=folds.fit.under(slots),
        policy=planned.name if planned is not None else None,
        suggestion=planned.suggestion if planned is not None else None,
        whatif=folds.rerun.result() if folds.rerun is not None else None,
    )  # fmt: skip


class _Folds:
    """One call after the other into everything that is made of it."""

    def __init__(self, setup: Setup, fit: Fit, rerun: Rerun | None, names: Names) -> None:
        self.setup = setup
        self.fit = fit
        self.rerun = rerun
        self.with_text = 0
        self.bands: dict[str, int] = {}
        self.tasks: dict[str, int] = {}
        self._names = names
        self._count = 0

    def add(self, call: Call) -> None:
        named = self._names.find(call.model, call.provider)
        self.setup.add(call, named)
        traits = traits_of(call)
        self._count += 1
        if call.kind == "chat":
            self.with_text += traits is not None
            band, task = (traits.band, traits.task.value) if traits is not None else (None, None)
            self.bands[band or "unknown"] = self.bands.get(band or "unknown", 0) + 1
            self.tasks[task or "unknown"] = self.tasks.get(task or "unknown", 0) + 1
        if named.facts is not None:
            self.fit.add(call, named.facts.id, traits)
        if self.rerun is not None:
            self.rerun.add(call, named.facts, traits, self._count * GOLDEN % 2**63)


def as_json(found: Audit) -> bytes:
    """All figures, for programs."""
    return msgspec.json.format(msgspec.json.encode(found, enc_hook=_figures)) + b"\n"


def _figures(value: object) -> object:
    assert isinstance(value, Times), "all else is what JSON knows"
    return value.spread


def traits_of(call: Call) -> Traits | None:
    """As the gateway would find them; None where the log has no text. A log's tags are conditions' matter, never hints."""
    if call.sketch is None:
        return None
    hints = Hints(tags=call.tags, plain=frozenset(call.tags))
    return classify(msgspec.structs.replace(call.sketch, model="auto"), hints, front="openai-chat", caller=None, held=None)


def _planned(
    logs: list[Log], reader: Reader, names: Names, tell: Progress, named: Planned | None, catalog: Catalog, today: date
) -> tuple[Planned | None, tuple[float, ...]]:
    """The policy to try, and how complex the requests are where it goes by ranks among them. A look at all logs, if either asks for it."""
    ranked = named is not None and any(route.objective == "balanced" for route in named.policy.routes)
    histogram = [PRIOR_WEIGHT / BINS] * BINS
    if named is not None and not ranked:
        return named, tuple(histogram)
    used: dict[str, int] = {}
    for found in reader.calls(logs, lambda at: tell("looking at the models", at), texts=ranked):
        if isinstance(found, Dirty) or found.kind != "chat" or found.error is not None:
            continue
        facts = names.find(found.model, found.provider).facts
        if facts is not None:
            used[facts.id] = used.get(facts.id, 0) + 1
        if ranked and (traits := traits_of(found)) is not None and traits.complexity is not None:
            histogram[min(int(traits.complexity * BINS), BINS - 1)] += 1
    return named or _suggested(used, catalog, today), tuple(histogram)


def _everything(catalog: Catalog, today: date) -> View:
    """Every model of the catalog, each with its price of today: for comparing, not for deciding."""
    providers = tuple(Provider(name, name, vendors()[name].dialect, "", "none") for name in catalog.by_vendor)
    base = Base(0, Policy((Route("default", "static"),), providers), tuple(catalog.models.values()), _tasks(catalog))
    return compile_view(base, Overlay("", today), "catalog")


def _view(planned: Planned, catalog: Catalog, today: date, mix: tuple[float, ...]) -> View:
    routes = {route.name: mix for route in planned.policy.routes if route.objective == "balanced"}
    return compile_view(Base(1, planned.policy, planned.models, _tasks(catalog)), Overlay("", today, {}, routes), "what-if")


def _tasks(catalog: Catalog) -> dict[str, dict[str, float]]:
    return {task: dict(weights) for task, weights in catalog.tasks.items()}


def _suggested(used: Mapping[str, int], catalog: Catalog, today: date) -> Planned | None:
    """A suggestion, resolved as any policy file is."""
    found = suggest(used, catalog, today)
    if found is None:
        return None
    document = read(found.yaml)
    checked = check(document, shape(document.tree), {}, catalog, today, secrets_needed=False)
    if checked.problems:
        raise ConfigProblems(checked.problems, file="the suggested policy")
    return Planned("the suggested policy", checked.policy, checked.models, found)


def named_policy(config: Path, env: Mapping[str, str], catalog: Catalog, today: date) -> Planned:
    """A policy file, to be tried on logs: secrets may be missing. Raises ConfigProblems."""
    found = inspect(config, env, catalog, today, secrets_needed=False)
    if found.problems:
        raise ConfigProblems(found.problems, file=config.name)
    return Planned(config.name, found.policy, found.models)
