from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.views import model, traits, view
from turnout.decide.compiled import Ladders, ladder
from turnout.decide.decide import in_full
from turnout.types.policy import Route

QUALITIES = st.lists(st.none() | st.sampled_from((5.0, 6.0, 6.4)) | st.floats(0, 10), min_size=1, max_size=8)
PRICES = st.lists(st.none() | st.sampled_from((0.1, 2.0, 10.0)), min_size=8, max_size=8)


def slots_of(*qualities: float | None):
    return view(models=tuple(model(f"a/m{n}", quality=quality) for n, quality in enumerate(qualities))).lanes[-1].slots


def test_those_within_the_band_of_the_best_stand_before_those_behind_it() -> None:
    """Best first, those of equal quality as listed; an unknown quality is the least."""
    found = ladder(slots_of(6, None, 7, 5, 7, 6.5), "qa", 0.5)
    assert [slot.id for slot in found.within] == ["a/m2", "a/m4", "a/m5"]
    assert [slot.id for slot in found.behind] == ["a/m0", "a/m3", "a/m1"]


def test_nobody_stands_in_a_tier_without_models() -> None:
    """It is empty, and no error."""
    assert ladder((), "qa", 0.5) == Ladders((), 0.5).at("qa", 2) == ((), ())


def test_a_ladder_is_worked_out_once() -> None:
    """By task and tier."""
    ladders = Ladders(slots_of(6, 7), 0.5)
    assert ladders.at("qa", None) is ladders.at("qa", None)
    assert ladders.at("qa", 0) is not ladders.at("qa", None)


def test_tasks_that_callers_make_up_take_no_memory() -> None:
    """They share what models are worth in general."""
    ladders = Ladders(slots_of(6, 7), 0.5)
    assert ladders.at("made up", None) is ladders.at("another", None)


@given(QUALITIES, PRICES, st.sampled_from((0.0, 0.5, 3.0)), st.sampled_from(("qa", None, "made up")), st.booleans())
def test_quality_puts_models_in_the_order_its_words_say(qualities, prices, band, task, is_limited) -> None:
    """Within the band by expense, behind it by quality and then by expense, ties by name; whether or not the request rules models out."""
    fleet = tuple(model(f"a/m{n}", quality=quality, price=price and (price, price))
                  for n, (quality, price) in enumerate(zip(qualities, prices, strict=False)))  # fmt: skip
    assume(len(fleet) > 2 or not is_limited)
    world = view(Route("r", "quality", band=band, unknown_price="warn"), models=fleet)
    asked = traits(model="r", task=task, models=tuple(one.id for one in fleet[2:]) if is_limited else ())
    found = in_full(world, asked, 1).candidates
    floor = max(one.quality or 0.0 for one in found) - band

    def place(one):
        worth, cost = one.quality or 0.0, float("inf") if one.cost is None else one.cost
        return (0, 0.0, cost, one.model) if worth >= floor else (1, -worth, cost, one.model)

    assert [one.model for one in found] == [one.model for one in sorted(found, key=place)]
    assert len(found) == (len(fleet) - 2 if is_limited else len(fleet))
