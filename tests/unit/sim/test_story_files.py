"""What the stories begin with: traffic in its shares, a suite that can be read, and a policy that may be served."""

from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path

import pytest

from turnout.catalog.load import load_catalog
from turnout.config.load import load
from turnout.sim.policy import Ports
from turnout.sim.stories import bad_release, code, finance, support
from turnout.sim.stories.story import SUITE, Story, policy_of, suite_of, traffic_of
from turnout.suites.load import load_suite

STORIES = pytest.mark.parametrize("story", [one.STORY for one in (support, code, finance, bad_release)], ids=lambda one: one.name)
HASH = f"sha256:{'0' * 64}"


@STORIES
def test_its_policy_is_valid_and_its_suite_speaks_for_the_route(story: Story, tmp_path: Path) -> None:
    """Both as the program itself reads them; the suite has the cases that the story says, each with a grader."""
    path = tmp_path / "turnout.yaml"
    path.write_text(policy_of(story, Ports(1024, 1025, 1026), str(tmp_path), HASH))
    (tmp_path / SUITE).write_text("\n".join(suite_of(story)))

    policy = load(path, {}, load_catalog(), date(2026, 11, 23)).policy
    (rules,) = policy.suites
    suite = load_suite(rules, tmp_path)

    assert rules.routes == (story.route,)
    assert Counter(case.band for case in suite.cases) == story.suite
    assert all(case.graders for case in suite.cases)


@STORIES
def test_its_traffic_has_its_shares_and_asks_nothing_that_was_asked_before(story: Story) -> None:
    """Within a percent, of any thousand; and no case of the suite is among them."""
    cases = list(islice(traffic_of(story), 2_000))

    for stretch in (cases[:1_000], cases[1_000:]):
        seen = Counter(case.band for case in stretch)
        assert all(abs(seen[band] / 1_000 - share) < 0.01 for band, share in story.mix.items())
    assert len({case.id for case in cases}) == 2_000
    assert not {case.id for case in cases} & {line.split('"')[3] for line in suite_of(story)}


@STORIES
def test_its_model_costs_what_the_story_says(story: Story) -> None:
    """Forty or ninety percent less than what it is to stand in for."""
    first = story.fleet.models()["sim-openai/small" if story.route == "support" else "sim-openai/large"]

    saved = 1 - story.candidate.output_usd / first.output_usd

    assert saved == pytest.approx(0.4 if story.route == "support" else 0.9)
    assert saved == pytest.approx(1 - story.candidate.input_usd / first.input_usd)
