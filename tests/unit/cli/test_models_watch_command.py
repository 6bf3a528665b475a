"""`turnout models refresh`, `diff`, `events`, `accept` and `dismiss`."""

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.catalogs import dev_model, models_dev
from turnout.build.ledger import open_ledger
from turnout.catalog.load import load_catalog
from turnout.cli.models import app
from turnout.config.amend import chooses, over
from turnout.config.load import inspect
from turnout.types.lock import Adopted, Lock, RouteLock

run = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
HAIKU = "anthropic/claude-haiku-4-5"
POLICY = """data_dir: data
providers: {anthropic: {api_key: env:NOT_SET_HERE}}
routes: {default: {models: [anthropic/claude-haiku-4-5]}}
release: {sources: [dev.json]}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str, code: int = 0) -> Result:
    result = run.invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result


def _dev(folder: Path, input_usd: float = 1.0, **others: dict[str, str]) -> str:
    models = {HAIKU: dev_model(reasoning=True, cost={"input": input_usd, "output": input_usd * 5})}
    path = folder / "dev.json"
    path.write_bytes(models_dev(models | {f"anthropic/{name}": dev_model(**entry) for name, entry in others.items()}))
    return str(path)


def test_a_refresh_is_made_from_a_file_and_shows_in_the_list(here: Path) -> None:
    """In an empty directory, without a policy; the model that was found says that it is untried."""
    source = _dev(here, **{"claude-9": {"release_date": "2099-01-01"}})

    dry = invoke("refresh", "--source", source, "--dry-run", "--data-dir", "data").stdout
    assert not (here / "data").exists()
    wet = invoke("refresh", "--source", source, "--data-dir", "data").stdout

    assert "anthropic/claude-9" in dry
    assert "1 events; the catalog would be changed" in dry
    assert "1 events; the catalog changed" in wet
    assert "untried" in invoke("show", "anthropic/claude-9", "--data-dir", "data").stdout
    assert "0 events; the catalog the same" in invoke("refresh", "--source", source, "--data-dir", "data").stdout
    (event,) = json.loads(invoke("events", "--json", "--data-dir", "data").stdout)
    assert (event["kind"], event["model"]) == ("model_added", "anthropic/claude-9")


def test_the_policys_sources_are_asked_and_its_models_are_in_use(here: Path) -> None:
    """A price that one source says of a model in use waits; accepting it brings it into the list; dismissing needs an id."""
    (here / "turnout.yaml").write_text(POLICY)
    _dev(here, 0.5)

    found = invoke("refresh").stdout
    (waiting,) = json.loads(invoke("events", "--waiting", "--json").stdout)
    taken = invoke("accept", waiting["id"], "--note", "seen").stdout

    assert "noted" in found
    assert "$1 in, $5 out per million -> $0.5 in, $2.5 out per million (-50%) [models.dev alone]" in found
    assert "1 events taken" in taken
    assert json.loads(invoke("show", HAIKU, "--json").stdout)["price"]["input"] == 0.5
    assert "no event waits" in invoke("events", "--waiting").stdout
    assert "no event" in invoke("dismiss", waiting["id"], code=1).output
    invoke("dismiss", code=2)


def test_what_looks_wrong_is_said_and_exits_with_one(here: Path) -> None:
    """So that a script may ask before it refreshes."""
    fine, wrong = invoke("diff", _dev(here)), invoke("diff", _dev(here, 100.0), code=1)
    none = invoke("diff", "nowhere.json", code=1)

    assert "the catalog would be the same" in fine.stdout
    assert "kept apart" in wrong.output
    assert "source nowhere.json: there is no such file" in none.output
    assert "no source is named" in invoke("refresh", code=1).output
    assert "no way to get it" in invoke("diff", "ftp://x/y", code=1).output
    invoke("events", "--last", "soon", code=2)


def test_a_source_that_nobody_has_is_an_error_that_names_what_is_meant(here: Path) -> None:
    """Nothing is said of the catalog: nobody was asked."""
    near, far = (invoke("diff", name, code=1).output for name in ("models.devv", "qwertz"))

    assert "no source is called so; did you mean models.dev? There are models.dev, litellm, openrouter, genai-prices" in near
    assert "no source is called so. There are models.dev" in far
    assert "the same" not in near + far


def test_what_releases_adopted_is_in_use_too(here: Path) -> None:
    """A model that serves by the lock alone: a price that one source says waits and is told, as the control process has it."""
    (here / "turnout.yaml").write_text(
        POLICY.replace("{models: [anthropic/claude-haiku-4-5]}", "{static: anthropic/claude-sonnet-5, owner: ann}")
    )
    checked = inspect(here / "turnout.yaml", {}, load_catalog(), date(2026, 11, 24), secrets_needed=False)
    (route,) = checked.policy.routes
    adopted = Adopted("r-1", "primary", HAIKU, 0.0, "ann")
    lock = Lock(1, {"default": RouteLock(over(route), chooses(route), (adopted,))})
    (here / "data").mkdir()
    ledger = open_ledger(here / "data", "sqlite")
    ledger.audit.within(lambda connection: ledger.lock.put(connection, lock, "ann", 0.0))
    _dev(here, 0.5)

    invoke("refresh")

    waiting = json.loads(invoke("events", "--waiting", "--json").stdout)
    told = ledger.alerts.list(10)
    ledger.close()
    assert [event["model"] for event in waiting] == [HAIKU]
    assert [(alert.to, "used by default" in alert.title) for alert in told] == [(("ann",), True)]
