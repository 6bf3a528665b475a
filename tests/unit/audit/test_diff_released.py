"""What releases made of a route, in the sentences people read."""

import msgspec

from turnout.audit.diff import between, sentences
from turnout.types.money import PicoDollars
from turnout.types.policy import Mirror, Policy, Route, Segment, TaskIs, Trial
from turnout.types.view import Base


def test_what_releases_made_of_a_route_is_told_in_words() -> None:
    """Whoever reads the note wants to know whom it concerns, not how a condition is written."""
    plain = Route("support", "cost")
    made = msgspec.structs.replace(
        plain,
        segments=(Segment("a/cheap", TaskIs(frozenset({"qa"})), "r1"), Segment("a/all")),
        trial=Trial("r2", "a/new", 0.05, "salt"),
        mirror=Mirror("r3", "a/other", 0.1, PicoDollars(1)),
    )

    (said,) = sentences(between(Base(1, Policy((plain,), ()), (), {}), Base(2, Policy((made,), ()), (), {})))

    assert said == (
        "route support changed: segments from nothing to a/cheap first for part of the requests; a/all first for all requests; "
        "trial from nothing to a/new tried on 5 % of all requests; mirror from nothing to copies of 10 % of all requests to a/other"
    )
