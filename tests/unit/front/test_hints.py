"""What a caller may say of its own request, and where it ends."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.fake_dialect import fake_ask
from turnout.errors import Code, TurnoutError
from turnout.front.hints import MAX_DEADLINE_MS, MAX_MODELS, read_hints
from turnout.types.policy import Key
from turnout.types.traits import Hints


def read(
    headers: dict[str, str] | None = None,
    body: dict[str, Any] | None = None,
    metadata: dict[str, str] | None = None,
    key: Key | None = None,
    watched: frozenset[str] = frozenset({"x-team"}),
) -> Hints:
    ask = replace(fake_ask(stream=False), turnout=body or {}, metadata=metadata or {})
    sent = {name.encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
    return read_hints(sent, ask, key, watched)


def test_headers_win_over_the_body_and_the_keys_tags_over_both() -> None:
    """The order of trust: key, header, body, metadata."""
    said = read(
        {"x-turnout-tags": "a=header,b=header,c=header", "x-turnout-session": "h", "x-team": "web"},
        {"tags": {"a": "body", "d": "body"}, "session": "b", "route": "code"},
        {"d": "metadata", "e": "metadata"},
        Key("audit", "sha256:0", tags={"a": "key"}),
    )

    assert said.tags == {"a": "key", "b": "header", "c": "header", "d": "body", "e": "metadata"}
    assert (said.bound, said.session, said.route, said.headers) == (frozenset({"a"}), "h", "code", {"x-team": "web"})


def test_no_credential_becomes_a_trait() -> None:
    """Even where a stored view asks for one, as it may that was published before such conditions were refused."""
    sent = dict.fromkeys(("authorization", "x-api-key", "cookie", "proxy-authorization", "x-team"), "s")

    assert read(sent, watched=frozenset(sent)).headers == {"x-team": "s"}


def test_tag_values_are_percent_decoded() -> None:
    """A value may hold what separates tags."""
    assert read({"x-turnout-tags": " task = qa , note=a%2Cb%3Dc,"}).tags == {"task": "qa", "note": "a,b=c"}


@pytest.mark.parametrize(
    ("value", "pico"), [("0", 0), ("0.05", 5 * 10**10), (0.1, 10**11), (1, 10**12), ("1e-12", 1), ("1000000", 10**18)]
)
def test_a_budget_is_exact(value: Any, pico: int) -> None:
    """Dollars become pico-dollars without a float's error."""
    assert read(body={"max_cost_usd": value}).max_cost == pico


TOO_MUCH = ["1e30", "1e999999999", "1e99999999999999999999", "9" * 5000, "1000000.000001", "NaN", "Infinity", "-1", "", "a dime"]


@pytest.mark.parametrize("value", [*TOO_MUCH, 1e30, 10**30, -1, True, [1], {"usd": 1}])
def test_a_budget_that_no_record_can_hold_is_refused(value: Any) -> None:
    """Before anything is called, and not when the answer is written down."""
    refused("turnout.max_cost_usd", body={"max_cost_usd": value})
    if isinstance(value, str):
        refused("x-turnout-max-cost-usd", {"x-turnout-max-cost-usd": value})


@pytest.mark.parametrize("value", ["0", "-5", "1.5", "9" * 5000, "²", str(2**53), 0, 2**53, 10**30, 1.5, True, [1], "soon"])
def test_a_deadline_is_a_whole_number_of_milliseconds(value: Any) -> None:
    """As far as JSON carries one exactly."""
    refused("turnout.deadline_ms", body={"deadline_ms": value})
    assert read({"x-turnout-deadline-ms": str(MAX_DEADLINE_MS)}).deadline_ms == MAX_DEADLINE_MS


@pytest.mark.parametrize(
    ("at", "body"),
    [
        ("turnout.tag", {"tag": {}}),
        ("turnout.tags", {"tags": []}),
        ("turnout.tags", {"tags": {"a": 1}}),
        ("turnout.tags", {"tags": {"a": "v" * 257}}),
        ("turnout.tags", {"tags": {"a" * 257: "v"}}),
        ("turnout.session", {"session": ""}),
        ("turnout.session", {"session": 5}),
        ("turnout.session", {"session": "a\0b"}),
        ("turnout.tags", {"tags": {"task": "a\0b"}}),
        ("turnout.route", {"route": "r" * 257}),
        ("turnout.models", {"models": "a/b"}),
        ("turnout.models", {"models": [1]}),
        ("turnout.models", {"models": ["m" * 257]}),
        ("turnout.models", {"models": ["m"] * (MAX_MODELS + 1)}),
    ],
)
def test_the_error_names_the_hint_at_fault(at: str, body: dict[str, Any]) -> None:
    """Every hint has a shape and a bound; records keep them all."""
    refused(at, body=body)


@pytest.mark.parametrize(
    "tags", ["task", "=qa", "a" * 257 + "=v", "a=" + "v" * 257, "task=a%00b", ",".join(f"t{n}=v" for n in range(65))]
)
def test_tags_of_the_header_are_bounded(tags: str) -> None:
    """Each is name=value, short, and there are few."""
    refused("x-turnout-tags", {"x-turnout-tags": tags})


def test_metadata_that_is_no_tag_is_only_passed_on() -> None:
    """An SDK's metadata was not written for us: what does not fit is not an error."""
    assert read(metadata={"a": "v" * 257, "b" * 257: "v", "c": "v"}).tags == {"c": "v"}


def refused(at: str, headers: dict[str, str] | None = None, *, body: dict[str, Any] | None = None) -> None:
    with pytest.raises(TurnoutError) as caught:
        read(headers, body)

    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, at)
