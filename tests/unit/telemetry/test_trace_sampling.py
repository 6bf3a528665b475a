"""Which traces are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from turnout.telemetry.sampling import Sampler

IDS = st.integers(1, 2**128 - 1)


@given(IDS, st.floats(0, 1))
def test_a_ratio_keeps_what_opentelemetry_would(trace_id: int, ratio: float) -> None:
    """Services that sample alike keep the same traces."""
    theirs = TraceIdRatioBased(ratio).should_sample(None, trace_id, "x").decision is Decision.RECORD_AND_SAMPLE
    assert Sampler("ratio", True, ratio).keeps(trace_id, parent_sampled=None, failed=False) is theirs


@given(IDS, st.booleans(), st.booleans())
def test_the_caller_chooses_for_its_own_trace(trace_id, sampled, failed) -> None:
    """Unless the sampler is one that does not ask."""
    assert Sampler("all", True).keeps(trace_id, parent_sampled=sampled, failed=failed) is sampled
    assert Sampler("all", False).keeps(trace_id, parent_sampled=sampled, failed=failed)


@pytest.mark.parametrize(("root", "kept"), [("all", True), ("ratio", True), ("none", False)])
def test_a_failure_is_kept_unless_nothing_is(root, kept) -> None:
    """A ratio thins out what went well."""
    assert Sampler(root, True, 0.0).keeps(2**64 - 1, parent_sampled=None, failed=True) is kept
