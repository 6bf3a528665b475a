"""Story 1: simple requests go to a small model, moderate ones to a medium one, the rest to a large one; a model as good as the small one costs 40 % less."""

from turnout.sim.stories.story import Story, fleet, model

ROUTES = """\
routes:
  support:
    owner: desk
    when: {task: customer_support}
    static: sim-openai/large
    segments:
      - {model: sim-openai/small, when: {complexity: simple}}
      - {model: sim-openai/medium, when: {complexity: moderate}}
    needs: {cost_per_request: 0.01}
    margin: {quality: 0.04}
"""
RELEASE = """\
  autonomy: auto
  first_ceiling: 10
  stages: [5, 10, 50, 100]
  stage_time: 1s
  stage_requests: 20
  holdback: 5
  bake: 3s
  feedback_window: 2s
"""
STORY = Story(
    "support",
    "a support chatbot, and a model 40 % cheaper that is as good at simple requests",
    "customer_support",
    fleet(
        model("small", (0.5, 2.0), (0.99, 0.85, 0.6)),
        model("medium", (2.0, 8.0), (0.985, 0.96, 0.8)),
        model("large", (10.0, 40.0), (0.99, 0.98, 0.95)),
    ),
    model("nano", (0.3, 1.2), (0.99, 0.6, 0.4)),
    ROUTES,
    RELEASE,
    mix={"simple": 0.6, "moderate": 0.3, "high": 0.1},
    suite={"simple": 400, "moderate": 60, "high": 40},
    rate=180.0,
)
