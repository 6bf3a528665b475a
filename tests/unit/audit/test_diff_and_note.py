"""What a version changed, as values, as sentences, and for those who are affected."""

from datetime import date
from typing import Any

import msgspec

from turnout.audit.diff import Change, between, same_facts, sentences
from turnout.audit.note import About, note
from turnout.types.models import ModelFacts, PriceRow, Rate, Source
from turnout.types.money import PicoDollars
from turnout.types.policy import Credential, Key, Policy, Provider, Route, Value
from turnout.types.view import Base

ROUTES = (Route("support", "cost", owner="desk", models=("a/one",)), Route("code", "quality"), Route("default", "balanced"))
PROVIDER = Provider("a", None, "openai-chat", "http://a", "bearer", (Credential("env:A"),), headers={"x-team": "secret-1"})
KEYS = (Key("web", "sha256:aaaa"),)


def price(usd_in: int, day: str = "2026-01-01") -> tuple[PriceRow, ...]:
    return (PriceRow((Rate(PicoDollars(usd_in * 10**6), PicoDollars(4 * 10**6)),), Source("turnout.yaml", day)),)


MODELS = (ModelFacts("a/one", "a", "one", context=8000, prices=price(1)),)


def base(version: int = 1, models: tuple[ModelFacts, ...] = MODELS, **changes: Any) -> Base:
    policy = msgspec.structs.replace(Policy(ROUTES, (PROVIDER,), KEYS), **changes)
    return Base(version, policy, models, {"qa": {"reasoning": 1.0}})


def said(after: Base) -> list[str]:
    return list(sentences(between(base(), after)))


def test_nothing_changed_says_nothing() -> None:
    """Another number alone is no change."""
    assert between(base(1), base(2)) == ()


def test_routes_are_named_with_what_changed_in_them() -> None:
    """Values are shown, where they are short as they are."""
    routes = (msgspec.structs.replace(ROUTES[0], objective="quality", models=()), ROUTES[2], Route("new", "cost", owner="lab"))
    changes = between(base(), base(routes=routes))
    assert list(sentences(changes)) == [
        "route support changed: objective from cost to quality; models from [a/one] to nothing",
        "route code was removed",
        "route new was added",
    ]
    assert [change.owner for change in changes] == ["desk", None, "lab"]


def test_the_order_of_routes_is_a_change() -> None:
    """The first one that applies takes the request."""
    assert said(base(routes=(ROUTES[1], ROUTES[0], ROUTES[2]))) == [
        "order of routes changed: order from [support, code, default] to [code, support, default]"
    ]


def test_what_may_be_secret_is_named_and_not_shown() -> None:
    """A provider's headers, a key's hash and tags."""
    providers = (msgspec.structs.replace(PROVIDER, headers={"x-team": "secret-2"}),)
    keys = (Key("web", "sha256:bbbb"), Key("new", "sha256:cccc"))
    changes = between(base(), base(providers=providers, keys=keys))
    assert list(sentences(changes)) == ["provider a changed: headers", "key web changed: hash", "key new was added"]
    assert b"secret" not in msgspec.json.encode(changes)
    assert b"sha256" not in msgspec.json.encode(changes)


def test_settings_models_and_prices_are_told() -> None:
    """A price in USD per million tokens, as price pages have it."""
    models = (msgspec.structs.replace(MODELS[0], context=9000, prices=price(2)), ModelFacts("a/two", "a", "two"))
    assert said(base(models=models, value=Value(rerun=True))) == [
        "value changed: rerun from false to true",
        "model a/one changed: context from 8000 to 9000",
        "model a/two was added",
        "price a/one changed: price from $1 in, $4 out to $2 in, $4 out",
    ]


def test_the_day_on_which_a_file_was_read_is_no_change() -> None:
    """A person's own price bears it."""
    later = (
        msgspec.structs.replace(
            MODELS[0], prices=price(1, "2026-02-02"), sources={"prices": Source("turnout.yaml", "2026-02-02")}
        ),
    )
    earlier = (msgspec.structs.replace(MODELS[0], sources={"prices": Source("turnout.yaml", "2026-01-01")}),)
    assert same_facts(earlier, later)
    assert said(base(models=later)) == []
    assert not same_facts(MODELS, (msgspec.structs.replace(MODELS[0], retires=date(2027, 1, 1)),))


def test_long_values_are_cut() -> None:
    """A sentence stays one."""
    long = msgspec.structs.replace(ROUTES[0], models=tuple(f"a/{n}" for n in range(100)))
    assert len(said(base(routes=(long, *ROUTES[1:])))[0]) < 200


def test_a_note_says_who_is_affected_what_changes_and_how_to_go_back() -> None:
    """In plain words, for people who never saw the file."""
    routes = (msgspec.structs.replace(ROUTES[0], objective="quality"), *ROUTES[1:])
    changes = between(base(), base(routes=routes, models=(msgspec.structs.replace(MODELS[0], prices=price(2)),), keys=()))
    text = note(About(7, 1_790_000_000.0, "cli", "too many complaints", restores=5, previous=6), changes)
    assert text.splitlines() == [
        "Policy 7 is in force since 2026-09-21 14:13:20 UTC, put there by cli.",
        "It brings back version 5.",
        "Why: too many complaints",
        "",
        "Who is affected:",
        "- route support changed: objective from cost to quality (owner: desk)",
        "What all routes that use these share:",
        "- price a/one changed: price from $1 in, $4 out to $2 in, $4 out",
        "Which callers are affected:",
        "- key web was removed",
        "",
        text.splitlines()[-1],
    ]
    assert text.splitlines()[-1].startswith('How to go back: turnout policy rollback 6 --note "why".')


def test_a_note_of_the_first_version_offers_no_way_back() -> None:
    """And one of very many changes stays readable."""
    many = [Change("added", "route", f"r{n}") for n in range(60)]
    text = note(About(1, 0.0, "file:turnout.yaml"), many)
    assert "there is none to go back to" in text
    assert "and 20 more" in text
