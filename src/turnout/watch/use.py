"""Which of the catalog's models a policy may send requests to."""

from collections.abc import Iterable

from turnout.providers.registry import filed_under
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy


def in_use(policy: Policy, models: Iterable[ModelFacts]) -> frozenset[str]:
    """As the catalog names them: a provider's own name for a vendor does not matter. A route over every model uses all but the untried."""
    named = {
        name
        for route in policy.routes
        for name in (
            *route.models, *(segment.model for segment in route.segments), *(arm.model for arm in route.cascade),
            *(step.model for step in route.fallback), *(name for name, _ in route.split),
        )
    }  # fmt: skip
    over_all = any(not route.models for route in policy.routes)
    vendors = {provider.id: filed_under(provider) for provider in policy.providers}
    return frozenset(
        f"{vendors.get(facts.provider, facts.provider)}/{facts.id.partition('/')[2]}"
        for facts in models
        if facts.id in named or (over_all and not facts.untried)
    )


def vendors_of(policy: Policy) -> frozenset[str]:
    """Vendors that it calls, as catalogs are filed."""
    return frozenset(filed_under(provider) for provider in policy.providers)
