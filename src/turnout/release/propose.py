"""What a release should become, by rule, with figures and in words (PRODUCT R4). Pure.

stand-in  for a model that ends: of a fallback at once, of the first where there is no time to measure (as fallback or primary)
primary   no worse overall nor in any part of the traffic, and a score that reaches the threshold
segment   no worse in part of it
cascade   worse, but a check catches its failures, and a second call is paid for
fallback  fit, and at another provider
new_use   able to do what nobody on the route can
none      otherwise, with the reasons
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from turnout.release import gates, places
from turnout.release.answers import answers, disputed
from turnout.release.cascade import Cascade, Told, cascade, checks_of, is_worth_it, told
from turnout.release.pairs import Pair, paired
from turnout.release.score import score, thresholds
from turnout.release.screen import Kind, Screened, screen
from turnout.release.traffic import EVERYTHING, Scope, controls, ratio, saving, together, unmeasured
from turnout.store.cells import Part
from turnout.types.checks import Check, name_of
from turnout.types.matrix import BANDS
from turnout.types.models import ModelFacts
from turnout.types.policy import Route
from turnout.types.release import Answer, CatalogEvent, Gate, Proposal, Release, Role, Score
from turnout.types.suite import Result
from turnout.types.traits import Band
from turnout.types.view import Base

SEGMENT_LEAST = 50
"""Cases from which a part of the traffic is considered alone."""
ELSEWHERE = 0.1
"""Of a proposal's requests at most this share may be served by models that the candidate was not compared with."""
FALLBACK_ANSWERS = 0.9
"""The share of cases to which a fallback must have had an answer at all, and"""
FALLBACK_GOOD = 0.5
"""its quality as a share of what it stands in for: a poor answer is better than none, a wrong one often is not."""


class Seen(msgspec.Struct, frozen=True):
    """What else is known: the route's recent traffic (Ledger.cells.mix), events on the models, what requests asked for, the suites' checks."""

    mix: tuple[Part, ...] = ()
    events: tuple[CatalogEvent, ...] = ()
    asked: tuple[Kind, ...] = ()
    checks: tuple[Check, ...] = ()


NOTHING = Seen()


class Question(msgspec.Struct, frozen=True):
    """All that a proposal is worked out from."""

    release: Release
    base: Base
    route: Route
    facts: ModelFacts
    pairs: tuple[Pair, ...]
    mix: tuple[Part, ...]
    margins: gates.Margins
    hard: tuple[Gate, ...]
    measured: tuple[Gate, ...]
    rank: Score | None
    answers: tuple[Answer, ...]
    runs: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def against(self) -> str:
        found = dict.fromkeys(pair.control.model for pair in self.pairs)
        return " and ".join(found) or self.release.incumbent or "the route's own choice"


class Considered(msgspec.Struct, frozen=True):
    """A part of the traffic, the cases that may speak for it, and among how many parts it is looked at."""

    scope: Scope
    proving: tuple[Pair, ...]
    tried: int


def propose(
    release: Release, base: Base, results: Sequence[Result], now: float, seen: Seen = NOTHING, told: Told = told
) -> Proposal:
    """From the results of the finished runs of a release, incumbent's and candidate's. ``told`` says whether an answer passes a check.

    Without results the answers are from the catalog's facts, and no role that serves traffic is proposed.
    """
    screened = screen(release, base, seen.events, now, seen.asked)
    found = _asked(release, base, results, now, seen, screened)
    if found is None:
        return Proposal("none", f"Nothing is proposed: {screened.rejected}.", screened.gates)
    if screened.rejected is not None or (screened.waiting is not None and release.kind != "retiring"):
        return _none(found, (screened.rejected or screened.waiting or "",))
    checked = checks_of(found.route, seen.checks)
    roles: tuple[Callable[[], Proposal | None], ...] = (
        lambda: _stand_in(found),
        lambda: _primary(found),
        lambda: _segment(found),
        lambda: _cascade(found, cascade(found.pairs, checked, found.margins, told)),
        lambda: _fallback(found),
        lambda: _new_use(found),
    )
    return next((proposal for role in roles if (proposal := role()) is not None), None) or _none(found, tuple(_why_not(found)))


def _asked(
    release: Release, base: Base, results: Sequence[Result], now: float, seen: Seen, screened: Screened
) -> Question | None:
    """None: the route or the model is gone."""
    route = next((one for one in base.policy.routes if one.name == release.route), None)
    by_id = {facts.id: facts for facts in base.models}
    facts, against = by_id.get(release.model), by_id.get(release.incumbent or "")
    if route is None or facts is None:
        return None
    rules, mix = base.policy.release, tuple(part for part in seen.mix if part.route == route.name)
    pairs = paired(results, facts.id, controls(mix, release.incumbent))
    margins = gates.margins(route, rules)
    doubts = disputed([facts, *([against] if against is not None else [])], seen.events)
    return Question(
        release, base, route, facts, pairs, mix, margins, screened.gates,
        (*gates.measured(pairs, margins), *gates.needed(route, pairs)), score(pairs, rules, release.id, route.worth),
        answers(facts, against, route, base, now, pairs, doubts), tuple(dict.fromkeys(one.run for one in results)), screened.notes,
    )  # fmt: skip


def _stand_in(found: Question) -> Proposal | None:
    """In place of a model that ends: of a fallback whatever was measured, of the route's first where there was no time to measure."""
    leaving = found.release.incumbent
    if found.release.kind != "retiring" or leaving is None:
        return None
    behind = leaving in {step.model for step in found.route.fallback} and leaving not in places.choices(found.route, found.base)
    if not behind and found.pairs:
        return None
    seen = "" if found.pairs else " Nothing was measured: it is the best known model by estimate and price."
    text = f"{leaving} ends; {found.facts.id} can take its place{' as a fallback' if behind else ''}.{seen}"
    return _proposal(found, "fallback" if behind else "primary", text, found.measured, found.rank)


def _primary(found: Question) -> Proposal | None:
    """In front of everything that the route serves."""
    if not found.pairs or _elsewhere(found, EVERYTHING) or gates.weak_parts(found.pairs, found.margins.quality):
        return None
    measured, rank = found.measured, found.rank
    if not gates.is_passed(measured) or rank is None or not _reaches(found, rank):
        return None
    cost = saving(found.mix, EVERYTHING, found.pairs, found.facts.id)
    text = (
        f"{found.facts.id} is as good as {found.against} on this route: {measured[0].text}. {_scored(found, rank)}{_saves(cost)}"
    )
    return _proposal(found, "primary", text, measured, rank, saving=cost, costs=ratio(found.pairs))


def _segment(found: Question) -> Proposal | None:
    """In front of part of it, where the score lets it."""
    parts = _parts(found)
    for part, measured in _held(found, parts):
        rank = _rank(found, part)
        if rank is not None and _reaches(found, rank):
            return _as_segment(found, part.scope, measured, rank, len(parts))
    return None


def _held(found: Question, parts: Sequence[Considered]) -> list[tuple[Considered, tuple[Gate, ...]]]:
    """The parts that pass the gates: first what saves most, of what saves nothing what gains most."""
    held: list[tuple[float, float, Considered, tuple[Gate, ...]]] = []
    for part in parts:
        if gates.weak_parts(_inside(found, part.scope), found.margins.quality):
            continue
        measured = (*gates.measured(part.proving, found.margins, part.tried), *gates.needed(found.route, part.proving))
        if gates.is_passed(measured):
            saved = saving(found.mix, part.scope, found.pairs, found.facts.id) or 0.0
            held.append((max(saved, 0.0), sum(pair.difference for pair in _inside(found, part.scope)), part, measured))
    return [(part, measured) for _, _, part, measured in sorted(held, key=lambda one: (-one[0], -one[1]))]


def _rank(found: Question, part: Considered) -> Score | None:
    return score(part.proving, found.base.policy.release, found.release.id, found.route.worth)


def _as_segment(found: Question, scope: Scope, measured: tuple[Gate, ...], rank: Score, tried: int) -> Proposal:
    cost = saving(found.mix, scope, found.pairs, found.facts.id)
    stays = f"The rest stays where it is: {reason}. " if (reason := "; ".join(_on_the_whole(found))) else ""
    among = f", the best of {tried} parts of the traffic looked at" if tried > 1 else ""
    text = (
        f"{found.facts.id} is as good as {found.against} for {scope}: {measured[0].text}{among}. "
        f"{stays}{_scored(found, rank)}{_saves(cost)}"
    )
    return _proposal(found, "segment", text, measured, rank, saving=cost, when=scope.when, costs=ratio(_inside(found, scope)))


def _cascade(found: Question, tried: Cascade | None) -> Proposal | None:
    """A checked first try; what the check refuses is answered as before, so that its success is the control's."""
    if tried is None or not is_worth_it(tried) or _elsewhere(found, EVERYTHING):
        return None
    names = " and ".join(name_of(check) for check in tried.checks)
    wait = f" The median wait becomes {tried.p50_ms:,.0f} ms." if tried.p50_ms is not None else ""
    text = (
        f"{found.facts.id} alone is not good enough ({'; '.join(_on_the_whole(found)) or 'not proven'}), but {names} tells: {tried.passes:.1%} of its "
        f"answers pass, {found.against} answers the rest. Together {tried.gate.text}, at {tried.saving:.0%} less cost, second calls included.{wait}"
    )
    success = Gate("success", True, f"what fails, or does not pass {names}, is answered by {found.against} as before")
    return _proposal(found, "cascade", text, (tried.gate, success), None, saving=tried.saving, checks=tried.checks)


def _fallback(found: Question) -> Proposal | None:
    """Behind everything, for when the provider in front is down."""
    answer = next(one for one in found.answers if one.question == "fallback")
    if answer.verdict != "yes" or found.facts.id in {step.model for step in found.route.fallback} or not found.pairs:
        return None
    came = sum(pair.candidate.ok for pair in found.pairs) / len(found.pairs)
    good, usual = (sum(side.good for side in some) for some in zip(*((p.candidate, p.control) for p in found.pairs), strict=True))
    if came < FALLBACK_ANSWERS or good < FALLBACK_GOOD * usual:
        return None
    text = f"{found.facts.id} is not proposed in front ({'; '.join(_why_not(found))}), but would do as a fallback. {answer.text}"
    return _proposal(found, "fallback", text, found.measured, found.rank)


def _new_use(found: Question) -> Proposal | None:
    answer = next(one for one in found.answers if one.question == "new_use")
    if answer.verdict != "yes":
        return None
    text = f"{found.facts.id} is not proposed for what the route does today ({'; '.join(_why_not(found))}), but it can do more. {answer.text}"
    return _proposal(found, "new_use", text, found.measured, found.rank)


def _none(found: Question, reasons: Sequence[str]) -> Proposal:
    text = f"Nothing is proposed for {found.facts.id} on {found.route.name}: {'; '.join(reasons)}."
    return _proposal(found, "none", text, found.measured, found.rank)


def _proposal(found: Question, role: Role, text: str, measured: Sequence[Gate], rank: Score | None, **more: object) -> Proposal:
    noted = " ".join((text.strip(), *(f"{note[0].upper()}{note[1:]}." for note in found.notes)))
    plain = Proposal("none", noted, (*measured, *found.hard), found.answers, rank, runs=found.runs)
    return msgspec.structs.replace(plain, role=role, **more)


def _why_not(found: Question) -> Iterator[str]:
    """Reasons against its serving first."""
    if not found.pairs:
        if found.release.incumbent is None and not found.mix:
            yield "it is not known which model serves most of the route, so that there is nothing to measure it against"
        else:
            yield "no case was answered by it and by what serves the route, and graded by anything that can be believed"
        return
    yield from _on_the_whole(found)
    if found.rank is None:
        yield "the cost of some answers is unknown"
    elif not _reaches(found, found.rank):
        yield _too_little(found, found.rank)
    for part, _ in _held(found, _parts(found))[:1]:
        if (rank := _rank(found, part)) is not None and not _reaches(found, rank):
            yield f"for {part.scope} it is as good, but {_too_little(found, rank)}"


def _too_little(found: Question, rank: Score) -> str:
    least = thresholds(found.base.policy.release, found.route.worth).trial
    terms = f" (cost {rank.cost:+.2f}, time {rank.latency:+.2f}, quality {rank.quality:+.2f})" if rank.worth is None else ""
    return f"its {rank.name} is {rank.value:.3f}{terms}, at least {rank.low:.3f}, and a trial needs {least:g}"


def _on_the_whole(found: Question) -> Iterator[str]:
    """What keeps it from all of the route's traffic, apart from its score."""
    yield from (gate.text for gate in found.measured if not gate.passed)
    if weak := gates.weak_parts(found.pairs, found.margins.quality):
        yield f"worse at {', '.join(weak)}"
    if share := _elsewhere(found, EVERYTHING):
        yield f"{share:.0%} of the requests are served by models that it was not compared with"


def _scopes(pairs: Sequence[Pair], mix: Sequence[Part]) -> Iterator[Scope]:
    """Parts of the traffic that a condition can name: bands, the two easier ones together, tasks, bands of tasks."""
    everything: list[Pair | Part] = [*pairs, *mix]
    all_bands, all_tasks = {one.band for one in everything}, {one.task for one in everything}
    bands: list[Band] = [band for band in BANDS.values() if any(pair.band == band for pair in pairs)]
    tasks = sorted({pair.task for pair in pairs if pair.task is not None})
    by_band = [frozenset({band}) for band in bands] + ([frozenset(bands[:2])] if len(bands) == len(BANDS) else [])
    if len(all_bands) > 1:
        yield from (Scope(None, some) for some in by_band)
    if len(all_tasks) > 1:
        yield from (Scope(frozenset({task})) for task in tasks)
    if len(all_tasks) > 1 and len(all_bands) > 1:
        yield from (Scope(frozenset({task}), some) for task in tasks for some in by_band)


def _parts(found: Question) -> list[Considered]:
    """Of as many as may be chosen from each must prove that much more; half of the doubt is for the tasks that seem to hold together."""
    chosen = together(found.pairs, found.margins.quality)
    one_by_one = [(scope, _inside(found, scope)) for scope in _scopes(found.pairs, found.mix)]
    able = [(scope, inside) for scope, inside in one_by_one if len(inside) >= SEGMENT_LEAST and not _elsewhere(found, scope)]
    if chosen is None or len(chosen[1]) < SEGMENT_LEAST or _elsewhere(found, chosen[0]):
        return [Considered(scope, inside, len(able)) for scope, inside in able]
    return [Considered(*chosen, 2), *(Considered(scope, inside, 2 * len(able)) for scope, inside in able)]


def _inside(found: Question, scope: Scope) -> tuple[Pair, ...]:
    return tuple(pair for pair in found.pairs if scope.holds(pair.task, pair.band))


def _elsewhere(found: Question, scope: Scope) -> float:
    """0 where it is little enough."""
    share = unmeasured(found.mix, scope, found.pairs, found.release.incumbent, found.facts.id)
    return share if share > ELSEWHERE else 0.0


def _reaches(found: Question, rank: Score) -> bool:
    """What stands in for a model that ends need not be better than it."""
    return rank.ceiling > 0 or found.release.kind == "retiring"


def _scored(found: Question, rank: Score) -> str:
    if rank.ceiling <= 0:
        return f"{rank.name.capitalize()} {rank.value:.3f}; {found.release.incumbent} ends, so that none is needed."
    known = f"{rank.name.capitalize()} {rank.value:.3f}, at least {rank.low:.3f}"
    return f"{known}: up to {rank.ceiling:g} % of the traffic before live evidence is in."


def _saves(share: float | None) -> str:
    if share is None:
        return ""
    return f" The route would cost about {abs(share):.0%} {'less' if share >= 0 else 'more'}."
