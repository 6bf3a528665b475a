"""What pages ask of slices."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.support.slices import asked, tagged, tried
from turnout.store.rollups.cells import Cell, Slice
from turnout.store.rollups.collect import collect
from turnout.store.rollups.sums import OTHER, Window, calls, cells, days, gapless, only, series, tags, window
from turnout.types.seconds import DAY, HOUR, MINUTE

NOW = 1_790_000_000.0
ROWS = [
    asked(model="a/b", route="code", caller="web", cost=1),
    asked(model="a/c", route="code", caller=None, cost=2, outcome="failed"),
    asked(model="d/e", route="support", caller="web", cost=4, policy=4),
    asked(model=None, route=None, caller="web", cost=8, outcome="rejected"),
    asked(model="d/e", route="support", caller="web", cost=16, is_copy=True),
]
CALLS = [tried(model="a/b"), tried(model="a/c", fault="timeout"), tried(model="d/e", route="support", cost=None)]
SLICE = collect(HOUR, 3600, ROWS, CALLS)


def costs(*names: str) -> dict[tuple, int]:
    return {group: cell.cost for group, cell in cells([SLICE], *names).items()}


def test_requests_are_summed_by_what_is_asked():
    """By any field of their key, by several, by provider, or by nothing."""
    assert costs() == {(): 31}
    assert costs("route") == {("code",): 3, ("support",): 20, (None,): 8}
    assert costs("provider") == {("a",): 3, ("d",): 20, (None,): 8}
    assert costs("caller", "policy") == {("web", 3): 25, (None, 3): 2, ("web", 4): 4}
    assert {group: (cell.requests, cell.copies) for group, cell in cells([SLICE, SLICE], "model").items()}[("d/e",)] == (2, 2)


def test_calls_are_summed_by_what_is_asked():
    """What failed is in no sketch; what billed something unknown is counted."""
    by_provider = calls([SLICE], "provider")

    assert {group: some.calls for group, some in by_provider.items()} == {("a",): 2, ("d",): 1}
    assert (by_provider["a",].faults, by_provider["a",].duration.n, by_provider["d",].unpriced) == ({"timeout": 1}, 1, 1)


@pytest.mark.parametrize(
    "ask", [lambda: cells([SLICE], "colour"), lambda: calls([SLICE], "task"), lambda: only([SLICE], colour="red")]
)
def test_a_name_that_is_none_is_refused(ask):
    """What there is, is said."""
    with pytest.raises(ValueError, match=r"not summed by '(colour|task)', but by .*provider"):
        ask()


def test_only_what_has_these_values_is_left():
    """Calls as far as they can tell; of tags nothing, as a slice does not know whose they are."""
    tagged_slice = collect(HOUR, 0, [asked(traits=tagged(team="x")), *ROWS], CALLS)

    (code,) = only([tagged_slice], route="code", provider="a")
    (web,) = only([tagged_slice], caller="web")
    assert (cells([code])[()].requests, calls([code])[()].calls, code.tags) == (3, 2, [])
    assert (cells([web])[()].requests, calls([web]), web.tags) == (4, {}, [])
    assert cells(only([SLICE], model=None))[()].rejected == 1
    assert only([tagged_slice]) == (tagged_slice,)


def test_the_most_requested_tags_come_first():
    """And what was not kept apart comes last."""
    rows = [asked(traits=tagged(user=str(n))) for n in range(300)] + [asked(traits=tagged(user="7"))] * 3

    found = tags([collect(HOUR, 0, rows, [])])

    assert (next(iter(found)), list(found)[-1], found["user=7"].requests) == ("user=7", OTHER, 4)
    assert found[OTHER].requests == 303 - 4 - 198


def test_a_series_has_a_value_for_each_step():
    """Also where a group had nothing."""
    later = collect(HOUR, 7200, [asked(route="code", cost=32)], [])

    found = series([SLICE, later], ["route"], lambda cell: cell.cost)

    assert found == {("code",): [3, 32], ("support",): [20, 0], (None,): [8, 0]}


def test_gaps_are_slices_of_nothing():
    """A window of everything begins where something did."""
    later = collect(HOUR, 4 * HOUR, [asked()], [])

    assert [one.start for one in gapless([SLICE, later], Window(0, 6 * HOUR, HOUR))] == [n * HOUR for n in (1, 2, 3, 4, 5)]
    assert [one.start for one in gapless([], Window(HOUR, 3 * HOUR, HOUR))] == [HOUR, 2 * HOUR]
    assert gapless([], Window(0, HOUR, HOUR)) == ()


@pytest.mark.parametrize(
    ("span", "seconds", "period"),
    [
        ("15m", 900, MINUTE), ("1h", HOUR, MINUTE), ("6h", 6 * HOUR, MINUTE), ("24h", DAY, HOUR), ("7d", 7 * DAY, HOUR), ("30d", 30 * DAY, DAY),
        ("90d", 90 * DAY, DAY), ("400d", 400 * DAY, DAY), (900, 900, MINUTE), (6 * HOUR, 6 * HOUR, MINUTE), (DAY, DAY, HOUR), (8 * DAY, 8 * DAY, DAY),
        (100, 120, MINUTE),
    ],
)  # fmt: skip
def test_a_window_is_of_whole_slices(span: str | int, seconds: int, period: int):
    """The one under way is its last."""
    found = window(span, NOW)

    assert (found.until - found.since, found.period) == (seconds, period)
    assert found.until % period == found.since % period == 0
    assert NOW < found.until <= NOW + period


@pytest.mark.parametrize("span", ["all", 0])
def test_a_window_of_everything_is_of_days(span: str | int):
    """From the beginning of time."""
    assert window(span, NOW) == Window(0, int(NOW // DAY + 1) * DAY, DAY)


def test_a_window_that_is_none_is_refused():
    """With those that there are."""
    with pytest.raises(ValueError, match="no window is called '2w'; there are 15m, 1h"):
        window("2w", NOW)


@pytest.mark.parametrize(
    ("zone", "lengths"), [("UTC", [24, 24, 24]), ("Europe/Berlin", [22, 25, 24, 1]), ("Asia/Kolkata", [19, 24, 24, 5])]
)
def test_days_are_the_viewers(zone: str, lengths: list[int]):
    """Also where a clock is put back: that day has 25 hours."""
    first = 1_792_800_000 // DAY * DAY  # two days later, on 2026-10-25, summer ends in Europe
    hours = [Slice(HOUR, first + n * HOUR, 0.0, [], [], []) for n in range(72)]

    found = days(hours, ZoneInfo(zone))

    assert [len(day.slices) for day in found] == lengths
    assert [one for day in found for one in day.slices] == hours


def test_a_day_is_a_step_of_a_series():
    """Sums over a viewer's day need no slice of their own."""
    steps = days([SLICE, collect(HOUR, DAY, [asked(cost=64)], [])], ZoneInfo("UTC"))

    assert series(steps, (), lambda cell: cell.cost) == {(): [31, 64]}


def test_a_cell_of_an_earlier_program_is_read():
    """It lacks the last fields, which are then nothing."""
    now = msgspec.to_builtins(Cell(requests=3, graded=2, acceptable=1))

    assert msgspec.convert(now[:-1], Cell) == Cell(requests=3, graded=2)
