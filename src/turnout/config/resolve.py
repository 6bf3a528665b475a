"""The schema's types -> the policy and the facts of its models. Total: what check.py objects to is skipped here, never guessed."""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import msgspec

from turnout.catalog.load import Catalog
from turnout.catalog.overrides import Override, PriceOverride, rehome
from turnout.catalog.overrides import resolve as overrule
from turnout.config.checks import check
from turnout.config.conditions import condition
from turnout.config.resolve_release import alerting, people, release_rules, suites
from turnout.config.schema import AuthKey, File, ModelPart, ProviderPart
from turnout.config.schema_routes import NeedsPart, Online, RoutePart
from turnout.providers.registry import DIALECT_HOME, Vendor, filed_under, vendors
from turnout.types.caching import CacheStore, Caching
from turnout.types.content import Keeping
from turnout.types.models import Feature, Modality, ModelFacts, bits
from turnout.types.money import PicoDollars, pico_from_usd
from turnout.types.policy import (
    After,
    Arm,
    CacheEnd,
    Credential,
    Fallback,
    Hedge,
    Judging,
    Key,
    Margin,
    Mix,
    Needs,
    Policy,
    Prefers,
    Provider,
    QueueEnd,
    Route,
    Segment,
    Timeouts,
    Value,
)  # fmt: skip
from turnout.types.resilience import HealthRules, QuotaRules

DEFAULT_ROUTE = "default"


def policy(file: File, providers: Mapping[str, Provider], catalog: Catalog) -> Policy:
    """Routes in the order they are tried, ``default`` last; a balanced one over every model when the file has none."""
    content = file.store.content
    routes = [route(name, part, content) for name, part in file.routes.items() if name != DEFAULT_ROUTE]
    routes.append(route(DEFAULT_ROUTE, file.routes.get(DEFAULT_ROUTE, RoutePart()), content))
    value = file.value
    return Policy(
        routes=tuple(routes),
        providers=tuple(providers.values()),
        keys=tuple(_key(part) for part in file.auth.keys),
        value=Value(
            pico_from_usd(value.second_usd), {need: pico_from_usd(usd) for need, usd in value.abandonment.items()}, value.rerun
        ),
        health=HealthRules(**file.health.model_dump()),
        quota=QuotaRules(**file.quota.model_dump()),
        cache=CacheStore(file.cache.store, file.cache.max_bytes, file.cache.max_entry, file.cache.timeout),
        tasks={task: tuple(sorted(skills, key=lambda skill: (-skills[skill], skill))) for task, skills in catalog.tasks.items()},
        content=content,
        content_keys=file.store.content_key,
        release=release_rules(file.release),
        suites=suites(file.suites, file.release.judge),
        alerts=alerting(file.alerts),
        people=people(file.control.people),
    )


def vendor_name(provider: str, part: ProviderPart) -> str | None:
    """The vendor whose facts hold: the one named, else the one the provider is called like."""
    return part.vendor or (provider if provider in vendors() else None)


def providers(file: File) -> dict[str, Provider]:
    """By id; without those of which dialect or place is not known."""
    return {name: found for name, part in file.providers.items() if (found := _provider(name, part)) is not None}


def _provider(name: str, part: ProviderPart) -> Provider | None:
    vendor_id = vendor_name(name, part)
    vendor = vendors().get(vendor_id) if vendor_id else None
    dialect = part.dialect or (vendor.dialect if vendor else None)
    base_url = part.base_url or (vendor.base_url if vendor else None)
    if not dialect or not base_url:
        return None
    home = vendors()[DIALECT_HOME[dialect]]
    auth = part.auth or (vendor or home).auth
    return Provider(
        id=name,
        vendor=vendor_id if vendor else None,
        dialect=dialect,
        base_url=base_url,
        auth=auth,
        keys=() if auth == "none" else tuple(credentials(part, vendor)),
        region=part.region,
        headers={**home.headers, **(vendor.headers if vendor else {}), **part.headers},
        quirks=frozenset(part.quirks) if part.quirks is not None else vendor.quirks if vendor else frozenset(),
        data_policy=frozenset(part.data_policy or ()),
        proxy=part.proxy,
        ca_file=str(Path(part.ca_file).expanduser()) if part.ca_file else None,
    )


def credentials(part: ProviderPart, vendor: Vendor | None) -> Iterator[Credential]:
    """Where the provider's secrets are: as written, else where the vendor's usually is."""
    if part.api_key:
        yield Credential(part.api_key)
    for key in part.keys:
        yield Credential(f"env:{key.env}" if key.env else f"file:{key.file}", key.rpm, key.tpm, key.input_tpm, key.output_tpm)
    if not part.api_key and not part.keys and vendor and vendor.env:
        yield Credential(f"env:{vendor.env}")


def models(file: File, providers: Mapping[str, Provider], catalog: Catalog, today: date) -> dict[str, ModelFacts]:
    """Every model the providers serve, by ``provider/model``: the catalog's, then the file's own laid over them."""
    shipped = dict(catalog.models)
    known = {facts.id: facts for provider in providers.values() for facts in _served(provider, catalog)}
    for name in _bases_first(file.models):
        provider = providers.get(name.partition("/")[0])
        part = file.models[name]
        pool = ChainMap(known, shipped)
        if provider is None or (part.same_as and part.same_as not in pool):
            continue
        facts = overrule(name, _override(part), pool if part.same_as else known, today)
        known[name] = _placed(facts, provider)
    return known


def _served(provider: Provider, catalog: Catalog) -> Iterator[ModelFacts]:
    for facts in catalog.by_vendor.get(filed_under(provider), ()):
        moved = rehome(facts, f"{provider.id}/{facts.id.partition('/')[2]}")
        yield _placed(msgspec.structs.replace(moved, upstream_id=facts.upstream_id), provider)


def _placed(facts: ModelFacts, provider: Provider) -> ModelFacts:
    """Region and promises are the provider's unless stated for the model itself."""
    return msgspec.structs.replace(
        facts, region=facts.region or provider.region, data_policy=facts.data_policy or provider.data_policy
    )


def same_as_chain(parts: Mapping[str, ModelPart], name: str) -> tuple[str, ...]:
    """``name``, what it is the same as, and so on within the file; the last one is there twice when it is a circle."""
    chain = [name]
    while (base := parts[chain[-1]].same_as) is not None and base in parts:
        chain.append(base)
        if base in chain[:-1]:
            break
    return tuple(chain)


def _bases_first(parts: Mapping[str, ModelPart]) -> list[str]:
    """Names in an order in which each comes after the one it is ``same_as``; those that end in a circle are left out."""
    chains = {name: same_as_chain(parts, name) for name in parts}
    return sorted((name for name, chain in chains.items() if len(set(chain)) == len(chain)), key=lambda name: len(chains[name]))


def _override(part: ModelPart) -> Override:
    return Override(
        upstream_id=part.upstream_id,
        same_as=part.same_as,
        context=part.context,
        max_output=part.max_output,
        price=PriceOverride(**part.price.model_dump()) if part.price else None,
        input=frozenset(part.input) if part.input else None,
        output=frozenset(part.output) if part.output else None,
        features={str(name): able for name, able in part.features.items()},
        quality=part.quality,
        latency_p95_ms=_ms(part.latency_p95),
        reasoning_by_default=part.reasoning_by_default,
        released=part.released,
        retires=part.retires,
        disabled=part.disabled,
        data_policy=frozenset(part.data_policy) if part.data_policy else None,
        region=part.region,
    )


def route(name: str, part: RoutePart, content: Keeping = "none") -> Route:
    """One route: what its fallback names beyond models are the chain's ends. ``content`` is kept where it does not say itself."""
    return Route(
        name=name,
        objective="static" if part.static or part.split else part.objective or "balanced",
        owner=part.owner,
        when=condition(part.when) if part.when else None,
        models=candidates(part),
        approved=part.approved is not None,
        split=tuple((part.split or {}).items()),
        needs=_needs(part.needs) if part.needs else Needs(),
        prefers=_prefers(part),
        mix=Mix(part.mix.cheap, part.mix.mid, part.mix.premium) if part.mix else Mix(),
        band=part.band,
        fallback=tuple(Fallback(step.model, frozenset(step.on), step.release) for step in part.fallback if step.model),
        sticky=part.sticky,
        journal_required=part.journal == "required",
        unknown=frozenset(feature for feature, verdict in part.unknown.items() if verdict == "allow"),
        unknown_price=part.unknown_price,
        timeouts=Timeouts(**part.timeouts.model_dump()) if part.timeouts else Timeouts(),
        attempts=part.attempts,
        deadline=part.deadline,
        budget=_pico(part.budget_usd),
        cascade=tuple(
            Arm(arm.model, condition(arm.when) if arm.when else None, tuple(check(rule) for rule in arm.check), arm.release)
            for arm in part.cascade
        ),
        cache=Caching(**part.cache.model_dump()) if part.cache else None,
        ends=tuple(_ends(part)),
        hedge=Hedge(part.hedge.after, part.hedge.budget) if part.hedge else None,
        priority=part.priority,
        after=_after(part, part.content or content),
        segments=tuple(Segment(each.model, condition(each.when) if each.when else None, each.release) for each in part.segments),
        explore=part.explore,
        margin=Margin(part.margin.quality, part.margin.success) if part.margin else Margin(),
        worth=_pico(part.worth_usd),
        admitted=frozenset(part.admitted),
    )


def _after(part: RoutePart, content: Keeping) -> After | None:
    online = part.online or Online()
    judge = online.judge
    after = After(
        content,
        tuple(check(rule) for rule in online.checks),
        Judging(judge.model, judge.sample, pico_from_usd(judge.budget_usd_per_day), judge.prompt) if judge else None,
    )
    return after if after != After() else None


def _ends(part: RoutePart) -> Iterator[CacheEnd | QueueEnd]:
    for step in part.fallback:
        if step.cache:
            yield CacheEnd(step.cache, frozenset(step.on))
        elif step.queue:
            yield QueueEnd(step.queue, step.wait, frozenset(step.on))


def candidates(part: RoutePart) -> tuple[str, ...]:
    """The models a route names, before its fallbacks; empty: all there are."""
    if part.static:
        return (part.static,)
    return tuple(part.split or ()) or part.models or part.approved or ()


def _needs(part: NeedsPart) -> Needs:
    return Needs(
        quality=part.quality,
        levels=dict(part.model_extra or {}),
        cost_per_request=_pico(part.cost_per_request),
        latency_p95_ms=_ms(part.latency_p95),
        context=part.context,
        features=int(bits(Feature, part.features or ())),
        input=int(bits(Modality, part.input or ())),
        region=frozenset(part.region or ()),
        data_policy=frozenset(part.data_policy or ()),
    )


def _prefers(part: RoutePart) -> Prefers:
    wish = part.prefers
    if wish is None:
        return Prefers()
    return Prefers(wish.quality, _pico(wish.cost_per_request), _ms(wish.latency_p95), _ms(wish.ttft))


def _key(part: AuthKey) -> Key:
    """A key limited to routes may not go around them by naming a model, unless it says so."""
    direct = part.routes is None if part.direct is None else part.direct
    return Key(part.name, part.hash, None if part.routes is None else frozenset(part.routes), part.tags, direct)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _pico(usd: float | None) -> PicoDollars | None:
    return None if usd is None else pico_from_usd(usd)
