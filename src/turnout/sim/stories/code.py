"""Story 2: an open model at a tenth of the price, whose code compiles 82 times in a hundred against 96: no primary, but a checked first try."""

import msgspec

from turnout.sim.profile import Fleet, SimProvider
from turnout.sim.stories.story import Story, model

ROUTES = """\
routes:
  code:
    owner: platform
    when: {task: code_generation}
    static: sim-openai/large
    margin: {quality: 0.05}
    online: {checks: [python_compiles]}
"""
RELEASE = """\
  autonomy: propose
  first_ceiling: 10
  stages: [10, 50, 100]
  stage_time: 1s
  stage_requests: 20
  holdback: 5
  bake: 3s
  feedback_window: 2s
"""
_LARGE = model("large", (10.0, 40.0), (0.97, 0.96, 0.95), ms=40.0)
_OLDER = model("coder", (1.2, 4.8), (0.6, 0.4, 0.2))
STORY = Story(
    "code",
    "code generation, and an open model 90 % cheaper whose code compiles less often",
    "code_generation",
    Fleet(
        (SimProvider("sim-openai", "openai-chat", (_LARGE,)), SimProvider("sim-local", "openai-chat", (_OLDER,))),
        seed=1,
    ),
    msgspec.structs.replace(model("coder-next", (1.0, 4.0), (0.86, 0.82, 0.78)), context=64_000),
    ROUTES,
    RELEASE,
    mix={"simple": 0.34, "moderate": 0.33, "high": 0.33},
    suite={"simple": 150, "moderate": 150, "high": 150},
    rate=150.0,
    compiles=True,
)
