"""What a route's releases and its exploring make of the ordinary choice: a segment's model first, a trial's arm, a model tried at random.

Every draw is a hash of its own, so that none of them says anything of another.
"""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

from turnout.decide.compiled import Lane
from turnout.decide.match import Match
from turnout.decide.price import Offer, Offers
from turnout.types.decision import NOT_DRAWN, Drawn, Reason
from turnout.types.policy import Trial
from turnout.types.traits import Traits


class Choice(NamedTuple):
    """The model to begin with (None: only fallbacks may serve), why, who comes next, and what was drawn for it."""

    first: Offer | None
    reason: Reason
    queue: Iterator[Offer]
    drawn: Drawn = NOT_DRAWN


def chosen(ordinary: Choice, lane: Lane, found: Match, offers: Offers, traits: Traits, seed: int) -> Choice:
    """The ordinary choice as segments and exploring have it, and the arm of a request on trial. Its candidate is put first later.

    A candidate that is one of the route's own models is nobody's ordinary choice as long as it is on trial, or both arms might begin
    with it; there it comes last.
    """
    choice, candidate = ordinary, found.candidate
    if candidate is not None and lane.besides is not None:
        choice = choice._replace(queue=chain(choice.queue, offers.of((candidate,))))
    if found.segment is not None:
        choice = _first(choice, offers.of((found.segment,))[0], "static")
    if candidate is not None:
        assert lane.route.trial is not None, "there is a candidate"
        return choice._replace(drawn=arm(lane.route.trial, traits, seed))
    return _explored(choice, lane, found, offers, traits, seed) if lane.explore else choice


def arm(trial: Trial, traits: Traits, seed: int) -> Drawn:
    """The arm of this request: the same for all of a session, else of a user. A larger share keeps whom a smaller one had."""
    user = traits.tags.get("user")
    if traits.session is not None:
        unit = f"session\0{traits.session}"
    else:
        unit = f"user\0{user}" if user is not None else f"request\0{seed}"
    if chance(trial.salt, unit) < trial.share:
        return Drawn(trial.release, "candidate", trial.share)
    return Drawn(trial.release, "control", 1 - trial.share)


def explores(lane: Lane, found: Match, traits: Traits) -> bool:
    """Whether a model may be tried on this request: what is written, on trial, or on a session's model is left alone."""
    return lane.explore > 0 and bool(found.slots) and found.segment is None and found.candidate is None and traits.held is None


def chance(salt: str, unit: str) -> float:
    """A number in [0, 1) for this unit of this salt."""
    return int.from_bytes(blake2b(f"{salt}\0{unit}".encode(), digest_size=8).digest(), "big") / 2**64


def _explored(choice: Choice, lane: Lane, found: Match, offers: Offers, traits: Traits, seed: int) -> Choice:
    """One of the eligible models, each as likely as the other, for a share of requests; the probability of its place for all of them."""
    if not explores(lane, found, traits):
        return choice._replace(drawn=Drawn(propensity=1.0))
    assert choice.first is not None, "one of them won"
    share, slots = lane.explore, found.slots
    winner, place = choice.first.slot, chance("explore", str(seed)) / share
    tried = slots[min(int(place * len(slots)), len(slots) - 1)] if place < 1 else winner
    if tried is winner:
        return choice._replace(drawn=Drawn(propensity=share / len(slots) + 1 - share))
    choice = _first(choice, offers.of((tried,))[0], "explore")
    return choice._replace(drawn=Drawn(propensity=share / len(slots)))


def _first(choice: Choice, offer: Offer, reason: Reason) -> Choice:
    """The others in their order, whoever would have been first before them."""
    others = choice.queue if choice.first is None else chain((choice.first,), choice.queue)
    return choice._replace(first=offer, reason=reason, queue=(other for other in others if other.slot is not offer.slot))
