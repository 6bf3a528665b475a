import pytest
from msgspec import structs

from turnout.dialects.registry import DIALECTS
from turnout.providers.registry import vendors
from turnout.providers.upstream import connect, endpoint
from turnout.types.models import ModelFacts
from turnout.types.policy import Credential, Policy, Provider

OPENAI, ANTHROPIC = DIALECTS["openai-chat"], DIALECTS["anthropic-messages"]


def provider(name: str = "p", **fields) -> Provider:
    usual = {
        "vendor": None,
        "dialect": "openai-chat",
        "base_url": "https://api.example/v1",
        "auth": "bearer",
        "keys": (Credential("env:KEY"),),
    }
    return Provider(id=name, **{**usual, **fields})


def connected(of: Provider, env: dict[str, str] | None = None, **facts):
    model = ModelFacts(id=f"{of.id}/m", provider=of.id, upstream_id="m-2026", **facts)
    secrets = {"env:KEY": "sk-1", "env:TEAM": "t-1", "env:PROXY": "http://u:pw@proxy:1"}
    (upstream,) = connect(Policy(routes=(), providers=(of,)), [model], secrets.get, env or {})[f"{of.id}/m"]
    return upstream


def test_a_model_with_all_it_takes_to_call_it():
    """URL, credential, names and limits, worked out before any request."""
    upstream = connected(provider(quirks=frozenset({"no_stream_usage"})), max_output=4096, reasoning_by_default=True)

    assert upstream.url == "https://api.example/v1/chat/completions"
    assert dict(upstream.headers)[b"authorization"] == b"Bearer sk-1"
    assert dict(upstream.headers)[b"content-type"] == b"application/json"
    assert (upstream.upstream_model, upstream.max_output, upstream.thinks) == ("m-2026", 4096, True)
    assert upstream.quirks == {"no_stream_usage"}


@pytest.mark.parametrize(("auth", "header"), [("bearer", b"authorization"), ("x-api-key", b"x-api-key"), ("api-key", b"api-key")])
def test_auth_styles(auth, header):
    """One header each, and none where none is wanted or none is there."""
    headers = dict(connected(provider(auth=auth)).headers)

    assert headers[header].endswith(b"sk-1")
    assert header not in dict(connected(provider(auth="none")).headers)
    assert header not in dict(connected(provider(auth=auth, keys=())).headers)
    assert header not in dict(connected(provider(auth=auth, keys=(Credential("env:GONE"),))).headers)


def test_no_error_repeats_a_credential():
    """Whatever it looks like: some providers quote the key they were sent."""
    upstream = connected(provider(headers={"x-team": "env:TEAM"}), {}, max_output=1)
    upstream = structs.replace(
        upstream, headers=((b"authorization", b"Bearer c0ffee-c0ffee"), (b"x-team", b"squad-seven"), (b"x-v", b"2"))
    )
    fault = upstream.read_error(401, {}, b'{"error": {"message": "no c0ffee-c0ffee of squad-seven in v2"}}')

    assert fault.message == "no *** of *** in v2"


def test_each_credential_is_a_way_of_its_own():
    """A pool of keys: those that are there, told apart by where they are from, never by what they are."""
    of = provider(keys=(Credential("env:KEY"), Credential("env:GONE"), Credential("env:TEAM")))
    model = ModelFacts(id="p/m", provider="p", upstream_id="m")
    ways = connect(Policy(routes=(), providers=(of,)), [model], {"env:KEY": "sk-1", "env:TEAM": "t-1"}.get, {})["p/m"]

    assert [way.credential for way in ways] == ["env:KEY", "env:TEAM"]
    assert [dict(way.headers)[b"authorization"] for way in ways] == [b"Bearer sk-1", b"Bearer t-1"]


def test_no_repr_shows_a_credential():
    """Neither the upstream's nor that of what it sends."""
    upstream = connected(provider())
    ask = OPENAI.ask(b'{"model":"auto","messages":[{"role":"user","content":"hi"}]}')

    assert "sk-1" not in repr(upstream)
    assert "sk-1" not in repr({"x": [upstream]})
    assert "sk-1" not in repr(upstream.outgoing(ask, OPENAI))


def test_headers_of_the_policy():
    """Sent as written, or what they refer to; a reference to nothing is left out."""
    headers = dict(connected(provider(headers={"X-Org": "a", "x-team": "env:TEAM", "x-gone": "env:GONE"})).headers)

    assert (headers[b"x-org"], headers[b"x-team"]) == (b"a", b"t-1")
    assert b"x-gone" not in headers


def test_proxies():
    """The provider's own, by reference where it holds a password; `none` beats the environment."""
    env = {"HTTPS_PROXY": "http://env:2"}

    assert connected(provider(), env).proxy == "http://env:2"
    assert connected(provider(proxy="http://own:3"), env).proxy == "http://own:3"
    assert connected(provider(proxy="env:PROXY"), env).proxy == "http://u:pw@proxy:1"
    assert connected(provider(proxy="none"), env).proxy is None


@pytest.mark.parametrize(
    ("base", "path", "base_path", "url"),
    [
        ("https://h/v1", "/chat/completions", "", "https://h/v1/chat/completions"),
        ("https://h/v1/", "/chat/completions", "", "https://h/v1/chat/completions"),
        ("https://h", "/v1/messages", "", "https://h/v1/messages"),
        ("https://h/v1", "/v1/messages", "", "https://h/v1/messages"),
        ("https://h/sim/v1/", "/v1/messages", "", "https://h/sim/v1/messages"),
        ("https://x.azure.example", "/chat/completions", "/openai/v1", "https://x.azure.example/openai/v1/chat/completions"),
        (
            "https://x.azure.example/openai/deployments/d?api-version=2024-10-21",
            "/chat/completions",
            "/openai/v1",
            "https://x.azure.example/openai/deployments/d/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_endpoints(base, path, base_path, url):
    """With and without a trailing slash, a version, a path, a query."""
    assert endpoint(base, path, base_path) == url


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini"])
def test_the_great_vendors_are_where_they_say(vendor):
    """The URLs of their own documentation."""
    row = vendors()[vendor]
    of = provider(vendor=vendor, dialect=row.dialect, base_url=row.base_url, auth=row.auth, headers=row.headers)

    assert connected(of).url == {
        "openai": "https://api.openai.com/v1/chat/completions",
        "anthropic": "https://api.anthropic.com/v1/messages",
        "gemini": "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
    }[vendor]  # fmt: skip


def test_the_same_dialect_is_relayed_and_another_translated():
    """What the provider gets is its own wire, with its own name of the model."""
    ask = OPENAI.ask(b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"vendor_extra":1}')
    relayed = connected(provider()).outgoing(ask, OPENAI)
    translated = connected(
        provider(dialect="anthropic-messages", base_url="https://a.example", auth="x-api-key"), max_output=99
    ).outgoing(OPENAI.ask(b'{"model":"auto","messages":[{"role":"user","content":"hi"}]}'), OPENAI)

    assert relayed.body == b'{"model":"m-2026","messages":[{"role":"user","content":"hi"}],"vendor_extra":1}'
    assert (relayed.method, relayed.url) == ("POST", "https://api.example/v1/chat/completions")
    assert translated.url == "https://a.example/v1/messages"
    assert ANTHROPIC.ask(translated.body).sketch.last_user == "hi"


def test_quirks_hold_for_relayed_requests():
    """A vendor that refuses `stream_options` is not sent any."""
    ask = OPENAI.ask(b'{"model":"auto","stream":true,"messages":[{"role":"user","content":"hi"}]}')

    assert b"stream_options" in connected(provider()).outgoing(ask, OPENAI).body
    assert b"stream_options" not in connected(provider(quirks=frozenset({"no_stream_usage"}))).outgoing(ask, OPENAI).body


def test_models_of_unknown_providers_are_passed_over():
    """A view may hold more than this policy."""
    stranger = ModelFacts(id="other/m", provider="other", upstream_id="m")

    assert connect(Policy(routes=(), providers=(provider(),)), [stranger], {}.get, {}) == {}


HELLO = b'{"model":"auto","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}'


def test_headers_of_the_clients_own_dialect_reach_its_provider():
    """A beta that the client switched on is on there too, beside the policy's; the version is the client's."""
    ours = {"anthropic-version": "2023-06-01", "anthropic-beta": "files-1"}
    upstream = connected(provider(dialect="anthropic-messages", auth="x-api-key", headers=ours))
    ask = ANTHROPIC.ask(
        HELLO, {b"anthropic-beta": b"context-1m", b"anthropic-version": b"2024-01-01", b"x-api-key": b"tk", b"cookie": b"c"}
    )
    sent = dict(upstream.outgoing(ask, ANTHROPIC).headers)

    assert (sent[b"anthropic-beta"], sent[b"anthropic-version"]) == (b"files-1,context-1m", b"2024-01-01")
    assert sent[b"x-api-key"] == b"sk-1"
    assert b"cookie" not in sent
    assert upstream.outgoing(ANTHROPIC.ask(HELLO), ANTHROPIC).headers is upstream.headers


def test_headers_of_a_dialect_stay_in_it():
    """A provider of another one gets none of them."""
    ask = ANTHROPIC.ask(HELLO, {b"anthropic-beta": b"context-1m", b"anthropic-version": b"2023-06-01"})

    assert connected(provider()).outgoing(ask, ANTHROPIC).headers == connected(provider()).headers


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, "https://api.example/v1/models"),
        ({"dialect": "anthropic-messages"}, "https://api.example/v1/models"),
        ({"vendor": "openrouter", "base_url": "https://openrouter.ai/api/v1"}, "https://openrouter.ai/api/v1/key"),
        ({"vendor": "azure-openai", "base_url": "https://x.azure.example"}, "https://x.azure.example/openai/v1/models"),
    ],
)
def test_what_a_check_asks_for(fields, url):
    """The listing of models, with the credential; where that is open to everybody, what is not."""
    check = connected(provider(**fields)).check()

    assert (check.method, check.url, check.body) == ("GET", url, b"")
    assert dict(check.headers)[b"authorization"] == b"Bearer sk-1"
