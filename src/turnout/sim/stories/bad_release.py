"""Story 4: what was as good at its benchmark collapses once it has ten percent of the traffic."""

import msgspec

from turnout.sim.stories import support

STORY = msgspec.structs.replace(
    support.STORY,
    name="bad-release",
    title="a model that was as good at its benchmark collapses at 10 % of the traffic",
)
COLLAPSED = msgspec.structs.replace(STORY.candidate, quality={"default": (0.5, 0.3, 0.2)})
"""The same model, the same price, from one moment to the next."""
