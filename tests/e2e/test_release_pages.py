"""The release pages in a real browser, on a ledger in which releases have happened: drawn in both widths and themes, and their buttons pressed."""

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from tests.e2e.browser import CHROMIUM, Browser
from tests.e2e.conftest import free_ports
from tests.support.dashboard import sources
from tests.support.release_stories import happened
from turnout.clock import SystemClock
from turnout.control.app import control_app
from turnout.control.page_api import page_routes
from turnout.control.release_api import release_routes
from turnout.release.desk import Desk
from turnout.store.ledger import Ledger

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: chromium)")

CALM = "[...document.querySelectorAll('.plot')].every((plot) => plot.dataset.shown)"
PLACES = ("/releases", "/releases/r-bake", "/trials", "/matrix", "/catalog")
WITHIN = 10.0


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    opened = Ledger(tmp_path_factory.mktemp("stories") / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def house(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The control plane's pages and the release API over it, as they are served; its address."""
    folder = tmp_path_factory.mktemp("house")
    clock = SystemClock()
    base = happened(folder, ledger, clock.now())
    desk = Desk(ledger, clock, lambda: base.policy, lambda _note, _actor: 1, ledger.lock.revision)
    routes = [*page_routes(sources(ledger, folder, clock)), *release_routes(desk, ledger, lambda _model, _route: "no")]
    (port,) = free_ports(1)
    app = control_app(ledger, "secret", ["127.0.0.1"], more=routes)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + WITHIN
    while not server.started:
        assert time.monotonic() < until, "the control plane did not start"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(WITHIN)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def visit(browser: Browser, house: str, place: str) -> None:
    page = place.split("/")[1]
    browser.open(f"{house}{place}#token=secret", f"document.getElementById('page')?.dataset.drawn === '{page}'")
    browser.wait(CALM)


@pytest.mark.parametrize(("width", "height", "dark"), [(1280, 900, False), (390, 844, True)])
def test_every_release_page_is_drawn_within_its_window(browser: Browser, house: str, width: int, height: int, dark: bool):  # noqa: FBT001
    """None is wider than the window, no chart stays empty, and the console is silent."""
    browser.complaints.clear()
    browser.look(width, height, dark=dark)
    for place in PLACES:
        visit(browser, house, place)

        assert browser.run("document.documentElement.scrollWidth") <= width, place
        assert browser.run("document.querySelectorAll('#page .plot:not(.js-plotly-plot)').length") == 0, place
        assert "could not be read" not in browser.run("document.getElementById('alerts').textContent")
    assert browser.complaints == []


def test_intervals_lie_within_their_fields(browser: Browser, house: str):
    """On the map of the matrix as Plotly drew it: each interval's line is there, once, and none leaves the map."""
    browser.look(1280, 900, dark=False)
    visit(browser, house, "/matrix")

    drawn = browser.run("document.querySelectorAll('[data-chart=quality] .shapelayer path').length")
    assert drawn == 2 * browser.run(
        "document.querySelector('[data-chart=quality]').data.slice(0, 2).flatMap((t) => t.z.flat()).filter((z) => z !== null).length"
    )
    assert browser.run("document.querySelectorAll('[data-chart=quality] .heatmaplayer image').length") == 3


def test_a_button_is_pressed_with_why_and_who(browser: Browser, house: str, ledger: Ledger):
    """Of several that share their fields each goes its own way; the page shows what came of it, and the audit trail who."""
    browser.complaints.clear()
    visit(browser, house, "/releases/r-proposed")
    browser.run(
        "window.confirm = () => true;"
        " document.querySelector('form.action input[name=note]').value = 'not before the audit';"
        " document.querySelector('form.action input[name=by]').value = 'ana';"
        " [...document.querySelectorAll('form.action button')].find((one) => one.textContent === 'Pause').click()"
    )
    browser.wait("document.getElementById('alerts') && document.getElementById('page').textContent.includes('Paused: ana')")

    found = ledger.releases.get("r-proposed")
    assert found is not None
    assert found.status.paused == "ana: not before the audit"
    assert browser.run("[...document.querySelectorAll('form.action button')].map((one) => one.textContent)") == [
        "Approve",
        "Reject",
        "Resume",
    ]
    assert ledger.audit.page(1)[0].actor == "ana"
    assert browser.complaints == []


def test_what_is_being_filled_in_outlives_a_refresh(browser: Browser, house: str):
    """A live page leaves a half-written reason alone; the next release's page begins with an empty one."""
    visit(browser, house, "/releases/r-bake")
    browser.run(
        "window.why = document.querySelector('form.action input[name=note]'); why.value = 'because';"
        " window.before = document.getElementById('state').textContent"
    )
    browser.wait("document.getElementById('state').textContent !== before")
    assert browser.run("document.contains(why) && why.value") == "because"

    browser.run("history.pushState(null, '', '/releases/r-trial'); dispatchEvent(new PopStateEvent('popstate'))")
    browser.wait("document.getElementById('title').textContent.includes('on support')")
    assert browser.run("document.querySelector('form.action input[name=note]').value") == ""


def test_a_choice_left_open_is_not_sent(browser: Browser, house: str, ledger: Ledger):
    """Who opens a release chooses its model and its route; without them the form stays where it is."""
    visit(browser, house, "/releases")
    before = len(ledger.releases.list())
    browser.run(
        "window.sent = 0; addEventListener('submit', () => { sent += 1; });"
        " [...document.querySelectorAll('form.action button')].find((one) => one.textContent === 'Open it').click()"
    )

    assert browser.run("sent") == 0
    assert browser.run("document.querySelector('select[name=model]').validity.valueMissing")
    assert len(ledger.releases.list()) == before
