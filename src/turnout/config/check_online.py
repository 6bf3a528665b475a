"""What can be wrong with online graders: checks that cannot be used, judges that may not see what they judge."""

from collections.abc import Iterator, Mapping
from datetime import date

from turnout.catalog import rates
from turnout.config.check_routes import check_named, check_rules
from turnout.config.document import Finding, Path
from turnout.config.resolve import candidates
from turnout.config.schema_routes import RoutePart
from turnout.config.shape import Shaped
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy, Route


def check_online(shaped: Shaped, policy: Policy, facts: Mapping[str, ModelFacts], today: date) -> Iterator[Finding]:
    """Of every route that has some."""
    routes = {route.name: route for route in policy.routes}
    for name, part in shaped.file.routes.items():
        if part.online is None:
            continue
        at = ("routes", name, "online")
        yield from check_rules((*at, "checks"), part.online.checks, shaped)
        if part.online.judge is None:
            if not part.online.checks and shaped.is_whole(*at):
                yield Finding(at, "neither checks nor a judge", "name one, or remove it", warning=True)
            continue
        where, model = (*at, "judge", "model"), part.online.judge.model
        yield from check_named(where, model, facts, shaped.file, today)
        if model in facts:
            yield from _judge(where, part, routes[name], facts[model], today)


def _judge(at: Path, part: RoutePart, route: Route, judge: ModelFacts, today: date) -> Iterator[Finding]:
    """It reads what the route's requests hold, so what the route demands of its models it demands of the judge."""
    needs, own = route.needs, candidates(part)
    if needs.region and judge.region not in needs.region:
        yield Finding(
            at, f"the judge would read this route's requests in region {judge.region or 'unknown'}, needs {_list(needs.region)}",
            "name a judge of that region, or state the region of its provider",
        )  # fmt: skip
    if lacking := needs.data_policy - judge.data_policy:
        yield Finding(
            at, f"the judge would read this route's requests and lacks {_list(lacking)}",
            "name another judge, or state the data_policy of its provider",
        )  # fmt: skip
    if judge.disabled or (judge.retires is not None and judge.retires <= today):
        yield Finding(at, f'"{judge.id}" is {"disabled" if judge.disabled else "retired"}', "name another judge")
    if rates.in_force(judge.prices, today) is None:
        yield Finding(
            at,
            f'the price of "{judge.id}" is unknown, so no budget can be kept',
            f"state models.{judge.id}.price, or name another",
        )
    if own == (judge.id,):
        yield Finding(at, "the judge is the only model of the route, and no model judges itself", "name another judge")
    elif judge.id in own or not own:
        yield Finding(at, f'answers of "{judge.id}" itself are not judged', "name a judge that is no candidate", warning=True)
    if route.approved and judge.id not in own:
        yield Finding(
            at,
            f'"{judge.id}" is not approved for this route, and would read its requests',
            "let that be approved too",
            warning=True,
        )


def _list(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))
