"""The watch over the world's catalogs, put together from a policy."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from turnout.alerts.tell import of_event
from turnout.catalog.accepted import DIRECTORY
from turnout.catalog.load import Catalog
from turnout.clock import Clock
from turnout.config.secret import Secret, resolve
from turnout.providers.upstream import Secrets
from turnout.store.ledger import Ledger
from turnout.types.alert import Alert
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy
from turnout.types.release import CatalogEvent
from turnout.watch.fetch import Place, places
from turnout.watch.files import Files
from turnout.watch.keep import Watch
from turnout.watch.sight import Sight
from turnout.watch.use import in_use, users, vendors_of


def places_of(policy: Policy | None, specs: Sequence[str], env: Mapping[str, str], base: Path) -> tuple[Place, ...]:
    """Where sources are, with the credentials of the policy's providers. Raises Unusable."""
    return places(specs, policy.providers if policy is not None else (), _secrets(env), env, base)


def watch_of(
    data_dir: Path, ledger: Ledger, clock: Clock, shipped: Catalog, sources: Sequence[Place], policy: Policy | None = None,
    models: Sequence[ModelFacts] = (),
) -> Watch:  # fmt: skip
    """Of these sources; what the policy calls is in use, its providers are of interest, and who uses a model is told of it."""
    vendors = vendors_of(policy) if policy is not None else frozenset()
    used = in_use(policy, models) if policy is not None else frozenset()
    return Watch(
        data_dir, ledger, clock, shipped, sources, vendors=vendors, in_use=lambda: used, news=partial(_news, policy, models)
    )


def sight_of(
    data_dir: Path, clock: Clock, shipped: Catalog, sources: Sequence[Place], policy: Policy | None = None,
    models: Sequence[ModelFacts] = (),
) -> Sight:  # fmt: skip
    """To look only: it needs no ledger, and leaves no trace."""
    vendors = vendors_of(policy) if policy is not None else frozenset()
    used = in_use(policy, models) if policy is not None else frozenset()
    return Sight(Files(data_dir / DIRECTORY), clock, shipped, sources, vendors, lambda: used)


def _news(policy: Policy | None, models: Sequence[ModelFacts], event: CatalogEvent) -> Alert | None:
    if policy is None:
        return of_event(event, ())
    used = users(event.model, policy, models)
    owners = dict.fromkeys(route.owner for route in policy.routes if route.name in used and route.owner is not None)
    return of_event(event, used, tuple(owners))


def _secrets(env: Mapping[str, str]) -> Secrets:
    def secret(ref: str) -> str | None:
        found = resolve(ref, env)
        return found.reveal() if isinstance(found, Secret) else None

    return secret
