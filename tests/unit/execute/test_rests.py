from hypothesis import given
from hypothesis import strategies as st

from turnout.execute.rests import FIRST_REST, LONGEST_REST, backoff


@given(st.integers(1, 40), st.integers(0, 2**63 - 1))
def test_a_rest_doubles_and_scatters_over_its_upper_half(failures: int, seed: int) -> None:
    """Within half and all of the doubled step, never beyond the longest rest, and the same for the same seed."""
    full = min(FIRST_REST * 2 ** (failures - 1), LONGEST_REST)

    assert full / 2 <= backoff(failures, seed) <= full
    assert backoff(failures, seed) == backoff(failures, seed)


def test_neighbouring_seeds_rest_differently() -> None:
    """Requests that failed together do not come back together."""
    rests = {round(backoff(1, seed), 3) for seed in range(1000)}

    assert len(rests) > 100
