"""When nothing said is silence."""

import pytest

from turnout.live import silence as silences
from turnout.live.silence import Silence, is_silent, left, limit, restarted, sign
from turnout.types.resilience import HealthRules

RULES = HealthRules()


def begun(silence: Silence, *times: float) -> Silence:
    for time in times:
        silence = silences.begun(silence, time)
    return silence


def test_five_that_wait_too_long() -> None:
    """Enough attempts and long enough, both: three times the usual wait."""
    silence = begun(Silence(usual=0.2), 1.0, 1.1, 1.2, 1.3)

    assert not is_silent(silence, RULES, 9.0, 15.0)
    silence = begun(silence, 1.4)
    assert not is_silent(silence, RULES, 1.6, 15.0)
    assert is_silent(silence, RULES, 1.61, 15.0)


@pytest.mark.parametrize(("usual", "cap", "expected"), [(None, 15.0, 15.0), (0.01, 15.0, 0.25), (1.0, 15.0, 3.0), (9.0, 15.0, 15.0), (0.01, 0.1, 0.1)])  # fmt: skip
def test_the_limit(usual: float | None, cap: float, expected: float) -> None:
    """Three times the usual, at least a quarter of a second, never beyond the cap; the cap while nothing is known."""
    assert limit(Silence(5, 0.0, usual), RULES, cap) == expected


def test_the_more_wait_the_sooner() -> None:
    """A hundred at once without a word are hardly chance."""
    assert [round(limit(Silence(waiting, 0.0, 1.0), RULES, 15.0), 3) for waiting in (0, 1, 5, 10, 50, 500)] == [
        3.0, 3.0, 3.0, 2.25, 1.65, 1.515,
    ]  # fmt: skip


def test_a_sign_ends_it() -> None:
    """One answer, or an error, is life; the next silence is counted from the next attempt."""
    for waited in (0.2, None):
        silence = begun(Silence(usual=0.2), 1.0, 1.0, 1.0, 1.0, 1.0)
        silence = sign(silence, waited)

        assert not is_silent(silence, RULES, 9.0, 15.0)
        silence = begun(silence, 9.0, 9.0, 9.0, 9.0, 9.0)
        assert not is_silent(silence, RULES, 9.5, 15.0)
        assert is_silent(silence, RULES, 9.7, 15.0)


def test_an_error_is_no_usual_wait() -> None:
    """A refusal after a millisecond says nothing of how long answers take."""
    silence = Silence(usual=0.2)

    silence = sign(silence, None)

    assert silence.usual == 0.2


def test_who_left_does_not_wait() -> None:
    """A client that went away proves nothing, and one sent before the last sign was never counted."""
    silence = begun(Silence(usual=0.2), 1.0)
    silence = sign(silence, 0.2)
    silence = begun(silence, 2.0, 2.0, 2.0, 2.0, 2.0)

    silence = left(silence, 1.0)
    assert is_silent(silence, RULES, 3.0, 15.0)
    silence = left(silence, 2.0)
    assert not is_silent(silence, RULES, 3.0, 15.0)


def test_many_that_leave_leave_nothing() -> None:
    """Impatient clients of a quiet hour never add up."""
    silence = Silence(usual=0.2)
    for hour in range(10):
        silence = begun(silence, hour * 3600.0)
        silence = left(silence, hour * 3600.0)

    assert silence.waiting == 0


def test_a_restart_is_a_clean_slate() -> None:
    """The first probe is not blamed for the silence before it, but what is usual is still known."""
    silence = begun(Silence(usual=0.2), 1.0, 1.0, 1.0, 1.0, 1.0)

    silence = restarted(silence)
    silence = begun(silence, 10.0)
    silence = left(silence, 1.0)

    assert not is_silent(silence, RULES, 99.0, 15.0)
    assert (silence.waiting, silence.usual) == (1, 0.2)


def test_the_first_wait_counts_twice() -> None:
    """One says little of the longest."""
    silence = Silence()

    silence = sign(silence, 0.3)

    assert silence.usual == pytest.approx(0.6)


def test_usual_is_about_the_p95() -> None:
    """Of waits spread evenly over a second it hovers about 0.95, between a step above and a few below."""
    silence, seen = Silence(), []
    for number in range(5000):
        silence = sign(silence, (number * 0.6180339887) % 1.0)
        seen.append(silence.usual or 0.0)

    assert sum(seen[1000:]) / 4000 == pytest.approx(0.95, abs=0.1)
    assert 0.8 < min(seen[1000:]) < max(seen[1000:]) < 1.2


def test_usual_follows_a_change() -> None:
    """A hundred times slower: known within ninety waits; one outlier moves it by 6 % at most."""
    silence = Silence(usual=0.1)
    silence = sign(silence, 600.0)
    assert silence.usual == pytest.approx(0.1057)
    for _ in range(90):
        silence = sign(silence, 10.0)

    assert silence.usual is not None
    assert silence.usual >= 9.0


def test_answers_in_no_time() -> None:
    """Simulated providers answer in no time at all: the estimate stays above zero and can grow again."""
    silence = Silence()
    for _ in range(2000):
        silence = sign(silence, 0.0)
    assert silence.usual is not None
    assert silence.usual > 0.0
    for _ in range(200):
        silence = sign(silence, 5.0)

    assert silence.usual > 4.0
