"""What to change, from a week's figures: each rule says what it saw, and what to write or run. Pure; most rules know the policy too."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Literal

import msgspec

from turnout.decide.compiled import View
from turnout.decide.slot import Slot
from turnout.evidence.intervals import wilson
from turnout.reports.html import dollars
from turnout.reports.weekly import NONE, Review, Upstream
from turnout.types.money import PICO_PER_USD
from turnout.types.policy import Route

Weight = Literal["must", "should", "note"]

ILL = ("unavailable", "timeout", "broken")
OFTEN_ILL = 0.05
OFTEN_LIMITED = 0.02
OFTEN_SECOND = 0.05
OFTEN_REJECTED = 0.01
MANY = 100
"""Requests or calls from which on a share means something."""
SOON = timedelta(days=60)
EASY = frozenset({"classification", "conversation", "extraction", "summarization", "translation"})
"""Tasks that most requests of are simple (decide.classify.complexity)."""
NEARLY = 1.0
HALF = 0.5
WORTH_SAYING = PICO_PER_USD // 10
"""What must be saved in a week."""
GREW = 1.25
LONG_INPUT, FEW_READS = 2_000, 0.05


class Advice(msgspec.Struct, frozen=True):
    """``text`` is the evidence and what to do; ``paste`` a part of turnout.yaml or a command, may be empty."""

    weight: Weight
    title: str
    text: str
    paste: str = ""


def advise(review: Review, view: View | None, today: date) -> tuple[Advice, ...]:
    """The weightiest first. ``view`` is what is served now: without it, rules that must know the policy or prices say nothing."""
    routes = {route.name: route for route in view.policy.routes} if view is not None else {}
    slots: Mapping[str, Slot] = view.slots if view is not None else {}
    found = (
        *_retiring(review, view, today), *_dropped(review), *_unpriced(review), *_failing(review, routes), *_limited(review),
        *_second_choice(review), *_rejected(review), *_dearer(review), *_easy_on_dear(review, routes, slots),
        *_prompts_read_again(review, slots), *_idle_cache(review, routes), *_blind(review), *_rehearse(review),
    )  # fmt: skip
    order = ("must", "should", "note")
    return tuple(sorted(found, key=lambda each: order.index(each.weight)))


def _retiring(review: Review, view: View | None, today: date) -> Iterator[Advice]:
    for line in review.models:
        facts = view.facts.get(line.name) if view is not None else None
        if facts is None or facts.retires is None or not line.requests or facts.retires > today + SOON:
            continue
        days = (facts.retires - today).days
        when = f"is retired since {facts.retires}" if days <= 0 else f"will be retired in {days} days, on {facts.retires}"
        yield Advice(
            "must", f"{line.name} {when}", f"It served {line.requests:,} requests ({line.share:.0%}). Put another in its place in the routes that name it; these might do:",
            f"turnout models --provider {facts.provider}",
        )  # fmt: skip


def _dropped(review: Review) -> Iterator[Advice]:
    changed = [
        version
        for version in review.policies
        if version.at is not None and review.since <= version.at < review.until and version.version > 1
    ]
    for each in review.quality:
        if not each.dropped or each.before is None or each.change_low is None or each.change_high is None:
            continue
        since = f" Policy version {changed[-1].version} came into force this week." if changed else ""
        yield Advice(
            "must", f"{each.route}: answers of {each.model} were judged worse than the week before",
            f"{each.mean:.0%} instead of {each.before:.0%}, by {each.graded:,} verdicts; the change is {each.change_low * 100:+.1f} to {each.change_high * 100:+.1f} points "
            f"with 95 % confidence.{since}",
            f'turnout policy rollback {changed[-1].version - 1} --note "answers were judged worse"' if changed else "",
        )  # fmt: skip


def _unpriced(review: Review) -> Iterator[Advice]:
    counted: dict[str, tuple[int, int]] = {}
    for each in review.upstream:
        unpriced, calls = counted.get(each.model, (0, 0))
        counted[each.model] = (unpriced + each.unpriced, calls + each.calls)
    for model, (unpriced, calls) in counted.items():
        if unpriced:
            whole = unpriced == calls
            yield Advice(
                "must" if whole else "should", f"{model}: {unpriced:,} {'call' if unpriced == 1 else 'calls'} of unknown cost",
                "They are in no sum and no budget. State its price, in USD per million tokens, from your contract." if whole
                else "They are in no sum and no budget: an answer broke off, or its usage was missing.",
                f"models:\n  {_quoted(model)}:\n    price: {{input: USD, output: USD}}    # per million tokens" if whole else "",
            )  # fmt: skip


def _failing(review: Review, routes: Mapping[str, Route]) -> Iterator[Advice]:
    first: dict[str, Upstream] = {}
    for each in review.upstream:  # the most called first
        first.setdefault(each.route, each)
    for each in first.values():
        ill = sum(each.faults.get(name, 0) for name in ILL)
        low = wilson(ill, each.calls)[0]
        if each.calls < MANY or low < OFTEN_ILL:
            continue
        others = [other for other in review.upstream if other.model != each.model and _sound(other)]
        elsewhere = next((other.model for other in others if _provider(other.model) != _provider(each.model)), None)
        instead = elsewhere or next((other.model for other in others), None)
        route = routes.get(each.route)
        has = route is not None and bool(route.fallback)
        yield Advice(
            "must", f"{each.route}: {each.model} is called first, and {ill / each.calls:.0%} of its calls fail",
            f"{ill:,} of {each.calls:,} calls ({', '.join(f'{name} {count:,}' for name, count in each.faults.items() if name in ILL)}). "
            + ("It has fallbacks: put one of them first until this is over." if has else "The route has no fallback: name one at another provider."),
            f"routes:\n  {_quoted(each.route)}:\n    fallback: [{{model: {_quoted(instead)}, on: [unavailable]}}]" if instead and not has and each.route != NONE else "",
        )  # fmt: skip


def _sound(each: Upstream) -> bool:
    return each.calls >= MANY // 4 and sum(each.faults.get(name, 0) for name in ILL) / each.calls < OFTEN_ILL / 2


def _limited(review: Review) -> Iterator[Advice]:
    by: dict[str, tuple[int, int]] = {}
    for each in review.upstream:
        limited, calls = by.get(_provider(each.model), (0, 0))
        by[_provider(each.model)] = (limited + each.faults.get("rate_limited", 0), calls + each.calls)
    for provider, (limited, calls) in by.items():
        if calls >= MANY and wilson(limited, calls)[0] >= OFTEN_LIMITED:
            name = provider.upper().replace("-", "_")
            yield Advice(
                "should", f"{provider} refuses {limited / calls:.1%} of the calls for its rate limit",
                f"{limited:,} of {calls:,}. Add a second key, and state the limits you have, so that a full one is passed over.",
                f"providers:\n  {_quoted(provider)}:\n    keys: [{{env: {name}_1, rpm: 600}}, {{env: {name}_2, rpm: 600}}]",
            )  # fmt: skip


def _second_choice(review: Review) -> Iterator[Advice]:
    for line in review.routes:
        if line.requests >= MANY and wilson(line.fallbacks, line.requests)[0] >= OFTEN_SECOND:
            yield Advice(
                "should", f"{line.name}: {line.fallbacks / line.requests:.0%} of the requests were answered by a fallback",
                f"{line.fallbacks:,} of {line.requests:,}. Their first choice failed, or was left out as unwell or over its limits. See how the chain does in a drill:",
                "turnout drill run outage --provider PROVIDER",
            )  # fmt: skip


def _rejected(review: Review) -> Iterator[Advice]:
    total = review.total
    if total.requests >= MANY and wilson(total.rejected, total.requests)[0] >= OFTEN_REJECTED:
        yield Advice(
            "should", f"{total.rejected / total.requests:.1%} of the requests were refused by Turnout itself",
            f"{total.rejected:,} of {total.requests:,}: no model could serve them, or a budget, a limit or a key stood in the way. "
            "Decisions with the outcome `rejected` say which; `turnout explain` shows why for one.",
        )  # fmt: skip


def _dearer(review: Review) -> Iterator[Advice]:
    for line in review.routes:
        if line.requests < MANY or line.before < MANY or not line.cost_before:
            continue
        each, before = line.cost / line.requests, line.cost_before / line.before
        if each > before * GREW and line.cost - before * line.requests > WORTH_SAYING:
            moved = [work.model for work in review.work if work.route == line.name][:2]
            yield Advice(
                "should", f"{line.name}: a request costs {each / before - 1:.0%} more than the week before",
                f"{dollars(round(each))} instead of {dollars(round(before))}; most of it on {' and '.join(moved)}. A ceiling keeps it from growing further:",
                f"routes:\n  {_quoted(line.name)}:\n    needs: {{cost_per_request: {before * GREW / PICO_PER_USD:.6f}}}" if line.name != NONE else "",
            )  # fmt: skip


def _easy_on_dear(review: Review, routes: Mapping[str, Route], slots: Mapping[str, Slot]) -> Iterator[Advice]:
    for work in review.work:
        own, route = slots.get(work.model), routes.get(work.route)
        if work.task not in EASY or own is None or route is None or route.objective == "static" or own.tiers is None:
            continue
        price = _price(own, work.tokens_in, work.tokens_out)
        quality = own.quality.get(work.task, own.general)
        choices = [
            (cost, slot)
            for slot in (slots[name] for name in (route.models or tuple(slots)) if name in slots)
            if slot.tiers is not None and (cost := _price(slot, work.tokens_in, work.tokens_out)) <= price * HALF
            and quality is not None and (slot.quality.get(work.task, slot.general) or 0.0) >= quality - NEARLY
        ]  # fmt: skip
        if not choices or quality is None:
            continue
        cost, slot = min(choices, key=lambda choice: (choice[0], choice[1].id))
        if price - cost >= WORTH_SAYING:
            yield Advice(
                "should", f"{work.route}: {work.task} is on {work.model}, and {slot.id} is nearly as good at it",
                f"{work.requests:,} requests, about {dollars(price)} at list prices; {slot.id} would cost {dollars(cost)}, with a quality of "
                f"{slot.quality.get(work.task, slot.general):.1f} against {quality:.1f} of 10 (estimates). Give the task a route:",
                f"routes:\n  {work.task}:\n    when: {{task: {work.task}}}\n    objective: cost\n    needs: {{quality: {max(quality - NEARLY, 0):.1f}}}",
            )  # fmt: skip


def _prompts_read_again(review: Review, slots: Mapping[str, Slot]) -> Iterator[Advice]:
    for each in review.upstream:
        slot = slots.get(each.model)
        read = each.input + each.cache_read
        rate = slot.tiers[0] if slot is not None and slot.tiers is not None else None
        if (
            each.calls < MANY
            or rate is None
            or rate.cache_read is None
            or read / each.calls < LONG_INPUT
            or each.cache_read / read >= FEW_READS
        ):
            continue
        most = each.input * (rate.input - rate.cache_read)
        if most * HALF >= WORTH_SAYING:
            yield Advice(
                "note", f"{each.route}: prompts of {read // each.calls:,} tokens are read afresh by {each.model}",
                f"Only {each.cache_read / read:.0%} came from the provider's cache, which costs {dollars(rate.cache_read * 1_000_000)} a million instead of "
                f"{dollars(rate.input * 1_000_000)}. Put what never changes first in the prompt, and send `x-turnout-session`, so that a session stays on its model. "
                f"At most {dollars(most)} of this week's spend is at stake.",
            )  # fmt: skip


def _idle_cache(review: Review, routes: Mapping[str, Route]) -> Iterator[Advice]:
    for line in review.routes:
        route = routes.get(line.name)
        if route is not None and route.cache is not None and line.requests >= 10 * MANY and not line.cached:
            yield Advice(
                "note",
                f"{line.name}: its cache gave no answer",
                f"None of {line.requests:,} requests had been asked before in the same words. Remove `cache` from the route, or try `similar`.",
            )


def _blind(review: Review) -> Iterator[Advice]:
    if review.total.requests >= MANY and not review.total.graded:
        example = json.dumps({"request_id": "ID", "kind": "thumb", "value": 1})
        yield Advice(
            "should", "Nobody says how good the answers are",
            "No answer of this week has a verdict, so nothing is known of quality but estimates. Send what your users do; the id is in `x-turnout-request-id`.",
            f"curl http://127.0.0.1:8080/v1/feedback -H 'content-type: application/json' -d '{example}'",
        )  # fmt: skip


def _rehearse(review: Review) -> Iterator[Advice]:
    if review.total.requests and review.last_drill is None:
        yield Advice(
            "note", "No failure was ever rehearsed here", "A monthly drill shows what becomes of requests when a provider is down; the report is made by itself.",
            "turnout drill schedule outage --provider PROVIDER --every monthly",
        )  # fmt: skip


def _price(slot: Slot, read: int, written: int) -> int:
    rate = slot.tiers[0] if slot.tiers is not None else None
    return 0 if rate is None else read * rate.input + written * rate.output


def _provider(model: str) -> str:
    return model.partition("/")[0]


def _quoted(name: str) -> str:
    """As YAML: plain where it can be."""
    return name if name.replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum() else json.dumps(name)
