"""What a benchmark will ask, in which order, and what that is going to cost. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Protocol, TypeVar

import msgspec

from turnout.catalog import rates
from turnout.decide.classify import classify
from turnout.decide.price import by_tokens
from turnout.decide.slot import Slot
from turnout.dialects.registry import DIALECTS
from turnout.errors import TurnoutError, Unusable
from turnout.suites.graders.calibration import QUESTIONS, questions
from turnout.types.judge import Labelled
from turnout.types.money import PicoDollars, usd
from turnout.types.reply import Usage
from turnout.types.suite import Case, Pairwise
from turnout.types.traits import Hints, Traits

LONGEST_ANSWER = 8_192
"""Tokens that an answer may have where its case names no limit, thinking included: what a call costs at most must be known before it."""
LONGEST_VERDICT = 2_000
VERDICT = 120
"""Tokens of a judge's answer, at most and as expected; a judge that thinks takes more."""
BOTH_ORDERS = 2

_FRONT = DIALECTS["openai-chat"]

Key = tuple[str, str, int]
"""An answer's case, model and repeat."""


class Placed(Protocol):
    """What is drawn from a task and a band."""

    @property
    def id(self) -> str: ...
    @property
    def task(self) -> str | None: ...
    @property
    def band(self) -> str | None: ...


_P = TypeVar("_P", bound=Placed)


class Price(msgspec.Struct, frozen=True):
    """What one call costs, expected and at most; pico-dollars."""

    expected: PicoDollars
    most: PicoDollars


class Round(msgspec.Struct, frozen=True):
    """A case that all models are asked, one after the other in this order."""

    case: Case
    repeat: int
    models: tuple[str, ...]

    @property
    def key(self) -> tuple[str, int]:
        return self.case.id, self.repeat


class Estimate(msgspec.Struct, frozen=True):
    """Of a whole run. ``margin`` is how much the dearest call may exceed what is expected of it. ``unpriced`` models cost nobody knows what.

    ``labels`` are those that the judge is held against first, with ``questions`` in all, expected to cost ``for_labels`` of the whole.
    """

    calls: int
    judgements: int
    expected: PicoDollars
    most: PicoDollars
    margin: PicoDollars
    unpriced: tuple[str, ...] = ()
    labels: int = 0
    for_labels: PicoDollars = PicoDollars(0)

    @property
    def questions(self) -> int:
        return QUESTIONS * self.labels

    @property
    def needed(self) -> PicoDollars:
        """The budget with which the last call can still be made."""
        return PicoDollars(self.expected + self.margin)


class TooDear(Unusable):
    """It would cost more than it may; ``fits`` is how many cases would not."""

    def __init__(self, estimate: Estimate, budget: PicoDollars, cases: int, fits: int) -> None:
        advice = f"ask {fits} of them (--cases {fits}), or allow more" if fits else "allow more"
        judge = (
            f", ${usd(estimate.for_labels):.4f} of it for holding the judge against {estimate.labels} labels first"
            if estimate.labels
            else ""
        )
        super().__init__(
            f"{cases} cases are expected to cost ${usd(estimate.expected):.4f} (at most ${usd(estimate.most):.4f}){judge}, which takes a budget of "
            f"${usd(estimate.needed):.4f}; there are ${usd(budget):.4f}: {advice} (--budget)"
        )
        self.estimate = estimate
        self.fits = fits


def draw(*parts: object) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = blake2b("\0".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def arranged(cases: Iterable[_P], seed: str) -> tuple[_P, ...]:
    """In an order of which every beginning holds tasks and bands in about the shares of the whole: where a run stops, a fair sample was asked.

    Within a task and band the order is drawn.
    """
    strata: dict[tuple[str | None, str | None], list[_P]] = {}
    for case in cases:
        strata.setdefault((case.task, case.band), []).append(case)
    placed: list[tuple[float, float, _P]] = []
    for stratum in strata.values():
        stratum.sort(key=lambda case: draw(seed, case.id))
        placed += [
            ((place + draw(seed, "at", case.id)) / len(stratum), draw(seed, case.id), case) for place, case in enumerate(stratum)
        ]
    return tuple(case for _, _, case in sorted(placed, key=lambda each: each[:2]))


def rounds(cases: Sequence[Case], models: Sequence[str], repeats: int, seed: str) -> tuple[Round, ...]:
    """Every case once before any is asked again. Who is asked first is drawn for each, so that no model always finds a warm cache, or a fresh limit."""
    return tuple(
        Round(case, repeat, tuple(sorted(models, key=lambda model: draw(seed, case.id, repeat, model))))
        for repeat in range(repeats)
        for case in cases
    )


def missing(wanted: Iterable[Round], done: Collection[Key]) -> tuple[Round, ...]:
    """The rounds of which an answer is not there. They are asked whole: a pair is judged on answers of one time."""
    return tuple(one for one in wanted if any(_case_of(one, model) not in done for model in one.models))


def longest(body: Mapping[str, Any], slot: Slot) -> int:
    """Tokens that the model may answer with: as many as the case asks for, else as all may; never more than the model writes."""
    named = next((body[key] for key in ("max_completion_tokens", "max_tokens") if isinstance(body.get(key), int)), LONGEST_ANSWER)
    return max(1, min(named, slot.max_output or named))


def price(slot: Slot, body: Mapping[str, Any], task: str | None, most_written: int) -> Price | None:
    """Of asking the model this. None: its price is not known.

    Raises:
        TurnoutError: the body is no request.
    """
    if slot.tiers is None:
        return None
    traits = _traits(slot, body, task)
    expected = by_tokens((slot,), traits)[0].cost or 0
    most = _at_most(slot, traits.tokens_max, most_written * traits.n)
    return None if most is None else Price(PicoDollars(min(expected, most)), most)


def estimate(
    cases: Sequence[Case], models: Sequence[str], repeats: int, slots: Mapping[str, Slot], judge: str | None = None,
    labels: Sequence[Labelled] = (),
) -> Estimate:  # fmt: skip
    """Of asking all models all cases so often, judges included, and what it takes to hold the judge against ``labels``.

    Raises:
        Unusable: a case is no request.
    """
    found = _Sum(slots, judge, labels)
    for case in cases:
        found.add(case, models, repeats, judge)
    return found.total()


def affordable(
    cases: Sequence[Case], models: Sequence[str], repeats: int, slots: Mapping[str, Slot], judge: str | None, budget: PicoDollars,
    labels: Sequence[Labelled] = (),
) -> Estimate:  # fmt: skip
    """The estimate, if the budget is enough for it.

    Raises:
        TooDear: it is not; says how many of the cases, in this order, would fit.
        Unusable: a case is no request.
    """
    found, fits = _Sum(slots, judge, labels), 0
    for case in cases:
        found.add(case, models, repeats, judge)
        if found.total().needed <= budget:
            fits += 1
    whole = found.total()
    if whole.needed > budget:
        raise TooDear(whole, budget, len(cases), fits)
    return whole


def is_paired(case: Case) -> bool:
    """Whether a judge compares its answers."""
    return any(isinstance(graded.rule, Pairwise) for graded in case.graders)


class _Sum:
    """What labels and cases cost so far."""

    def __init__(self, slots: Mapping[str, Slot], judge: str | None, labels: Sequence[Labelled]) -> None:
        self._slots = slots
        self._calls = self._judgements = self._expected = self._most = self._margin = 0
        self._unpriced: dict[str, None] = {}
        self._labels = len(labels)
        if judge is not None:
            for body in (body for label in labels for body in questions(label)):
                self._ask_judge(judge, _traits(slots[judge], body, None))
        self._for_labels = self._expected

    def add(self, case: Case, models: Sequence[str], repeats: int, judge: str | None) -> None:
        for model in models:
            self._call(model, case, repeats)
        if judge is not None and is_paired(case):
            self._judge(judge, case, models, repeats)

    def total(self) -> Estimate:
        return Estimate(
            self._calls, self._judgements, PicoDollars(self._expected), PicoDollars(self._most), PicoDollars(self._margin),
            tuple(self._unpriced), self._labels, PicoDollars(self._for_labels),
        )  # fmt: skip

    def _call(self, model: str, case: Case, times: int) -> None:
        slot = self._slots[model]
        try:
            found = price(slot, case.body, case.task, longest(case.body, slot))
        except TurnoutError as odd:
            raise Unusable(f"case {case.id} is no request that could be asked: {odd.message}") from odd
        self._calls += times
        self._count(model, found, times)

    def _judge(self, judge: str, case: Case, models: Sequence[str], repeats: int) -> None:
        """It reads the case and two answers, in both orders."""
        times = BOTH_ORDERS * max(len(models) - 1, 1) * repeats
        self._judgements += times
        traits = _traits(self._slots[judge], case.body, case.task)
        written = 2 * max(longest(case.body, self._slots[model]) for model in models)
        self._ask_judge(judge, traits, 2 * traits.output_tokens, written, times)

    def _ask_judge(self, judge: str, traits: Traits, more: int = 0, at_most: int = 0, times: int = 1) -> None:
        """To read this, with so much more as expected and at most, and to say a word."""
        slot = self._slots[judge]
        if slot.tiers is None:
            self._count(judge, None, times)
            return
        expected = rates.estimate(slot.tiers, traits.tokens + more, VERDICT)
        most = _at_most(slot, traits.tokens_max + at_most, LONGEST_VERDICT)
        self._count(judge, None if most is None else Price(min(expected, most), most), times)

    def _count(self, model: str, found: Price | None, times: int) -> None:
        if found is None:
            self._unpriced[model] = None
            return
        self._expected += found.expected * times
        self._most += found.most * times
        self._margin = max(self._margin, found.most - found.expected)


def _at_most(slot: Slot, read: int, written: int) -> PicoDollars | None:
    """All of it at the dearest of the prices it may have."""
    if slot.tiers is None:
        return None
    ways = (Usage(input=read, output=written), Usage(input=read, reasoning=written), Usage(cache_write=read, output=written))
    costs = (rates.charge(slot.tiers, usage) for usage in ways)
    known = [cost for cost in costs if cost is not None]
    return max(known) if known else None


def _traits(slot: Slot, body: Mapping[str, Any], task: str | None) -> Traits:
    ask = _FRONT.ask(msgspec.json.encode({**body, "model": slot.id}))
    hints = Hints(tags={"task": task} if task else {})
    return classify(ask.sketch, hints, front=_FRONT.name, caller=None, held=None)


def _case_of(one: Round, model: str) -> Key:
    return one.case.id, model, one.repeat
