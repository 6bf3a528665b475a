"""What a look makes of several sources: whose word is taken, what differs, what is doubted."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.catalogs import dev_model, lite_model, litellm, models_dev
from turnout.catalog.accepted import Accepted, Conflict
from turnout.catalog.load import Catalog
from turnout.types.models import Feature, Modality, ModelFacts, PriceRow, Rate, Source
from turnout.types.release import CatalogEvent
from turnout.watch.diff import diff, take
from turnout.watch.look import Looked, look
from turnout.watch.sheet import Claims, Prices, Sheet, Stated
from turnout.watch.sources import read
from turnout.watch.world import World, accepted_of, world_of

AT = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
TODAY = date(2026, 11, 23)
VENDORS = frozenset({"openai", "anthropic", "openrouter"})
SHIPPED = "2026-11-01"


def facts(
    name: str, price: tuple[float, float] | None = (1.0, 5.0), source: str = "genai-prices 0.2.3", **more: Any
) -> ModelFacts:
    """A shipped model."""
    vendor, _, upstream = name.partition("/")
    said = {group: Source("models.dev + litellm", SHIPPED) for group in ("limits", "modalities", "features", "skills")}
    rows = () if price is None else (PriceRow((_rate(*price),), Source(source, SHIPPED)),)
    return ModelFacts(
        id=name, provider=vendor, upstream_id=upstream, prices=rows,
        sources=said | ({"prices": Source(source, SHIPPED)} if rows else {}), skills={"coding": 6.0},
        **({"context": 200_000, "max_output": 64_000, "input": 19, "output": 1, "features": int(Feature.TOOLS | Feature.JSON_SCHEMA), "unknown_features": 0} | more),
    )  # fmt: skip


def _rate(input_usd: float, output_usd: float) -> Rate:
    return Rate(round(input_usd * 1e6), round(output_usd * 1e6))


def world(*models: ModelFacts, **more: Any) -> World:
    return World({each.id: each for each in models}, **more)


def seen(before: World, *sheets: Sheet, in_use: frozenset[str] = frozenset()) -> Looked:
    return look(before, sheets, VENDORS, in_use, AT, "base")


def price_sheet(source: str, **models: tuple[float, float]) -> Sheet:
    return Sheet(source, {f"openai/{name}": Stated((Prices((_rate(*price),)),)) for name, price in models.items()})


def kinds(looked: Looked) -> list[tuple[str, str, str]]:
    return [(event.kind, event.model, event.state) for event in looked.events]


def test_a_price_that_two_say_is_taken_with_its_history() -> None:
    """The new row holds from today on, the old one stays for what was billed before; both sources are named."""
    looked = seen(
        world(facts("openai/a")),
        price_sheet("models.dev", a=(0.8, 4.0)),
        price_sheet("litellm", a=(0.8, 4.0)),
        in_use=frozenset({"openai/a"}),
    )

    (event,) = looked.events
    assert (event.kind, event.state, event.confirmed, event.sources) == (
        "price_changed",
        "accepted",
        True,
        ("models.dev", "litellm"),
    )
    assert event.change == pytest.approx(-0.2)
    old, new = looked.world.models["openai/a"].prices
    assert (old.start, new.start, new.tiers[0].input) == (None, TODAY, 800_000)


def test_a_price_of_a_model_in_use_that_one_says_waits() -> None:
    """It is noted; where nobody uses the model it is taken."""
    before, sheet = world(facts("openai/a")), price_sheet("models.dev", a=(0.8, 4.0))

    assert kinds(seen(before, sheet, in_use=frozenset({"openai/a"}))) == [("price_changed", "openai/a", "noted")]
    assert kinds(seen(before, sheet)) == [("price_changed", "openai/a", "accepted")]


def test_two_copies_of_one_catalog_are_one_voice() -> None:
    """A mirror of models.dev bears nothing out; neither does models.dev for what it copies from OpenRouter."""
    sheet = price_sheet("models.dev", a=(0.8, 4.0))
    first = Sheet("openrouter", {"openrouter/x": Stated((Prices((_rate(2, 4),)),))}, own="openrouter")
    copy = Sheet("models.dev", {"openrouter/x": Stated((Prices((_rate(2, 4),)),))})

    assert not seen(world(facts("openai/a")), sheet, sheet).events[0].confirmed
    assert not seen(world(facts("openrouter/x")), first, copy).events[0].confirmed


def test_where_one_says_the_accepted_price_a_lower_one_is_a_conflict_told_once() -> None:
    """The price stays, the conflict is noted with both figures, and the next look finds no news in it."""
    sheets = (price_sheet("models.dev", a=(1.0, 5.0)), price_sheet("litellm", a=(1.5, 5.0)))

    first = seen(world(facts("openai/a")), *sheets)
    again = seen(first.world, *sheets)

    assert kinds(first) == [("source_conflict", "openai/a", "noted")]
    assert first.world.models["openai/a"].prices == facts("openai/a").prices
    assert first.world.conflicts["openai/a"][0].prices == {"genai-prices": 1.0, "litellm": 1.5}
    assert again.events == ()


def test_a_known_conflict_moves_nothing_until_the_source_moves() -> None:
    """What the shipped catalog settled stays settled; a source that says a third thing is heard."""
    conflicts = {"openai/a": (Conflict("input", {"genai-prices": 1.0, "models.dev": 1.5}, "genai-prices", "settled"),)}
    before = world(facts("openai/a"), conflicts=conflicts)

    assert seen(before, price_sheet("models.dev", a=(1.5, 5.0))).events == ()
    assert kinds(seen(before, price_sheet("models.dev", a=(1.2, 5.0)))) == [("price_changed", "openai/a", "accepted")]


def test_two_who_agree_outweigh_one_that_ranks_higher() -> None:
    """genai-prices still has the old price; models.dev and LiteLLM have the new one."""
    sheets = (
        price_sheet("genai-prices", a=(1, 5)),
        price_sheet("models.dev", a=(0.5, 2.5)),
        price_sheet("litellm", a=(0.5, 2.5)),
    )

    event = seen(world(facts("openai/a")), *sheets).events[0]

    assert (event.kind, event.confirmed) == ("price_changed", True)


def test_a_cent_in_a_dollar_is_no_change() -> None:
    """Differences of 1 % are rounding."""
    assert seen(world(facts("openai/a")), price_sheet("litellm", a=(1.009, 5.0))).events == ()


def test_a_free_price_of_a_new_model_needs_two() -> None:
    """Zero is how some write that they do not know: the price stays unknown."""
    entry = dev_model(cost={"input": 0, "output": 0}, release_date="2026-11-20")

    looked = seen(world(), read(models_dev({"openai/new": entry})))

    assert looked.world.models["openai/new"].prices == ()


def test_a_new_model_is_untried_and_knows_only_what_was_said() -> None:
    """Features nobody speaks of are unknown, there are no skills, and each group of facts names its sources."""
    dev = read(models_dev({"openai/gpt-9": dev_model(release_date="2026-11-20")}))
    lite = read(litellm({"gpt-9": lite_model("openai")}))

    looked = seen(world(facts("openai/gpt-8")), dev, lite)

    found = looked.world.models["openai/gpt-9"]
    (event,) = looked.events
    assert (event.kind, event.confirmed, event.after) == ("model_added", True, "200,000 tokens, $1 in, $5 out per million")
    assert found.untried
    assert found.skills == {}
    assert found.features & Feature.TOOLS
    assert not found.features & Feature.REASONING
    assert found.unknown_features & Feature.LOGPROBS
    assert found.prices[0].batch == 0.5
    assert {group: source.name for group, source in found.sources.items()} == {
        "prices": "models.dev + litellm",
        "limits": "models.dev + litellm",
        "modalities": "models.dev + litellm",
        "features": "models.dev + litellm",
        "released": "models.dev",
    }


def test_the_same_weights_elsewhere_have_the_same_skills() -> None:
    """Priors are those of the kin, and say so; the kin's price is not taken."""
    kin = facts("anthropic/zai-org/GLM-9.1")

    looked = seen(world(kin), read(models_dev({"openai/accounts/x/glm-9p1": dev_model()})))

    found = looked.world.models["openai/accounts/x/glm-9p1"]
    assert found.skills == kin.skills
    assert found.sources["skills"].name == "prior:as anthropic/zai-org/GLM-9.1"


def test_at_the_first_look_old_models_are_no_news() -> None:
    """They are taken quietly; one that came out this month is news, and so is any that appears at the second look."""
    old, fresh = dev_model(release_date="2026-01-01"), dev_model(release_date="2026-11-20")
    first = seen(world(), read(models_dev({"openai/old": old, "openai/fresh": fresh})))
    second = seen(first.world, read(models_dev({"openai/old": old, "openai/fresh": fresh, "openai/late": old})))

    assert [event.model for event in first.events] == ["openai/fresh"]
    assert [event.model for event in first.quiet] == ["openai/old"]
    assert [event.model for event in second.events] == ["openai/late"]


def test_the_dated_name_of_a_model_is_no_news() -> None:
    """It is a model of its own, and nothing to release."""
    looked = seen(
        world(facts("openai/gpt-8")), read(models_dev({"openai/gpt-8-2026-11-20": dev_model(release_date="2026-11-20")}))
    )

    assert looked.events == ()
    assert "openai/gpt-8-2026-11-20" in looked.world.models


def test_what_every_source_drops_is_gone_and_stays_nameable() -> None:
    """One source that drops it says nothing; models nobody ever listed are not gone either."""
    dev, lite = models_dev({"openai/a": dev_model(), "openai/b": dev_model()}), litellm({"a": lite_model("openai")})
    first = seen(world(facts("openai/a"), facts("openai/b"), facts("openai/c")), read(dev), read(lite))

    still = seen(first.world, read(models_dev({"openai/b": dev_model()})), read(lite))
    gone = seen(first.world, read(models_dev({"openai/b": dev_model()})), read(litellm({"b": lite_model("openai")})))
    back = seen(gone.world, read(dev), read(lite))

    assert "openai/a" not in still.world.ended
    assert kinds(gone) == [("model_removed", "openai/a", "accepted")]
    assert "openai/a" in gone.world.models
    assert kinds(back) == [("model_added", "openai/a", "accepted")]


def test_an_end_is_announced_with_its_day_and_comes() -> None:
    """Announced once; on its day the model is retired."""
    lite = read(litellm({"a": lite_model("openai", deprecation_date="2026-12-01")}))
    first = seen(world(facts("openai/a")), lite)
    later = look(first.world, [lite], VENDORS, frozenset(), AT + 10 * 86_400, "later")

    assert [(event.kind, event.after) for event in first.events] == [("deprecation_announced", "2026-12-01")]
    assert first.world.models["openai/a"].status == "deprecated"
    assert [(event.kind, event.after) for event in later.events] == [("retired", "2026-12-01")]


def test_the_bare_word_deprecated_needs_two_or_the_vendor() -> None:
    """models.dev once called a living model so."""
    dev = Sheet("models.dev", {"openai/a": Stated(deprecated=True)})
    own = Sheet("vendor:openai", {"openai/a": Stated(deprecated=True)}, own="openai")

    assert seen(world(facts("openai/a")), dev).events == ()
    assert kinds(seen(world(facts("openai/a")), own)) == [("deprecation_announced", "openai/a", "accepted")]


def test_a_capability_is_changed_by_two_or_the_vendor() -> None:
    """One alone fills what was unknown, and contradicts nobody."""
    loses = Claims(no=int(Feature.TOOLS))
    before = world(facts("openai/a", unknown_features=int(Feature.SEED)))
    dev, lite = (Sheet(name, {"openai/a": Stated(features=loses)}) for name in ("models.dev", "litellm"))
    own = Sheet("vendor:openai", {"openai/a": Stated(input=Claims(int(Modality.AUDIO)))}, own="openai")
    fills = Sheet("litellm", {"openai/a": Stated(features=Claims(int(Feature.SEED)))})

    assert seen(before, dev).events == ()
    assert [(event.field, event.before, event.after) for event in seen(before, dev, lite).events] == [
        ("features", "tools yes", "tools no")
    ]
    assert [(event.field, event.after) for event in seen(before, own).events] == [("input", "audio yes")]
    assert [(event.field, event.after) for event in seen(before, fills).events] == [("features", "seed yes")]


def test_an_alias_that_moves_is_told() -> None:
    """Only a vendor's own list says what a name stands for; the first time is no news."""

    def own(target: str) -> Sheet:
        return Sheet("vendor:openai", {"openai/a": Stated(stands_for=target)}, own="openai")

    first = seen(world(facts("openai/a")), own("openai/a-1"))
    second = seen(first.world, own("openai/a-2"))

    assert first.events == ()
    assert [(event.kind, event.before, event.after) for event in second.events] == [("alias_moved", "openai/a-1", "openai/a-2")]


def test_a_window_and_what_may_go_into_it_are_different_facts() -> None:
    """LiteLLM's largest input never replaces the whole window."""
    before = world(facts("openai/a", context=400_000, max_input=272_000))

    assert seen(before, read(litellm({"a": lite_model("openai", max_input_tokens=272_000)}))).events == ()


def test_a_feed_may_only_raise_an_eyebrow() -> None:
    """What it names is noted, and no model comes of it; what is known already is not even that."""
    rss = (
        b"<rss><channel><item><title>Meet GPT-9 mini</title></item><item><title>GPT-8 in your car</title></item></channel></rss>"
    )

    looked = seen(world(facts("openai/gpt-8")), read(rss))

    assert kinds(looked) == [("model_added", "openai/gpt-9-mini", "noted")]
    assert set(looked.world.models) == {"openai/gpt-8"}


def _many(count: int = 20, **more: Any) -> World:
    names = [f"openai/m{n}" for n in range(count)]
    return world(*(facts(name) for name in names), stated_by=dict.fromkeys(names, ("models.dev",)), **more)


def _dev(price: tuple[float, float], changed: int, count: int = 20) -> Sheet:
    return price_sheet("models.dev", **{f"m{n}": price if n < changed else (1.0, 5.0) for n in range(count)})


POISON = {
    "prices to nothing": (_dev((0, 0), 20), "to nothing"),
    "one price to nothing": (_dev((0, 5), 1), "to nothing"),
    "a price times 100": (_dev((100, 500), 1), "from $1 to $100"),
    "a price by a hundred": (_dev((0.01, 0.05), 1), "from $1 to $0.01"),
    "many prices at once": (_dev((1.2, 6), 10), "10 of 20 prices"),
    "a vendor gone": (price_sheet("models.dev", m0=(1.0, 5.0)), "19 of 20 models"),
}


@pytest.mark.parametrize(("sheet", "why"), POISON.values(), ids=POISON.keys())
def test_a_look_that_seems_wrong_is_kept_apart_as_a_whole(sheet: Sheet, why: str) -> None:
    """Even what is harmless in it: every event is quarantined, and the suspicion is in words."""
    added = msgspec.structs.replace(sheet, stated=sheet.stated | {"openai/new": Stated(released=TODAY)})

    looked = seen(_many(), added)

    assert looked.suspicion
    assert any(why in reason for reason in looked.suspicion)
    assert {event.state for event in (*looked.events, *looked.quiet)} == {"quarantined"}


def test_what_is_usual_is_not_suspicious() -> None:
    """A few prices by a half, one model gone."""
    sheet = _dev((0.5, 2.5), 5)
    without = msgspec.structs.replace(
        sheet, stated={name: stated for name, stated in sheet.stated.items() if name != "openai/m19"}
    )

    looked = seen(_many(), without)

    assert looked.suspicion == ()
    assert len(looked.events) == 6


PRICE = st.tuples(st.sampled_from([0.5, 1.0, 2.0, 3.0]), st.sampled_from([2.0, 4.0]))
STATED = st.builds(
    lambda price, context, out, yes, no, input_yes, retires, deprecated, to: Stated(
        (Prices((_rate(*price),)),) if price else (), context, None, out, Claims(input_yes), Claims(1), Claims(yes & ~no, no), deprecated=deprecated,
        retires=retires, stands_for=to,
    ),
    st.none() | PRICE, st.none() | st.sampled_from([100_000, 200_000]), st.none() | st.sampled_from([8_000, 16_000]), st.integers(0, 4095),
    st.integers(0, 4095), st.integers(0, 31), st.none() | st.sampled_from([date(2026, 11, 1), date(2026, 12, 1), date(2028, 1, 1)]), st.booleans(),
    st.none() | st.just("openai/z"),
)  # fmt: skip
NAMES = st.sampled_from(["openai/a", "openai/b", "anthropic/c", "openai/d-20261101", "openrouter/e"])
SHEETS = st.lists(
    st.builds(
        lambda source, stated, own: Sheet(source, stated, own=own),
        st.sampled_from(["models.dev", "litellm", "genai-prices", "vendor:openai"]), st.dictionaries(NAMES, STATED), st.none() | st.just("openai"),
    ),
    max_size=3,
)  # fmt: skip
BEFORE = world(facts("openai/a"), facts("openai/b", None), facts("anthropic/c", (0.5, 2.0)))


def _all(looked: Looked) -> tuple[CatalogEvent, ...]:
    return tuple(msgspec.structs.replace(event, state="accepted") for event in (*looked.events, *looked.quiet))


@given(SHEETS, SHEETS)
def test_events_say_all_that_differs(first: list[Sheet], second: list[Sheet]) -> None:
    """Nothing differs from itself; taking every event of a look makes the world it saw; a second look at the same finds no more to take."""
    one = seen(BEFORE, *first).world
    two = seen(one, *second)
    again = look(two.world, second, VENDORS, frozenset(), AT, "again")

    assert diff(one, one, {}, AT, "x") == ()
    assert take(one, two.world, _all(two)) == two.world
    assert again.events + again.quiet == ()


@settings(max_examples=50, deadline=None)
@given(SHEETS)
def test_what_is_stored_is_what_was_seen(sheets: list[Sheet]) -> None:
    """The overlay, written and read and laid over what is shipped, gives every fact again; features are never yes and unknown at once."""
    shipped = Catalog(BEFORE.models, {}, {}, (), {}, "h")
    after = seen(BEFORE, *sheets).world
    stored = msgspec.json.decode(msgspec.json.encode(accepted_of(after, shipped)), type=Accepted)

    assert world_of(shipped, stored, TODAY) == after
    assert not any(each.features & each.unknown_features for each in after.models.values())
