"""What `turnout audit` prints for people."""

import pytest

from turnout.cli.audit_view import table
from turnout.reports.inventory import Inventory, Served
from turnout.types.money import PicoDollars

AT = 1_790_000_000.0
LONG = "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"


def served(model: str) -> Served:
    return Served("customer-support", model, 12, AT, AT + 9_000, 1_234_567, 0, PicoDollars(98_765_432_100_000), 4)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_names_and_numbers_stay_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int) -> None:
    """However narrow it is, as they are copied from there; the terminal breaks a line that is too long even so."""
    monkeypatch.setenv("COLUMNS", str(width))

    table(Inventory(0.0, 1.0, 3_600, (served(LONG), served("openai/gpt-5"))), "2026-09")

    out = capsys.readouterr().out
    for whole in (LONG, "openai/gpt-5", "1,234,567", "$98.765432", "+ 4 unknown", "requests", "policy"):
        assert whole in out
    assert ("customer-support" in out) is (width == 200)


def test_what_gives_way_makes_room(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Usual names fit into the usual width."""
    monkeypatch.setenv("COLUMNS", "80")

    table(Inventory(0.0, 1.0, 3_600, (served("anthropic/claude-haiku-4-5"),)), "2026-09")

    out = capsys.readouterr().out
    assert "anthropic/claude-haiku-4-5" in out
    assert max(map(len, out.splitlines())) <= 80
