"""Writes the pages of docs/reference that follow from the program, and the figures of docs/concepts/one-request.md.

``python tools/build_docs.py`` after a change of a command, a metric or what a dialect carries; tests/docs says when it is due.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import typer

from turnout.cli.main import COMMANDS, _app
from turnout.dialects.features import CARRIES, HINTS
from turnout.metrics import COUNTERS, GAUGES, HISTOGRAMS, JOURNAL
from turnout.telemetry.names import ATTRIBUTES, GENAI, PROVIDERS, Instrument, control_plane, own

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "turnout"
ONE_REQUEST = DOCS / "concepts" / "one-request.md"
NOTE = "Made by `python tools/build_docs.py`; do not edit."

SPINE: Mapping[str, str] = {
    "front/app.py": "the paths on one screen; bytes in, key and guards checked, body read",
    "flow.py": "one call per verb, in order: this is the sentence the rest spells out",
    "decide/classify/__init__.py": "the body's sketch and the caller's hints become traits",
    "decide/decide.py": "route, match, price, order: four calls",
    "decide/route.py": "which route the request takes",
    "decide/match.py": "which models may serve it, and why the others may not",
    "decide/price.py": "what each would cost",
    "decide/order.py": "best first, fallbacks behind, under one limit of attempts, time and money: the plan",
    "execute/attempts.py": "the rules of trying: a pure step from event to commands",
    "execute/executor.py": "does what the rules say: calls, reads, relays",
    "front/sink.py": "the client's side: headers, bytes, errors",
    "journal/writer.py": "where the record goes; nobody waits for it",
}
"""The spine: read these twelve and you know what happens to a request."""

CARRIED: Mapping[str, str] = {
    "audio": "audio input",
    "cache_control": "cache breakpoints",
    "citations": "citations asked for or quoted",
    "document_context": "`context` of a document",
    "document_url": "a document named by URL",
    "file_reference": "a file by id, or one that is not a PDF",
    "functions": "`functions` and `function_call`, what tools were called before",
    "image_detail": "`detail` of an image",
    "json_mode": "`response_format: json_object`",
    "late_system": "a system message after the first turn",
    "late_tool_reasoning": "thinking asked for in the middle of a tool loop",
    "logprobs": "`logprobs`, `top_logprobs`",
    "loose_json_schema": "a JSON schema with `strict` off",
    "many_stops": "more than four stop sequences",
    "media_output": "answers that are not text",
    "message_name": "`name` of a message",
    "metadata": "`metadata`",
    "n": "`n` above 1",
    "penalties": "`frequency_penalty`, `presence_penalty`",
    "prefill": "an answer begun by the caller (the last turn is the assistant's)",
    "reasoning_budget": "a budget of thinking tokens",
    "reasoning_display": "how thinking is shown",
    "reasoning_off": "thinking switched off",
    "reasoning_signature": "signed or redacted thinking of an earlier turn",
    "reasoning_small_output": "thinking with an output limit of 1024 tokens or less",
    "reasoning_temperature": "thinking with a temperature other than 1",
    "reasoning_text": "an earlier turn's thinking as plain text",
    "reasoning_tool_choice": "thinking with a forced tool",
    "refusal": "an earlier turn's refusal",
    "seed": "`seed`",
    "stop_sequence": "which of the `stop_sequences` ended the answer; without that, `stop_reason` is `end_turn`",
    "temperature_over_1": "a temperature above 1",
    "tool_error": "`is_error` of a tool's result",
    "tool_result_media": "images or documents in a tool's result",
    "top_k": "`top_k`",
    "trailing_assistant": "a last turn that is the assistant's",
    "unnamed_tool_call": "a tool call or result without an id",
    "video": "video input",
    "whitespace_stop": "a stop sequence of white space only",
}
"""What each name of turnout.dialects.features stands for. A name without a line here stops the program."""


METRICS_PROSE = """\
Whichever worker is scraped answers for all of them: each leaves its counters in the data directory every second, and a restarted worker
goes on from its own. Labels are provider models, names of credentials (`env:NAME`), routes, outcomes, error codes and faults; never users,
sessions or keys. What is said of requests is counted from the records that go into the journal, so that it agrees with the ledger; health,
limits, the cache and tickets have counts of their own, looked at once a second. `what` is an address, a credential or a model behind a
credential: `openai address`, `openai env:KEY`, `openai/gpt-5-mini env:KEY`; see [health](../concepts/health.md)."""

CONTROL_PROSE = """\
`GET /metrics` on the control plane, with the admin token as a bearer token. Its counters begin anew with its process."""

OTLP_PROSE = """\
What [OTLP](../howto/opentelemetry.md) exports besides. Our own metrics come under names of which a Prometheus behind a collector makes the
names above. GenAI metrics are named by OpenTelemetry's conventions: *old* is v1.41 and before, *new* is the renaming of autumn 2026;
`OTEL_SEMCONV_STABILITY_OPT_IN` chooses. They are counted by call, failed ones included, but for the two distributions of tokens."""

SPANS_PROSE = """\
Spans are made from the record after the fact: `POST /v1/...` (the request), `decide` below it, `chat MODEL` for each call. Those of calls have the
conventions' `gen_ai.*` attributes, failed ones `error.type`, requests `http.*`. What no convention has a name for:"""

CARRIED_PROSE = """\
Between equal dialects every field arrives as it was sent, known or not. Between different ones, texts, system prompts, images, PDF
documents, tools and their results, parallel tools, tool choice, JSON schema, stop sequences, reasoning effort, streaming and usage with
cached tokens are translated. This table is about the rest: what one of the dialects has a place for and the other has not.

- *rejected*: dropping it would change the answer, so a model behind the other dialect is a rejection with reason `lossy`. It is not tried,
  first or as a fallback.
- *left out, with a warning*: it bears on price, speed or book-keeping only. The answer's header `x-turnout-warnings` names it."""

UNKNOWN_FIELDS_PROSE = """\
A field that Turnout does not know is named `field:PATH` and makes the model a rejection; `field:?` is one whose name is
long or odd, `field:...` stands for all beyond 32. These are left out with a warning instead:"""


def pages() -> dict[Path, str]:
    """Every page this program owns, whole, by its path."""
    return {
        DOCS / "reference" / "cli.md": cli_page(),
        DOCS / "reference" / "metrics.md": metrics_page(),
        DOCS / "reference" / "features.md": features_page(),
    }


def cli_page() -> str:
    """Each command's own help, as text that does not depend on a terminal's width."""
    group: Any = typer.main.get_command(_app(COMMANDS))
    parts = [
        "# Command line",
        f"`turnout COMMAND --help` says the same. {NOTE}",
        "Exit codes: 0 success, 1 a check failed or the thing cannot be done, 2 wrong usage.",
        "\n".join(f"- [`turnout {name}`](#turnout-{name})" for name in COMMANDS),
    ]
    for name in COMMANDS:
        parts += _command(f"turnout {name}", group.commands[name])
    return "\n\n".join(parts) + "\n"


def _command(called: str, command: Any) -> Iterator[str]:
    yield f"## `{called}`"
    yield command.help
    parameters = [each for each in command.params if each.name != "help"]
    rows = [
        (
            f"`{' '.join(each.opts)}`" if each.param_type_name == "option" else f"`{each.name.upper()}`",
            _default(each),
            f"`{each.envvar}`" if each.envvar else "",
            each.help,
        )
        for each in parameters
    ]
    if rows:
        yield _table(("option or argument", "default", "variable", "meaning"), rows)
    for name, below in getattr(command, "commands", {}).items():
        yield from _command(f"{called} {name}", below)


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    return "" if parameter.default is None or parameter.default is False else f"`{parameter.default}`"


def metrics_page() -> str:
    """The tables of turnout.metrics."""
    counters = [(f"`{name}_total`", _labels(labels), meaning) for name, (meaning, labels) in COUNTERS.items()]
    gauges = [(f"`{name}`", _labels(labels), meaning) for name, (meaning, labels) in GAUGES.items()]
    histograms = [
        (f"`{name}`", _labels(labels), meaning, ", ".join(format(Decimal(str(edge)), "f") for edge in edges))
        for name, (meaning, labels, edges) in HISTOGRAMS.items()
    ]
    journal = [(f"`{name}{'_total' * (kind == 'counter')}`", kind, meaning) for name, (meaning, kind) in JOURNAL.items()]
    return "\n\n".join(
        (
            "# Metrics",
            f"`GET /metrics` on the data plane, in Prometheus' text format. {NOTE}",
            METRICS_PROSE,
            "## Counters",
            _table(("name", "labels", "meaning"), counters),
            "## Gauges",
            "Sums over the workers that live: with two of them, a deployment that only one has ejected has a 1 at two standings.",
            _table(("name", "labels", "meaning"), gauges),
            "## Histograms",
            _table(("name", "labels", "meaning", "upper edges, seconds"), histograms),
            "## Journal",
            "By `worker`; its counters begin anew with the worker's process.",
            _table(("name", "kind", "meaning"), journal),
            "## The control process",
            CONTROL_PROSE,
            _table(
                ("name", "kind", "labels", "meaning"),
                [(f"`{one.name}`", one.kind, _labels(one.labels), one.meaning) for one in control_plane()],
            ),
            "## OpenTelemetry",
            OTLP_PROSE,
            _table(("name", "kind", "unit", "attributes", "profile", "meaning"), map(_instrument, (*own(), *GENAI))),
            "## Spans",
            SPANS_PROSE,
            _table(("attribute", "meaning"), [(f"`{name}`", meaning) for name, meaning in ATTRIBUTES.items()]),
            "`gen_ai.provider.name` is the provider's id in the policy, but for the vendors that the conventions call otherwise: "
            + ", ".join(f"{vendor} is `{name}`" for vendor, name in PROVIDERS.items()) + ".",
        )
    ) + "\n"  # fmt: skip


def _instrument(one: Instrument) -> tuple[str, ...]:
    profile = "" if one.name.startswith("turnout.") else ", ".join(sorted(one.profiles))
    return (f"`{one.name}`", one.kind, f"`{one.unit}`", _labels(one.attributes), profile, one.meaning)


def features_page() -> str:
    """What becomes of each thing on the way to the other dialect."""
    dialects = sorted(CARRIES)
    rows = []
    for name in sorted(set().union(*CARRIES.values())):
        fate = "left out, with a warning" if name in HINTS else "rejected"
        rows.append((f"`{name}`", CARRIED[name], *("yes" if name in CARRIES[dialect] else fate for dialect in dialects)))
    fields = sorted(name.removeprefix("field:") for name in HINTS if name.startswith("field:"))
    return "\n\n".join(
        (
            "# What each dialect carries",
            NOTE,
            CARRIED_PROSE,
            _table(("name", "what it is", *(f"to {dialect}" for dialect in dialects)), rows),
            f"{UNKNOWN_FIELDS_PROSE} {', '.join(f'`{field}`' for field in fields)}.",
        )
    ) + "\n"  # fmt: skip


def spine_table() -> str:
    """The spine's files with their lines, rounded to ten: a page need not change with each line."""
    rows = [
        (f"[`{name}`](../../src/turnout/{name})", f"{round(lines(SOURCE / name), -1)}", meaning)
        for name, meaning in SPINE.items()
    ]
    return _table(("file", "lines, about", "what it does"), rows)


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def with_spine(page: str) -> str:
    """The page with the table between its two marks made anew."""
    return re.sub(
        r"(<!-- spine -->\n).*?(<!-- /spine -->)", lambda found: f"{found[1]}{spine_table()}\n{found[2]}", page, flags=re.DOTALL
    )


def _labels(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    text = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in text)


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
    ONE_REQUEST.write_text(with_spine(ONE_REQUEST.read_text("utf-8")), "utf-8")
