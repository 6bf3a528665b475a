"""Which of equal deployments is asked."""

import math

import pytest

from turnout.live.balance import Wait, cost, pick_two, waited


def test_a_longer_wait_is_believed_at_once() -> None:
    """And a shorter one slowly: after the ten seconds of its memory it counts by 1 - 1/e."""
    wait = waited(Wait(1.0, 0.0), 0.0, 5.0)
    assert wait.seconds == 5.0

    assert waited(wait, 10.0, 1.0).seconds == pytest.approx(1.0 + 4.0 / math.e)


def test_what_is_under_way_counts() -> None:
    """Three under way and one more: four times its wait."""
    assert cost(Wait(0.5, 1.0), 1.0, 3) == pytest.approx(2.0)


def test_what_is_not_heard_of_fades() -> None:
    """A deployment that was slow an hour ago is tried again."""
    assert cost(Wait(5.0, 0.0), 60.0, 0) < 0.02


def test_an_unknown_one_is_tried_once() -> None:
    """It costs nothing while idle, and more than any known one until its first answer."""
    assert cost(Wait(), 1.0, 0) == 0.0
    assert cost(Wait(), 1.0, 1) > cost(Wait(30.0, 1.0), 1.0, 100)


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.7, 0.999, 1.0])
def test_the_cheaper_of_two(chance: float) -> None:
    """Of two, always the cheaper; of one, that one."""
    assert pick_two([2.0, 1.0], chance) == 1
    assert pick_two([7.0], chance) == 0


def test_equals_share_evenly() -> None:
    """Of equals chance decides, evenly; the dearest of three is never picked."""
    drawn = [pick_two([1.0, 1.0, 1.0], step / 600) for step in range(600)]

    assert [drawn.count(index) for index in range(3)] == [200, 200, 200]
    assert {pick_two([1.0, 1.0, 9.0], step / 600) for step in range(600)} == {0, 1}
