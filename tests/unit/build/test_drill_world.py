"""The world of a rehearsal: the user's policy, with simulated models behind it and nothing of the user's behind those."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from turnout.build.drill_traffic import mix, tasks_of
from turnout.build.drill_world import checked, fleet, rehearsed
from turnout.catalog.load import load_catalog
from turnout.errors import ConfigProblems
from turnout.sim.policy import Ports
from turnout.types.policy import All, AnyOf, Not, TaskIs

TODAY = date(2026, 11, 23)
CATALOG = load_catalog()
POLICY = """
server: {host: 0.0.0.0, port: 80, workers: 3}
auth: {keys: [{name: web, hash: "sha256:0000000000000000000000000000000000000000000000000000000000000001"}]}
data_dir: /var/lib/mine
providers:
  openai: {api_key: env:SECRET_KEY, headers: {x-org: env:ORG}}
  azure-eu: {vendor: azure-openai, base_url: "https://x.openai.azure.com", api_key: "file:/etc/secret", region: eu, data_policy: [zdr]}
models:
  azure-eu/chat: {upstream_id: my-deployment, same_as: openai/gpt-5.4}
routes:
  code: {when: {task: code_generation}, static: openai/gpt-5.4, fallback: [azure-eu/chat], needs: {context: 1000}}
  default: {objective: cost, models: [openai/gpt-5.4, azure-eu/chat]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "turnout.yaml"
    path.write_text(POLICY)
    return path


def test_same_policy(config: Path, tmp_path: Path) -> None:
    """What is decided stays to the letter: routes, prices, capabilities, regions."""
    own = tmp_path / "rehearsal.json"
    before = checked(config, {}, CATALOG, TODAY)
    own.write_bytes(rehearsed(config, before.policy, Ports(1, 2, 3), tmp_path / "data"))
    after = checked(own, {}, CATALOG, TODAY)

    assert after.policy.routes == before.policy.routes
    assert after.models == before.models
    assert [(each.id, each.region, each.dialect, each.data_policy) for each in after.policy.providers] == [
        (each.id, each.region, each.dialect, each.data_policy) for each in before.policy.providers
    ]


def test_nothing_of_the_installation(config: Path, tmp_path: Path) -> None:
    """No credential, no key, no directory and no address of the user's is in it."""
    text = rehearsed(config, checked(config, {}, CATALOG, TODAY).policy, Ports(1, 2, 3), tmp_path / "data").decode()

    for word in ("SECRET_KEY", "/etc/secret", "env:ORG", "sha256", "/var/lib/mine", "0.0.0.0", "azure.com"):
        assert word not in text


def test_fleet_is_as_the_facts(config: Path) -> None:
    """Every model that can be called is there, under the name it is called by, as dear as it is."""
    found = checked(config, {}, CATALOG, TODAY)
    made = fleet(found.policy, found.models, seed=1)
    by_name = {facts.id: facts for facts in found.models}

    assert "my-deployment" in {model.id for provider in made.providers if provider.id == "azure-eu" for model in provider.models}
    facts = by_name["openai/gpt-5.4"]
    model = made.models()[f"openai/{facts.upstream_id}"]
    assert model.input_usd == pytest.approx(facts.prices[-1].tiers[0].input / 1e6)
    assert model.context == facts.context


def test_bad_policy(tmp_path: Path) -> None:
    """A file that may not be served is not rehearsed."""
    path = tmp_path / "turnout.yaml"
    path.write_text("providers: {openai: {}}\nroutes: {default: {static: openai/nonsense}}")

    with pytest.raises(ConfigProblems):
        checked(path, {}, CATALOG, TODAY)


def test_mix(config: Path) -> None:
    """Every route has its share, of what it is for; the same seed makes the same requests; each sending is one of its own."""
    policy = checked(config, {}, CATALOG, TODAY).policy
    asks = mix(policy, 40, 7)

    assert sum(ask.route == "code" for ask in asks) == 20
    assert {ask.errand.case.task for ask in asks if ask.route == "code" and ask.errand.case} == {"code_generation"}
    assert asks == mix(policy, 40, 7)
    assert asks[0].body(1) != asks[0].body(2)
    assert msgspec.json.decode(asks[0].body(1))["model"] == asks[0].route


def test_tasks_of() -> None:
    """Tasks are found inside conditions, but not inside what must not be."""
    code, math = TaskIs(frozenset({"code_generation"})), TaskIs(frozenset({"math"}))

    assert tasks_of(AnyOf((code, All((math,))))) == {"code_generation", "math"}
    assert tasks_of(Not(code)) == frozenset()
    assert tasks_of(None) == frozenset()
