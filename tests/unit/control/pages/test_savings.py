from turnout.control.pages.savings import since_previous
from turnout.store.rollups.cells import Cell, Key, Slice
from turnout.types.seconds import HOUR


def hour(n: int, *cells: tuple[int, str, int, int]) -> Slice:
    """(policy, task, requests, cost) of each cell."""
    rows = [
        (Key("r", "p/m", task, None, policy), Cell(requests=requests, ok=requests, cost=cost))
        for policy, task, requests, cost in cells
    ]
    return Slice(HOUR, n * HOUR, n * HOUR, rows, [], [])


def test_the_same_mix_of_tasks_at_the_earlier_cost():
    """10 questions for 1 each and 5 codings for 4 each would have cost 30 before; they cost 12. Requests before are not in it."""
    before = [hour(n, (1, "qa", 100, 100), (1, "code", 10, 40)) for n in range(4)]

    change = since_previous([*before, hour(4, (2, "qa", 10, 2), (2, "code", 5, 10))])

    assert change is not None
    assert (change.previous, change.current, change.saved, change.compared, change.left_out) == (1, 2, 18, 15, 0)
    assert (change.low, change.high) == (18, 18)  # every hour cost the same a request
    assert {one.task: one.saved for one in change.tasks} == {"qa": 8, "code": 10}


def test_scatter_between_hours_is_uncertainty():
    """By hand: rates 1, 2, 3 in hours of 10 each: the ratio's variance is 3/2 * (100 + 0 + 100) / 900, times 20 requests squared."""
    slices = [hour(n, (1, "qa", 10, cost)) for n, cost in enumerate((10, 20, 30))]

    change = since_previous([*slices, hour(3, (2, "qa", 20, 20))])

    assert change is not None
    assert change.saved == 20
    half = 1.959964 * (20 * 20 * 1.5 * 200 / 900) ** 0.5
    assert change.high is not None
    assert abs(change.high - (20 + half)) < 1e-9


def test_too_few_hours_say_nothing_of_the_scatter():
    """One slice has no spread: the saving is told without an interval."""
    change = since_previous([hour(0, (1, "qa", 10, 10)), hour(1, (2, "qa", 10, 5))])

    assert change is not None
    assert (change.saved, change.low, change.high) == (5, None, None)


def test_tasks_that_are_new_are_left_out_and_counted():
    """What the earlier version never served cannot be compared."""
    change = since_previous([hour(0, (1, "qa", 10, 10)), hour(1, (2, "qa", 10, 5), (2, "math", 7, 70))])

    assert change is not None
    assert (change.compared, change.left_out) == (10, 7)


def test_one_version_has_nothing_to_be_compared_with():
    """The first policy saves nothing against none; nor do requests whose price is not known."""
    assert since_previous([hour(0, (1, "qa", 10, 10))]) is None
    unpriced = Slice(HOUR, 0, 0, [(Key("r", "p/m", "qa", None, 1), Cell(requests=5, unpriced=5))], [], [])
    assert since_previous([unpriced, hour(1, (2, "qa", 10, 10))]) is None


def test_the_last_two_versions_are_compared():
    """Of three the middle one is the previous one."""
    change = since_previous([hour(0, (1, "qa", 10, 10)), hour(1, (2, "qa", 10, 20)), hour(2, (5, "qa", 10, 30))])

    assert change is not None
    assert (change.previous, change.current, change.saved) == (2, 5, -10)
