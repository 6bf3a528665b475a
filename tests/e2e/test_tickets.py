"""Requests that people answer: the SDK of who waits, the API of who answers, and processes that are killed meanwhile."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.asking import Said, Sdk, ask, user
from tests.e2e.own import Own, eventually, own
from tests.e2e.test_ledger import counted
from tests.e2e.world import OTHER, World
from turnout.replay import recompute
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import default_fleet

ROUTES = """\
routes:
  wait: {static: sim-openai/small, attempts: 1, fallback: [{queue: human, wait: 30s}]}
  ticket: {static: sim-openai/small, attempts: 1, fallback: [{queue: human}]}
  review: {static: sim-openai/small, attempts: 1, fallback: [{queue: review, on: [unavailable]}]}
  stale: {static: sim-openai/small, attempts: 1, cache: {ttl: 1ms}, fallback: [{cache: stale}, {queue: human}]}
  similar: {static: sim-openai/small, attempts: 1, fallback: [{cache: similar}, {queue: review}]}
  default: {static: sim-openai/small}
"""
DOWN = {"fault": {"kind": "unavailable"}}
LIMITED = {"fault": {"kind": "rate_limited", "retry_after": 3600}}
sdks = pytest.mark.parametrize("sdk", ["openai", "anthropic"])
streams = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture(scope="module")
def house(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    """Ejection would hide how calls fail, so it is out of the way."""

    def policy(ports: Ports) -> str:
        more = "health: {consecutive: 1000, samples: 100000, check: none}\nquota: {line: 0}\n"
        return policy_yaml(default_fleet(time_scale=0), ports, routes=ROUTES) + more

    with own(tmp_path_factory.mktemp("tickets"), world.sim, policy) as running:
        yield running


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    """A caller that waits while the test goes on."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def question(route: str, text: str = "Where is my parcel?") -> dict[str, Any]:
    return {"model": route, "max_tokens": 100, "messages": [user(text)]}


def listed(house: Own, **filters: str) -> list[Any]:
    query = "&".join(f"{name}={value}" for name, value in {"state": "open", **filters}.items())
    tickets: list[Any] = house.control_get(f"/api/tickets?{query}").json["tickets"]
    return tickets


def waiting(house: Own, text: str) -> Any:
    """The open ticket with these words, once it is listed, as a person sees it."""

    def found() -> Any:
        shown = [house.control_get(f"/api/tickets/{one['id']}").json for one in listed(house)]
        return next((one for one in shown if one["messages"][-1]["text"] == text), None)

    return eventually(found, f'a ticket that says "{text}"')


def answer(house: Own, id_: str, text: str) -> Any:
    return house.control_post(f"/api/tickets/{id_}/answer", json.dumps({"text": text, "by": "ana"}).encode())


@sdks
@streams
def test_a_person_answers_who_waits(world: World, house: Own, aside: ThreadPoolExecutor, sdk: Sdk, stream: Any) -> None:
    """Listed, answered through the API, and the SDK has it as any answer; the record says who."""
    world.inject(DOWN)
    text = f"Who answers {sdk}, streamed: {stream}?"
    caller: Future[Said] = aside.submit(ask_with_usage, house, sdk, question("wait", text), stream)
    ticket = waiting(house, text)
    assert answer(house, ticket["id"], "A person does.").status == 200
    said = caller.result(20)
    record = house.record(ticket["id"])

    assert (said.text, said.finish) == ("A person does.", "stop")
    assert said.headers["x-turnout-ticket"] == said.headers["x-turnout-request-id"] == ticket["id"]
    assert (said.headers["x-turnout-model"], said.headers["x-turnout-reason"]) == ("people", "fallback")
    assert (record["outcome"], record["model"], record["status"], record["ticket"]) == ("ok", "people", 200, ticket["id"])
    assert [each["fault"] for each in record["attempts"]] == ["unavailable"]
    assert (ticket["kind"], ticket["tenant"], ticket["route"]) == ("human", "app", "wait")
    assert answer(house, ticket["id"], "Another does.").status == 409


def ask_with_usage(house: Own, sdk: Sdk, asked: dict[str, Any], stream: Any) -> Said:
    return ask(house.sdk(sdk), asked, stream=stream)


@sdks
def test_who_cannot_wait_gets_a_ticket(world: World, house: Own, sdk: Sdk) -> None:
    """202 and an answer that says so; its own key sees how it stands, another's sees nothing."""
    world.inject(DOWN)
    text = f"What is {sdk}'s ticket?"
    said = ask(house.sdk(sdk), question("ticket", text), stream=False)
    id_ = said.headers["x-turnout-ticket"]
    before = house.get(f"/v1/tickets/{id_}")
    answer(house, waiting(house, text)["id"], "Your parcel is here.")
    after = eventually(lambda: (one := house.get(f"/v1/tickets/{id_}").json)["state"] == "answered" and one, "its answer")
    record = house.record(id_)

    assert f"GET /v1/tickets/{id_}" in said.text
    assert (before.status, before.json["state"]) == (200, "open")
    assert (after["text"], after["by"]) == ("Your parcel is here.", "ana")
    assert [house.get(f"/v1/tickets/{id_}", key).status for key in (OTHER, "tk-unknown", None)] == [404, 401, 401]
    assert (record["outcome"], record["status"], record["model"], record["ticket"]) == ("failed", 202, None, id_)
    assert recompute(id_, house.data_dir / "ledger.db", house.data_dir / "views").identical


def test_the_status_is_202(world: World, house: Own) -> None:
    """What an application tests for that does not read prose."""
    world.inject(DOWN)
    raw = house.post("/v1/chat/completions", question("ticket", "Which status?"))

    assert (raw.status, raw.headers["x-turnout-model"], raw.headers["x-turnout-attempts"]) == (202, "none", "1")


def test_what_is_left_comes_in_order(world: World, house: Own) -> None:
    """A kept answer, marked and counted; for a question without one, people."""
    asked = question("stale", "What was said before?")
    first = ask(house.sdk("openai"), asked, stream=False)
    world.inject(DOWN)
    stale = ask(house.sdk("openai"), asked, stream=True)
    unknown = house.post("/v1/chat/completions", question("stale", "What was never said?"))
    record = house.record(stale.headers["x-turnout-request-id"])

    assert (stale.text, stale.headers["x-turnout-warnings"]) == (first.text, "cache:stale")
    assert (stale.headers["x-turnout-reason"], stale.headers["x-turnout-attempts"]) == ("cache", "1")
    assert (record["reason"], record["outcome"], len(record["attempts"])) == ("cache", "ok", 1)
    assert float(record["saved_usd"]) > 0
    assert (unknown.status, unknown.headers["x-turnout-ticket"]) == (202, unknown.headers["x-turnout-request-id"])


def test_a_similar_answer_is_marked(world: World, house: Own) -> None:
    """It is given only where nothing else is left, and says that it answers another question."""
    first = ask(house.sdk("anthropic"), question("similar", "How do I reset my password?"), stream=False)
    world.inject(DOWN)
    similar = ask(house.sdk("anthropic"), question("similar", "Hi, how can I reset my password please?"), stream=False)

    assert similar.text == first.text
    assert similar.headers["x-turnout-warnings"] == "cache:stale,cache:similar"


def test_the_review_queue(world: World, house: Own) -> None:
    """Nobody waits; only for how its ``on`` says that the chain ended."""
    world.inject(DOWN)
    down = house.post("/v1/chat/completions", question("review", "Please review."))
    assert down.status == 202
    assert waiting(house, "Please review.")["kind"] == "review"
    before = len(listed(house, kind="review"))
    world.inject(LIMITED)
    limited = house.post("/v1/chat/completions", question("review", "Not this."))

    assert (limited.status, limited.json["error"]["code"]) == (429, "rate_limited")
    assert "x-turnout-ticket" not in limited.headers
    assert len(listed(house, kind="review")) == before


def test_what_is_wrong_or_refused_is_no_ticket(world: World, house: Own) -> None:
    """Neither the caller's own fault nor a request that no model may serve."""
    wrong = house.post("/v1/chat/completions", question("ticket") | {"max_tokens": 10_000_000})
    unfit = house.post("/v1/chat/completions", question("ticket") | {"messages": "none"})

    assert (wrong.status, unfit.status) == (422, 400)
    assert "x-turnout-ticket" not in {**wrong.headers, **unfit.headers}


def test_records_and_metrics_agree(house: Own) -> None:
    """Of all that happened here so far; people are one label among the models."""

    def agree() -> bool:
        summary = house.control_get("/api/summary?window=0").json
        in_ledger = {row["name"]: row["requests"] for row in summary["models"]}
        in_metrics = counted(house, "model")
        in_metrics.pop("")
        return summary["outcomes"] == counted(house, "outcome") and in_ledger == in_metrics

    eventually(agree, "the ledger's figures")
    assert counted(house, "model")["people"] >= 4


def test_the_queue_survives_its_processes(world: World, house: Own, aside: ThreadPoolExecutor) -> None:
    """The control process killed while somebody waits, then the worker: the first is answered, the other's ticket is."""
    world.inject(DOWN)
    caller: Future[Said] = aside.submit(ask_with_usage, house, "openai", question("wait", "Who is killed?"), stream=True)
    ticket = waiting(house, "Who is killed?")
    house.kill("control")
    assert waiting(house, "Who is killed?")["id"] == ticket["id"]
    assert answer(house, ticket["id"], "The control process.").status == 200
    assert caller.result(20).text == "The control process."

    orphan = aside.submit(ask_with_usage, house, "openai", question("wait", "And now?"), stream=False)
    ticket = waiting(house, "And now?")
    house.kill("gateway")
    assert orphan.exception(20) is not None
    assert waiting(house, "And now?")["id"] == ticket["id"]
    assert answer(house, ticket["id"], "The worker.").status == 200
    standing = eventually(lambda: (one := house.get(f"/v1/tickets/{ticket['id']}").json)["state"] == "answered" and one, "it")
    assert standing["text"] == "The worker."


def test_who_waits_when_the_program_is_stopped_has_a_ticket(world: World, house: Own, aside: ThreadPoolExecutor) -> None:
    """At once; it is answered after the next start."""
    world.inject(DOWN)
    caller: Future[Said] = aside.submit(ask_with_usage, house, "openai", question("wait", "Is it stopped?"), stream=True)
    id_ = waiting(house, "Is it stopped?")["id"]
    house.stop()
    said = caller.result(5)
    house.start()
    assert answer(house, id_, "It was.").status == 200

    assert (said.headers["x-turnout-ticket"], said.headers["x-turnout-model"]) == (id_, "none")
    assert (
        eventually(lambda: (one := house.get(f"/v1/tickets/{id_}").json)["state"] == "answered" and one, "it")["text"]
        == "It was."
    )
    assert house.record(id_)["status"] == 202
