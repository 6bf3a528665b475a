"""How much room is left, of a credential or of one model behind it."""

import pytest

from turnout.execute.room import Need, Room
from turnout.types.policy import Credential
from turnout.types.reply import Usage
from turnout.types.resilience import QuotaRules

NEED = Need(stream=True, read=100, written=50)


def room(credential: Credential | None = None, workers: int = 1, **rules: object) -> Room:
    return Room(credential, QuotaRules(**rules), workers)  # type: ignore[arg-type]


def test_without_a_limit_nobody_needs_to_ask() -> None:
    """Until something is known."""
    free = room()
    assert free.is_boundless(0.0)
    free.refused(0.0, 3.0, 1)
    assert not free.is_boundless(2.9)
    assert free.is_boundless(3.0)
    assert not room(Credential(rpm=1)).is_boundless(0.0)
    assert not room(concurrency=1).is_boundless(0.0)


@pytest.mark.parametrize(
    ("credential", "fits"),
    [(Credential(rpm=6), 6), (Credential(tpm=600), 4), (Credential(input_tpm=600), 6), (Credential(output_tpm=600), 12)],
)
def test_a_minutes_worth_at_once_and_then_as_it_comes(credential: Credential, fits: int) -> None:
    """Requests, all tokens, tokens read, tokens written: each by itself; of them this worker has its part."""
    for workers in (1, 2):
        limited = room(credential, workers)
        taken = 0
        while limited.ready(0.0, NEED, 0) <= 0.0:
            limited.take(0.0, NEED)
            taken += 1
        assert taken == fits // workers
        assert 0.0 < limited.ready(0.0, NEED, 0) <= 60.0 * workers / fits


@pytest.mark.parametrize(("workers", "at_once"), [(1, 5), (2, 2), (9, 1)])
def test_a_fixed_number_at_once_is_shared_too(workers: int, at_once: int) -> None:
    """Rounded down, and never to nothing."""
    limited = room(workers=workers, concurrency=5)
    assert limited.ready(0.0, NEED, at_once - 1) <= 0.0
    assert limited.ready(0.0, NEED, at_once) > 0.0


def test_what_was_used_is_settled() -> None:
    """Less than was expected leaves room; usage that is not the bill's changes nothing."""
    limited = room(Credential(tpm=150))
    limited.take(0.0, NEED)
    limited.settle(0.0, NEED, Usage(input=1, output=1, complete=False))
    assert limited.ready(0.0, NEED, 0) == pytest.approx(60.0)
    limited.settle(0.0, NEED, Usage(input=50, output=25))
    assert limited.ready(0.0, NEED, 0) == pytest.approx(30.0)


def test_a_few_calls_at_once_are_never_the_reason_of_a_refusal() -> None:
    """Then it was their number per minute; many at once may be, and then there is a limit to them."""
    few, many = room(), room()
    few.refused(0.0, 1.0, 2)
    many.refused(0.0, 1.0, 20)

    assert few.ready(2.0, NEED, 1000) == 2.0
    assert many.ready(2.0, NEED, 17) == 2.0
    assert many.ready(2.0, NEED, 18) > 2.0


def test_pauses_double_and_a_success_ends_the_row() -> None:
    """From half a second to half a minute; a named time is kept to the second, and never shortens another."""
    refused = room()
    pauses = []
    for _ in range(9):
        refused.refused(1000.0, None, 1)
        pauses.append(refused.ready(1000.0, NEED, 0) - 1000.0)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    refused.refused(1000.0, 2.0, 1)
    assert refused.ready(1000.0, NEED, 0) == 1030.0
    refused.served(1031.0, 1)
    refused.refused(1031.0, None, 1)
    assert refused.ready(1031.0, NEED, 0) == 1031.5


def test_headers_lower_what_is_thought_to_be_left() -> None:
    """The provider knows of other users."""
    told = room()
    told.hear(
        (
            (b"x-ratelimit-limit-requests", b"60"),
            (b"x-ratelimit-remaining-requests", b"0"),
            (b"x-ratelimit-reset-requests", b"30s"),
        ),
        0.0,
        0.0,
    )

    assert not told.is_boundless(0.0)
    assert told.ready(0.0, NEED, 0) > 0.0
    told.hear((), 1.0, 1.0)
    assert told.ready(31.0, NEED, 0) == 31.0


def test_shadow_counts_and_holds_nobody_back() -> None:
    """What would have been is seen before it is switched on."""
    shadow = room(Credential(rpm=1), shadow=True)
    shadow.take(0.0, NEED)
    assert shadow.ready(0.0, NEED, 0) == 0.0
    assert shadow.held_back == 1
