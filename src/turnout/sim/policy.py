"""A ready ``turnout.yaml`` for a fleet: its providers and models as facts, and four routes that show what a policy can do."""

import msgspec

from turnout.sim.profile import Fleet, SimModel
from turnout.types.models import Feature, Modality, names

TYPICAL_OUTPUT = 120  # tokens of the answer that a stated latency is for

ROUTES = """\
routes:
  finance:                        # static: fixed and auditable
    owner: risk-team
    when: {tags: {requires_audit: "true"}}
    static: sim-openai/large
    journal: required
    fallback: [{model: sim-anthropic/deep, on: [unavailable, rate_limited]}]
  support:                        # dynamic: the cheapest that is good enough
    when: {task: customer_support}
    objective: cost
    needs: {quality: 7, cost_per_request: 0.02}
    prefers: {latency_p95: 2s}
    models: [sim-openai/small, sim-anthropic/swift, sim-openai/medium, sim-anthropic/steady]
    fallback: [sim-anthropic/swift, sim-openai/medium]
  code:                           # hybrid: a static approved list, dynamic inside it
    when: {any: [{task: code_generation}, {features: [tools]}]}
    approved: [sim-local/coder, sim-openai/medium, sim-anthropic/steady, sim-anthropic/deep]
    objective: quality
    fallback: [sim-anthropic/steady, sim-openai/medium]
  default:
    objective: balanced
    mix: {cheap: 70, mid: 20, premium: 10}
    fallback: [sim-anthropic/swift, sim-openai/medium, sim-anthropic/deep]
"""


GRADED = ROUTES.replace(
    "  code:  ",
    """\
    online:                       # every answer is checked, some are graded, and nobody waits for it
      checks: [refusal]
      judge: {model: sim-openai/large, sample: 0.1, budget_usd_per_day: 2}
  code:  """,
    1,
)
"""The same, with graders for ``support``: they call a model that nobody asked for."""


class Ports(msgspec.Struct, frozen=True):
    """Where the demo's parts listen, all on loopback."""

    api: int = 8080
    control: int = 8081
    sim: int = 9000


def policy_yaml(
    fleet: Fleet,
    ports: Ports,
    *,
    data_dir: str | None = None,
    routes: str = ROUTES,
    control: str = "",
    vendor: str | None = "sim",
) -> str:
    """The file's text. ``routes`` is YAML; the default ones name the models of the default fleet.

    ``control`` is what else stands in that section. Without a ``vendor`` catalogs call the models as the policy does.
    """
    known_as = f"vendor: {vendor}, " if vendor else ""
    lines = [
        "# Simulated providers: nothing here leaves this machine or costs anything.",
        f"server: {{port: {ports.api}}}",
        f"control: {{port: {ports.control}{control}}}",
        *([f"data_dir: {_quoted(data_dir)}"] if data_dir else []),
        "providers:",
    ]
    for provider in fleet.providers:
        url = f"http://127.0.0.1:{ports.sim}/{provider.id}/v1"
        lines.append(f"  {provider.id}: {{{known_as}dialect: {provider.dialect}, base_url: {_quoted(url)}, proxy: none}}")
    lines.append("models:")
    for name, model in fleet.models().items():
        lines += _facts(name, model, fleet.time_scale)
    return "\n".join(lines) + "\n" + routes


def _facts(name: str, model: SimModel, time_scale: float) -> list[str]:
    seconds = (model.ttft_p95_ms / 1000 + TYPICAL_OUTPUT / model.tokens_per_s) * (time_scale or 0.01)
    features = ", ".join(f"{feature}: true" for feature in names(Feature(model.features)))
    quality = ", ".join(f"{task}: {10 * sum(chances) / 3:.2f}" for task, chances in model.quality.items())
    return [
        f"  {name}:",
        f"    context: {model.context}",
        f"    max_output: {model.max_output}",
        f"    price: {{input: {model.input_usd}, output: {model.output_usd}, cache_read: {model.cached_usd}}}",
        f"    input: [{', '.join(names(Modality(model.input)))}]",
        "    output: [text]",
        f"    features: {{{features}}}",
        f"    quality: {{{quality}}}",
        f"    latency_p95: {max(1, round(seconds * 1000))}ms",
        *(["    reasoning_by_default: true"] if model.thinks else []),
    ]


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
