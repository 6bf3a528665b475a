"""Which of the catalog's models a policy may send requests to."""

from collections.abc import Iterable, Iterator

from turnout.providers.registry import filed_under
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy, Route


def in_use(policy: Policy, models: Iterable[ModelFacts]) -> frozenset[str]:
    """As the catalog names them: a provider's own name for a vendor does not matter. A route over every model uses all but the untried."""
    names = {name for route in policy.routes for name in _named(route)}
    over_all = any(not route.models for route in policy.routes)
    return frozenset(filed for facts, filed in _filed(policy, models) if facts.id in names or (over_all and not facts.untried))


def users(model: str, policy: Policy, models: Iterable[ModelFacts]) -> tuple[str, ...]:
    """The routes that name a model (as the catalog does), whatever for."""
    ids = {facts.id for facts, filed in _filed(policy, models) if filed == model}
    return tuple(route.name for route in policy.routes if ids & _named(route))


def vendors_of(policy: Policy) -> frozenset[str]:
    """Vendors that it calls, as catalogs are filed."""
    return frozenset(filed_under(provider) for provider in policy.providers)


def _named(route: Route) -> frozenset[str]:
    under_way = (one.model for one in (route.trial, route.mirror) if one is not None)
    return frozenset((
        *route.models, *(segment.model for segment in route.segments), *(arm.model for arm in route.cascade),
        *(step.model for step in route.fallback if step.model), *(name for name, _ in route.split), *under_way,
    ))  # fmt: skip


def _filed(policy: Policy, models: Iterable[ModelFacts]) -> Iterator[tuple[ModelFacts, str]]:
    """With the name that catalogs have for it."""
    vendors = {provider.id: filed_under(provider) for provider in policy.providers}
    return ((facts, f"{vendors.get(facts.provider, facts.provider)}/{facts.id.partition('/')[2]}") for facts in models)
