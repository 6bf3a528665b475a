"""What a model must have before anything is spent on it."""

from datetime import date

import msgspec
import pytest

from tests.support.records import NOW
from tests.support.views import TASKS, TEXT, TOOLS, model
from turnout.catalog.overrides import USER_SOURCE
from turnout.release.open import manual
from turnout.release.screen import Kind, Screened, screen
from turnout.types.models import Feature, Modality, ModelFacts, Source
from turnout.types.policy import Needs, Policy, Provider, Route
from turnout.types.release import CatalogEvent
from turnout.types.view import Base

BY_HAND = {"prices": Source(USER_SOURCE, "2026-11-23")}
OLD, NEW = model("a/old"), model("b/new", sources=BY_HAND)
IMAGE = int(Modality.IMAGE)
ROUTE = Route("r", "static", models=(OLD.id,))


def screened(facts: ModelFacts = NEW, route: Route = ROUTE, events=(), asked=()) -> Screened:
    providers = tuple(Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none") for name in "ab")
    base = Base(1, Policy((route,), providers), (OLD, facts), TASKS)
    return screen(manual(facts.id, "r", base, NOW), base, events, NOW, asked)


def told(kind: str = "price_changed", at: float = NOW, **changes) -> CatalogEvent:
    plain = CatalogEvent("e", at, kind, "vendor/new", "prices", "1", "2", ("one",), "accepted")  # type: ignore[arg-type]  # of the table
    return msgspec.structs.replace(plain, **changes)


def priced(by: str | None) -> ModelFacts:
    return msgspec.structs.replace(NEW, sources={} if by is None else {"prices": Source(by, "2026-11-23")})


def test_a_fit_model_goes_on() -> None:
    """All three gates are open; estimates of quality and latency are none of them."""
    strict = msgspec.structs.replace(ROUTE, needs=Needs(quality=9.9, latency_p95_ms=1))
    found = screened(route=strict)
    assert [(gate.name, gate.passed) for gate in found.gates] == [("capabilities", True), ("data_policy", True), ("price", True)]
    assert (found.rejected, found.waiting, found.notes) == (None, None, ())


@pytest.mark.parametrize(
    ("needs", "facts", "words"),
    [
        (Needs(input=TEXT | IMAGE), NEW, "no image input"),
        (Needs(features=int(Feature.JSON_SCHEMA)), NEW, "no json_schema"),
        (Needs(features=TOOLS), msgspec.structs.replace(NEW, features=0, unknown_features=TOOLS), "tools unknown"),
        (Needs(context=500_000), NEW, "context 128000, the route needs 500000"),
        (Needs(region=frozenset({"eu"})), NEW, "region unknown, the route needs eu"),
        (Needs(data_policy=frozenset({"no_training"})), NEW, "the data policy lacks no_training"),
        (Needs(), msgspec.structs.replace(NEW, disabled=True), "b/new is disabled in the policy"),
        (Needs(), msgspec.structs.replace(NEW, status="deprecated"), "b/new is deprecated"),
        (Needs(), msgspec.structs.replace(NEW, retires=date(2026, 9, 30)), "b/new will be retired on 2026-09-30"),
        (Needs(), msgspec.structs.replace(NEW, retires=date(2026, 9, 1)), "b/new was retired on 2026-09-01"),
    ],
)
def test_what_a_model_lacks_ends_it_here(needs: Needs, facts: ModelFacts, words: str) -> None:
    """With the reason in words; the records' present is September 2026."""
    found = screened(facts, msgspec.structs.replace(ROUTE, needs=needs))
    assert found.rejected is not None
    assert words in found.rejected


def test_what_a_route_tolerates_not_to_know_is_no_lack() -> None:
    """As in deciding."""
    dim = msgspec.structs.replace(NEW, features=0, unknown_features=TOOLS)
    route = msgspec.structs.replace(ROUTE, needs=Needs(features=TOOLS), unknown=frozenset({"tools"}))
    assert screened(dim, route).rejected is None


def test_traffic_that_it_could_not_serve_leaves_nothing_to_try() -> None:
    """Some may ask for more than it can: those requests go on as before."""
    plain, seeing, huge = Kind(80, input=TEXT), Kind(15, input=TEXT | IMAGE), Kind(5, tokens=900_000)
    found = screened(asked=(plain, seeing, huge))
    assert "could serve 80% of its recent requests" in found.gates[0].text
    assert found.rejected is None
    hopeless = screened(asked=(Kind(2), Kind(98, features=int(Feature.SEED))))
    assert hopeless.rejected == "b/new could serve 2.0% of the route's recent requests"


@pytest.mark.parametrize(
    ("facts", "events", "passed", "words"),
    [
        (NEW, (told("source_conflict"),), True, "the policy's file states the price"),
        (priced("models.dev + litellm"), (), True, "models.dev, litellm agree"),
        (priced("litellm"), (), None, "only litellm names the price"),
        (priced("litellm"), (told(confirmed=True),), True, "confirmed by one"),
        (priced("litellm"), (told(confirmed=True, sources=()),), True, "confirmed by a person"),
        (priced("litellm"), (told(confirmed=True), told("source_conflict", NOW + 1)), False, "sources disagree"),
        (priced("litellm"), (told("source_conflict"), told(at=NOW + 1, confirmed=True)), True, "confirmed"),
        (priced("litellm"), (told(confirmed=True), told("source_conflict", NOW + 1, field="context")), True, "confirmed"),
        (priced("litellm"), (told(confirmed=True), told("source_conflict", NOW + 1, model="vendor/other")), True, "confirmed"),
        (priced("litellm"), (told(state="quarantined"),), None, "waits for a person"),
        (priced("litellm"), (told(confirmed=True), told("source_conflict", NOW + 1, state="dismissed")), True, "confirmed"),
        (msgspec.structs.replace(NEW, prices=()), (), None, "the price of b/new is unknown"),
    ],
)
def test_a_price_is_confirmed_by_two_or_by_hand(facts: ModelFacts, events, passed, words: str) -> None:
    """Until it is, the release waits: it is not rejected."""
    found = screened(facts, events=events)
    assert found.gates[2].passed is passed
    assert words in found.gates[2].text
    assert found.rejected is None
    assert (found.waiting is None) is (passed is True)


def test_people_are_told_what_they_would_approve() -> None:
    """A list that it is not on; a preview."""
    route = msgspec.structs.replace(ROUTE, approved=True)
    notes = screened(msgspec.structs.replace(NEW, status="preview"), route).notes
    assert [words for words in ("approved list", "preview") if any(words in note for note in notes)] == [
        "approved list",
        "preview",
    ]
