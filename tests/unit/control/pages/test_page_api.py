import gzip
import hashlib
from importlib.resources import files
from pathlib import Path

import pytest
from starlette.applications import Starlette

from tests.support.asgi import call
from tests.support.dashboard import filled, sources, varied
from tests.support.records import NOW, record
from turnout.clock import ManualClock
from turnout.control.app import control_app
from turnout.control.page_api import page_routes
from turnout.control.pages.registry import PAGES
from turnout.store.ledger import Ledger

ADMIN = {"authorization": "Bearer secret"}


@pytest.fixture
def app(ledger: Ledger, tmp_path: Path) -> Starlette:
    return control_app(
        ledger, "secret", [], clock=ManualClock(NOW), more=page_routes(sources(ledger, tmp_path, ManualClock(NOW)))
    )


async def test_one_shell_is_at_every_page_and_has_them_all_in_its_menu(app: Starlette):
    """Each page's address can be kept, and sent to somebody; what is behind it needs the token."""
    shell = await call(app, "/")

    assert shell.headers["content-type"].startswith("text/html")
    for page in PAGES:
        assert (await call(app, f"/{page.name}")).body == shell.body
        assert f'href="/{page.name}"'.encode() in shell.body
        assert (await call(app, f"/api/pages/{page.name}")).status == 401


def test_pages_have_keys_of_their_own():
    """``g`` and a letter leads to one page."""
    assert len({page.key for page in PAGES}) == len({page.name for page in PAGES}) == len(PAGES)


async def test_every_page_is_an_answer_on_an_empty_ledger(app: Starlette):
    """The first look at a new router shows what to do, not an error, and no table or chart stands there without words."""
    for page in PAGES:
        answer = await call(app, f"/api/pages/{page.name}?zone=America/New_York", **ADMIN)

        assert answer.status == 200, answer.body
        assert answer.json["title"] == page.title
        for section in answer.json["sections"]:
            for block in section["blocks"]:
                assert block["type"] != "table" or block["rows"] or len(block["empty"]) > 20
                assert block["type"] != "chart" or block["says"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("window=8d", "`window`: '8d' is none of 1h"), ("zone=Mars/Olympus", "zone"), ("zone=../../etc", "zone"), ("by=colour", "`by`"), ("windw=7d", "windw"),
        ("per=second", "$.per"),
    ],
)  # fmt: skip
async def test_a_bad_query_is_refused_with_the_name_of_what_is_wrong(app: Starlette, query: str, named: str):
    """400, and which parameter; nothing is guessed."""
    answer = await call(app, f"/api/pages/cost?{query}", **ADMIN)

    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_request")
    assert named in answer.json["error"]["message"]


@pytest.mark.parametrize("path", ["none", "now/none.csv", "now/models.xml", "cost/../../secret.csv"])
async def test_what_is_not_there_is_404(app: Starlette, path: str):
    """A page or table of another name is not found, and the answer is JSON in words."""
    answer = await call(app, f"/api/pages/{path}", **ADMIN)

    assert (answer.status, answer.json["error"]["code"]) == (404, "not_found")


async def test_exports_have_the_table_with_exact_numbers(app: Starlette, ledger: Ledger):
    """The CSV's costs are dollars to the pico-dollar, and sum up to what the rows say; JSON has the same text."""
    records = varied()
    filled(ledger, records)
    paid = sum(call.cost for one in records for call in one.attempts if call.cost is not None)

    written = await call(app, "/api/pages/cost/parts.csv?window=24h", **ADMIN)
    as_json = (await call(app, "/api/pages/cost/parts.json?window=24h", **ADMIN)).json

    head, *lines = written.body.decode().splitlines()
    names = head.split(",")
    costs = [line.split(",")[names.index("Cost (USD)")] for line in lines]
    assert sum(int(cost.partition(".")[0]) * 10**12 + int(cost.partition(".")[2].ljust(12, "0")) for cost in costs) == paid
    assert [row["Cost"] for row in as_json["rows"]] == costs
    assert written.headers["content-disposition"] == 'attachment; filename="turnout-cost-parts.csv"'


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "<img src=x onerror=alert(1)>", 'a",b\n"c'])
async def test_a_name_from_a_request_stays_text_in_exports_and_pages(app: Starlette, ledger: Ledger, name: str):
    """No spreadsheet runs a model's name, and JSON carries it as it is, for the browser to show as text."""
    filled(ledger, [record(model=name, at=NOW - 5)])

    written = (await call(app, "/api/pages/now/models.csv", **ADMIN)).body.decode()
    page = await call(app, "/api/pages/now", **ADMIN)

    parts = [block for section in page.json["sections"] for block in section["blocks"]]
    cell = written.split("\r\n", 1)[1]
    assert not cell.lstrip('"').startswith(("=", "+", "-", "@", "\t", "\n"))
    assert name.replace('"', '""') in cell
    assert page.headers["content-type"] == "application/json"
    assert any(block.get("id") == "models" and block["rows"][0][0]["value"] == name for block in parts)


async def test_plotly_is_the_installed_one_kept_for_good_and_packed(app: Starlette):
    """Its address has its hash, so that browsers may keep it forever; who takes gzip gets a third of it."""
    script = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    address = f"/plotly-{hashlib.sha256(script).hexdigest()[:16]}.js"

    packed = await call(app, address, accept_encoding="br, gzip")

    assert address.encode() in (await call(app, "/")).body
    assert gzip.decompress(packed.body) == script
    assert len(packed.body) < len(script) / 2
    assert "immutable" in packed.headers["cache-control"]
    assert packed.headers["vary"] == "accept-encoding"
    assert (await call(app, address)).body == script
    assert (await call(app, "/plotly-0000000000000000.js")).status == 404


async def test_no_script_or_style_of_the_shell_is_inline(app: Starlette):
    """The content security policy lets nothing run that a request could have written."""
    shell = await call(app, "/")
    policy = shell.headers["content-security-policy"]

    assert "unsafe" not in policy
    assert b"style=" not in shell.body
    assert b"<style" not in shell.body
    assert all(b"src=" in tag for tag in shell.body.split(b"<script")[1:])
