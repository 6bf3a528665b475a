"""Story 3: one audited model for everything; one at a tenth of the price is 0.4 points worse on the whole: as good at the easier part, not at the rest."""

from turnout.sim.stories.story import Story, fleet, model

ROUTES = """\
routes:
  finance:
    owner: risk
    when: {tags: {requires_audit: "true"}}
    static: sim-openai/large
    journal: required
    margin: {quality: 0.01}
"""
RELEASE = """\
  autonomy: propose
  stages: [10, 50, 100]
  stage_time: 1s
  stage_requests: 50
  holdback: 5
  bake: 3s
  feedback_window: 2s
"""
STORY = Story(
    "finance",
    "financial analysis under audit, and a model 90 % cheaper at 98.8 % against 99.2 %",
    "analysis",
    fleet(
        model("large", (10.0, 40.0), (0.9985, 0.998, 0.967), ms=12.0),
        seed=11,
    ),
    model("ledger", (1.0, 4.0), (0.9985, 0.998, 0.947), ms=4.0),
    ROUTES,
    RELEASE,
    mix={"simple": 0.5, "moderate": 0.3, "high": 0.2},
    suite={"simple": 600, "moderate": 500, "high": 400},
    rate=170.0,
    tags={"requires_audit": "true"},
)
