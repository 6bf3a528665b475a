"""A week's figures from slices, and what to change: each rule fires on its evidence, and is silent without."""

from datetime import date

import msgspec
import pytest
from ruamel.yaml import YAML

from tests.support import views
from turnout.evidence.intervals import wilson
from turnout.reports.advice import advise
from turnout.reports.intervals import difference
from turnout.reports.weekly import WEEK_S, Review, review, week, week_before
from turnout.reports.weekly_page import page, sentence, summary
from turnout.store.policies import PolicyVersion
from turnout.store.rollups.cells import CallKey, Calls, Cell, Key, Slice
from turnout.store.rollups.sketch import sketch
from turnout.types.caching import Caching
from turnout.types.policy import Fallback, Route
from turnout.types.seconds import DAY

WEEK = week("2026-W47")
TODAY = date(2026, 11, 23)
VIEW = views.view(Route("support", "cost", models=("a/small", "b/medium", "c/large")))


def cell(requests: int = 100, **sums) -> Cell:
    return Cell(
        **{"requests": requests, "ok": requests, "cost": requests * 10**9, "duration": sketch([900.0] * requests), **sums}
    )


def day(place: int, *cells: tuple[tuple, Cell], calls: tuple[tuple[tuple, Calls], ...] = ()) -> Slice:
    """A day from the week's Monday on; negative: of the week before."""
    start = WEEK.since + place * DAY
    return Slice(
        DAY, start, start + 100.0, [(Key(*key), one) for key, one in cells], [(CallKey(*key), one) for key, one in calls], []
    )


SUPPORT = ("support", "a/small", "qa", "web", 3)


def of(*slices: Slice, versions: tuple[PolicyVersion, ...] = (), drill: str | None = "one") -> Review:
    return review(WEEK, slices, versions, drill)


def titles(found: Review, view=VIEW) -> list[str]:
    return [each.title for each in advise(found, view, TODAY)]


def test_weeks():
    """ISO weeks in UTC; the last whole one; what is no week is refused in words."""
    assert (WEEK.since, WEEK.until - WEEK.since) == (1_763_337_600 + 31_449_600, WEEK_S)
    assert week_before(WEEK.until + 5).name == "2026-W47"
    assert week_before(WEEK.until - 5).name == "2026-W46"
    assert week("2026-w1").name == "2026-W01"
    for bad in ("47", "2026-W54", "2026-Wx", "W47", "", "2026-W00", "0000-W01"):
        with pytest.raises(ValueError, match="W"):
            week(bad)


def test_sums_by_day_route_and_model_add_up():
    """Shares of this week and the one before; what lies outside both is not counted."""
    other = ("code", "c/large", "code_generation", "web", 4)
    found = of(
        day(0, (SUPPORT, cell(300)), (other, cell(100))),
        day(6, (SUPPORT, cell(100))),
        day(-7, (SUPPORT, cell(100))),
        day(7, (SUPPORT, cell(9))),
        day(-8, (SUPPORT, cell(9))),
    )

    assert (found.total.requests, found.before.requests) == (500, 100)
    assert found.total.cost == 500 * 10**9
    assert sum(found.days.values()) == 500
    assert sum(found.spend.values()) == found.total.cost
    assert [(line.name, line.requests, line.before, line.share, line.share_before) for line in found.models] == [
        ("a/small", 400, 100, 0.8, 1.0),
        ("c/large", 100, 0, 0.2, 0.0),
    ]
    assert [(served.version, served.requests) for served in found.policies] == [(3, 400), (4, 100)]


def test_a_route_that_is_gone_is_still_named():
    """What only the week before had is a line too."""
    found = of(day(0, (SUPPORT, cell())), day(-7, (("old", "b/medium", None, None, 2), cell(50))))

    assert [(line.name, line.requests, line.before) for line in found.routes] == [("support", 100, 0), ("old", 0, 50)]


def graded(good: int, of_: int) -> Cell:
    return cell(of_, graded=of_, verdicts=float(good), squares=float(good))


def test_a_drop_is_more_than_chance():
    """From 90 to 70 of 100 is a drop; from 90 to 85 is not; of too few verdicts nothing is compared."""
    drop, chance, few = (
        of(day(0, (SUPPORT, graded(*now))), day(-7, (SUPPORT, graded(*then))))
        for now, then in (((70, 100), (90, 100)), ((85, 100), (90, 100)), ((2, 10), (90, 100)))
    )

    assert [each.quality[0].dropped for each in (drop, chance, few)] == [True, False, False]
    assert few.quality[0].change is None
    verdicts = drop.quality[0]
    assert verdicts.low < verdicts.mean < verdicts.high
    assert "judged worse" in titles(drop)[0]
    assert not any("judged worse" in title for title in titles(chance))


def test_a_drop_names_the_policy_version_that_came_before_it():
    """With the command that goes back."""
    version = PolicyVersion(3, WEEK.since + 10.0, "b", "ada", "cheaper support")
    found = of(day(0, (SUPPORT, graded(70, 100))), day(-7, (SUPPORT, graded(90, 100))), versions=(version,))

    first = advise(found, VIEW, TODAY)[0]

    assert (first.weight, first.paste) == ("must", 'turnout policy rollback 2 --note "answers were judged worse"')


def called(calls: int, model: str = "a/small", route: str = "support", **sums) -> tuple[tuple, Calls]:
    return (route, model), Calls(**{"calls": calls, "faults": {}, "cost": calls * 10**9, **sums})


BASE = (SUPPORT, cell(1_000, graded=5, verdicts=5.0, squares=5.0))


def test_a_quiet_week_asks_for_nothing():
    """No rule fires on a healthy, judged, rehearsed week; the page says so."""
    found = of(day(0, BASE, calls=(called(1_000),)), day(-7, BASE, calls=(called(1_000),)))

    assert titles(found) == []
    assert sentence(found, ())[0] == "passed"
    assert "no rule found anything" in page(found, ())


@pytest.mark.parametrize(("some", "title", "weight"), [
    ((called(200, faults={"timeout": 30}), called(200, "b/medium")), "support: a/small is called first, and 15% of its calls fail", "must"),
    ((called(200, faults={"rate_limited": 20}),), "a refuses 10.0% of the calls for its rate limit", "should"),
    ((called(200, unpriced=200),), "a/small: 200 calls of unknown cost", "must"),
    ((called(200, unpriced=2),), "a/small: 2 calls of unknown cost", "should"),
])  # fmt: skip
def test_faulty_calls(some, title, weight):
    """Ill health of a first choice, rate limits, unknown prices: each with its own remedy."""
    found = advise(of(day(0, BASE, calls=some)), VIEW, TODAY)

    assert [(each.title, each.weight) for each in found] == [(title, weight)]


def test_few_calls_prove_nothing():
    """Three failures of ten are no evidence."""
    assert titles(of(day(0, BASE, calls=(called(10, faults={"timeout": 3}),)))) == []


def test_fallbacks_rejections_and_no_verdicts():
    """Shares that are more than chance."""
    found = titles(of(day(0, (SUPPORT, cell(1_000, fallbacks=100, rejected=50)))))

    assert found == [
        "support: 10% of the requests were answered by a fallback",
        "5.0% of the requests were refused by Turnout itself",
        "Nobody says how good the answers are",
    ]


def test_a_request_that_costs_more():
    """Against the week before, by route; with a ceiling to paste."""
    dear = cell(1_000, cost=2_000 * 10**9, graded=1)

    (found,) = advise(of(day(0, (SUPPORT, dear)), day(-7, BASE)), VIEW, TODAY)

    assert found.title == "support: a request costs 100% more than the week before"
    assert "cost_per_request: 0.001250" in found.paste


def test_easy_tasks_on_dear_models():
    """A model nearly as good at half the price, of the route's own: named with both figures. Static routes are left alone."""
    cheap = views.model("d/decent", price=(1, 4), quality=8.5)
    models = (*views.FLEET, cheap)
    key = ("support", "c/large", "translation", None, 3)
    some = cell(1_000, tokens_in=1_000_000, tokens_out=100_000, graded=1, cost=14 * 10**12)
    free, static = (
        views.view(Route("support", objective, models=tuple(each.id for each in models)), models=models)
        for objective in ("quality", "static")
    )
    found = of(day(0, (key, some)))

    (advice,) = advise(found, free, TODAY)

    assert advice.title == "support: translation is on c/large, and d/decent is nearly as good at it"
    assert "$14.00" in advice.text
    assert "$1.40" in advice.text
    assert advise(found, static, TODAY) == ()


def test_a_model_about_to_be_retired():
    """Only if it served somebody, and the date is near."""
    near, far = (
        views.view(models=(msgspec.structs.replace(views.CHEAP, retires=when),))
        for when in (date(2026, 12, 1), date(2027, 12, 1))
    )

    assert titles(of(day(0, BASE)), near) == ["a/small will be retired in 8 days, on 2026-12-01"]
    assert titles(of(day(0, BASE)), far) == []


def test_an_idle_cache_and_no_drill():
    """A cache that never answered in a thousand requests; a set-up whose failures nobody rehearsed."""
    view = views.view(Route("support", "cost", cache=Caching()))

    assert titles(of(day(0, BASE), drill=None), view) == [
        "support: its cache gave no answer",
        "No failure was ever rehearsed here",
    ]


def test_what_is_pasted_is_yaml():
    """Every part of a policy that a rule offers can be read; names with odd characters are quoted."""
    route = 'we "ird: route'
    found = of(
        day(0, ((route, "a/small", None, None, 3), cell(1_000, cost=5 * 10**12)),
            calls=(called(200, route=route, unpriced=200, faults={"timeout": 40, "rate_limited": 40}), called(200, "b/medium", route))),
        day(-7, ((route, "a/small", None, None, 3), cell(1_000))),
    )  # fmt: skip

    pasted = [
        each.paste
        for each in advise(found, views.view(Route(route, "cost")), TODAY)
        if each.paste and ":" in each.paste.splitlines()[0]
    ]

    assert len(pasted) >= 4
    trees = [YAML(typ="safe").load(text) for text in pasted if not text.startswith(("turnout", "curl"))]
    assert any(route in tree.get("routes", {}) for tree in trees)


def test_a_fallback_that_is_there_is_not_offered_again():
    """Only put first."""
    view = views.view(Route("support", "cost", fallback=(Fallback("b/medium"),)))
    (found,) = advise(of(day(0, BASE, calls=(called(200, faults={"timeout": 30}),))), view, TODAY)

    assert "It has fallbacks" in found.text
    assert not found.paste


def test_an_empty_week_teaches():
    """What to do, not a page of zeros."""
    found = of()

    text = page(found, advise(found, None, TODAY))

    assert "turnout demo" in text
    assert "Requests by day" not in text
    assert "turnout serve" in "\n".join(summary(found, ()))


def test_names_are_escaped_and_nothing_is_loaded():
    """A route may be called anything: the page holds no markup of others, and no address to load from."""
    evil = "<script>alert(1)</script>"
    found = of(day(0, ((evil, evil, evil, evil, 3), cell(500, unpriced=3)), calls=(called(100, evil, evil, unpriced=100),)))

    text = page(found, advise(found, None, TODAY))

    assert "<script" not in text
    assert "&lt;script" in text
    assert "src=" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_intervals():
    """Wilson's bounds hold the share and shrink with the count; a difference of equals holds zero."""
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(50, 100)
    assert (round(low, 3), round(high, 3)) == (0.404, 0.596)
    assert wilson(500, 1000)[0] > low
    middle, lower, upper = difference((50, 50, 100), (50, 50, 100)) or (1.0, 1.0, 1.0)
    assert middle == 0
    assert lower < 0 < upper
    assert difference((1, 1, 1), (50, 50, 100)) is None
