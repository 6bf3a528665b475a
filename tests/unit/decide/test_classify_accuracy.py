"""C6: on prompts the rules were not tuned on, every trait beats the majority class and a shuffled control by a stated margin."""

import pytest

from tests.support import labelled
from tests.support.labelled import Labelled, traits_of, value
from turnout.types.traits import Traits

# trait: least accuracy, least lead over the majority class, least lead of balanced accuracy over the shuffled control.
# A little below what was measured; a rare need's majority is so large that its balanced lead is what tells.
LEAST = {
    "task": (0.85, 0.60, 0.60),
    "band": (0.74, 0.12, 0.35),
    "latency": (0.95, 0.04, 0.50),
    "cost": (0.97, 0.02, 0.45),
    "quality": (0.94, 0.05, 0.50),
}
LEAST_RANK_CORRELATION, LEAST_RANK_LEAD = 0.74, 0.50


@pytest.fixture(scope="module")
def held_out() -> list[tuple[Labelled, Traits]]:
    return [(prompt, traits_of(prompt.sketch)) for prompt in labelled.prompts() if prompt.held_out]


def test_there_are_enough_labelled_prompts() -> None:
    """At least 300, each with its own id, and a held-out part of a third or more."""
    prompts = labelled.prompts()

    assert len({prompt.id for prompt in prompts}) == len(prompts) >= 330
    assert sum(prompt.held_out for prompt in prompts) >= len(prompts) / 3


@pytest.mark.parametrize("trait", LEAST)
def test_a_trait_beats_its_controls(trait: str, held_out: list[tuple[Labelled, Traits]]) -> None:
    """Accuracy, its lead over always saying the commonest label, and over the same answers dealt at random."""
    found = [value(traits, trait) for _, traits in held_out]
    right = [prompt.labels[trait] for prompt, _ in held_out]
    accuracy, majority_lead, shuffled_lead = LEAST[trait]

    assert labelled.accuracy(found, right) >= accuracy
    assert labelled.accuracy(found, right) - labelled.majority(right) >= majority_lead
    assert labelled.balanced(found, right) - labelled.shuffled(labelled.balanced, found, right) >= shuffled_lead


def test_complexity_ranks_as_people_do(held_out: list[tuple[Labelled, Traits]]) -> None:
    """Spearman's correlation with the labels, and its lead over shuffled answers."""
    pairs = [
        (traits.complexity, prompt.complexity)
        for prompt, traits in held_out
        if traits.complexity is not None and prompt.complexity is not None
    ]
    found, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    correlation = labelled.spearman(found, right)

    assert len(pairs) >= 0.85 * len(held_out)
    assert correlation >= LEAST_RANK_CORRELATION
    assert correlation - labelled.shuffled(labelled.spearman, found, right) >= LEAST_RANK_LEAD


def test_what_nobody_could_label_is_mostly_left_unknown(held_out: list[tuple[Labelled, Traits]]) -> None:
    """Unknown is never treated as simple: hardly a prompt without a right answer is called simple."""
    unclear = [traits for prompt, traits in held_out if prompt.labels["band"] is None]

    assert sum(traits.band == "simple" for traits in unclear) <= 0.1 * len(unclear)
