"""Laws of the sums: how rows are portioned changes nothing, and a quantile is as good as it says."""

from itertools import pairwise
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from tests.support.slices import asked, said, tagged, tried
from turnout.feedback.accuracy import ACCEPTABLE
from turnout.store.rollups.collect import TAGS, TASKS, collect, merge
from turnout.store.rollups.sketch import ACCURACY, SMALLEST, Sketch, bars, bucket, edges, merged, packed, sketch
from turnout.store.rollups.sums import OTHER, added, cells, tags
from turnout.types.seconds import HOUR, MINUTE

_pico = st.none() | st.integers(0, 2**70)
_ms = st.floats(0, 1e9)
_name = st.none() | st.sampled_from(["a/b", "a/c", "d/e"])
_share = st.none() | st.floats(0, 1)
_asked = st.builds(
    asked, at=st.floats(0, 3599), route=_name, model=_name, task=_name, caller=_name, policy=st.integers(1, 2),
    outcome=st.sampled_from(["ok", "failed", "cut", "cancelled", "rejected", "begun"]), reason=st.sampled_from(["cheapest", "fallback", "cache"]),
    is_copy=st.booleans(), cost=_pico, baseline=_pico, saved=_pico, tokens_in=st.none() | st.integers(0, 2**40), verdict=_share, worth=_share,
    duration_ms=_ms, first_token_ms=st.none() | _ms, decision_us=_ms,
    traits=st.none() | st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"), max_size=3).map(lambda found: tagged(**found)),
)  # fmt: skip
_tried = st.builds(
    tried, route=_name, model=st.sampled_from(["a/b", "d/e"]), has_ended=st.booleans(), fault=st.none() | st.sampled_from(["timeout", "broken"]),
    cost=_pico, started_ms=st.just(0.0), ended_ms=_ms, first_token_ms=st.none() | _ms, input=st.none() | st.integers(0, 2**40),
)  # fmt: skip
_portions = st.lists(st.tuples(st.lists(_asked, max_size=6), st.lists(_tried, max_size=4)), max_size=5)


@given(_portions)
def test_a_slice_of_rows_is_the_merge_of_the_slices_of_their_portions(portions):
    """An hour may be made from its rows or from its minutes: it is the same."""
    whole = collect(HOUR, 0, [row for rows, _ in portions for row in rows], [call for _, calls in portions for call in calls])
    parts = [collect(MINUTE, 0, rows, calls) for rows, calls in portions]

    assert said(merge(HOUR, 0, parts)) == said(whole)
    assert sum(map(len, (rows for rows, _ in portions))) == sum(cell.requests + cell.copies for _, cell in whole.cells)


@given(_portions, st.lists(st.sampled_from(["route", "model", "task", "caller", "policy", "provider"]), unique=True))
def test_sums_by_anything_add_up_to_the_total(portions, names):
    """No request is lost or counted twice by looking at it from another side; money is exact whatever its size."""
    parts = [collect(MINUTE, 60 * n, rows, calls) for n, (rows, calls) in enumerate(portions)]

    total, by_names = added(cells(parts).values()), added(cells(parts, *names).values())

    rows = [row for rows, _ in portions for row in rows]
    assert total.cost == by_names.cost == sum(row.cost or 0 for row in rows)
    assert total.requests == by_names.requests == sum(not row.is_copy for row in rows)
    assert total.requests == total.ok + total.failed + total.cut + total.cancelled + total.rejected + total.begun
    judged = [row.verdict for row in rows if row.verdict is not None and not row.is_copy]
    assert (total.graded, total.acceptable) == (len(judged), sum(verdict >= ACCEPTABLE for verdict in judged))
    assert total.acceptable == by_names.acceptable
    assert total.duration.buckets == by_names.duration.buckets


@given(st.lists(st.floats(SMALLEST, 1e9), min_size=1), st.floats(0, 1))
def test_a_quantile_is_within_a_hundredth(values, q):
    """Of the exact one by nearest rank, however many values there are and however far apart."""
    exact = sorted(values)[max(ceil(q * len(values)), 1) - 1]

    assert abs(sketch(values).quantile(q) - exact) <= ACCURACY * exact * (1 + 1e-9)


@given(st.lists(st.lists(st.floats(0, 1e9), max_size=300), max_size=4))
def test_sketches_merge_as_if_they_had_been_one(portions):
    """Also where counts outgrow the width that they were packed in."""
    both, whole = merged(map(sketch, portions)), sketch([value for values in portions for value in values])

    assert (both.n, both.buckets) == (whole.n, whole.buckets)
    assert list(both.buckets) == sorted(both.buckets)


@given(
    st.lists(
        st.dictionaries(st.integers(-300, 900), st.sampled_from([1, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32]), max_size=5),
        max_size=5,
    )
)
def test_counts_of_any_size_keep_apart(portions):
    """A count does not run over into its neighbour's place: 255 and 1 are 256 in one bucket."""
    expected: dict[int, int] = {}
    for buckets in portions:
        for index, count in buckets.items():
            expected[index] = expected.get(index, 0) + count

    assert merged(packed(buckets, 0.0) for buckets in portions).buckets == expected


@given(st.floats(SMALLEST, 1e12))
def test_a_value_is_in_its_bucket(value):
    """Between the edges that a histogram draws."""
    low, high = edges(bucket(value))

    assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9)


@given(st.lists(st.floats(SMALLEST, 1e6)), st.integers(1, 50))
def test_bars_hold_every_value_once(values, most):
    """A histogram is of no more bars than asked for, side by side, and of all values."""
    drawn = bars(sketch(values), most)

    assert sum(bar.count for bar in drawn) == len(values)
    assert len(drawn) <= most
    assert all(left.high == right.low for left, right in pairwise(drawn))
    assert bars(Sketch()) == ()


@given(st.lists(st.lists(st.integers(0, 400), max_size=300), max_size=4))
def test_tags_are_bounded_and_lose_no_request(portions):
    """However many values a tag has, a slice keeps 200; the rest is summed as one."""
    rows = [[asked(traits=tagged(user=str(user))) for user in users] for users in portions]
    parts = [collect(MINUTE, 60 * n, some, []) for n, some in enumerate(rows)]
    one = merge(HOUR, 0, parts)

    assert all(len(part.tags) <= TAGS for part in [*parts, one])
    assert sum(tag.requests for tag in tags([one]).values()) == sum(map(len, rows))
    assert list(tags([one]))[-1:] == [OTHER] or OTHER not in tags([one])


@given(st.lists(st.lists(st.integers(0, 400), max_size=300), max_size=4))
def test_tasks_are_bounded_and_lose_no_request(portions):
    """A caller may name a task of its own for each request; a slice keeps a hundred, and sums the rest as one."""
    rows = [[asked(task=f"mine-{one}") for one in some] for some in portions]
    parts = [collect(MINUTE, 60 * n, some, []) for n, some in enumerate(rows)]
    one = merge(HOUR, 0, parts)

    assert all(len(cells([part], "task")) <= TASKS for part in [*parts, one])
    assert sum(cell.requests for _, cell in one.cells) == sum(map(len, rows))
