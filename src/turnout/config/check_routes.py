"""What can be wrong with routes: rules that never apply, models that can never serve, chains that go nowhere."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from turnout.catalog.load import Catalog
from turnout.checks.verify import problem
from turnout.config.check_providers import did_you_mean
from turnout.config.checks import check
from turnout.config.document import Finding, Path
from turnout.config.logic import covered, satisfiable
from turnout.config.reach import REMEDIES, Shortfall, shortfalls
from turnout.config.resolve import DEFAULT_ROUTE, candidates
from turnout.config.schema import File
from turnout.config.schema_routes import CheckPart, FallbackPart, NeedsPart, RoutePart, When
from turnout.config.shape import Shaped
from turnout.types.models import ModelFacts
from turnout.types.policy import SECRET_HEADERS, Condition, Policy

RESERVED = ("auto", "direct")
RETIRES_SOON = 90  # days
_WAYS = ("static", "split", "models", "approved")


def check_routes(
    shaped: Shaped, policy: Policy, facts: Mapping[str, ModelFacts], catalog: Catalog, today: date
) -> Iterator[Finding]:
    """Every route by itself, then against those before it, then against what its models can do."""
    routes, levels = shaped.file.routes, _levels(catalog, shaped.file)
    for name, part in routes.items():
        at = ("routes", name)
        yield from _shape(at, name, part)
        yield from _fallbacks(at, part, shaped)
        yield from _cascade(at, part, shaped)
        yield from _hedge(at, part, facts)
        yield from _named_models(at, part, facts, shaped.file, today)
        yield from _words(at, part, catalog, levels)
    yield from _dead_rules(shaped, policy)
    yield from _unreachable(shaped, policy, facts, shortfalls(policy, facts, catalog, today), levels)


def _shape(at: Path, name: str, part: RoutePart) -> Iterator[Finding]:
    ways = [way for way in _WAYS if getattr(part, way) is not None]
    if len(ways) > 1:
        yield Finding((*at, ways[1]), f"{' and '.join(ways)} are both given", "keep one of them")
    if (part.static or part.split) and part.objective not in (None, "static"):
        yield Finding(
            (*at, "objective"), f"{ways[0]} already decides", "remove the objective, or name the candidates under models"
        )
    if part.objective == "static" and not (part.static or part.split):
        yield Finding(
            (*at, "objective"), "static needs `static: MODEL` or `split: {MODEL: WEIGHT}`", "or choose another objective"
        )
    if part.split is not None and not any(part.split.values()):
        yield Finding((*at, "split"), "every weight is zero", "give at least one model a weight")
    if part.mix is not None:
        total = part.mix.cheap + part.mix.mid + part.mix.premium
        if abs(total - 100) > 1e-6:
            yield Finding((*at, "mix"), f"the shares sum to {total:g}, not 100", "what is not written counts as 70, 20, 10")
        if part.objective not in (None, "balanced") or part.static or part.split:
            yield Finding((*at, "mix"), "only the objective balanced looks at it", "remove it", warning=True)
    if name in RESERVED:
        yield Finding(at, f'"{name}" is reserved', "call the route otherwise")
    if name == DEFAULT_ROUTE and part.when is not None:
        yield Finding(
            (*at, "when"), "default is what remains when no other route applies", "remove it, or call the route otherwise"
        )
    for model in dict.fromkeys(model for model in part.models or part.approved or ()):
        listed = part.models or part.approved or ()
        if listed.count(model) > 1:
            yield Finding((*at, "models" if part.models else "approved"), f'"{model}" is listed twice', "keep one", warning=True)


def _fallbacks(at: Path, part: RoutePart, shaped: Shaped) -> Iterator[Finding]:
    own = candidates(part)
    seen: dict[str, int] = {}
    for index, step in enumerate(part.fallback):
        where = (*at, "fallback", index)
        if shaped.is_whole(*where) and sum(kind is not None for kind in (step.model, step.cache, step.queue)) != 1:
            yield Finding(where, "needs exactly one of model, cache and queue")
        if not step.on:
            yield Finding((*where, "on"), "with no condition it is never tried", "name one, or leave `on` out for any")
        if step.wait and step.queue != "human":
            yield Finding((*where, "wait"), "nobody is waited for but a person in `queue: human`", "remove it")
        if step.model is None:
            yield from _end(where, index, step, part)
            continue
        if own == (step.model,):
            yield Finding(where, f'the chain comes back to "{step.model}", the only model of the route', "name another model")
        if step.model in seen:
            yield Finding(
                where, f'the chain has been at "{step.model}" before (fallback[{seen[step.model]}])', "name each model once"
            )
        seen.setdefault(step.model, index)


def _end(where: Path, index: int, step: FallbackPart, part: RoutePart) -> Iterator[Finding]:
    """What ends a chain comes after its models; a queue takes everything, so nothing comes after it."""
    before = part.fallback[:index]
    if any(later.model for later in part.fallback[index + 1 :]):
        yield Finding(where, "models are tried before it, wherever it stands", "write it after them", warning=True)
    if any(earlier.queue and "any" in earlier.on for earlier in before):
        yield Finding(
            where, "is never reached: the queue before it takes every request", "remove it, or write it before the queue"
        )
    if step.queue == "human" and step.wait >= part.deadline:
        over = f"the route's deadline of {part.deadline:g} s is over before"
        yield Finding((*where, "wait"), over, "wait for less, or raise `deadline`", warning=True)
    for kind in ("cache", "queue"):
        if getattr(step, kind) and any(getattr(earlier, kind) == getattr(step, kind) for earlier in before):
            yield Finding(where, f"{kind}: {getattr(step, kind)} is named twice", "keep one", warning=True)


def _cascade(at: Path, part: RoutePart, shaped: Shaped) -> Iterator[Finding]:
    own = candidates(part)
    for index, arm in enumerate(part.cascade):
        where = (*at, "cascade", index)
        if any(earlier.model == arm.model for earlier in part.cascade[:index]):
            yield Finding((*where, "model"), f'"{arm.model}" is an arm already', "keep one", warning=True)
        if own == (arm.model,):
            yield Finding((*where, "model"), f'"{arm.model}" is what the route begins with anyway', "name a cheaper model")
        yield from check_rules((*where, "check"), arm.check, shaped)


def check_rules(at: Path, rules: Iterable[CheckPart], shaped: Shaped) -> Iterator[Finding]:
    """Checks of answers: one rule each, and one that can be used."""
    for place, rule in enumerate(rules):
        named = rule.model_fields_set
        if not shaped.is_whole(*at, place):
            continue  # what is left of it says nothing
        if len(named) != 1:
            yield Finding((*at, place), "needs exactly one rule", "write each check as an entry of its own")
        elif (wrong := problem(check(rule))) is not None:
            yield Finding((*at, place, next(iter(named))), wrong)


def _hedge(at: Path, part: RoutePart, facts: Mapping[str, ModelFacts]) -> Iterator[Finding]:
    """A hedge goes to another provider: where the chain has none it never starts."""
    named = (*(candidates(part) or facts), *(step.model for step in part.fallback if step.model))
    if part.hedge is not None and len({model.partition("/")[0] for model in named}) == 1:
        yield Finding(
            (*at, "hedge"),
            "never starts: all models of the route are one provider's",
            "name a model of another provider",
            warning=True,
        )


def _models_at(at: Path, part: RoutePart) -> Iterator[tuple[Path, str]]:
    """Each model a route names, with its place."""
    if part.static:
        yield (*at, "static"), part.static
    for model in part.split or {}:
        yield (*at, "split", model), model
    for way in ("models", "approved"):
        for index, model in enumerate(getattr(part, way) or ()):
            yield (*at, way, index), model
    for key in ("cascade", "segments"):
        for index, step in enumerate(getattr(part, key)):
            yield (*at, key, index, "model"), step.model
    for index, model in enumerate(part.admitted):
        yield (*at, "admitted", index), model
    for index, last in enumerate(part.fallback):
        if last.model:
            yield (*at, "fallback", index), last.model


def _named_models(at: Path, part: RoutePart, facts: Mapping[str, ModelFacts], file: File, today: date) -> Iterator[Finding]:
    for where, model in _models_at(at, part):
        yield from check_named(where, model, facts, file, today)


def check_named(where: Path, model: str, facts: Mapping[str, ModelFacts], file: File, today: date) -> Iterator[Finding]:
    """Whether there is a model of this name, and will be."""
    provider = model.partition("/")[0]
    if model in facts:
        yield from _retiring(where, facts[model], today)
    elif model in file.models:
        pass  # what is wrong with it is said where it is declared
    elif provider not in file.providers:
        known = did_you_mean(provider, file.providers) or did_you_mean(model, facts)
        yield Finding(where, f'no provider "{provider}"', known or f"add {provider} under providers")
    else:
        yield Finding(where, f'no model "{model}"', did_you_mean(model, facts) or f"declare it under models: {model}")


def _retiring(where: Path, model: ModelFacts, today: date) -> Iterator[Finding]:
    if model.retires is not None and 0 < (days := (model.retires - today).days) <= RETIRES_SOON:
        yield Finding(where, f'"{model.id}" retires on {model.retires}, in {days} days', "try its successor now", warning=True)


def _levels(catalog: Catalog, file: File) -> frozenset[str]:
    """Names a need may set a level for: skills, tasks, and what the file itself states of a model."""
    return frozenset((*catalog.skills, *catalog.tasks, *(name for model in file.models.values() for name in model.quality)))


def _words(at: Path, part: RoutePart, catalog: Catalog, levels: frozenset[str]) -> Iterator[Finding]:
    """A need for a level that nobody has is a slip; a condition on an unknown task may be meant."""
    for name in (part.needs.model_extra or {}) if part.needs else ():
        if name not in levels:
            close = did_you_mean(name, (*NeedsPart.model_fields, *sorted(levels)))
            yield Finding((*at, "needs", name), "neither a need nor a skill or task", close)
    conditions = [
        ((*at, "when"), part.when),
        *(((*at, "cascade", i, "when"), arm.when) for i, arm in enumerate(part.cascade)),
        *(((*at, "segments", i, "when"), segment.when) for i, segment in enumerate(part.segments)),
    ]
    for place, written in conditions:
        for where, when in _conditions(place, written):
            yield from _condition_words(where, when, catalog)


def _condition_words(at: Path, when: When, catalog: Catalog) -> Iterator[Finding]:
    for header in when.headers or {}:
        if header.lower() in SECRET_HEADERS:
            yield Finding(
                (*at, "headers", header), "what a condition reads is recorded, and this header holds a credential",
                "bind a tag to the key under auth.keys, and write `tags`",
            )  # fmt: skip
    for task in when.task or ():
        if task not in catalog.tasks:
            hint = did_you_mean(task, catalog.tasks) or f"it holds only for requests that say task={task}"
            yield Finding((*at, "task"), f'classification never finds the task "{task}"', hint, warning=True)


def _conditions(at: Path, when: When | None) -> Iterator[tuple[Path, When]]:
    """Each mapping of a condition, with its place."""
    if when is None:
        return
    yield at, when
    for key, parts in (("any", when.any), ("all", when.all)):
        for index, part in enumerate(parts or ()):
            yield from _conditions((*at, key, index), part)
    yield from _conditions((*at, "not"), when.not_)


def _dead_rules(shaped: Shaped, policy: Policy) -> Iterator[Finding]:
    """Judged by whole conditions only: one of which a part had to be left out says more than was meant."""
    earlier: dict[str, Condition] = {}
    for route in policy.routes:
        at = ("routes", route.name, "when")
        if route.when is None or route.name == DEFAULT_ROUTE or not shaped.is_whole(*at):
            continue
        if not satisfiable(route.when):
            yield Finding(at, "no request can meet it: its parts contradict each other", "use `any` where one of them is enough")
            continue
        if covered(route.when, earlier.values()):
            alone = [name for name, when in earlier.items() if covered(route.when, (when,))]
            winners = f'route "{alone[0]}" always wins' if alone else f"the routes before it ({', '.join(earlier)}) always win"
            yield Finding(at, f"dead rule: {winners}", f'move "{route.name}" up, or narrow what comes before it')
        earlier[route.name] = route.when


def _unreachable(
    shaped: Shaped,
    policy: Policy,
    facts: Mapping[str, ModelFacts],
    short: Mapping[str, Mapping[str, Shortfall]],
    levels: frozenset[str],
) -> Iterator[Finding]:
    """Models that can never serve: a problem where nothing else is left or where a fallback was counted on."""
    for route in policy.routes:
        at = ("routes", route.name)
        part = shaped.file.routes.get(route.name, RoutePart())
        if any(not shaped.is_whole(*at, key) for key in (*_WAYS, "needs")) or not levels.issuperset(route.needs.levels):
            continue
        own = tuple(model for model in (route.models or facts) if model in facts)
        never = {model: short[route.name][model] for model in own if model in short[route.name]}
        if not own and not route.models and policy.providers:
            yield Finding(
                at if route.name in shaped.file.routes else ("providers",),
                "no provider serves any model",
                "declare what they serve under models",
            )
        elif own and len(never) == len(own):
            yield _empty(at, never)
        elif route.models:
            yield from (
                _never(where, model, never[model], warning=True)
                for where, model in _models_at(at, part)
                if model in never and where[len(at)] not in ("fallback", "cascade", "segments", "admitted")
            )
        for index, arm in enumerate(part.cascade):
            if arm.model in short[route.name]:
                yield _never((*at, "cascade", index, "model"), arm.model, short[route.name][arm.model], warning=True)
        for index, step in enumerate(part.fallback):
            if step.model and step.model in short[route.name] and step.model not in never:
                yield _never((*at, "fallback", index), step.model, short[route.name][step.model])


def _never(at: Path, model: str, short: Shortfall, *, warning: bool = False) -> Finding:
    """Latency is the one shortfall that observation may lift, so it is never a reason to refuse."""
    suggestion = REMEDIES.get(short.reason)
    return Finding(
        at,
        f'"{model}" can never serve here: {short.detail}',
        suggestion and suggestion.format(model=model),
        warning or short.reason == "latency",
    )


def _empty(at: Path, never: Mapping[str, Shortfall]) -> Finding:
    shown = [f"{model} ({short.detail})" for model, short in list(never.items())[:3]]
    rest = f" and {len(never) - 3} more" if len(never) > 3 else ""
    first_model, first = next(iter(never.items()))
    suggestion = REMEDIES.get(first.reason)
    return Finding(
        at, f"no model can ever serve it: {', '.join(shown)}{rest}", suggestion and suggestion.format(model=first_model),
        warning=all(short.reason == "latency" for short in never.values()),
    )  # fmt: skip
