"""What a candidate should become: PRODUCT's stories on synthetic results, and each role by its rule."""

import msgspec
import pytest

from tests.support.benched import answers, in_bands, mixed
from tests.support.records import NOW
from tests.support.views import TASKS, TEXT, model
from turnout.catalog.overrides import USER_SOURCE
from turnout.release.open import manual
from turnout.release.propose import Seen, propose
from turnout.store.cells import Part
from turnout.types.checks import PythonCompiles
from turnout.types.models import Modality, Source
from turnout.types.money import PicoDollars
from turnout.types.policy import After, Fallback, Margin, Needs, Policy, Provider, Route
from turnout.types.release import Proposal
from turnout.types.view import Base

BY_HAND = {"prices": Source(USER_SOURCE, "2026-11-23")}
SMALL, MID, LARGE, NEW = (model(name, sources=BY_HAND) for name in ("a/small", "a/mid", "a/large", "b/new"))
STATIC = Route("r", "static", models=(SMALL.id,))
DAY = 86_400.0


def world(route: Route, *models) -> Base:
    providers = tuple(Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none") for name in "ab")
    return Base(1, Policy((route, Route("default", "cost")), providers), models or (SMALL, MID, LARGE, NEW), TASKS)


def proposed(route: Route, results, serving: str | None = None, models=(), **seen) -> Proposal:
    base = world(route, *models)
    release = manual(NEW.id, "r", base, NOW, {} if serving is None else {"r": serving})
    return propose(release, base, results, NOW + DAY, Seen(**seen))


def part(band, model_id: str, requests: int, cost: int, route: str = "r") -> Part:
    return Part(route, "qa", band, model_id, requests, PicoDollars(cost))


def gate(found: Proposal, name: str):
    return next(one for one in found.gates if one.name == name).passed


def test_story_1_as_good_and_cheaper_than_what_serves_the_simple_part() -> None:
    """It takes the simple requests, not those that larger models serve; the saving is the ledger's."""
    cases = {"simple": 800, "moderate": 300, "high": 150}
    chances = {"simple": 0.94, "moderate": 0.8, "high": 0.6}
    results = [*in_bands(SMALL.id, cases, chances, 100), *in_bands(NEW.id, cases, chances, 60)]
    mix = (part("simple", SMALL.id, 6_000, 600), part("moderate", MID.id, 3_000, 1_400), part("high", LARGE.id, 1_000, 3_000))
    found = proposed(Route("r", "cost", models=(SMALL.id, MID.id, LARGE.id)), results, SMALL.id, mix=mix)

    assert (found.role, found.when) == ("segment", {"complexity": "simple"})
    assert found.score is not None
    assert found.score.value == pytest.approx(0.12, abs=0.015)
    assert found.score.ceiling == 5.0
    assert found.saving == pytest.approx(0.4 * 600 / 5_000, abs=0.003)
    assert gate(found, "quality") is True
    assert gate(found, "success") is True
    assert next(one for one in found.answers if one.question == "cheaper").verdict == "yes"


def test_story_2_code_that_compiles_less_often_is_a_checked_first_try() -> None:
    """82 % against 96 % at a tenth of the price: never in front of everything."""
    results = mixed([
        *answers(SMALL.id, 600, 0.96, 1_000, check="python_compiles", band=None),
        *answers(NEW.id, 600, 0.82, 100, check="python_compiles", band=None),
    ])  # fmt: skip
    found = proposed(STATIC, results, checks=(PythonCompiles(),))
    assert (found.role, found.checks) == ("cascade", (PythonCompiles(),))
    assert found.saving == pytest.approx(1 - 0.1 - 0.18, abs=0.02)
    assert gate(found, "quality") is True
    assert "82.0% of its answers pass" in found.text

    online = msgspec.structs.replace(STATIC, after=After("none", (PythonCompiles(),)))
    assert proposed(online, results).role == "cascade"
    unchecked = proposed(STATIC, results)
    assert unchecked.role == "fallback"
    assert gate(unchecked, "quality") is False
    assert proposed(STATIC, [one for one in results if one.model == SMALL.id]).role == "none"


def test_story_3_a_route_is_split_where_the_candidate_holds() -> None:
    """98.8 % against 99.2 % with a margin of a point: complex requests stay, the others move."""
    cases = {"simple": 1_200, "moderate": 800, "high": 500}
    results = [
        *in_bands(SMALL.id, cases, {"simple": 0.995, "moderate": 0.992, "high": 0.986}, 1_000),
        *in_bands(NEW.id, cases, {"simple": 0.995, "moderate": 0.992, "high": 0.962}, 100),
    ]
    finance = msgspec.structs.replace(STATIC, margin=Margin(quality=0.01, success=0.01))
    mix = (part("simple", SMALL.id, 500, 500), part("moderate", SMALL.id, 300, 300), part("high", SMALL.id, 200, 700))
    found = proposed(finance, results, mix=mix)

    assert (found.role, found.when) == ("segment", {"complexity": ["simple", "moderate"]})
    assert found.saving == pytest.approx(0.9 * 800 / 1_500, abs=0.005)
    assert "worse at high" in found.text


def test_a_part_that_would_hold_but_gains_too_little_is_said() -> None:
    """With what its score is made of: else nobody knows why it was not proposed where it is as good."""
    cases = {"simple": 1_200, "moderate": 400, "high": 400}
    right = {"simple": 0.99, "moderate": 0.99, "high": 0.99}
    results = [
        *in_bands(SMALL.id, cases, right, 1_000),
        *in_bands(NEW.id, cases, {"simple": 0.99, "moderate": 0.5, "high": 0.3}, 800),
    ]
    found = proposed(STATIC, results, mix=tuple(part(band, SMALL.id, 500, 500) for band in cases))

    assert found.role != "segment"
    assert "for simple requests it is as good, but its score is 0.06" in found.text
    assert "(cost +0.20, time " in found.text


def test_story_4_a_bad_release_is_proposed_for_nothing() -> None:
    """Whatever it would save."""
    results = mixed([*answers(SMALL.id, 400, 0.95, 1_000), *answers(NEW.id, 400, 0.4, 100)])
    found = proposed(STATIC, results)
    assert found.role == "none"
    assert gate(found, "quality") is False
    assert found.score is not None


def test_as_good_and_cheaper_everywhere_is_in_front() -> None:
    """With its score, its saving and the runs it rests on."""
    results = mixed([*answers(SMALL.id, 600, 0.9, 1_000), *answers(NEW.id, 600, 0.9, 500)])
    found = proposed(STATIC, results)
    assert (found.role, found.when, found.runs) == ("primary", None, ("run-1",))
    assert found.saving == pytest.approx(0.5, abs=0.01)
    assert [one.name for one in found.gates] == ["quality", "success", "capabilities", "data_policy", "price"]
    assert [one.question for one in found.answers] == ["cheaper", "faster", "better", "fallback", "new_use"]


def test_too_few_cases_prove_nothing() -> None:
    """Equal on forty cases is not shown to be within three points; the text says what would be."""
    results = mixed([*answers(SMALL.id, 40, 0.9, 1_000), *answers(NEW.id, 40, 0.9, 500)])
    found = proposed(STATIC, results)
    assert found.role == "fallback"
    assert gate(found, "quality") is None
    assert "so many cases could certify" in found.text


def test_no_better_and_no_cheaper_is_no_candidate() -> None:
    """The gates are open, the score is not reached; at the incumbent's own provider it is no fallback either."""
    twin = model("a/twin", sources=BY_HAND)
    results = mixed([*answers(SMALL.id, 600, 0.9, 1_000), *answers(twin.id, 600, 0.9, 1_000)])
    base = world(STATIC, SMALL, twin)
    found = propose(manual(twin.id, "r", base, NOW), base, results, NOW + DAY)
    assert found.role == "none"
    assert gate(found, "quality") is True
    assert "a trial needs 0.1" in found.text


def test_answers_that_fail_to_come_close_the_gate_of_success() -> None:
    """And a model that often gives none is no fallback."""
    results = mixed([*answers(SMALL.id, 600, 0.9, 1_000), *answers(NEW.id, 600, 0.95, 100, ok=0.85)])
    found = proposed(STATIC, results)
    assert (found.role, gate(found, "success")) == ("none", False)


def test_what_a_route_needs_in_figures_is_held_against_what_was_measured() -> None:
    """Cost of an answer and p95, which no estimate may stand in for."""
    results = mixed([*answers(SMALL.id, 600, 0.9, 1_000), *answers(NEW.id, 600, 0.9, 500)])
    slow = msgspec.structs.replace(STATIC, needs=Needs(latency_p95_ms=900, cost_per_request=PicoDollars(400)))
    found = proposed(slow, results)
    assert found.role == "fallback"
    assert (gate(found, "latency"), gate(found, "cost")) == (False, False)
    roomy = msgspec.structs.replace(STATIC, needs=Needs(latency_p95_ms=9_000, cost_per_request=PicoDollars(900)))
    assert proposed(roomy, results).role == "primary"


def test_what_nobody_can_do_is_a_new_use() -> None:
    """At the same provider, and no better at what the route does."""
    sees = model("a/sees", sources=BY_HAND, input=TEXT | int(Modality.IMAGE))
    base = world(STATIC, SMALL, sees)
    results = mixed([*answers(SMALL.id, 400, 0.95, 1_000), *answers(sees.id, 400, 0.6, 1_000)])
    found = propose(manual(sees.id, "r", base, NOW), base, results, NOW + DAY)
    assert found.role == "new_use"
    assert "image input" in found.text


def test_a_hard_gate_stops_everything() -> None:
    """An unconfirmed price, however good the results are; an unfit model; one that is gone."""
    results = mixed([*answers(SMALL.id, 600, 0.9, 1_000), *answers(NEW.id, 600, 0.9, 500)])
    rumoured = msgspec.structs.replace(NEW, sources={})
    found = proposed(STATIC, results, models=(SMALL, rumoured))
    assert (found.role, gate(found, "price")) == ("none", None)
    away = msgspec.structs.replace(STATIC, needs=Needs(region=frozenset({"eu"})))
    assert (proposed(away, results).role, gate(proposed(away, results), "data_policy")) == ("none", False)
    release = manual(NEW.id, "r", world(STATIC), NOW)
    gone = propose(release, world(STATIC, SMALL), results, NOW)
    assert (gone.role, gone.text) == ("none", "Nothing is proposed: there is no b/new any more.")


def test_models_that_were_not_compared_keep_their_requests() -> None:
    """A candidate measured against one of several takes nothing from the others."""
    results = mixed([*answers(SMALL.id, 600, 0.9, 1_000, band=None), *answers(NEW.id, 600, 0.9, 500, band=None)])
    mix = (part(None, SMALL.id, 600, 600), part("high", LARGE.id, 400, 4_000))
    found = proposed(Route("r", "cost", models=(SMALL.id, LARGE.id)), results, SMALL.id, mix=mix)
    assert found.role == "fallback"
    assert "40% of the requests are served by models that it was not compared with" in found.text
    small = (part(None, SMALL.id, 950, 600), part("high", LARGE.id, 50, 4_000))
    assert proposed(Route("r", "cost", models=(SMALL.id, LARGE.id)), results, SMALL.id, mix=small).role == "primary"
    nobody = proposed(Route("r", "cost", models=(SMALL.id, LARGE.id)), [])
    assert (nobody.role, "not known which model serves" in nobody.text) == ("none", True)


def test_a_model_that_ends_is_replaced_without_a_gain_and_if_need_be_without_a_measure() -> None:
    """As good is enough; unmeasured it is said so; a fallback's successor is a fallback."""
    results = mixed([*answers(SMALL.id, 600, 0.9, 1_000), *answers(NEW.id, 600, 0.9, 1_100)])
    base = world(STATIC)
    retiring = msgspec.structs.replace(manual(NEW.id, "r", base, NOW), kind="retiring")
    assert propose(retiring, base, results, NOW).role == "primary"
    assert propose(manual(NEW.id, "r", base, NOW), base, results, NOW).role == "fallback"
    blind = propose(retiring, base, [], NOW)
    assert (blind.role, gate(blind, "quality"), "Nothing was measured" in blind.text) == ("primary", None, True)
    bad = mixed([*answers(SMALL.id, 600, 0.9, 1_000), *answers(NEW.id, 600, 0.3, 100)])
    assert propose(retiring, base, bad, NOW).role == "none"

    spare = world(msgspec.structs.replace(STATIC, fallback=(Fallback(MID.id),)))
    behind = msgspec.structs.replace(retiring, incumbent=MID.id)
    assert propose(behind, spare, [], NOW).role == "fallback"


def test_an_approved_list_is_peoples() -> None:
    """The proposal says who puts it there."""
    results = mixed([*answers(SMALL.id, 600, 0.9, 1_000), *answers(NEW.id, 600, 0.9, 500)])
    found = proposed(msgspec.structs.replace(STATIC, approved=True), results)
    assert found.role == "primary"
    assert "whoever approves it puts it there" in found.text
