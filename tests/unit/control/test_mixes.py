"""What routes are asked, as it is taken into the ledger."""

from typing import Any

import msgspec

from tests.support.records import NOW, TRAITS, record
from turnout.control.mixes import WAITING, Mixes
from turnout.decide.mix import UNIFORM, fold
from turnout.types.feedback import Feedback
from turnout.types.record import Record


def asked(n: int, complexity: float | None, **changes: Any) -> Record:
    return record(n, traits=msgspec.structs.replace(TRAITS, complexity=complexity), **{"route": "code", **changes})


def folded(*complexities: float) -> tuple[float, ...]:
    return tuple(round(count, 3) for count in fold(UNIFORM, complexities))


def test_what_was_heard_counts_in_its_order_and_once():
    mixes = Mixes()
    mixes.hear([asked(0, 0.1), asked(1, 0.9)])
    mixes.hear([asked(2, 0.5)])
    for _ in range(2):
        mixes.fold(["code"])

    assert mixes.of("code") == folded(0.1, 0.9, 0.5)


def test_a_slow_answer_counts_however_long_ago_it_was_asked():
    """Records come when answers end: by then others that were asked later have been counted."""
    mixes = Mixes()
    mixes.hear([asked(1, 0.1, at=NOW)])
    mixes.fold(["code"])
    mixes.hear([asked(0, 0.9, at=NOW - 600, duration_ms=600_000.0)])
    mixes.fold(["code"])

    assert mixes.of("code")[45] > 0.9


def test_only_requests_of_clients_are_asked_and_each_is_one():
    """Not a copy that judges made, an audited request's second record, feedback, another route's, one of unknown complexity or refused."""
    mixes = Mixes()
    mixes.hear(
        [
            asked(0, 0.7),
            asked(0, 0.7, edition=1),
            asked(1, 0.2, copy_of="req-0"),
            asked(2, None),
            asked(3, 0.3, route="support"),
            asked(4, 0.3, route=None),
            record(5, traits=None, route="code"),
            Feedback("f", NOW, "thumb", "user", "req-0"),
        ]
    )
    mixes.fold(["code"])

    assert (mixes.of("code"), mixes.of("support")) == (folded(0.7), UNIFORM)


def test_what_nobody_folds_is_not_kept_for_ever():
    """A route of another objective; and of a balanced one, what would weigh nothing is let go before it is counted."""
    mixes = Mixes()
    for begin in range(0, 4 * WAITING, WAITING):
        mixes.hear([asked(n, 0.99 if begin else 0.01) for n in range(begin, begin + WAITING)])
    mixes.fold(["code"])

    assert mixes.of("code")[0] < 0.001
    assert sum(len(waiting) for waiting in mixes._heard.values()) == 0


def test_it_goes_on_from_what_was_published():
    mixes, again = Mixes(), Mixes()
    mixes.hear([asked(0, 0.3)])
    mixes.fold(["code"])
    again.take_up({"code": mixes.of("code")})

    assert again.of("code") == mixes.of("code")
