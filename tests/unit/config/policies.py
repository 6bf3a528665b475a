"""A small catalog whose facts do not change, and short ways to load and check a text."""

from datetime import date
from pathlib import Path
from textwrap import dedent

from turnout.catalog.load import Catalog
from turnout.config.check import Checked, check
from turnout.config.document import read
from turnout.config.shape import shape
from turnout.types.models import Feature, Modality, ModelFacts, PriceRow, Rate, Source
from turnout.types.money import PicoDollars

TODAY = date(2026, 11, 23)
ENV = {"OPENAI_API_KEY": "sk-o", "ANTHROPIC_API_KEY": "sk-a", "MISTRAL_API_KEY": "sk-m"}
TEXT, IMAGE = int(Modality.TEXT), int(Modality.IMAGE)
TOOLS, SCHEMA = int(Feature.TOOLS), int(Feature.JSON_SCHEMA)
PRICE = (PriceRow((Rate(PicoDollars(1_000_000), PicoDollars(2_000_000)),), Source("test", "2026-11-01")),)


def model(name: str, **facts: object) -> ModelFacts:
    """A capable model; ``facts`` differ."""
    provider, _, bare = name.partition("/")
    usual = {
        "upstream_id": bare, "context": 128_000, "max_output": 8_000, "input": TEXT | IMAGE, "output": TEXT,
        "features": TOOLS | SCHEMA, "prices": PRICE, "skills": {"coding": 7.0, "reasoning": 7.0},
    }  # fmt: skip
    return ModelFacts(id=name, provider=provider, **{**usual, **facts})


MODELS = (
    model("openai/large", context=400_000, skills={"coding": 9.0, "reasoning": 9.0}),
    model("openai/small"),
    model("openai/blind", input=TEXT, features=0),
    model("openai/unsure", features=TOOLS, unknown_features=SCHEMA),
    model("openai/priceless", prices=()),
    model("openai/old", retires=date(2026, 1, 1)),
    model("openai/ageing", retires=date(2026, 12, 3)),
    model("anthropic/clever", skills={"coding": 8.0, "reasoning": 8.5}, reasoning_by_default=True),
    model("mistral/medium", upstream_id="medium-2604"),
)
TASKS = {"code_generation": {"coding": 1.0}, "customer_support": {"reasoning": 1.0}, "math": {"reasoning": 1.0}}
VENDORS = sorted({each.provider for each in MODELS})
CATALOG = Catalog(
    models={each.id: each for each in MODELS},
    by_vendor={vendor: tuple(each for each in MODELS if each.provider == vendor) for vendor in VENDORS},
    tasks=TASKS,
    skills=("coding", "reasoning"),
    conflicts={},
    hash="test",
)


def checked(text: str, env: dict[str, str] = ENV, *, secrets_needed: bool = True, served_on: str | None = None) -> Checked:
    """What is made of a policy's text."""
    document = read(dedent(text))
    return check(document, shape(document.tree), env, CATALOG, TODAY, secrets_needed=secrets_needed, served_on=served_on)


def problems(text: str, env: dict[str, str] = ENV) -> list[str]:
    """``line path: message; suggestion`` of each problem."""
    return [each.text() for each in checked(text, env).problems]


def warnings(text: str, env: dict[str, str] = ENV) -> list[str]:
    return [each.text() for each in checked(text, env).warnings]


def written(directory: Path, text: str) -> Path:
    """The text as a file."""
    path = directory / "turnout.yaml"
    path.write_text(dedent(text), "utf-8")
    return path
