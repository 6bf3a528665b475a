import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from turnout.config.load import inspect, load, settings_of
from turnout.errors import ConfigProblems
from turnout.types.money import pico_from_usd
from turnout.types.policy import Credential, Fallback, Mix, Timeouts

from .policies import CATALOG, ENV, TODAY, written

FULL = """\
server: {host: 127.0.0.1, port: 9000, workers: 2, max_body: 5MB, hosts: [gate.internal], origins: ["https://app.example"]}
control: {port: 9001}
store: {url: sqlite, retention: 400d, content: none}
data_dir: /var/lib/turnout
auth:
  keys:
    - {name: web, hash: "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", routes: [support], tags: {team: web}}
    - {name: ops, hash: "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}
providers:
  openai: {}
  eu: {vendor: openai, base_url: "https://eu.example/v1", api_key: env:EU_KEY, region: eu}
  own: {dialect: anthropic-messages, base_url: "http://127.0.0.1:9", quirks: [max_tokens_param], proxy: none}
models:
  eu/large: {context: 100000, region: de}
  own/twin: {same_as: own/first, max_output: 7}
  own/first: {same_as: openai/large, upstream_id: first-id, price: {input: 0, output: 0}, features: {tools: false}, latency_p95: 1.5s}
routes:
  support:
    owner: desk
    when: {task: customer_support, tags: {team: [web, shop]}, headers: {X-App: chat}}
    objective: cost
    needs: {quality: 5, reasoning: 6, cost_per_request: 0.01, latency_p95: 90s, context: 1000, features: [tools], region: [eu, de]}
    prefers: {latency_p95: 1s, ttft: 200ms}
    models: [eu/large, eu/small]
    band: 1.5
    fallback: [eu/ageing, {model: eu/small, on: [rate_limited, unavailable]}]
    sticky: false
    unknown: {json_schema: allow, seed: deny}
    unknown_price: warn
    timeouts: {first_token: 5s}
    deadline: 1m
    budget_usd: 0.5
    attempts: 2
  canary: {split: {openai/large: 90, openai/small: 10}, journal: required}
  default: {mix: {cheap: 60, mid: 30, premium: 10}}
value: {second_usd: 0.001, abandonment: {realtime: 0.02}, rerun: true}
"""


@pytest.fixture
def full(tmp_path):
    return load(written(tmp_path, FULL), {**ENV, "EU_KEY": "k"}, CATALOG, TODAY)


def test_settings(full):
    """Addresses, sizes in bytes, durations in seconds."""
    settings = full.settings

    assert (settings.server.port, settings.server.workers, settings.server.max_body) == (9000, 2, 5_000_000)
    assert (settings.server.hosts, settings.server.origins) == (("gate.internal",), ("https://app.example",))
    assert (settings.control.port, settings.control.host) == (9001, "127.0.0.1")
    assert settings.store.url == "sqlite"
    assert settings.data_dir == Path("/var/lib/turnout")


def test_routes(full):
    """Every key of a route arrives where the policy keeps it."""
    support, canary, default = full.policy.routes

    assert (support.name, support.objective, support.owner, support.band, support.sticky) == (
        "support",
        "cost",
        "desk",
        1.5,
        False,
    )
    assert support.models == ("eu/large", "eu/small")
    assert support.needs.levels == {"reasoning": 6}
    assert (support.needs.cost_per_request, support.needs.latency_p95_ms) == (pico_from_usd("0.01"), 90_000)
    assert support.needs.region == {"eu", "de"}
    assert (support.prefers.latency_p95_ms, support.prefers.ttft_ms) == (1000, 200)
    assert support.fallback == (Fallback("eu/ageing"), Fallback("eu/small", frozenset({"rate_limited", "unavailable"})))
    assert support.unknown == {"json_schema"}
    assert support.timeouts == Timeouts(first_token=5.0)
    assert (support.deadline, support.budget, support.attempts, support.unknown_price) == (60.0, pico_from_usd("0.5"), 2, "warn")
    assert (canary.objective, canary.models, canary.journal_required) == ("static", ("openai/large", "openai/small"), True)
    assert canary.split == (("openai/large", 90.0), ("openai/small", 10.0))
    assert (default.objective, default.mix, default.models) == ("balanced", Mix(60, 30, 10), ())


def test_keys_limited_to_routes_may_not_name_models(full):
    """`direct` is off for them unless said."""
    web, ops = full.policy.keys

    assert (web.routes, web.direct, web.tags) == (frozenset({"support"}), False, {"team": "web"})
    assert (ops.routes, ops.direct) == (None, True)


def test_providers(full):
    """What is not said comes from the vendor, or from the dialect's own vendor."""
    by_id = {provider.id: provider for provider in full.policy.providers}

    assert by_id["openai"].keys == (Credential("env:OPENAI_API_KEY"),)
    assert by_id["openai"].base_url == "https://api.openai.com/v1"
    assert (by_id["eu"].vendor, by_id["eu"].base_url, by_id["eu"].region) == ("openai", "https://eu.example/v1", "eu")
    assert by_id["eu"].keys == (Credential("env:EU_KEY"),)
    own = by_id["own"]
    assert (own.vendor, own.auth, own.keys, own.quirks) == (None, "x-api-key", (), frozenset({"max_tokens_param"}))
    assert own.headers == {"anthropic-version": "2023-06-01"}


def test_models_are_those_of_the_providers(full):
    """The vendor's catalog under the provider's name, with its region; what nobody serves is not there."""
    facts = {model.id: model for model in full.models}

    assert {"openai/large", "eu/large", "eu/small", "own/first", "own/twin"} <= facts.keys()
    assert not any(name.startswith(("anthropic/", "mistral/")) for name in facts)
    assert (facts["eu/small"].provider, facts["eu/small"].region, facts["eu/small"].upstream_id) == ("eu", "eu", "small")
    assert facts["openai/small"].region is None


def test_what_the_file_states_of_a_model_wins(full):
    """Over the catalog, over the provider, over what it is the same as."""
    facts = {model.id: model for model in full.models}

    assert (facts["eu/large"].context, facts["eu/large"].region) == (100_000, "de")
    assert facts["own/first"].upstream_id == "first-id"
    assert facts["own/first"].latency.p95_ms == 1500
    assert facts["own/first"].context == 400_000
    assert facts["own/twin"].max_output == 7, "resolved after what it is the same as, whatever their order"
    assert facts["own/twin"].prices == facts["own/first"].prices
    assert facts["own/twin"].upstream_id == "twin"


def test_a_vendors_upstream_id_survives_another_name(tmp_path):
    """A provider of one's own naming still calls the model as the vendor does."""
    loaded = load(written(tmp_path, "providers: {eu: {vendor: mistral}}"), ENV, CATALOG, TODAY)

    assert [(model.id, model.upstream_id) for model in loaded.models] == [("eu/medium", "medium-2604")]


def test_weights_of_waiting(full):
    """USD become pico-dollars."""
    value = full.policy.value

    assert (value.second, value.abandonment, value.rerun) == (pico_from_usd("0.001"), {"realtime": pico_from_usd("0.02")}, True)


def test_the_default_route_is_always_there(tmp_path):
    """Balanced, over everything, after all others."""
    loaded = load(written(tmp_path, "providers: {openai: {}}\nroutes: {a: {static: openai/large}}"), ENV, CATALOG, TODAY)

    assert [route.name for route in loaded.policy.routes] == ["a", "default"]
    assert (loaded.policy.routes[-1].objective, loaded.policy.routes[-1].models) == ("balanced", ())


def test_json_is_a_policy_too(tmp_path):
    """The same skeleton, dates as text."""
    path = tmp_path / "turnout.json"
    path.write_text('{"providers": {"openai": {}}, "models": {"openai/large": {"retires": "2027-01-31"}}}')
    facts = {model.id: model for model in load(path, ENV, CATALOG, TODAY).models}

    assert str(facts["openai/large"].retires) == "2027-01-31"


def test_without_a_file_the_environment_names_the_providers():
    """One for each key found; the default route over their models."""
    loaded = load(
        None, {"ANTHROPIC_API_KEY": "k", "MISTRAL_API_KEY": " ", "DATABRICKS_TOKEN": "k", "OLLAMA_API_KEY": "k"}, CATALOG, TODAY
    )

    assert [provider.id for provider in loaded.policy.providers] == ["anthropic"], (
        "not those that need an address or a declaration"
    )
    assert [route.name for route in loaded.policy.routes] == ["default"]
    assert {model.provider for model in loaded.models} == {"anthropic"}


def test_with_neither_it_says_what_to_do():
    """Names the variables and the demo."""
    with pytest.raises(ConfigProblems, match=r"OPENAI_API_KEY.*`turnout demo`"):
        load(None, {}, CATALOG, TODAY)


def test_a_file_that_cannot_be_read(tmp_path):
    """Missing, not UTF-8, not YAML: one problem, no traceback."""
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\xfe\xfa")
    (tmp_path / "broken.yaml").write_text("a: [1\n")

    for name, why in (("none.yaml", "No such file"), ("latin.yaml", "utf-8"), ("broken.yaml", "not readable")):
        with pytest.raises(ConfigProblems, match=why) as refused:
            load(tmp_path / name, ENV, CATALOG, TODAY)
        assert len(refused.value.problems) == 1


def test_the_command_line_wins_over_the_file(tmp_path):
    """And may not open the door that the file keeps shut."""
    path = written(tmp_path, "providers: {openai: {}}\nserver: {port: 1}")

    settings = settings_of(path, {}, {"port": 2, "control_port": 3, "workers": 4, "data_dir": tmp_path})
    assert (settings.server.port, settings.control.port, settings.server.workers, settings.data_dir) == (2, 3, 4, tmp_path)
    with pytest.raises(ConfigProblems, match=r"auth\.keys is empty"):
        settings_of(path, {}, {"host": "0.0.0.0"})


def test_values_are_frozen_and_cross_processes(full):
    """Nothing can be changed, everything can be sent."""
    with pytest.raises(AttributeError):
        full.policy.routes[0].name = "other"
    assert pickle.loads(pickle.dumps(full.policy)) == full.policy


skeleton = YAML(typ="safe", pure=True).load(FULL)


@st.composite
def spoiled(draw):
    """The full policy with values replaced by others, anywhere."""
    other = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=5)
        | st.lists(st.text(max_size=3), max_size=2)
        | st.just({"x": 1})
    )

    def spoil(node: object) -> object:
        if draw(st.integers(0, 12)) == 0:
            return draw(other)
        if isinstance(node, dict):
            return {key: spoil(value) for key, value in node.items()}
        return [spoil(value) for value in node] if isinstance(node, list) else node

    return spoil(skeleton)


@given(tree=spoiled())
def test_a_policy_is_loaded_or_refused(tmp_path_factory, tree):
    """Whatever was written: frozen values, or ConfigProblems with at least one reason; never another exception."""
    path = tmp_path_factory.mktemp("policy") / "turnout.yaml"
    with path.open("w") as file:
        YAML(typ="safe", pure=True).dump(tree, file)
    env = {**ENV, "EU_KEY": "k"}
    outcome = _outcome(lambda: inspect(path, env, CATALOG, TODAY, secrets_needed=True))
    served = _outcome(lambda: load(path, env, CATALOG, TODAY))

    if isinstance(outcome, ConfigProblems) or outcome.problems:
        assert isinstance(served, ConfigProblems)
        assert served.problems == outcome.problems
    else:
        assert served.policy == outcome.policy
        assert served.policy.routes[-1].name == "default"


def _outcome(doing):
    try:
        return doing()
    except ConfigProblems as refused:
        return refused
