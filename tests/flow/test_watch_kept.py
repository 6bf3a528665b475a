"""A watch over sources that change, fail and lie, over real HTTP: what is taken, what waits, what stays as it was."""

import gzip
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.catalogs import dev_model, lite_model, litellm, models_dev
from turnout.alerts.tell import of_event
from turnout.audit.kinds import REFRESH
from turnout.catalog.accepted import DIRECTORY
from turnout.catalog.load import Catalog, load_catalog
from turnout.clock import ManualClock
from turnout.errors import Unusable
from turnout.store.ledger import Ledger
from turnout.types.alert import Alert
from turnout.types.policy import Credential, Provider
from turnout.types.release import CatalogEvent
from turnout.watch import fetch, gather
from turnout.watch.fetch import places
from turnout.watch.keep import Watch
from turnout.watch.sources import shape

NOW = 1_795_435_200.0  # 2026-11-23
SHIPPED = load_catalog()
IN_USE = "anthropic/claude-haiku-4-5"
HAIKU = {"limit": {"context": 200_000, "output": 64_000}, "release_date": "2025-10-15"}


class World:
    """Serves what it is told to by path, with an ETag; counts what it was asked, and with which headers."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | int | tuple[int, str]] = {}
        self.asked: list[tuple[str, dict[str, str], int]] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        page = self.pages.get(request.path, 404)
        tag = f'"{hash(page)}"'
        status, body, headers = 200, page, {"etag": tag}
        if isinstance(page, int):
            status, body = page, b"no"
        elif isinstance(page, tuple):
            status, body, headers = page[0], b"", {"location": page[1]}
        elif request.headers.get("if-none-match") == tag:
            status, body = 304, b""
        elif page[:2] == b"\x1f\x8b":
            headers["content-encoding"] = "gzip"
        self.asked.append((request.path, dict(request.headers), status))
        assert isinstance(body, bytes)
        request.send_response(status)
        for name, value in (headers | {"content-length": str(len(body))}).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def web() -> Iterator[tuple[World, str]]:
    found = World()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.answer(self)

        def log_message(self, *said: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


Make = Callable[..., Watch]


@pytest.fixture
def heard() -> list[CatalogEvent]:
    return []


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def watch(tmp_path: Path, ledger: Ledger, web: tuple[World, str], clock: ManualClock, heard: list[CatalogEvent]) -> Watch:
    """Of two sources, ``/dev`` and ``/lite``, with one model in use."""
    found = places([f"{web[1]}/dev", f"{web[1]}/lite"], (), lambda _: None, {}, tmp_path)

    def news(event: CatalogEvent) -> Alert | None:
        heard.append(event)
        return of_event(event, ("support",))

    return Watch(tmp_path, ledger, clock, SHIPPED, found, in_use=lambda: {IN_USE}, news=news)


def dev(cost: tuple[float, float] = (1.0, 5.0), **others: dict[str, Any]) -> bytes:
    haiku = dev_model(**HAIKU, reasoning=True, cost={"input": cost[0], "output": cost[1], "cache_read": cost[0] / 10})
    return models_dev({IN_USE: haiku} | {f"anthropic/{name}": dev_model(**entry) for name, entry in others.items()})


def lite(cost: tuple[float, float] = (1.0, 5.0), **others: dict[str, Any]) -> bytes:
    prices = {
        "input_cost_per_token": cost[0] / 1e6,
        "output_cost_per_token": cost[1] / 1e6,
        "cache_read_input_token_cost": cost[0] / 1e7,
    }
    return litellm(
        {"claude-haiku-4-5": lite_model("anthropic", **prices)}
        | {name: lite_model("anthropic", **entry) for name, entry in others.items()}
    )


def accepted(tmp_path: Path) -> Catalog:
    return load_catalog(accepted=tmp_path / DIRECTORY)


def price(tmp_path: Path) -> float:
    return accepted(tmp_path).models[IN_USE].prices[-1].tiers[0].input / 1e6


def test_a_new_model_is_found_taken_and_told(
    tmp_path: Path, web: tuple[World, str], watch: Watch, ledger: Ledger, heard: list[CatalogEvent]
) -> None:
    """It is in the catalog, untried; in the ledger, the audit trail and what people are told; a second look asks with the tag and finds nothing."""
    web[0].pages = {"/dev": dev(), "/lite": lite()}
    first = watch.refresh()
    web[0].pages = {"/dev": dev(**{"claude-haiku-9": {"release_date": "2026-11-20"}}), "/lite": lite(**{"claude-haiku-9": {}})}
    second = watch.refresh("cli:somebody")
    third = watch.refresh()

    (event,) = second.events
    assert (first.events, third.events) == ((), ())
    assert (first.changed, second.changed, third.changed) == (True, True, False)
    assert (event.kind, event.model, event.state, event.confirmed) == (
        "model_added",
        "anthropic/claude-haiku-9",
        "accepted",
        True,
    )
    assert heard == [event]
    assert watch.events_since(NOW - 1) == (event,)
    assert accepted(tmp_path).models[event.model].untried
    assert accepted(tmp_path).hash != SHIPPED.hash
    assert [status for _, _, status in web[0].asked] == [200, 200, 200, 200, 304, 304]
    entry = ledger.audit.page(1, kind=REFRESH)[0]
    assert (entry.actor, msgspec.json.decode(entry.payload)["events"]) == ("cli:somebody", {"model_added": 1})


def test_a_price_in_use_waits_for_a_second_voice(
    tmp_path: Path, web: tuple[World, str], watch: Watch, heard: list[CatalogEvent]
) -> None:
    """One says it: nothing changes, and it is told once. The other says it too: it is taken, and told as taken."""
    web[0].pages = {"/dev": dev((0.8, 4.0)), "/lite": lite()}
    one, again = watch.refresh(), watch.refresh()
    before = price(tmp_path)
    web[0].pages["/lite"] = lite((0.8, 4.0))
    both = watch.refresh()

    assert [(event.kind, event.state) for event in one.events] == [("price_changed", "noted")]
    assert again.events == ()
    assert before == 1.0
    assert [(event.id, event.state, event.confirmed) for event in both.events] == [(one.events[0].id, "accepted", True)]
    assert price(tmp_path) == 0.8
    assert [event.state for event in heard] == ["noted", "accepted"]
    assert watch.events_since(0)[0].state == "accepted"
    assert watch.waiting() == ()


def test_an_event_is_not_known_before_people_are_told(
    web: tuple[World, str], watch: Watch, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are one transaction: whoever dies in between finds the event again, and tells it."""

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    web[0].pages = {"/dev": dev((0.8, 4.0)), "/lite": lite()}
    with monkeypatch.context() as broken:
        broken.setattr(ledger.alerts, "put", full)
        with pytest.raises(OSError, match="no space"):
            watch.refresh()
    assert (watch.events_since(0), ledger.alerts.list()) == ((), ())

    (event,) = watch.refresh().events
    (alert,) = ledger.alerts.list()
    assert (alert.id, alert.kind, alert.title) == (
        event.id,
        "price_conflict",
        f"an unconfirmed price of {IN_USE} (used by support)",
    )


def test_a_person_takes_what_waits_or_says_no_to_it(tmp_path: Path, web: tuple[World, str], watch: Watch, ledger: Ledger) -> None:
    """What was dismissed stays so for as long as it is said; another figure is another event."""
    web[0].pages = {"/dev": dev((0.8, 4.0)), "/lite": lite()}
    (first,) = watch.refresh().events
    watch.dismiss([first.id], "cli:ann", "their mistake")
    quiet = watch.refresh().events
    web[0].pages["/dev"] = dev((0.9, 4.5))
    (second,) = watch.refresh().events
    taken = watch.accept([second.id], "cli:ann", "seen on their page")
    after = watch.refresh()

    assert quiet == ()
    assert (taken[0].state, taken[0].confirmed) == ("accepted", True)
    assert price(tmp_path) == 0.9
    assert {(event.kind, event.after) for event in after.events} >= {("source_conflict", "litellm 1")}
    states = {event.id: event.state for event in watch.events_since(0)}
    assert (states[first.id], states[second.id]) == ("dismissed", "accepted")
    assert [entry.actor for entry in ledger.audit.page(10, kind=REFRESH)].count("cli:ann") == 2
    with pytest.raises(Unusable, match="no event nope"):
        watch.accept(["nope"], "cli:ann")


POISON = {
    "every price zero": lambda pages: pages | {"/dev": dev((0, 0)), "/lite": lite((0, 0))},
    "a price times a hundred": lambda pages: pages | {"/dev": dev((100, 500)), "/lite": lite((100, 500))},
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_a_poisoned_refresh_changes_nothing_and_is_told_once(
    poison: Callable[[dict[str, bytes]], dict[str, bytes]], tmp_path: Path, web: tuple[World, str], watch: Watch
) -> None:
    """Even if both sources say so. A person may still take it; when the sources are well again it is over by itself."""
    well: dict[str, Any] = {"/dev": dev(), "/lite": lite()}
    web[0].pages = well
    watch.refresh()
    before = accepted(tmp_path)
    web[0].pages = poison(well)
    bad, again = watch.refresh(), watch.refresh()
    during = accepted(tmp_path)
    web[0].pages = well
    healed = watch.refresh()

    assert bad.suspicion
    assert [event.state for event in bad.events] == ["quarantined"]
    assert (again.events, again.suspicion != ()) == ((), True)
    assert during == before == accepted(tmp_path)
    assert (healed.events, healed.suspicion, watch.waiting()) == ((), (), ())
    assert watch.events_since(0)[0].state == "dismissed"


def test_what_was_kept_apart_can_be_taken_whole(tmp_path: Path, web: tuple[World, str], watch: Watch) -> None:
    """A price that really fell by nine tenths, and the new model that came with it."""
    web[0].pages = {"/dev": dev(), "/lite": lite()}
    watch.refresh()
    fresh = {"claude-haiku-9": {"release_date": "2026-11-20"}}
    web[0].pages = {"/dev": dev((0.1, 0.5), **fresh), "/lite": lite((0.1, 0.5))}
    bad = watch.refresh()
    before = price(tmp_path)
    taken = watch.accept(None, "cli:ann")

    assert len(bad.events) == 2
    assert (before, price(tmp_path)) == (1.0, 0.1)
    assert {event.kind for event in taken} == {"price_changed", "model_added"}
    assert "anthropic/claude-haiku-9" in accepted(tmp_path).models
    assert watch.refresh().events == ()


def test_a_vendor_that_vanishes_is_kept_apart(tmp_path: Path, web: tuple[World, str], watch: Watch) -> None:
    """Both sources list one of four models: that is somebody's accident."""
    others = {f"claude-x-{n}": {} for n in range(3)}
    web[0].pages = {"/dev": dev(**others), "/lite": lite(**others)}
    watch.refresh()
    web[0].pages = {"/dev": dev(), "/lite": lite()}
    gone = watch.refresh()

    assert gone.suspicion == ("anthropic: 3 of 4 models are listed no more",)
    assert {event.state for event in gone.events} == {"quarantined"}


DOWN: dict[str, bytes | int] = {
    "an error": 503,
    "a web page": b"<!doctype html><html>blocked</html>",
    "nothing": b"",
    "half of it": dev()[:200],
    "another catalog": lite(),
    "nobody's models": models_dev({"nobody/x": dev_model()}),
    "a bomb": gzip.compress(b"[" + b" " * 3_000_000 + b"]", mtime=0),
}


@pytest.mark.parametrize("page", DOWN.values(), ids=DOWN.keys())
def test_a_source_that_is_down_speaks_by_its_last_good_copy(
    page: bytes | int, tmp_path: Path, web: tuple[World, str], watch: Watch, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other is heard, nothing is gone, the error is in words and the age is that of the copy."""
    monkeypatch.setattr(fetch, "LARGEST", 1_000_000)
    monkeypatch.setattr(shape, "LARGEST", 1_000_000)
    web[0].pages = {"/dev": dev(**{"claude-x": {}}), "/lite": lite()}
    watch.refresh()
    clock.advance(3_600)
    web[0].pages = {"/dev": page, "/lite": lite(**{"claude-y": {"deprecation_date": "2028-01-01"}})}
    found = watch.refresh()

    assert [event.model for event in found.events] == ["anthropic/claude-y"]
    assert list(found.errors) == [f"{web[1]}/dev"]
    assert found.ages == {f"{web[1]}/dev": 3_600.0, f"{web[1]}/lite": 0.0}
    assert watch.ages() == found.ages
    assert "anthropic/claude-x" in accepted(tmp_path).models


def test_two_hundred_megabytes_are_not_read(web: tuple[World, str], watch: Watch, tmp_path: Path) -> None:
    """Reading ends at the limit, packed or from a file."""
    web[0].pages = {"/dev": gzip.compress(b"0" * 70_000_000, 1), "/lite": lite()}
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(200_000_000)

    found = watch.refresh()
    got = fetch.fetch(places([str(large)], (), lambda _: None, {}, tmp_path), {}, ManualClock())

    assert found.errors == {f"{web[1]}/dev": "it is larger than 64 MiB"}
    assert got[str(large)].error == "it is larger than 64 MiB"


def test_a_providers_own_list_is_asked_with_its_credential(web: tuple[World, str], tmp_path: Path, ledger: Ledger) -> None:
    """vendor:NAME is the policy's provider; it is believed first, and is never followed elsewhere with a credential in hand."""
    provider = Provider("claude", "anthropic", "anthropic-messages", f"{web[1]}/v1", "x-api-key", (Credential("env:KEY"),), headers={"anthropic-version": "2023-06-01"})  # fmt: skip
    entry = {
        "type": "model",
        "id": "claude-haiku-4-5",
        "display_name": "x",
        "created_at": "2025-10-15T00:00:00Z",
        "max_tokens": 32_000,
    }
    web[0].pages = {"/v1/models?limit=1000": msgspec.json.encode({"data": [entry]})}
    (place,) = places(["vendor:claude"], [provider], {"env:KEY": "sk-secret-1"}.get, {}, tmp_path)
    watch = Watch(tmp_path, ledger, ManualClock(NOW), SHIPPED, [place])

    found = watch.refresh()
    web[0].pages = {"/v1/models?limit=1000": (302, f"{web[1]}/elsewhere")}
    moved = watch.refresh()

    path, headers, _ = web[0].asked[0]
    assert (path, headers["x-api-key"]) == ("/v1/models?limit=1000", "sk-secret-1")
    assert [(event.field, event.after) for event in found.events] == [("max_output", "32,000")]
    assert moved.errors == {"vendor:claude": "it answered 302"}
    assert "sk-secret" not in repr(place)


def test_a_catalog_that_moved_is_followed_but_not_into_the_clear(web: tuple[World, str], tmp_path: Path) -> None:
    """A few redirects, never to plain HTTP on another machine."""
    web[0].pages = {"/a": (301, "/b"), "/b": dev(), "/c": (302, "http://198.51.100.1/x"), "/d": (302, "/d")}
    found = places([f"{web[1]}/{name}" for name in "acd"], (), lambda _: None, {}, tmp_path)

    a, c, d = fetch.fetch(found, {}, ManualClock()).values()

    assert a.data == dev()
    assert "not followed" in (c.error or "")
    assert d.error == "it answered 302"


def test_sources_that_are_none_are_all_named_at_once(tmp_path: Path) -> None:
    """Unknown providers, plain HTTP to elsewhere, other schemes; what may be named is said."""
    with pytest.raises(Unusable) as refused:
        places(["vendor:nobody", "http://example.com/x", "ftp://x/y", "models.dev"], (), lambda _: None, {}, tmp_path)

    said = str(refused.value).splitlines()
    assert len(said) == 3
    assert "no provider of the policy is called nobody" in said[0]
    assert "use https" in said[1]


def test_a_preview_leaves_no_trace(tmp_path: Path, web: tuple[World, str], watch: Watch, ledger: Ledger) -> None:
    """It says what a refresh would, and writes nothing."""
    web[0].pages = {"/dev": dev((0.8, 4.0)), "/lite": lite()}

    found = watch.preview()

    assert [event.kind for event in found.events] == ["price_changed"]
    assert not (tmp_path / DIRECTORY).exists()
    assert ledger.catalog_events.since(0) == ()


def test_a_damaged_accepted_catalog_is_made_anew(tmp_path: Path, web: tuple[World, str], watch: Watch) -> None:
    """Until then what is shipped holds."""
    web[0].pages = {"/dev": dev((0.8, 4.0)), "/lite": lite((0.8, 4.0))}
    watch.refresh()
    (file,) = (tmp_path / DIRECTORY).glob("*.json")
    file.write_bytes(file.read_bytes()[:-5])
    damaged = accepted(tmp_path)
    watch.refresh()

    assert damaged == SHIPPED
    assert price(tmp_path) == 0.8


def test_gathering_needs_no_directory(web: tuple[World, str], tmp_path: Path) -> None:
    """Without copies there is just what was said."""
    web[0].pages = {"/dev": dev()}
    found = gather.gather(
        places([f"{web[1]}/dev"], (), lambda _: None, {}, tmp_path), frozenset({"anthropic"}), None, ManualClock(NOW)
    )

    assert [sheet.source for sheet in found.sheets] == ["models.dev"]
    assert found.errors == {}
