"""Measured quality in decisions: in place of what was stated, by task and by band."""

import pytest

from tests.support.views import CHEAP, FLEET, MID, PREMIUM, TASKS, TODAY, traits
from turnout.decide.compiled import View, compile_view
from turnout.decide.decide import in_full
from turnout.errors import TurnoutError
from turnout.types.matrix import UNMEASURED, Matrix, parted, topic
from turnout.types.policy import Needs, Policy, Provider, Route
from turnout.types.view import Base, Overlay


def world(route: Route, matrix: Matrix = UNMEASURED) -> View:
    providers = tuple(Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none") for name in "abc")
    base = Base(1, Policy((route, Route("default", "balanced")), providers), FLEET, TASKS)
    return compile_view(base, Overlay("base", TODAY), "view", matrix)


def chosen(view: View, **asked) -> list[tuple[str, float | None]]:
    return [(one.model, one.quality) for one in in_full(view, traits(model="r", **asked), 7).candidates]


BEST = Route("r", "quality", band=0.2)


def test_what_was_measured_stands_in_place_of_what_was_stated() -> None:
    """The order by quality follows it; a task in which nobody was measured is as it was."""
    measured = world(BEST, Matrix({CHEAP.id: {"qa": 9.5}}))
    assert chosen(measured, task="qa")[0] == (CHEAP.id, 9.5)
    assert chosen(measured, task="code_generation") == chosen(world(BEST), task="code_generation")


def test_a_band_counts_where_any_model_of_the_route_was_measured_in_it() -> None:
    """The others keep their figure for the task, measured or not."""
    measured = world(BEST, Matrix({CHEAP.id: {"qa|simple": 9.4}, MID.id: {"qa": 8.2}}))
    assert dict(chosen(measured, band="simple")) == {CHEAP.id: 9.4, MID.id: 8.2, PREMIUM.id: 9}
    assert dict(chosen(measured, band="high")) == {CHEAP.id: 5, MID.id: 8.2, PREMIUM.id: 9}
    assert dict(chosen(measured, band=None, complexity=None)) == {CHEAP.id: 5, MID.id: 8.2, PREMIUM.id: 9}


def test_a_route_without_measured_models_looks_nothing_up() -> None:
    """Topics are those of the models that it may choose, not of the view."""
    view = world(Route("r", "quality", models=(MID.id, PREMIUM.id)), Matrix({CHEAP.id: {"qa|simple": 9.4}}))
    assert view.by_name["r"].topics is None
    assert world(BEST).by_name["r"].topics is None


def test_needs_rest_on_the_figure_for_the_task() -> None:
    """A route that needs 8 for a task is not empty for hard requests because all models are worse at those."""
    needy = Route("r", "cost", needs=Needs(quality=8))
    low = {model.id: {"qa|high": 6.0} for model in FLEET}
    assert [model for model, _ in chosen(world(needy, Matrix(low)), band="high")] == [PREMIUM.id]
    assert {model for model, _ in chosen(world(needy, Matrix({CHEAP.id: {"qa": 8.1}})))} == {CHEAP.id, PREMIUM.id}
    with pytest.raises(TurnoutError, match=r"quality 7\.9 for qa, needs >= 8"):
        chosen(world(needy, Matrix({PREMIUM.id: {"qa": 7.9}})))


def test_topics_are_written_and_read_alike() -> None:
    """A task may be called anything."""
    for task, band in (("qa", None), ("qa", "simple"), ("a|b", "high"), ("a|b", None), ("|simple", None)):
        assert parted(topic(task, band)) == (task, band)
