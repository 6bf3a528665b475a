"""Translated requests are what the providers' published specifications say a request is."""

import gzip

import jsonschema
import msgspec
import pytest
from ruamel.yaml import YAML

from tests.contract.corpus import request_of, rows
from tests.shared_data import SHARED
from turnout.dialects.features import lossy
from turnout.dialects.registry import DIALECTS

SPECS = {
    "anthropic-messages": ("anthropic-openapi.yaml.gz", "CreateMessageParams", "openai-chat"),
    "openai-chat": ("openai-openapi.yaml.gz", "CreateChatCompletionRequest", "anthropic-messages"),
}


@pytest.mark.slow
@pytest.mark.parametrize("back", sorted(SPECS))
def test_translated_requests_fit_the_providers_specification(back: str) -> None:
    """Every recorded request that can be carried to the other dialect is valid there."""
    file, name, front = SPECS[back]
    path = SHARED / "specs" / file
    if not path.exists():
        pytest.skip("the providers' specifications (../shared/specs) are not here")
    spec = YAML(typ="safe").load(gzip.decompress(path.read_bytes()).decode())
    validator = jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": spec["components"]})
    checked = 0
    for row in rows():
        if row.dialect != front or row.request is None:
            continue
        ask = DIALECTS[front].ask(msgspec.json.encode(request_of(row)))
        if lossy(ask.sketch.carries, front, back):
            continue

        body = DIALECTS[back].from_hub(DIALECTS[front].to_hub(ask), "claude-sonnet-5", max_output=8000, quirks=frozenset())

        problem = jsonschema.exceptions.best_match(validator.iter_errors(msgspec.json.decode(body)))
        assert problem is None, f"{row.id}: {problem.json_path}: {problem.message[:300]}"
        checked += 1
    assert checked > 70
