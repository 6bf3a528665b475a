"""The dashboard in a real browser: every page, wide and narrow, light and dark, with a silent console and the ledger's figures."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.e2e.browser import CHROMIUM, Browser
from tests.e2e.world import World
from turnout.control.pages.registry import PAGES

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: chromium)")

HOSTILE = "<img src=x onerror=document.title='owned'>"
ASK = {"model": "auto", "messages": [{"role": "user", "content": "What is 12 + 30?"}]}
CALM = "[...document.querySelectorAll('.plot')].every((plot) => plot.dataset.shown)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def silence(browser: Browser) -> Iterator[None]:
    """Whatever a test does, nothing is written to the console."""
    browser.complaints.clear()
    browser.look(1280, 900, dark=False)
    yield
    assert browser.complaints == []


@pytest.fixture(scope="module")
def asked(world: World) -> str:
    """A request that is in the ledger, and in the sums over it; its id."""
    answer = world.post("/v1/chat/completions", ASK, x_turnout_tags=f"team={quote(HOSTILE)}")
    request_id = answer.headers["x-turnout-request-id"]
    world.record(request_id)
    until = time.monotonic() + 10
    while HOSTILE not in str(
        world.control_get("/api/pages/cost/tags.json?window=24h").json
    ):  # sums are a second behind, or a few
        assert time.monotonic() < until, "the request is in no sum"
        time.sleep(0.1)
    return request_id


def token(world: World) -> str:
    return (world.data_dir / "admin-token").read_text().strip()


def visit(browser: Browser, world: World, address: str) -> None:
    name = address.partition("?")[0].strip("/").split("/")[0] or "now"
    browser.open(f"{world.control}{address}#token={token(world)}", f"document.getElementById('page')?.dataset.drawn === '{name}'")
    browser.wait(CALM)


@pytest.mark.parametrize(("width", "height", "dark"), [(1280, 900, False), (390, 844, True)])
def test_every_page_is_drawn_within_its_window(browser: Browser, world: World, asked: str, width: int, height: int, dark: bool):  # noqa: FBT001
    """No page is wider than the window, none stays empty, and none says that something went wrong."""
    browser.look(width, height, dark=dark)
    for page in PAGES:
        visit(browser, world, f"/{page.name}")

        assert browser.run("document.documentElement.scrollWidth") <= width, page.name
        assert browser.run("document.getElementById('title').textContent") == page.title
        assert browser.run("document.querySelectorAll('#page > section').length") > 0
        assert browser.run("document.querySelectorAll('#page .plot:not(.js-plotly-plot)').length") == 0
        assert "could not be read" not in browser.run("document.getElementById('alerts').textContent")


def test_the_figures_are_the_ledgers(browser: Browser, world: World, asked: str):
    """What is read on the page is what the API says, and what the rows are."""
    visit(browser, world, "/now?window=24h")
    browser.wait("[...document.querySelectorAll('.figure')][0].querySelector('.value').textContent !== '0'")
    shown = int(re.sub(r"\D", "", browser.run("document.querySelector('.figure .value').textContent")))
    summary = world.control_get("/api/summary?window=90000").json

    assert 0 < shown <= summary["requests"]
    assert asked in browser.run("[...document.querySelectorAll('a[href^=\"/decisions/\"]')].map((link) => link.href).join()")


def test_the_token_leaves_the_address_and_stays_for_the_tab(browser: Browser, world: World, asked: str):
    """Not in the address bar, the history or a screenshot; the next page needs it no more."""
    visit(browser, world, "/now")
    assert "token" not in browser.run("location.href")

    browser.run("document.querySelector('#menu a[href=\"/cost\"]').click()")
    browser.wait("document.getElementById('page').dataset.drawn === 'cost'")
    browser.run("history.back()")
    browser.wait("document.getElementById('title').textContent === 'Now'")


def test_the_keyboard_leads_everywhere(browser: Browser, world: World, asked: str):
    """``g c`` is Cost, ``/`` the first filter, ``?`` the list of keys, ``d`` the other theme; Tab begins with the way past the menu."""
    visit(browser, world, "/now")
    browser.press("g", "c")
    browser.wait("document.getElementById('page').dataset.drawn === 'cost'")
    browser.press("/")
    assert browser.run("document.activeElement.closest('form[data-search]') !== null")
    browser.run("document.activeElement.blur()")
    browser.press("?")
    assert browser.run("document.getElementById('keys').open")
    assert browser.run("document.querySelectorAll('#keys-list dt').length") > len(PAGES)
    browser.run("document.getElementById('keys').close()")
    browser.press("d")
    assert browser.run("document.documentElement.dataset.theme") == "dark"
    browser.press("d")
    assert browser.run("document.documentElement.dataset.theme") == "light"
    browser.run("localStorage.clear(); delete document.documentElement.dataset.theme")


def test_a_live_page_is_refreshed_without_being_torn_from_ones_hands(browser: Browser, world: World, asked: str):
    """The element that has the focus is the same one after a refresh, and nothing has scrolled."""
    visit(browser, world, "/now")
    browser.run(
        "window.held = document.querySelector('[data-export=\"latest.csv\"]'); held.focus(); scrollTo(0, 200);"
        " window.before = document.getElementById('state').textContent"
    )
    world.record(world.post("/v1/chat/completions", ASK).headers["x-turnout-request-id"])
    browser.wait("document.getElementById('state').textContent !== before")

    assert browser.run("document.activeElement === held && document.contains(held)")
    assert browser.run("scrollY") == 200


def test_a_hostile_name_is_text(browser: Browser, world: World, asked: str):
    """A tag that looks like markup is shown as it was sent, in tables, choices and charts; nothing of it is run."""
    visit(browser, world, "/cost?window=24h&by=tag&tag=team")
    browser.wait(f"document.getElementById('page').textContent.includes({HOSTILE!r})")

    assert browser.run("document.title") == "Cost · Turnout"
    assert browser.run("document.querySelectorAll('#page img').length") == 0


def test_filters_are_in_the_address_and_the_address_fills_the_filters(browser: Browser, world: World, asked: str):
    """What one looks at can be sent to somebody as a link; what is not possible is said, with what is."""
    visit(browser, world, "/cost?window=7d&by=route")
    assert browser.run("document.querySelector('input[name=by]:checked').value") == "route"
    browser.run("document.querySelector('input[name=window][value=\"24h\"]').click()")
    browser.wait("document.getElementById('page').textContent.includes('Cost an hour by route')")
    assert browser.run("new URLSearchParams(location.search).get('window')") == "24h"

    browser.open(f"{world.control}/cost?window=8d", "document.querySelector('[data-retry]') !== null")
    assert "window" in browser.run("document.getElementById('alerts').textContent")
    assert all("400" in complaint for complaint in browser.complaints)  # the browser's own word on the answer
    browser.complaints.clear()


def test_a_table_is_saved_as_a_file(browser: Browser, world: World, asked: str, tmp_path: Path):
    """CSV, from the same figures, although the token is never in an address."""
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    visit(browser, world, "/cost?window=24h&by=route")
    browser.run("document.querySelector('[data-export=\"parts.csv\"]').click()")
    saved = tmp_path / "turnout-cost-parts.csv"
    until = time.monotonic() + 10
    while not saved.exists():
        assert time.monotonic() < until, list(tmp_path.iterdir())
        time.sleep(0.03)

    assert saved.read_text().startswith("Route,Requests,Cost (USD)")


def test_sorting_and_the_rest_of_a_table_stay_through_refreshes(browser: Browser, world: World, asked: str):
    """A press on a column's name sorts by it, largest first, a second one turns it round; a live page keeps that."""
    visit(browser, world, "/now")
    sort = "[...document.querySelectorAll('[data-sort=latest]')].find((button) => button.textContent === 'Latency')"
    browser.run(f"{sort}.click(); {sort}.click(); window.before = document.getElementById('state').textContent")
    browser.wait("document.getElementById('state').textContent !== before")

    assert browser.run(f"{sort}.closest('th').getAttribute('aria-sort')") == "ascending"


def test_without_the_token_the_page_asks_for_it_and_shows_nothing(world: World, tmp_path: Path):
    """The figures are not for everybody who can reach the port; the token typed in opens them."""
    with Browser(tmp_path) as stranger:
        stranger.open(f"{world.control}/cost", "!document.getElementById('login').hidden")

        assert stranger.run("document.getElementById('main').hidden")
        assert stranger.run("document.getElementById('page').textContent.trim()") == ""
        stranger.run(
            f"document.getElementById('token').value = {token(world)!r}; document.querySelector('#login button').click()"
        )
        stranger.wait("document.getElementById('page').dataset.drawn === 'cost'")
        assert stranger.run("document.getElementById('login').hidden")
