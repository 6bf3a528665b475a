"""The five questions, on real pairs of models and on results."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.benched import answers as made
from tests.support.records import NOW
from tests.support.views import TASKS, TEXT, TOOLS, model
from turnout.release.answers import answers, disputed
from turnout.release.pairs import paired
from turnout.types.models import Modality, ModelFacts, bits
from turnout.types.policy import Policy, Provider, Route
from turnout.types.release import Answer, CatalogEvent
from turnout.types.view import Base

PAIRS = tomllib.loads((Path(__file__).parents[2] / "data" / "release_pairs.toml").read_text())["pair"]


def asked(new: ModelFacts, old: ModelFacts, events=(), pairs=(), *, against: bool = True) -> dict[str, Answer]:
    providers = tuple(Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none") for name in ("a", "b"))
    base = Base(1, Policy((Route("r", "static", models=(old.id,)),), providers), (old, new), TASKS)
    found = answers(new, old if against else None, base.policy.routes[0], base, NOW, pairs, disputed((new, old), events))
    return {one.question: one for one in found}


def facts_of(name: str, stated: dict[str, Any]) -> ModelFacts:
    takes = int(bits(Modality, stated["takes"]))
    return model(name, price=(stated["input"], stated["output"]), context=stated["tokens"], input=takes)


def conflict(name: str, field: str) -> CatalogEvent:
    return CatalogEvent("e", NOW, "source_conflict", name, field, None, None, ("models.dev", "litellm"), "noted")


def events_on(pair: dict[str, Any]) -> list[CatalogEvent]:
    """What a look at both catalogs tells: on which facts of the two models they give different answers."""
    dev, lite = pair["models_dev"], pair["litellm"]
    found = [
        conflict(pair[which], "prices.input")
        for which in ("old", "new")
        if any(abs(dev[which][price] / lite[which][price] - 1) > 0.01 for price in ("input", "output"))
    ]
    if len({source["new"]["tokens"] > source["old"]["tokens"] for source in (dev, lite)}) > 1:
        found.append(conflict(pair["new"], "context"))
    if len({frozenset(source["new"]["takes"]) - frozenset(source["old"]["takes"]) for source in (dev, lite)}) > 1:
        found.append(conflict(pair["old"], "input"))
    return found


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["new"])
def test_real_pairs_are_answered_as_two_catalogs_say(pair: dict[str, Any]) -> None:
    """Cheaper by list price, abler by context and input; unconfirmed where the catalogs differ; what was not measured is unknown."""
    old, new = (facts_of(pair[which], pair["models_dev"][which]) for which in ("old", "new"))
    found = asked(new, old, events_on(pair))
    assert found["cheaper"].verdict == pair["cheaper"]
    news = (pair["larger_context"], pair["new_input"])
    assert found["new_use"].verdict == next((verdict for verdict in ("yes", "unconfirmed") if verdict in news), "no")
    assert (found["faster"].verdict, found["better"].verdict) == ("unknown", "unknown")
    assert found["fallback"].verdict == ("no" if old.provider == new.provider else "yes")


def test_the_pairs_hold_every_answer() -> None:
    """Or the test above would show less than it says."""
    assert len(PAIRS) == 20
    assert {pair["cheaper"] for pair in PAIRS} == {"yes", "no", "unconfirmed"}
    assert {pair["new_input"] for pair in PAIRS} == {"yes", "no", "unconfirmed"}


OLD, NEW = model("a/old", price=(2, 6)), model("b/new", price=(1, 3))


def test_results_answer_what_facts_cannot() -> None:
    """Per solved case, by medians, by cases solved; no difference shown is no."""
    pairs = paired([*made(OLD.id, 300, 0.8, 1_000), *made(NEW.id, 300, 0.92, 1_300, ms=600)], NEW.id, lambda task, band: OLD.id)
    found = asked(NEW, OLD, pairs=pairs)
    assert {name: one.verdict for name, one in found.items()} == {
        "cheaper": "no", "faster": "yes", "better": "yes", "fallback": "yes", "new_use": "no",
    }  # fmt: skip
    assert "Solves 92.0% against 80.0% of 300 cases" in found["better"].text
    assert "(-4" in found["faster"].text
    assert "(+13%)" in found["cheaper"].text
    even = paired([*made(OLD.id, 300, 0.8, 1_000), *made(NEW.id, 300, 0.8, 900)], NEW.id, lambda task, band: OLD.id)
    same = asked(NEW, OLD, pairs=even)
    assert [(same[name].verdict, "no difference is shown" in same[name].text) for name in ("faster", "better")] == [
        ("no", True)
    ] * 2
    assert same["cheaper"].verdict == "yes"


def test_facts_alone_say_what_is_stated_and_that_it_was_not_measured() -> None:
    """Unknown is an answer; so is a price of one source only, once somebody has asked."""
    found = asked(NEW, OLD)
    assert found["cheaper"] == Answer("cheaper", "yes", "$1.5 against $3 per million tokens by list price, 3 in to 1 out (-50%).")
    assert found["faster"].text == "Not measured yet; estimated median 500 ms against 500 ms."
    assert found["better"].text == "Not measured yet; estimated quality 5.0 against 5.0 of 10."
    assert asked(model("b/new", price=None), OLD)["cheaper"].text == "The price of b/new is unknown."
    alone = CatalogEvent("e", NOW, "price_changed", "b/new", "prices", None, None, ("one",), "accepted")
    assert asked(NEW, OLD, (alone,))["cheaper"].verdict == "unconfirmed"
    later = CatalogEvent("e", NOW + 1, "price_changed", "b/new", "prices", None, None, ("one", "two"), "accepted", confirmed=True)
    assert asked(NEW, OLD, (alone, later))["cheaper"].verdict == "yes"
    assert asked(NEW, OLD, against=False)["cheaper"].verdict == "unknown"
    bare = model("b/new", p95=None, quality=None)
    assert [asked(bare, OLD)[name].text for name in ("faster", "better")] == ["Not measured yet."] * 2


def test_a_fallback_is_elsewhere_and_fits() -> None:
    """The same model at another provider is one, too."""
    assert asked(model("a/new"), OLD)["fallback"].text == "a serves the route already: an outage there would be of both."
    assert asked(model("b/old", kin="a/old"), OLD)["fallback"].text.startswith("The same model at another provider (b, not a)")


def test_new_uses_are_what_nobody_there_can_do() -> None:
    """What is not known of the others is not new."""
    abler = model("b/new", features=TOOLS | 8, input=TEXT | int(Modality.AUDIO), context=600_000)
    assert asked(abler, OLD)["new_use"].text == (
        "No model of the route has this: audio input; json_schema; a context of 600,000 tokens, 128,000 before."
    )
    dim = model("a/old", unknown_features=8, context=None)
    assert asked(model("b/new", features=TOOLS | 8, context=600_000), dim)["new_use"].verdict == "no"
