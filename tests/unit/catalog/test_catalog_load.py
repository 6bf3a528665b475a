"""The shipped data: enough of it, sourced, self-consistent, quick to load, and what the program writes."""

import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from tests.shared_data import SHARED
from turnout.catalog.load import DATA, Catalog, load_catalog
from turnout.catalog.rates import in_force
from turnout.types.models import Feature, Modality

ROOT = Path(__file__).resolve().parents[3]
TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_it_carries_what_a_team_would_use(catalog: Catalog) -> None:
    """At least 80 models, among them those the documentation names."""
    assert len(catalog.models) >= 80
    named = {
        "openai/gpt-5", "openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "anthropic/claude-opus-4-5", "anthropic/claude-sonnet-5",
        "gemini/gemini-3.5-flash",
    }  # fmt: skip
    assert named <= catalog.models.keys()


def test_every_model_is_filed_under_its_vendor(catalog: Catalog) -> None:
    """An id is vendor/upstream id, and the index by vendor holds the same models."""
    for vendor, models in catalog.by_vendor.items():
        for facts in models:
            assert facts.id == f"{vendor}/{facts.upstream_id}"
            assert facts.provider == vendor
            assert catalog.models[facts.id] is facts
    assert sum(map(len, catalog.by_vendor.values())) == len(catalog.models)


def test_every_fact_has_a_source_and_a_date(catalog: Catalog) -> None:
    """What is stated is stated by someone, at some time."""
    for facts in catalog.models.values():
        stated = {"limits", "modalities", "features", "latency"}
        stated |= {
            name for name, value in (("prices", facts.prices), ("skills", facts.skills), ("released", facts.released)) if value
        }
        stated |= {"retires"} if facts.retires else set()
        assert stated <= facts.sources.keys(), facts.id
        for source in facts.sources.values():
            assert source.name
            assert date.fromisoformat(source.date) <= TODAY


def test_priors_are_marked_as_priors(catalog: Catalog) -> None:
    """No skill or latency figure pretends to have been measured."""
    for facts in catalog.models.values():
        assert facts.latency is not None
        assert facts.latency.basis == "prior"
        assert facts.sources["latency"].name.startswith("prior:")
        if facts.skills:
            assert facts.sources["skills"].name.startswith("prior:")
            assert all(1 <= level <= 9.5 for level in facts.skills.values())
            assert facts.skills.keys() <= set(catalog.skills)


def test_features_are_yes_no_or_unknown(catalog: Catalog) -> None:
    """Yes and unknown are disjoint; unknown is not no."""
    for facts in catalog.models.values():
        assert not facts.features & facts.unknown_features, facts.id
    assert catalog.models["anthropic/claude-haiku-4-5"].features & Feature.TOOLS
    assert not catalog.models["anthropic/claude-haiku-4-5"].unknown_features & Feature.N
    assert catalog.models["openai/gpt-5.4"].unknown_features & Feature.STOP


def test_limits_make_sense(catalog: Catalog) -> None:
    """No model writes or reads more than its window."""
    for facts in catalog.models.values():
        assert facts.input & Modality.TEXT
        if facts.context:
            assert (facts.max_output or 0) <= facts.context
            assert (facts.max_input or 0) < facts.context
    assert catalog.models["openai/gpt-5"].max_input == 272_000


def test_price_rows_are_in_order(catalog: Catalog) -> None:
    """Rows ascend by start and tiers by threshold; a row's price is never negative; something is in force today where a price is known."""
    for facts in catalog.models.values():
        starts = [row.start or date.min for row in facts.prices]
        assert starts == sorted(set(starts)), facts.id
        for row in facts.prices:
            above = [rate.above for rate in row.tiers]
            assert above[0] == 0
            assert above == sorted(set(above))
            assert all(rate.input >= 0 and rate.output >= 0 for rate in row.tiers)
        assert not facts.prices or in_force(facts.prices, TODAY) is not None


def test_known_conflicts_are_stated(catalog: Catalog) -> None:
    """Where the sources differ by more than 1 % the catalog says so, and whose word it took."""
    (first, *_) = catalog.conflicts["deepseek/deepseek-chat"]
    assert first.field == "input"
    assert first.kept == "litellm"
    assert first.prices["genai-prices"] > first.prices["models.dev"]
    for conflicts in catalog.conflicts.values():
        assert all(conflict.kept in conflict.prices and conflict.why for conflict in conflicts)


def test_tasks_weigh_known_skills(catalog: Catalog) -> None:
    """Each task's weights name skills the catalog has and sum to one."""
    documented = {
        "customer_support", "code_generation", "analysis", "creative_writing", "extraction", "summarization", "translation", "qa", "math",
        "agentic",
    }  # fmt: skip
    assert documented <= catalog.tasks.keys()
    for task, weights in catalog.tasks.items():
        assert weights.keys() <= set(catalog.skills), task
        assert sum(weights.values()) == pytest.approx(1.0)


def test_the_hash_names_the_data(catalog: Catalog, tmp_path: Path) -> None:
    """Same bytes, same hash; one changed price, another hash."""
    for file in DATA.rglob("*.toml"):
        copy = tmp_path / file.relative_to(DATA)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(file.read_bytes())
    assert load_catalog(tmp_path).hash == catalog.hash

    changed = tmp_path / "models/openai.toml"
    changed.write_text(changed.read_text().replace("input = 1.25", "input = 1.26", 1))
    assert load_catalog(tmp_path).hash != catalog.hash


def test_loading_is_quick() -> None:
    """The catalog loads in about 50 ms (budget 80 ms of a start; five times that here, as machines are shared)."""
    started = time.perf_counter()
    load_catalog()
    assert time.perf_counter() - started < 0.4


def test_nothing_heavy_is_imported() -> None:
    """A worker that loads the catalog imports neither the price package nor an HTTP client."""
    code = (
        "import sys; from turnout.catalog.load import load_catalog; import turnout.catalog.rates; load_catalog();"
        "print([m for m in ('genai_prices', 'httpx2', 'httpx', 'pydantic') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_data_is_what_the_program_writes(tmp_path: Path) -> None:
    """Running tools/build_catalog.py again yields the committed bytes: nobody edits its output by hand."""
    if not (SHARED / "catalog/models.dev.json.gz").exists():
        pytest.skip("needs ../shared/catalog, the published facts the program reads")
    program = [sys.executable, str(ROOT / "tools/build_catalog.py"), "--facts", str(SHARED / "catalog"), "--out", str(tmp_path)]
    subprocess.run(program, check=True, capture_output=True)

    written = {file.name: file.read_text() for file in tmp_path.glob("*.toml")}
    committed = {file.name: file.read_text() for file in (DATA / "models").glob("*.toml")}
    assert written == committed
