"""A cheap model whose code compiles 82 % of the time, checked, in front of one at 96 %: the bill falls, the answers do not get worse."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.e2e.asking import Said, ask, user
from tests.e2e.own import Own, own, sim_of
from turnout.replay import recompute
from turnout.sim import cases
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import Fleet, SimModel, SimProvider
from turnout.types.models import Feature

REQUESTS = 300
CAN = int(Feature.TOOLS | Feature.TOOL_CHOICE | Feature.STREAMING | Feature.STOP | Feature.JSON_MODE)
ROUGH = SimModel("rough", 0.1, 0.1, 32_000, 8_000, 140, 320, 110, {"default": (0.82, 0.82, 0.82)}, CAN)
STRONG = SimModel("strong", 3.0, 12.0, 200_000, 32_000, 420, 980, 80, {"default": (0.96, 0.96, 0.96)}, CAN)
FLEET = Fleet(
    (SimProvider("sim-cheap", "openai-chat", (ROUGH,)), SimProvider("sim-best", "anthropic-messages", (STRONG,))), time_scale=0
)
ROUTES = """\
routes:
  checked:
    static: sim-best/strong
    cascade: [{model: sim-cheap/rough, when: {task: code_generation}, check: [python_compiles]}]
    timeouts: {connect: 1s, first_token: 1s, first_token_reasoning: 1s, idle: 300ms, total: 2s}
  strong: {static: sim-best/strong}
  default: {static: sim-best/strong}
"""


class Trial(msgspec.Struct, frozen=True):
    """What was asked, what came, and what the ledger says of it."""

    case: cases.Case
    stream: bool
    said: Said
    record: Any

    @property
    def compiles(self) -> bool:
        return self.said.text == self.case.right


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    def policy(ports: Ports) -> str:
        return policy_yaml(FLEET, ports, routes=ROUTES)

    with sim_of(FLEET) as sim, own(tmp_path_factory.mktemp("cascade"), sim, policy) as running:
        yield running


@pytest.fixture(scope="module")
def trials(house: Own) -> dict[str, list[Trial]]:
    """The same requests on both routes, by both SDKs, streamed and whole."""
    return {route: asked(house, route) for route in ("checked", "strong")}


def asked(house: Own, route: str) -> list[Trial]:
    said: list[tuple[cases.Case, bool, Said]] = []
    for n in range(REQUESTS):
        case, stream = cases.case("code_generation", n), n % 2 == 0
        body = {"model": route, "max_tokens": 900, "messages": [user(case.prompt)]}
        said.append((case, stream, ask(house.sdk("openai" if n % 4 < 2 else "anthropic"), body, stream=stream)))
    return [
        Trial(case, stream, answer, house.record(answer.headers["x-turnout-request-id"])) for case, stream, answer in said
    ]  # fmt: skip


def cost(trials: list[Trial]) -> float:
    return sum(float(trial.record["cost_usd"]) for trial in trials)


def share(trials: list[Trial]) -> float:
    return sum(trial.compiles for trial in trials) / len(trials)


def test_cost_falls_and_the_share_that_compiles_does_not(trials: dict[str, list[Trial]]) -> None:
    """About a fifth of the strong model's calls are left, and what both get wrong is rarer than what it gets wrong alone."""
    checked, strong = trials["checked"], trials["strong"]
    first = sum(trial.said.headers["x-turnout-reason"] == "cascade" for trial in checked) / REQUESTS

    assert 0.92 <= share(strong) <= 0.99
    assert 0.75 <= first <= 0.89
    assert share(checked) >= share(strong)
    assert cost(checked) <= 0.35 * cost(strong)


def test_both_arms_are_on_one_record(trials: dict[str, list[Trial]]) -> None:
    """Who failed which check, and the sum of what both cost."""
    for trial in trials["checked"]:
        record, headers = trial.record, trial.said.headers
        attempts = record["attempts"]
        assert float(record["cost_usd"]) == pytest.approx(sum(float(each["cost_usd"]) for each in attempts), abs=1e-12)
        assert all(float(each["cost_usd"]) > 0 for each in attempts)
        assert (record["model"], record["reason"]) == (headers["x-turnout-model"], headers["x-turnout-reason"])
        assert headers["x-turnout-attempts"] == str(len(attempts))
        if len(attempts) == 2:
            assert (attempts[0]["model"], attempts[0]["fault"]) == ("sim-cheap/rough", "check_failed")
            assert attempts[0]["detail"].startswith("python_compiles")
            assert record["model"] == "sim-best/strong"
        else:
            assert (record["model"], record["reason"]) == ("sim-cheap/rough", "cascade")


def test_a_client_gets_the_first_arm_only_when_it_passed(trials: dict[str, list[Trial]]) -> None:
    """Streamed or whole: never a piece of an answer that failed, and always all of the one that is served."""
    for trial in trials["checked"]:
        if trial.record["model"] == "sim-cheap/rough":
            assert trial.compiles
        assert trial.said.text in (trial.case.right, trial.case.wrong)
    assert {trial.stream for trial in trials["checked"] if len(trial.record["attempts"]) == 2} == {True, False}


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_arm_that_stops_half_way_is_not_seen(house: Own, sdk: Any) -> None:
    """Its stream goes silent after some words: the other arm answers, from the beginning."""
    case = cases.case("code_generation", 1)
    house.inject({"fault": {"kind": "stall", "after": 2}, "model": "sim-cheap/rough"})
    said = ask(house.sdk(sdk), {"model": "checked", "max_tokens": 900, "messages": [user(case.prompt)]}, stream=True)
    house.inject()
    record = house.record(said.headers["x-turnout-request-id"])

    assert said.text in (case.right, case.wrong)
    assert [(each["model"], each["fault"]) for each in record["attempts"]] == [
        ("sim-cheap/rough", "timeout"),
        ("sim-best/strong", None),
    ]


def test_what_is_no_code_is_not_tried_there(house: Own) -> None:
    """The arm's ``when`` keeps it to the requests it is for."""
    said = ask(house.sdk("openai"), {"model": "checked", "messages": [user("What is the capital of France?")]}, stream=False)

    assert (said.headers["x-turnout-model"], said.headers["x-turnout-reason"]) == ("sim-best/strong", "static")


def test_explain_shows_what_the_first_arm_is_held_to(house: Own) -> None:
    """With its checks; the second arm has none."""
    prompt = cases.case("code_generation", 1).prompt
    plan = house.post("/v1/explain", {"model": "checked", "messages": [user(prompt)]}).json["plan"]

    assert [(step["model"], step["reason"], step.get("checks")) for step in plan] == [
        ("sim-cheap/rough", "cascade", ["python_compiles"]),
        ("sim-best/strong", "static", None),
    ]


def test_a_cascaded_decision_replays(house: Own, trials: dict[str, list[Trial]]) -> None:
    """From the ledger's row and the stored view; on the command line with its checks."""
    ids = [trial.record["id"] for trial in trials["checked"][:60]]
    replayed = [recompute(id_, house.data_dir / "ledger.db", house.data_dir / "views") for id_ in ids]
    command = [sys.executable, "-m", "turnout", "replay", ids[0], "--data-dir", str(house.data_dir)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    assert all(each.identical for each in replayed)
    assert "1. sim-cheap/rough on any, if it passes python_compiles" in said
    assert said.endswith("identical\n")
