"""What the figures say about the chain: rules over the measurements and the policy, each of which knows one weakness."""

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from turnout.drill.figures import ENOUGH, Measurements, RouteFigures
from turnout.drill.words import counted, said_target, setting, were
from turnout.types.drill import Drill, aims_at
from turnout.types.money import usd
from turnout.types.policy import Policy, Route

Weight = Literal["must", "should", "note"]

LONG_WAIT_S = 5.0
"""A request that waits longer than this for a provider that does not answer has a user who notices."""
DEARER = 1.25
WORSE = 0.5  # quality points
SLOWER = 2.0
SLOW_RETURN_S = 30.0
HERD = 1.5  # calls per request
NEARLY = 0.7
"""The part of its budget that a mirror may have spent by the end of the failure is hardly less."""

CONDITION = {"rate_limiting": "rate_limited"}
"""What a fallback's ``on`` must have for a kind of failure; else ``unavailable``."""


class Advice(msgspec.Struct, frozen=True):
    """One recommendation. ``route`` names those it is for, None: it concerns the whole. ``must``: requests were lost for it."""

    weight: Weight
    route: str | None
    title: str
    text: str


class Case(msgspec.Struct, frozen=True):
    """What the rules look at."""

    figures: Measurements
    policy: Policy

    @property
    def drill(self) -> Drill:
        return self.figures.drill

    @property
    def target(self) -> str:
        return said_target(self.drill)

    def is_target(self, model: str) -> bool:
        provider = model.partition("/")[0]
        region = next((each.region for each in self.policy.providers if each.id == provider), None)
        return aims_at(self.drill, provider, region, model)

    def chain(self, route: Route) -> tuple[str, ...]:
        """The models it may use in any place; empty: every model of every provider."""
        return (*route.models, *(step.model for step in route.fallback))


def advise(figures: Measurements, policy: Policy) -> tuple[Advice, ...]:
    """The weightiest first; what holds for several routes is said once."""
    case = Case(figures, policy)
    by_name = {route.name: route for route in policy.routes}
    found = [advice for rule in OF_THE_WHOLE for advice in rule(case)]
    for mine in figures.routes:
        if (route := by_name.get(mine.name)) is not None:
            found += [advice for rule in OF_A_ROUTE for advice in rule(case, route, mine)]
    return tuple(sorted(_merged(found), key=lambda advice: ("must", "should", "note").index(advice.weight)))


def _merged(found: list[Advice]) -> Iterator[Advice]:
    same: dict[tuple[Weight, str, str], list[str]] = {}
    for each in found:
        same.setdefault((each.weight, each.title, each.text), []).extend([each.route] if each.route else [])
    for (weight, title, text), routes in same.items():
        yield Advice(weight, ", ".join(routes) or None, title, text)


def no_other_provider(case: Case, route: Route, mine: RouteFigures) -> Iterator[Advice]:
    """Nothing in the chain survives what was rehearsed."""
    chain = case.chain(route)
    if chain and all(map(case.is_target, chain)) and (mine.during.lost or mine.before.to_target):
        yield Advice(
            "must", route.name, "No fallback on another provider",
            f"Every model of this route ({', '.join(dict.fromkeys(chain))}) is part of {case.target}. Add a model of another provider "
            "to its `fallback`.",
        )  # fmt: skip


def chain_ends_there(case: Case, route: Route, _: RouteFigures) -> Iterator[Advice]:
    """Its last resort fails with its first choice."""
    chain = case.chain(route)
    begins_there = not route.models or any(map(case.is_target, route.models))
    if begins_there and route.fallback and case.is_target(route.fallback[-1].model) and not all(map(case.is_target, chain)):
        yield Advice(
            "should", route.name, "The chain ends where it began",
            f"The last fallback, {route.fallback[-1].model}, is part of {case.target} too: it helps on no day like this. Put a model "
            "of another provider there.",
        )  # fmt: skip


def condition_missing(case: Case, route: Route, mine: RouteFigures) -> Iterator[Advice]:
    """A fallback on another provider exists, and is not meant for this failure."""
    wanted = CONDITION.get(case.drill.kind, "unavailable")
    others = [step for step in route.fallback if not case.is_target(step.model)]
    if mine.during.lost and others and not any(step.on & {wanted, "any"} for step in others):
        yield Advice(
            "must", route.name, "The fallback is not meant for this",
            f"{others[0].model} is tried only on {', '.join(sorted(others[0].on))}; this failure is `{wanted}`. Add it to its `on`, or "
            "leave `on` out.",
        )  # fmt: skip


def capability_hole(case: Case, route: Route, mine: RouteFigures) -> Iterator[Advice]:
    """Others are in the chain, and for the requests that were lost none of them could stand in."""
    wanted = CONDITION.get(case.drill.kind, "unavailable")
    others = [step.model for step in route.fallback if not case.is_target(step.model) and step.on & {wanted, "any"}]
    if mine.during.lost and others and case.drill.kind != "bad_content" and not out_of_attempts(route, mine):
        yield Advice(
            "must", route.name, "Some requests have no stand-in",
            f"{counted(mine.during.lost, 'request')} {were(mine.during.lost)} lost although {', '.join(others)} stands in the chain: it lacked something "
            "they need (context, a feature, a region, a price), or it failed too. Ask `turnout explain` for such a request, and add a "
            "fallback that can do the same.",
        )  # fmt: skip


def out_of_attempts(route: Route, mine: RouteFigures) -> bool:
    return mine.during.amplification is not None and mine.during.amplification > route.attempts - 0.5


def few_attempts(case: Case, route: Route, mine: RouteFigures) -> Iterator[Advice]:
    """The chain is longer than the number of calls a request may make; of one that leads nowhere else, another rule tells."""
    chain = case.chain(route)
    leads_elsewhere = not chain or not all(map(case.is_target, chain))
    if mine.during.lost and leads_elsewhere and out_of_attempts(route, mine):
        yield Advice(
            "must", route.name, "Out of attempts before the chain's end",
            f"Requests used up their {route.attempts} attempts on models that could not answer. Raise `attempts`, or put another "
            "provider earlier in the chain.",
        )  # fmt: skip


def long_wait(case: Case, route: Route, mine: RouteFigures) -> Iterator[Advice]:
    """Silence is only noticed when its time is over."""
    waited, usual = route.timeouts.first_token, mine.reference.first_token_ms.p95 or mine.reference.latency_ms.p95
    was_silent = bool(mine.faults.get("timeout") or (mine.faults and case.drill.look == "silent"))
    if was_silent and waited > LONG_WAIT_S and usual is not None and waited * 1000 > 4 * usual:
        yield Advice(
            "should", route.name, "A long wait before the switch",
            f"A request waits {waited:g} s for a first token before another model is tried; usually 95 % have it within "
            f"{usual / 1000:.1f} s. Set `timeouts: {{first_token: {max(1, round(4 * usual / 1000))}s}}`.",
        )  # fmt: skip


def dearer(_: Case, route: Route, mine: RouteFigures) -> Iterator[Advice]:
    """Standing in has its price."""
    usual, then = mine.reference.cost_usd, mine.during.cost_usd
    if usual and then and then > DEARER * usual and min(mine.reference.answered, mine.during.answered) >= ENOUGH:
        yield Advice(
            "should" if then > 2 * usual else "note", route.name, f"The fallback is {then / usual:.1f} times as dear",
            f"A thousand requests cost ${then * 1000:,.2f} instead of ${usual * 1000:,.2f}. See whether a cheaper model of another provider is good enough, and "
            "what a day of it would do to the budget.",
        )  # fmt: skip


def worse(_: Case, route: Route, mine: RouteFigures) -> Iterator[Advice]:
    """Standing in is not being as good."""
    usual, then = mine.reference.quality, mine.during.quality
    if usual is not None and then is not None and usual - then > WORSE:
        yield Advice(
            "should", route.name, f"The fallback is weaker by {usual - then:.1f} points",
            f"The estimated quality fell from {usual:.1f} to {then:.1f} of 10. Put a stronger model before it, or accept it "
            "knowingly.",
        )  # fmt: skip


def slower(case: Case, route: Route, mine: RouteFigures) -> Iterator[Advice]:
    """A provider that is only slow is not left unless someone says what slow is."""
    usual, then = mine.reference.latency_ms.p95, mine.during.latency_ms.p95
    if case.drill.kind == "degradation" and usual and then and then > SLOWER * usual and mine.during.to_target > 0:
        yield Advice(
            "should", route.name, "A slow provider was kept",
            f"p95 rose from {usual / 1000:.1f} s to {then / 1000:.1f} s. Say what is too slow: "
            f"`prefers: {{latency_p95: {setting(1.5 * usual)}}}`, and it is left for a faster one.",
        )  # fmt: skip


def unchecked(case: Case, route: Route, mine: RouteFigures) -> Iterator[Advice]:
    """Nobody looked at what the answer said."""
    if case.drill.kind == "bad_content" and mine.during.lost:
        yield Advice(
            "must", route.name, "Useless answers reached the client",
            f"{counted(mine.during.lost, 'answer')} {were(mine.during.lost)} well-formed and worthless ({case.drill.look}). Only a check of the content can tell: put "
            "the first model under `cascade`, with a `check` (JSON valid, schema, length, refusal, a hook of your own).",
        )  # fmt: skip


def untouched(case: Case) -> Iterator[Advice]:
    """A rehearsal in which nothing went wrong."""
    if not case.figures.met:
        yield Advice(
            "must", None, "The drill proved nothing",
            f"No request would have gone to {case.target} while it failed. Name the provider that serves your traffic, or drill for "
            "longer.",
        )  # fmt: skip


def few_copies(case: Case) -> Iterator[Advice]:
    """A mirror whose budget was the limit."""
    spent, budget = case.figures.spent_usd, usd(case.drill.budget or 0)
    if budget and spent > NEARLY * budget:
        yield Advice(
            "note", None, "The budget was the limit",
            f"${spent:.4f} of ${budget:.2f} were spent. A copy whose cost did not fit was not made, a dear one sooner than a cheap one. Give "
            "it more with `--budget`, or copy less with `--share`.",
        )  # fmt: skip


def never_left(case: Case) -> Iterator[Advice]:
    """Each request found out for itself."""
    figures = case.figures
    if (
        figures.failover.seconds is None
        and figures.saved
        and figures.failover.hit >= ENOUGH
        and case.drill.kind not in ("bad_content", "degradation")
    ):
        yield Advice(
            "should", None, f"{case.target} was tried to the end",
            f"{counted(figures.failover.hit, 'request')} called it first although it had failed all the time. Look at `health`: its window, its "
            "minimum of samples and the level at which a provider is ejected.",
        )  # fmt: skip


def fallback_full(case: Case) -> Iterator[Advice]:
    """Those who stand in must have room for all of it."""
    for model, faults in case.figures.faults_elsewhere.items():
        if faults.get("rate_limited"):
            yield Advice(
                "should", None, f"{model} has too little room",
                f"It refused {counted(faults['rate_limited'], 'call')} for its rate limit while it stood in. Ask for a larger quota, add a key to its "
                "provider's pool, or put another model beside it.",
            )  # fmt: skip


def one_key(case: Case) -> Iterator[Advice]:
    """A second credential outlives the first."""
    if case.drill.kind != "bad_credentials":
        return
    for provider in case.policy.providers:
        if provider.auth != "none" and len(provider.keys) == 1 and aims_at(case.drill, provider.id, provider.region, "*"):
            yield Advice(
                "note", None, f"{provider.id} hangs on one key",
                "A key that is revoked or mistyped takes the whole provider with it. Give it a second one under `keys`.",
            )  # fmt: skip


def herd(case: Case) -> Iterator[Advice]:
    """Trying again is load too."""
    calls = case.figures.during.amplification
    if calls is not None and calls > HERD:
        yield Advice(
            "note", None, f"{calls:.1f} calls per request",
            "While it failed, each request made that many calls. A provider that is barely up is kept down like this; a retry budget "
            "or a quicker ejection lowers it.",
        )  # fmt: skip


def slow_return(case: Case) -> Iterator[Advice]:
    """What is well again should be used again."""
    back = case.figures.recovery_s
    if back is not None and back > SLOW_RETURN_S:
        yield Advice(
            "note", None, f"{case.target} was back in use only after {back:.0f} s",
            "The failure was over for that long. Shorter ejection times in `health` bring it back sooner.",
        )  # fmt: skip


OF_THE_WHOLE: tuple[Callable[[Case], Iterator[Advice]], ...] = (
    untouched, few_copies, never_left, fallback_full, one_key, herd, slow_return,
)  # fmt: skip
OF_A_ROUTE: tuple[Callable[[Case, Route, RouteFigures], Iterator[Advice]], ...] = (
    no_other_provider, chain_ends_there, condition_missing, capability_hole, few_attempts, long_wait, dearer, worse, slower, unchecked,
)  # fmt: skip
