"""What a story is made of, and the files it begins with: the policy and the suite."""

import re
from collections.abc import Iterator, Mapping
from itertools import count, islice

import msgspec

from turnout.sim.cases import TASKS, Case, case
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import BANDS, Chances, Fleet, SimModel, SimProvider
from turnout.types.models import Feature
from turnout.types.traits import Band

SUITE = "suite.jsonl"
PERSON = "ann"
"""Who approves what is only proposed."""
FRESH = 3_000_000
"""From this number on a family's cases are traffic; those before are the suite's."""
_ABLE = int(
    Feature.TOOLS | Feature.TOOL_CHOICE | Feature.JSON_MODE | Feature.JSON_SCHEMA | Feature.STREAMING | Feature.STOP
)  # fmt: skip
_GOLDEN = 0.6180339887498949


class Story(msgspec.Struct, frozen=True):
    """``mix`` is the share of each band in the traffic, ``suite`` the cases of each; ``rate`` requests a second.

    ``routes`` and ``release`` are YAML. ``compiles``: an answer is judged by whether its code compiles, by a check; else people say what they think of it.
    ``thresholds`` in the suite and the policy speak for ``route``, the only one.
    """

    name: str
    title: str
    task: str
    fleet: Fleet
    candidate: SimModel
    routes: str
    release: str
    mix: Mapping[Band, float]
    suite: Mapping[Band, int]
    rate: float
    tags: Mapping[str, str] = {}
    compiles: bool = False

    @property
    def route(self) -> str:
        return self.name if self.name != "bad-release" else "support"

    @property
    def provider(self) -> str:
        """Who releases the model."""
        return self.fleet.providers[-1].id

    @property
    def model(self) -> str:
        return f"{self.provider}/{self.candidate.id}"


def model(id_: str, usd: tuple[float, float], chances: Chances, ms: float = 12.0) -> SimModel:
    """One that is as quick as its ``ms`` to the first token say, give or take a tenth: what a score says of latency is then no chance."""
    return SimModel(id_, *usd, 128_000, 8_000, ms, ms * 1.15, 6_000, {"default": chances}, _ABLE)


def fleet(*models: SimModel, provider: str = "sim-openai", seed: int = 5) -> Fleet:
    return Fleet((SimProvider(provider, "openai-chat", models),), seed)


def policy_of(story: Story, ports: Ports, data_dir: str, key_hash: str) -> str:
    """The policy's file. ``key_hash`` is of the key of :data:`PERSON`, who may approve."""
    catalogs = f"http://127.0.0.1:{ports.sim}/sim/catalog"
    rest = (
        f"{story.routes}"
        f"suites: {{{story.name}: {{file: {SUITE}, routes: {story.route}}}}}\n"
        "release:\n"
        f"  sources: [{catalogs}/models-dev.json, {catalogs}/litellm.json]\n"
        "  refresh: 1s\n"
        "  budget_usd_per_day: 100\n"
        "  silence: 60s\n"
        "  longest: 10m\n"
        f"{story.release}"
    )
    people = f', people: [{{name: {PERSON}, hash: "{key_hash}", role: approver}}]'
    return policy_yaml(story.fleet, ports, data_dir=data_dir, routes=rest, control=people, vendor=None)


def suite_of(story: Story) -> Iterator[str]:
    """The suite's lines."""
    for band, wanted in story.suite.items():
        for one in islice(_cases(story.task, band, 0), wanted):
            graders = ["python_compiles"] if story.compiles else [_grader(item) for item in one.expect]
            line = {"id": one.id, "input": one.prompt, "graders": graders, "task": story.task, "band": band}
            yield msgspec.json.encode(line).decode()


def traffic_of(story: Story) -> Iterator[Case]:
    """Endless. Every stretch of it holds the bands in their shares."""
    streams = {band: _cases(story.task, band, FRESH) for band in story.mix}
    for n in count(1):
        yield next(streams[_at(story.mix, n * _GOLDEN % 1.0)])


def _cases(task: str, band: Band, first: int) -> Iterator[Case]:
    if task not in TASKS:
        raise ValueError(f"no family of cases is called {task}")
    return (case(task, number) for number in count(first + BANDS.index(band), len(BANDS)))


def _grader(item: str) -> object:
    """A right answer has it; a number stands alone, since any is part of longer ones."""
    return {"regex": rf"(?<![\w.-]){re.escape(item)}(?![\w%]|\.\d)"} if item[0].isdigit() else {"contains": {"all": [item]}}


def _at(mix: Mapping[Band, float], point: float) -> Band:
    upto = 0.0
    for band, share in mix.items():
        upto += share
        if point < upto:
            return band
    return next(reversed(list(mix)))
