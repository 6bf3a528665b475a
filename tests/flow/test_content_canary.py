"""What is kept is read nowhere but with the key: one word, sought in every file a worker and the ledger leave."""

import json
from pathlib import Path

import pytest

from tests.support.fake_transport import FakeIncoming
from tests.support.gateway import House, ask, house
from tests.support.provider import Provider, settled, whole
from turnout.clock import SystemClock
from turnout.content.open import open_content
from turnout.content.seal import keyring, new_key
from turnout.control.ingest import ingest_once
from turnout.journal.writer import SegmentJournal
from turnout.metrics import Metrics
from turnout.ports import Outgoing
from turnout.store.ledger import Ledger

CANARY = "Zaphodbeeblebrox"
ONLINE = "online: {checks: [json_valid, {regex: nothing}, python_compiles], judge: {model: sim-openai/large, sample: 1, budget_usd_per_day: 1}}"
ROUTES = f"""\
routes:
  silent: {{static: sim-openai/small, {ONLINE}}}
  full: {{static: sim-openai/small, content: full, cache: {{ttl: 10s}}, {ONLINE}}}
  redacted: {{static: sim-openai/small, content: redacted, {ONLINE}}}
  default: {{static: sim-openai/small}}
"""


class Echo(Provider):
    """Says again what it was asked; as a judge it says so too, and its grade."""

    async def send(self, request: Outgoing, *, connect_timeout: float) -> FakeIncoming:
        self.calls += 1
        body = json.loads(request.body)
        if body.get("stream"):
            self.text = CANARY
            return await super().send(request, connect_timeout=connect_timeout)
        return FakeIncoming(whole(f'{body["messages"][-1]["content"][-200:]} {{"score": 3}}'))


def all_files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


@pytest.fixture
def rooms(tmp_path: Path) -> House:
    (tmp_path / "content.key").write_text(new_key())
    found = house(tmp_path, Echo(), routes=ROUTES, more=f"\nstore: {{content_key: 'file:{tmp_path}/content.key'}}\n")
    (tmp_path / "metrics").mkdir()
    found.gateway.journal = SegmentJournal(tmp_path / "journal", "test", SystemClock())
    found.gateway.metrics = Metrics(tmp_path / "metrics" / "test.metrics")
    return found


async def test_nowhere(rooms: House, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Not in the journal, the ledger, the metrics, a log; and what was kept is there, whole, for who has the key."""
    ledger, ids = Ledger(tmp_path / "ledger.db"), {}
    for route in ("silent", "full", "redacted"):
        for stream in (False, True):
            body = {"model": route, "stream": stream, "messages": [{"role": "user", "content": f"Who is {CANARY}?"}]}
            answered = await ask(rooms.app, "/v1/chat/completions", body)
            ids[route, stream] = answered.headers["x-turnout-request-id"]
            assert CANARY in answered.body.decode()
    await settled()
    for task in (*rooms.gateway.grader.tasks, *rooms.gateway.in_hand.tasks):
        await task
    await rooms.gateway.grader.close(5)
    rooms.gateway.metrics.save()
    rooms.gateway.journal.close()
    in_journal = b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir())
    assert ingest_once(tmp_path / "journal", ledger).refused == 0
    files = all_files(tmp_path)

    assert len(in_journal) > 5_000
    assert CANARY.encode() not in in_journal
    assert {path.name for path in files} >= {"ledger.db", "test.metrics"}
    assert [path.name for path in files if CANARY.encode() in path.read_bytes()] == []
    assert CANARY not in "".join((*capfd.readouterr(), caplog.text))
    keys = keyring([(tmp_path / "content.key").read_text()])
    for (route, _), id_ in ids.items():
        content = ledger.contents.get(id_)
        assert (content is None) == (route == "silent")
        if content is not None:
            opened = open_content(content, keys)
            assert CANARY in opened.request_text
            assert CANARY in opened.answer_text
    ledger.close()
