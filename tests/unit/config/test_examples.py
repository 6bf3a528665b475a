import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from turnout.catalog.load import load_catalog
from turnout.cli.check import editor_schema
from turnout.config.load import load
from turnout.config.reference import reference

from .policies import TODAY

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
KEYS = ("OPENAI", "ANTHROPIC", "GEMINI", "GROQ", "MISTRAL", "AZURE_OPENAI")
ENV = {f"{name}_API_KEY": "k" for name in KEYS}


def test_there_are_examples():
    """The tests below would pass on an empty folder."""
    assert {"turnout.yaml", "minimal.yaml"} <= {path.name for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_served(path):
    """Against the shipped catalog, without even a warning."""
    assert load(path, ENV, load_catalog(), TODAY).warnings == ()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_pleases_an_editor(path):
    """The JSON Schema of `turnout check --schema` accepts what the program accepts."""
    jsonschema.validate(json.loads(json.dumps(YAML(typ="safe", pure=True).load(path))), editor_schema())


def test_an_editor_marks_what_the_program_refuses():
    """The schema is not so wide that it accepts anything."""
    for wrong in ({"provders": {}}, {"routes": {"r": {"when": {"taks": "x"}}}}, {"providers": {"x": {"api_key": "sk-1"}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, editor_schema())


def test_the_reference_page_is_current():
    """`python -m turnout.config.reference > docs/reference/config.md` after a change of the schema."""
    assert (ROOT / "docs/reference/config.md").read_text("utf-8") == reference()
