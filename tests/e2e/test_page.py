"""The control plane's page in a real browser: it shows the ledger's figures, and its console stays silent."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.world import World

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
)  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: chromium)")


def shown(world: World, profile: Path, *options: str, fragment: str) -> tuple[str, str]:
    """The page's document after its scripts ran, and what its console said."""
    command = [str(CHROMIUM), *QUIET, f"--user-data-dir={profile}", "--virtual-time-budget=4000", *options, "--dump-dom"]
    result = subprocess.run([*command, f"{world.control}/#{fragment}"], capture_output=True, text=True, timeout=60, check=True)
    console = "\n".join(line for line in result.stderr.splitlines() if "CONSOLE" in line)
    return result.stdout, console


def text_of(document: str, element: str) -> str:
    found = re.search(rf'id="{element}"[^>]*>([^<]*)<', document)
    assert found, f"the page has no #{element}"
    return found[1]


@pytest.mark.parametrize(
    "options", [("--window-size=1280,1000",), ("--window-size=390,844", "--blink-settings=preferredColorScheme=0")]
)
def test_the_page_shows_what_the_ledger_holds(world: World, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Wide and narrow, light and dark: the figures are the API's, and nothing is written to the console."""
    answer = world.post("/v1/chat/completions", {"model": "auto", "messages": [{"role": "user", "content": "What is 12 + 30?"}]})
    world.record(answer.headers["x-turnout-request-id"])
    token = (world.data_dir / "admin-token").read_text().strip()
    document, console = shown(world, tmp_path, *options, fragment=f"token={token}")
    summary = world.control_get("/api/summary").json

    assert text_of(document, "requests").replace(",", "").replace("\u202f", "") == str(summary["requests"])
    assert "live" in text_of(document, "status")
    assert document.count("<tr") > 1
    assert console == ""


def test_without_the_token_the_page_asks_for_it_and_shows_nothing(world: World, tmp_path: Path) -> None:
    """The figures are not for everybody who can reach the port."""
    document, _ = shown(world, tmp_path, fragment="")

    assert re.search(r'<form id="login"(?![^>]*hidden)', document)
    assert text_of(document, "requests") == "\u2013"
