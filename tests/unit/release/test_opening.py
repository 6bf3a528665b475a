"""Which releases an event opens, and why not on the other routes."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from tests.support.records import NOW
from tests.support.views import TASKS, TEXT, model
from turnout.release.open import CannotOpen, considered, manual, opened, replacement
from turnout.types.models import Modality, ModelFacts
from turnout.types.policy import Arm, Fallback, Needs, Policy, Provider, Route, Segment
from turnout.types.release import CatalogEvent
from turnout.types.view import Base

OLD, OTHER = model("a/old", quality=7, price=(2, 6)), model("b/other", quality=6.8, price=(1, 3))
BEST, POOR = model("b/best", quality=9, price=(9, 30)), model("b/poor", quality=3, price=(0.1, 0.1))
NEW = model("a/new", quality=7, price=(3, 9), untried=True)
IMAGE = int(Modality.IMAGE)
STATIC = Route("fixed", "static", models=(OLD.id,))
ANY = Route("any", "cost")
FEW = Route("few", "quality", models=(OLD.id, OTHER.id))
SEES = Route("sees", "cost", needs=Needs(input=TEXT | IMAGE))


def world(*routes: Route, models: tuple[ModelFacts, ...] = (OLD, OTHER, BEST, POOR, NEW)) -> Base:
    providers = tuple(
        Provider(name, vendor, "openai-chat", "http://127.0.0.1:1", "none") for name, vendor in (("a", "acme"), ("b", None))
    )
    return Base(1, Policy(routes or (STATIC, ANY, FEW, SEES), providers), models, TASKS)


def event(kind: str, named: str = "acme/new", **changes) -> CatalogEvent:
    plain = CatalogEvent("e-1", NOW, kind, named, None, None, None, ("one", "two"), "accepted", confirmed=True)  # type: ignore[arg-type]  # of the table
    return msgspec.structs.replace(plain, **changes)


def why(found, route: str) -> str:
    return next(one.why for one in found if one.route == route)


def test_a_new_model_opens_a_release_on_each_route_that_it_could_serve() -> None:
    """Against the static model, or who serves most; the others say why not."""
    found = opened(event("model_added"), world(), NOW, {"any": OTHER.id})
    assert [(one.route, one.model, one.incumbent, one.kind) for one in found] == [
        ("fixed", NEW.id, OLD.id, "new"), ("any", NEW.id, OTHER.id, "new"), ("few", NEW.id, None, "new"),
    ]  # fmt: skip
    assert all((one.status.phase, one.event, one.at) == ("detected", "e-1", NOW) for one in found)
    assert why(considered(event("model_added"), world(), NOW), "sees") == "a/new: no image input"


def test_opened_twice_it_is_the_same() -> None:
    """Ids come from event and route."""
    once, again = opened(event("model_added"), world(), NOW), opened(event("model_added"), world(), NOW + 9)
    assert [one.id for one in once] == [one.id for one in again]
    assert len({one.id for one in once}) == len(once)
    assert {one.id for one in once}.isdisjoint(one.id for one in opened(event("model_added", id="e-2"), world(), NOW))


def test_what_a_route_has_already_needs_no_release() -> None:
    """A route that chooses by price follows a lower price by itself; one that does not have the model may want it now."""
    found = considered(event("price_changed", "acme/old", change=-0.5), world(), NOW)
    assert [one.route for one in found if one.release] == []
    assert why(found, "any") == "it chooses among a/old already"
    cheaper = opened(event("price_changed", "b/best", change=-0.5), world(), NOW)
    assert [(one.route, one.kind, one.model) for one in cheaper] == [("fixed", "repriced", BEST.id), ("few", "repriced", BEST.id)]
    abler = opened(event("capability_changed", "b/best"), world(), NOW)
    assert [one.kind for one in abler] == ["changed", "changed"]


@pytest.mark.parametrize(
    ("happened", "reason"),
    [
        (event("model_added", state="quarantined"), "the event is quarantined"),
        (event("model_added", state="noted"), "the event is noted"),
        (event("model_added", "nobody/new"), "no provider of the policy serves nobody/new"),
        (event("alias_moved"), "alias_moved calls for no release"),
    ],
)
def test_events_that_open_nothing_say_why(happened: CatalogEvent, reason: str) -> None:
    """On every route alike."""
    assert {one.why for one in considered(happened, world(), NOW)} == {reason}
    assert opened(happened, world(), NOW) == ()


def test_a_model_that_ends_is_to_be_replaced_in_time() -> None:
    """By the cheapest that is as good by estimate; with the date; only where it serves."""
    end = event("deprecation_announced", "acme/old", after="2026-12-24")
    found = opened(end, world(), NOW)
    assert [(one.route, one.kind, one.model, one.incumbent) for one in found] == [("fixed", "retiring", OTHER.id, OLD.id)]
    assert found[0].due == datetime(2026, 12, 24, tzinfo=UTC).timestamp()
    assert "serves little of it" in why(considered(end, world(), NOW), "few")
    serving = opened(end, world(), NOW, {"few": OLD.id, "any": OLD.id})
    assert [one.route for one in serving] == ["fixed", "any", "few"]
    dated = msgspec.structs.replace(OLD, retires=date(2027, 1, 5))
    known = opened(event("deprecation_announced", "acme/old"), world(models=(dated, OTHER)), NOW)
    assert known[0].due == datetime(2027, 1, 5, tzinfo=UTC).timestamp()


def test_a_model_that_is_gone_already_is_replaced_where_it_is_still_named() -> None:
    """No provider offers it any more, and a route says so."""
    found = opened(event("retired", "a/old"), world(models=(OTHER, BEST)), NOW)
    assert [(one.route, one.incumbent, one.due) for one in found] == [("fixed", "a/old", NOW)]


def test_a_dearer_model_is_measured_against_who_could_take_its_place() -> None:
    """Without a date."""
    found = opened(event("price_changed", "acme/old", change=0.4), world(), NOW)
    assert [(one.route, one.kind, one.model, one.due) for one in found] == [("fixed", "repriced", OTHER.id, None)]


def test_fallbacks_that_end_are_replaced_and_parts_of_a_route_fall_back_to_the_rest() -> None:
    """A chain that has lost its end would be noticed too late."""
    spare = Route("r", "static", models=(BEST.id,), fallback=(Fallback(OLD.id),))
    part = Route("p", "static", models=(BEST.id,), cascade=(Arm(OLD.id),))
    found = considered(event("retired", "acme/old"), world(spare, part), NOW)
    assert [(one.route, one.release.incumbent) for one in found if one.release] == [("r", OLD.id)]
    assert "serves a part of the route" in why(found, "p")


def test_what_a_release_put_in_front_is_who_serves_the_route() -> None:
    """It is replaced when it ends and measured against, and needs no release of its own for being cheaper."""
    adopted = Route("fixed", "static", models=(BEST.id,), segments=(Segment(OLD.id, None, "rel-1"),))
    (ends,) = opened(event("deprecation_announced", "acme/old", after="2026-12-24"), world(adopted), NOW)
    assert (ends.kind, ends.model, ends.incumbent) == ("retiring", OTHER.id, OLD.id)
    assert [one.incumbent for one in opened(event("model_added"), world(adopted), NOW)] == [OLD.id]
    cheaper = considered(event("price_changed", "acme/old", change=-0.5), world(adopted), NOW)
    assert why(cheaper, "fixed") == "it chooses among a/old already"


def test_a_replacement_fits_stays_and_is_priced() -> None:
    """None where there is none; the best where none is as good; on an approved list only who is on it."""
    assert replacement(OLD.id, STATIC, world(), NOW) == OTHER
    assert replacement(BEST.id, STATIC, world(models=(BEST, OTHER, POOR)), NOW) == OTHER
    leaving = msgspec.structs.replace(OTHER, retires=date(2026, 12, 1))
    unpriced = model("b/free", quality=8, price=None)
    assert replacement(OLD.id, STATIC, world(models=(OLD, leaving, unpriced, BEST)), NOW) == BEST
    assert replacement(OLD.id, SEES, world(), NOW) is None
    assert replacement(OLD.id, Route("r", "cost", models=(OLD.id, BEST.id), approved=True), world(), NOW) == BEST


def test_people_open_releases_too() -> None:
    """Each time another one; what cannot be is said in words."""
    one, other = (manual(BEST.id, "few", world(), at, {"few": OLD.id}) for at in (NOW, NOW + 5))
    assert (one.kind, one.incumbent, one.event) == ("new", OLD.id, f"manual:b/best:{int(NOW)}")
    assert one.id != other.id
    for named, route, words in (
        ("b/none", "few", "no model is called b/none"),
        (BEST.id, "nowhere", "no route is called nowhere; there are fixed, any, few, sees"),
        (OLD.id, "fixed", "a/old serves route fixed already"),
    ):
        with pytest.raises(CannotOpen, match=words):
            manual(named, route, world(), NOW)
