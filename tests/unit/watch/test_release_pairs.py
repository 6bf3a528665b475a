"""Twenty real pairs of an old and a new model, with their answers: the file says what the two catalogs say, and draws no other conclusion."""

import gzip
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import SHARED
from turnout.types.models import Modality, names
from turnout.watch.sheet import Sheet
from turnout.watch.sources import read

PAIRS = tomllib.loads((Path(__file__).parents[2] / "data" / "release_pairs.toml").read_text())["pair"]
BY = ("models_dev", "litellm")


def _blended(figures: dict[str, Any]) -> float:
    return float(3 * figures["input"] + figures["output"]) / 4


def _agreed(answers: list[bool]) -> str:
    return "unconfirmed" if len(set(answers)) > 1 else "yes" if answers[0] else "no"


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["new"] for pair in PAIRS])
def test_the_answers_follow_from_the_figures(pair: dict[str, Any]) -> None:
    """Cheaper only where both agree on both prices within 1 %, the others only where both give the same answer."""
    olds, news = [pair[source]["old"] for source in BY], [pair[source]["new"] for source in BY]
    apart = any(
        abs(one[field] - other[field]) > 0.01 * max(one[field], other[field])
        for one, other in (olds, news)
        for field in ("input", "output")
    )

    assert pair["cheaper"] == ("unconfirmed" if apart else "yes" if _blended(news[0]) < _blended(olds[0]) else "no")
    assert pair["larger_context"] == _agreed([new["tokens"] > old["tokens"] for old, new in zip(olds, news, strict=True)])
    assert pair["new_input"] == _agreed(
        [bool(set(new["takes"]) - set(old["takes"])) for old, new in zip(olds, news, strict=True)]
    )


def test_the_pairs_are_many_enough_and_differ_in_their_answers() -> None:
    """Twenty, released within a year, with each answer to each question at least once."""
    assert len(PAIRS) == 20
    assert all(str(pair["released"]) >= "2025-11-23" for pair in PAIRS)
    for question in ("cheaper", "larger_context", "new_input"):
        assert {pair[question] for pair in PAIRS} == {"yes", "no", "unconfirmed"}


@pytest.mark.skipif(not (SHARED / "catalog").exists(), reason="needs ../shared/catalog")
def test_both_catalogs_still_state_these_figures() -> None:
    """Nothing in the file was made up: each figure is in the catalog that it is attributed to."""
    sheets = {
        "models_dev": read(gzip.decompress((SHARED / "catalog/models.dev.json.gz").read_bytes())),
        "litellm": read(gzip.decompress((SHARED / "catalog/litellm-prices.json.gz").read_bytes())),
    }
    for pair in PAIRS:
        for source, sheet in sheets.items():
            for side in ("old", "new"):
                assert pair[source][side] == _figures(sheet, pair[side], source), (pair[side], source)
        assert pair["released"] == sheets["models_dev"].stated[pair["new"]].released


def _figures(sheet: Sheet, model: str, source: str) -> dict[str, Any]:
    stated = sheet.stated[model]
    rate = stated.prices[0].tiers[0]
    tokens = stated.context if source == "models_dev" else stated.max_input
    takes = list(names(Modality(stated.input.yes)))
    return {"input": rate.input / 1e6, "output": rate.output / 1e6, "tokens": tokens, "takes": takes}
