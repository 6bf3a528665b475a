"""A suite from what the ledger keeps: a fair sample of real requests, redacted, each with the answer that was given as a reference."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from turnout.checks.answer import answer_of
from turnout.content.body import redacted
from turnout.content.open import Opened, open_content
from turnout.content.redact import redact
from turnout.content.seal import CannotOpen, Keyring
from turnout.dialects.collect import read_answer
from turnout.dialects.dialect import Ask
from turnout.dialects.registry import DIALECTS
from turnout.errors import ProviderFault, TurnoutError, Unusable
from turnout.store.bench import Kept
from turnout.suites.frozen import suite_hash
from turnout.suites.plan import arranged
from turnout.types.content import Content
from turnout.types.release_rules import SuiteRules
from turnout.types.suite import Case, Graded, Pairwise, Similar, Suite

LOOK = 20_000
"""The latest kept requests among which is drawn."""
BATCH = 100
_NOT_OURS = (
    "model", "turnout", "stream", "stream_options", "metadata", "user", "safety_identifier", "prompt_cache_key", "store", "service_tier",
)  # fmt: skip
"""Keys of a body that say who asked, or how it was to be served, and not what was asked."""

_HUB = "openai-chat"


class KeptContent(Protocol):
    """What of :class:`turnout.store.bench.BenchStore` sampling needs."""

    def kept(self, routes: Collection[str], since: float, limit: int) -> tuple[Kept, ...]: ...

    def contents(self, ids: Collection[str]) -> Mapping[str, Content]: ...


class Sampled(msgspec.Struct, frozen=True):
    """``left_out`` counts requests that were drawn and could not be cases, by reason."""

    suite: Suite
    left_out: dict[str, int]


class _Unfit(Exception):
    """No case comes of it; says why in a word or two."""


def sample(rules: SuiteRules, store: KeptContent, keys: Keyring, now: float) -> Sampled:
    """Draw the suite's cases: tasks and bands in their shares, nothing twice. The same requests give the same sample.

    No tool is ever run for it: results that tools gave are part of a conversation, and stay as they were.

    Raises:
        Unusable: the suite samples nothing, has no way to judge answers, or nothing is kept that could be a case.
        sqlalchemy.exc.SQLAlchemyError: the ledger does not answer.
    """
    wanted = rules.sample
    if wanted is None:
        raise Unusable(f"suites.{rules.name}: it has no `sample`")
    if not rules.graders and rules.judge is None:
        raise Unusable(
            f"suites.{rules.name}: requests bring nothing that tells a good answer from a bad one; name `graders`, or a `judge` that compares"
        )
    found = store.kept(wanted.routes, now - wanted.last, LOOK)
    left_out: Counter[str] = Counter()
    cases: dict[bytes, Case] = {}
    for kept, content in _in_turn(arranged(found, rules.name), store):
        if len(cases) == wanted.cases:
            break
        try:
            case = _case(kept, content, keys, rules)
        except _Unfit as unfit:
            left_out[str(unfit)] += 1
            continue
        asked = msgspec.json.encode(case.body, order="deterministic")
        left_out["asked before"] += asked in cases
        cases.setdefault(asked, case)
    if not cases:
        routes, why = ", ".join(wanted.routes), ", ".join(f"{count} {reason}" for reason, count in left_out.items() if count)
        raise Unusable(
            f"suites.{rules.name}: of the routes {routes} no request of the last {wanted.last / 86_400:g} days can be a case"
            f"{f' ({why})' if why else ''}; say `content: redacted` on them and wait for traffic"
        )
    made = tuple(cases.values())
    suite = Suite(rules.name, suite_hash(made, rules.threshold), made, rules.threshold)
    return Sampled(suite, {reason: count for reason, count in left_out.items() if count})


def _in_turn(found: tuple[Kept, ...], store: KeptContent) -> Iterator[tuple[Kept, Content | None]]:
    for start in range(0, len(found), BATCH):
        batch = found[start : start + BATCH]
        contents = store.contents([kept.id for kept in batch])
        for kept in batch:
            yield kept, contents.get(kept.id)


def _case(kept: Kept, content: Content | None, keys: Keyring, rules: SuiteRules) -> Case:
    """Raises _Unfit."""
    if content is None:  # deleted since it was listed
        raise _Unfit("no longer kept")
    try:
        opened = open_content(content, keys)
    except CannotOpen:
        raise _Unfit("closed with a key that is not there") from None
    if opened.request_cut or opened.answer_cut:
        raise _Unfit("kept in part")
    try:
        ask = DIALECTS[opened.front].ask(opened.request)
        body = _body(ask, opened.front)
    except (TurnoutError, KeyError):
        raise _Unfit("not to be asked again") from None
    if ask.sketch.images or ask.sketch.audio_bytes or ask.sketch.document_bytes or ask.sketch.unsized_documents:
        raise _Unfit("with pictures or files, which redacting takes out")
    # Redacting twice changes nothing more, so what is kept in full needs no way of its own.
    clean: dict[str, Any] = msgspec.json.decode(redacted(msgspec.json.encode(body)))
    answer = redact(_answer(opened, ask))
    return Case(
        kept.id, clean, _graders(rules, answer), kept.task, kept.band, answer or None, f"request {kept.id} of route {kept.route}"  # type: ignore[arg-type]  # the column holds nothing but bands
    )  # fmt: skip


def _body(ask: Ask, front: str) -> dict[str, Any]:
    """As an openai-chat request that asks for the same. Raises TurnoutError: it cannot be said in that dialect."""
    written = ask.body
    if front != _HUB:
        written = DIALECTS[_HUB].from_hub(DIALECTS[front].to_hub(ask), "", max_output=None, quirks=frozenset())
    body: dict[str, Any] = msgspec.json.decode(written)
    return {key: value for key, value in body.items() if key not in _NOT_OURS}


def _answer(opened: Opened, ask: Ask) -> str:
    """What was answered then; empty where it was no text."""
    try:
        return answer_of(read_answer(DIALECTS[opened.front], opened.answer, stream=ask.sketch.stream)).text
    except ProviderFault:
        return ""


def _graders(rules: SuiteRules, answer: str) -> tuple[Graded, ...]:
    """The suite's own. One that wants likeness and names no text means what was answered then."""
    if not rules.graders:
        return (Graded(Pairwise()),)
    return tuple(
        replace(each, rule=replace(each.rule, text=answer)) if isinstance(each.rule, Similar) and not each.rule.text else each
        for each in rules.graders
    )
