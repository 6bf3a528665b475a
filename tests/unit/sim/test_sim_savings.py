import pytest

from turnout.sim.profile import Fleet, SimModel, SimProvider
from turnout.sim.savings import savings
from turnout.sim.stats import Cell


def model(name: str, price: float, simple: float, high: float) -> SimModel:
    return SimModel(name, price, price, 1000, 1000, 1, 2, 100, {"default": (simple, simple, high)}, 0)


FLEET = Fleet((SimProvider("p", "openai-chat", (model("cheap", 1, 0.9, 0.3), model("dear", 10, 1.0, 0.9))),))


def cell(name: str, band: str, answered: int) -> Cell:
    price = 1 if name == "p/cheap" else 10
    return Cell(name, "qa", band, answered, answered, 0, answered * 100, 0, answered * 100 * price * 10**6)


def test_a_good_assignment_beats_the_shuffle_at_its_shares() -> None:
    """Simple to cheap and hard to dear: better than the same shares at random, cheaper than all on the best."""
    found = savings(FLEET, [cell("p/cheap", "simple", 80), cell("p/dear", "high", 20)])

    assert found is not None
    assert found.best_model == "p/dear"
    assert found.routed.quality == pytest.approx(0.8 * 0.9 + 0.2 * 0.9)
    assert found.shuffled.quality == pytest.approx(0.8 * (0.8 * 0.9 + 0.2 * 0.3) + 0.2 * (0.8 * 1.0 + 0.2 * 0.9))
    assert found.shuffled.cost == pytest.approx(found.routed.cost)
    assert found.against_best == pytest.approx(1 - (80 + 200) / 1000)
    assert found.against_shuffled > 0.1


def test_a_random_assignment_saves_nothing_against_the_shuffle() -> None:
    """The control compared with itself is no gain."""
    cells = [cell("p/cheap", "simple", 40), cell("p/cheap", "high", 40), cell("p/dear", "simple", 10), cell("p/dear", "high", 10)]

    found = savings(FLEET, cells)

    assert found is not None
    assert found.against_shuffled == pytest.approx(0, abs=1e-9)


def test_no_graded_answer_no_figure() -> None:
    """Nothing is claimed before there is evidence."""
    assert savings(FLEET, []) is None
    assert savings(FLEET, [Cell("p/cheap", "other", "moderate", 5, 0)]) is None


def test_the_shuffle_is_compared_at_the_same_spend() -> None:
    """Where the same shares cost less at random, the difference is spent on the best model before comparing."""
    long = Cell("p/dear", "qa", "high", 20, 20, 0, 20_000, 0, 20_000 * 10 * 10**6)

    found = savings(FLEET, [cell("p/cheap", "simple", 80), long])

    assert found is not None
    assert found.shuffled.cost < found.routed.cost
    assert found.same_spend.cost == pytest.approx(found.routed.cost)
    assert found.shuffled.quality < found.same_spend.quality < found.best.quality


def test_a_dearer_shuffle_is_brought_down_to_the_spend() -> None:
    """Where the same shares cost more at random, part of it goes to the cheapest model."""
    long = Cell("p/cheap", "qa", "simple", 80, 80, 0, 80_000, 0, 80_000 * 10**6)

    found = savings(FLEET, [long, cell("p/dear", "high", 20)])

    assert found is not None
    assert found.shuffled.cost > found.routed.cost
    assert found.same_spend.cost == pytest.approx(found.routed.cost)
    assert found.same_spend.quality < found.shuffled.quality
