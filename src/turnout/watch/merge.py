"""Sheets laid over what is accepted: every model they state, each fact settled, and who says it. Pure; it believes, quarantine.py doubts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from turnout.catalog.accepted import Conflict, End
from turnout.catalog.vendors import undated, weights
from turnout.types.models import Feature, Modality, ModelFacts, Source, Status
from turnout.watch.settle import current, said_by, settle_bits, settle_day, settle_limit, settle_prices
from turnout.watch.sheet import Sheet, Stated, speaker
from turnout.watch.world import Offer, Said, World

DEPRECATED_WITHIN = timedelta(days=183)
"""Some vendors publish an earliest end for every model: that alone is no notice (tools/build_catalog.py has the same rule)."""
ALIKE = "prior:as "
"""How the source of skills begins that were taken from another model; its name follows."""
_ALL_FEATURES, _ALL_MODALITIES = int(~Feature(0)), int(~Modality(0))


class Merged(msgspec.Struct, frozen=True):
    """What the world looks like now; ``said``: who says so, by model and group of facts."""

    world: World
    said: Mapping[tuple[str, str], Said]


Voices = Sequence[tuple[Sheet, Stated]]


def merge(world: World, sheets: Sequence[Sheet], vendors: frozenset[str], today: date) -> Merged:
    """The world as these sheets state it, of these vendors' models. What no sheet speaks of stays as it is."""
    models, conflicts = dict(world.models), dict(world.conflicts)
    said: dict[tuple[str, str], Said] = {}
    listed = _listed(sheets, vendors)
    speakers = [(sheet, speaker(sheet)) for sheet in sheets]
    weights_of = _by_weights(world.models.values())
    for name in sorted(world.models.keys() | listed.keys()):
        if name.partition("/")[0] not in vendors:
            continue
        voices = _voices(name, speakers)
        if not voices:
            continue
        known = world.models.get(name)
        if known is None:
            if _is_over(voices, today):
                continue
            known = _found(name, weights_of, world.models)
        settled = _Model(known, voices, today, new=name not in world.models)
        models[name], found = settled.facts(conflicts.get(name, ()))
        if found:
            conflicts[name] = found
        else:
            conflicts.pop(name, None)
        said |= {(name, group): who for group, who in settled.said.items()}
        said[name, ""] = said_by(
            [_offer(sheet, None, name) for sheet, stated in voices if stated.listed] or [_offer(voices[0][0], None, name)]
        )
    ended = _ended(world, models, listed, {sheet.source for sheet in sheets}, _own_words(sheets), today)
    stated_by = {**world.stated_by, **listed}
    return Merged(World(models, ended, _aliases(world, sheets, models), stated_by, conflicts), said)


def _voices(name: str, speakers: Sequence[tuple[Sheet, Callable[[str], Stated | None]]]) -> Voices:
    """Each publisher speaks once of a model: of two copies of its catalog, by the one that is named first."""
    found: dict[str, tuple[Sheet, Stated]] = {}
    for sheet, of in speakers:
        if sheet.source not in found and (stated := of(name)) is not None:
            found[sheet.source] = (sheet, stated)
    return tuple(found.values())


class _Model:
    """The facts of one model, settled one group after the other."""

    def __init__(self, known: ModelFacts, voices: Voices, today: date, *, new: bool) -> None:
        self._known = known
        self._voices = voices
        self._today = today
        self._new = new
        self.said: dict[str, Said] = {}
        self._sources = dict(known.sources)
        self._taken: dict[str, object] = {}

    def facts(self, conflicts: tuple[Conflict, ...]) -> tuple[ModelFacts, tuple[Conflict, ...]]:
        found = self._prices(conflicts)
        self._limits()
        self._modalities()
        self._features()
        self._end()
        if self._new:
            self._release()
        return msgspec.structs.replace(self._known, **self._taken, sources=self._sources), found

    def _prices(self, conflicts: tuple[Conflict, ...]) -> tuple[Conflict, ...]:
        offers = self._offers(lambda stated: current(stated.prices, self._today))
        priced = settle_prices(self._known.prices, offers, conflicts, self._today)
        if priced.rows != self._known.prices:
            self._take("prices", {"prices": priced.rows}, priced.said)
        return priced.conflicts

    def _limits(self) -> None:
        context, by = settle_limit(self._known.context, self._offers(lambda stated: stated.context), self._named_by("context"))
        most, by_in = settle_limit(
            self._known.max_input, self._offers(lambda stated: stated.max_input), self._named_by("max_input"), smallest=True
        )
        out, by_out = settle_limit(
            self._known.max_output, self._offers(lambda stated: stated.max_output), self._named_by("max_output"), smallest=True
        )
        if context is None and self._new:
            context, by = most, by_in
        most = None if most is not None and context is not None and most >= context else most
        out = min(out, context) if out is not None and context is not None else out
        for field, value, who in (("context", context, by), ("max_input", most, by_in), ("max_output", out, by_out)):
            if value != getattr(self._known, field):
                self._take("limits" if self._new else field, {field: value}, who, field)

    def _named_by(self, field: str) -> str | None:
        source = self._known.sources.get(field) or self._known.sources.get("limits")
        return source.name if source is not None else None

    def _modalities(self) -> None:
        for field in ("input", "output"):
            offers = self._offers(lambda stated, field=field: getattr(stated, field))  # type: ignore[misc]  # a lambda with a bound default
            known = getattr(self._known, field)
            yes, _ = settle_bits(known, 0 if self._new else _ALL_MODALITIES & ~known, offers)
            yes |= int(Modality.TEXT) if self._new or not yes else 0
            if yes != known:
                changed = yes ^ known
                self._take(
                    "modalities",
                    {field: yes},
                    said_by([o for o in offers if (o.value.yes if yes & changed else o.value.no) & changed]),
                    field,
                )

    def _features(self) -> None:
        offers = self._offers(lambda stated: stated.features)
        yes, unknown = self._known.features, self._known.unknown_features
        now, no = settle_bits(yes, _ALL_FEATURES & ~(yes | unknown), offers)
        if (
            any(current(stated.prices, self._today) and _caches(stated) for _, stated in self._voices)
            and not no & Feature.PROMPT_CACHE
        ):
            now |= int(Feature.PROMPT_CACHE)
        left = _ALL_FEATURES & ~(now | no)
        if (now, left) != (yes, unknown):
            changed = now ^ yes | left ^ unknown
            by = [offer for offer in offers if (offer.value.yes | offer.value.no) & changed]
            self._take("features", {"features": now, "unknown_features": left}, said_by(by or offers))

    def _end(self) -> None:
        known = self._known
        retires, by = settle_day(known.retires, self._offers(lambda stated: stated.retires), known.sources)
        noting = [self._as_offer(sheet) for sheet, stated in self._voices if stated.deprecated]
        soon = retires is not None and retires - self._today < DEPRECATED_WITHIN
        status: Status = known.status
        if soon or (noting and (noting[0].own or said_by(noting).confirmed or self._new)):
            status = "deprecated"
        elif self._new and any(stated.preview for _, stated in self._voices):
            status = "preview"
        if retires != known.retires:
            self._take("retires", {"retires": retires}, by)
        if status != known.status:
            self._take("status", {"status": status}, said_by(noting) if noting else by)

    def _release(self) -> None:
        offers = self._offers(lambda stated: stated.released)
        if offers:
            self._taken["released"] = min(offers, key=lambda offer: (not offer.own, offer.value)).value
            self._sources["released"] = Source(" + ".join(said_by(offers).sources), self._today.isoformat())

    def _take(self, group: str, facts: Mapping[str, object], said: Said | None, field: str | None = None) -> None:
        self._taken |= facts
        self.said[field or group] = who = said or said_by(self._all())
        earlier = (
            self._sources[group].name.split(" + ") if group == "limits" and group in self._sources else ()
        )  # of the other limits
        self._sources[group] = Source(" + ".join(dict.fromkeys((*earlier, *who.sources))), self._today.isoformat())

    def _offers(self, fact: Callable[[Stated], object]) -> list[Offer]:
        found = [(sheet, fact(stated)) for sheet, stated in self._voices]
        return [_offer(sheet, value, self._known.id) for sheet, value in found if value is not None]

    def _as_offer(self, sheet: Sheet) -> Offer:
        return _offer(sheet, None, self._known.id)

    def _all(self) -> list[Offer]:
        return [self._as_offer(sheet) for sheet, _ in self._voices]


def _offer(sheet: Sheet, value: object, model: str) -> Offer:
    """models.dev and genai-prices copy OpenRouter's own list of its models."""
    vendor = model.partition("/")[0]
    copies = vendor == "openrouter" and sheet.source in {"openrouter", "vendor:openrouter", "models.dev", "genai-prices"}
    return Offer(sheet.source, "openrouter" if copies else sheet.source, sheet.own == vendor, value)


def _caches(stated: Stated) -> bool:
    return any(rate.cache_read is not None and rate.cache_read < rate.input for rate in stated.prices[-1].tiers)


def _listed(sheets: Sequence[Sheet], vendors: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Who lists which models."""
    found: dict[str, tuple[str, ...]] = {}
    for sheet in sheets:
        for name, stated in sheet.stated.items():
            if stated.listed and name.partition("/")[0] in vendors:
                found[name] = tuple(dict.fromkeys((*found.get(name, ()), sheet.source)))
    return found


def _is_over(voices: Voices, today: date) -> bool:
    """Nothing to be found in a model that is no more."""
    ends = (
        stated.retired or stated.deprecated or (stated.retires is not None and stated.retires <= today) for _, stated in voices
    )
    return any(ends) or not any(stated.listed for _, stated in voices)


def _by_weights(models: Iterable[ModelFacts]) -> dict[str, ModelFacts]:
    found: dict[str, ModelFacts] = {}
    for facts in models:
        if "skills" in facts.sources:
            found.setdefault(weights(facts.upstream_id), facts)
    return found


def _found(name: str, by_weights: Mapping[str, ModelFacts], models: Mapping[str, ModelFacts]) -> ModelFacts:
    """A model nobody knew: untried, every feature unknown, no skill but that of the same weights elsewhere, or of the name without its day."""
    vendor, _, upstream = name.partition("/")
    facts = ModelFacts(id=name, provider=vendor, upstream_id=upstream, unknown_features=_ALL_FEATURES, untried=True)
    alike = models.get(f"{vendor}/{undated(upstream)}") or by_weights.get(weights(upstream))
    if alike is None or "skills" not in alike.sources:
        return facts
    sources = {"skills": Source(f"{ALIKE}{alike.id}", alike.sources["skills"].date)}
    return msgspec.structs.replace(facts, skills=alike.skills, reasoning_by_default=alike.reasoning_by_default, sources=sources)


def _own_words(sheets: Sequence[Sheet]) -> frozenset[str]:
    """Models that their vendor's own list calls retired."""
    return frozenset(name for sheet in sheets if sheet.own for name, stated in sheet.stated.items() if stated.retired)


def _ended(
    world: World, models: Mapping[str, ModelFacts], listed: Mapping[str, tuple[str, ...]], looked_at: set[str],
    retired: frozenset[str], today: date,
) -> dict[str, End]:  # fmt: skip
    """Gone is what every source that listed it was asked about and none lists any more; retired what is over by its day or its vendor's word."""
    ended: dict[str, End] = {}
    for name, facts in models.items():
        before = set(world.stated_by.get(name, ()))
        if name in retired or (facts.retires is not None and facts.retires <= today):
            ended[name] = "retired"
        elif name not in listed and (world.ended.get(name) == "gone" or (before and before <= looked_at)):
            ended[name] = "gone"
    return ended


def _aliases(world: World, sheets: Sequence[Sheet], models: Mapping[str, ModelFacts]) -> dict[str, str]:
    found = dict(world.aliases)
    for sheet in sheets:
        if sheet.own:
            found |= {name: to for name, stated in sheet.stated.items() if (to := stated.stands_for) and name in models}
    return found
