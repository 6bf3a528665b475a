"""``turnout explain``: where a request would go and why, asked of the running gateway; or of the policy file alone."""

import json
import sys
from typing import Annotated, Any, NoReturn

import typer

_PLAIN = "".join(map(chr, range(0x20, 0x7F)))
"""What stays as it was typed in the tags; all else is percent-encoded, as the header wants it."""


def explain(
    prompt: Annotated[
        str | None, typer.Argument(help="The user's message; - reads a whole JSON body from standard input.")
    ] = None,
    model: Annotated[str, typer.Option(help="What the request asks for: auto, a route, or a model.")] = "auto",
    tags: Annotated[str | None, typer.Option(help="As in x-turnout-tags: task=code_generation,team=web.")] = None,
    url: Annotated[str, typer.Option(help="The gateway.")] = "http://127.0.0.1:8080",
    key: Annotated[str | None, typer.Option(envvar="TURNOUT_KEY", help="A key, where the gateway asks for one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the decision as JSON.")] = False,
) -> None:
    """Show the decision for a request without making the call."""
    if prompt is None:
        print("name a prompt, or - for a JSON body on standard input", file=sys.stderr)
        raise typer.Exit(2)
    body = sys.stdin.buffer.read() if prompt == "-" else json.dumps(_body(model, prompt)).encode()
    decision = _ask(url.rstrip("/") + "/v1/explain", body, tags, key)
    if as_json:
        print(json.dumps(decision, indent=2))
    else:
        show(decision)
    if "error" in decision:
        _stop(decision["error"]["message"], 1)


def _body(model: str, prompt: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": prompt}]}


def _headers(tags: str | None, key: str | None) -> dict[str, str]:
    from urllib.parse import quote

    headers = {"content-type": "application/json"}
    if tags:
        headers["x-turnout-tags"] = quote(tags, safe=_PLAIN)
    if key:
        if not (key.isascii() and key.isprintable()):
            _stop("--key: a key is one line of printable ASCII", 2)
        headers["authorization"] = f"Bearer {key}"
    return headers


def _ask(url: str, body: bytes, tags: str | None, key: str | None) -> dict[str, Any]:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    headers = _headers(tags, key)
    if not url.startswith(("http://", "https://")):
        _stop(f"--url: {url} is not the URL of a gateway; write http://HOST:PORT", 2)
    try:
        with urlopen(Request(url, body, headers), timeout=10) as answer:  # noqa: S310 - the address is the caller's own word
            text = answer.read()
    except HTTPError as error:
        with error:
            _stop(_refusal(error.read()) or f"{url} answers {error.code}, not as a gateway does", 1)
    except (OSError, HTTPException) as error:
        _stop(f"{url} does not answer ({error}); is `turnout serve` running?", 1)
    except ValueError:  # a port that is no number, a name no DNS can hold
        _stop(f"--url: {url} is not the URL of a gateway; write http://HOST:PORT", 2)
    try:
        decision = json.loads(text)
    except ValueError:
        decision = None
    if not isinstance(decision, dict) or "plan" not in decision:
        _stop(f"{url} answers, but not as a gateway does", 1)
    return decision


def _refusal(body: bytes) -> str | None:
    """What a gateway says, in either dialect; None where it was none."""
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return None


def _stop(why: str, code: int) -> NoReturn:
    print(why, file=sys.stderr)
    raise typer.Exit(code)


def show(decision: dict[str, Any]) -> None:
    """A decision as tables."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"route [bold]{decision['route']}[/]  reason [bold]{decision['reason']}[/]")
    drawn = decision.get("drawn")
    if drawn is not None and drawn["trial"] is not None:
        console.print(
            f"  on trial {drawn['trial']}, {drawn['side']} arm with probability {drawn['propensity']:.4g}", highlight=False
        )
    for name, trait in decision["traits"].items():
        if isinstance(trait, dict) and "from" in trait:
            console.print(f"  {name:12} {trait['value']!s:18} [dim]from {trait['from']}[/]", highlight=False)
    candidates = Table("candidate", "quality", "p95 ms", "cost $", "chance", box=box.SIMPLE_HEAD)
    for column in candidates.columns:
        column.no_wrap, column.overflow = True, "fold"
    for candidate in decision["candidates"]:
        candidates.add_row(
            candidate["model"], _number(candidate["quality"], ".1f"), _number(candidate["latency_p95_ms"], ".0f"),
            _number(candidate["expected_cost_usd"], ".6f"), f"{candidate['probability']:.0%}",
        )  # fmt: skip
    if decision["candidates"]:
        console.print(candidates)
    for place, step in enumerate(decision["plan"], 1):
        held_to = f", if it passes {', '.join(step['checks'])}" if step.get("checks") else ""
        console.print(f"  {place}. {step['model']} on {', '.join(step['on'])}{held_to}", highlight=False)
    for rejection in decision["rejections"]:
        console.print(f"  [red]not[/] {rejection['model']}: {rejection['reason']}, {rejection['detail']}", highlight=False)


def _number(value: float | None, spec: str) -> str:
    return "unknown" if value is None else f"{value:{spec}}"
