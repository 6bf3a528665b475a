import json
from collections import Counter
from collections.abc import Collection
from typing import Any

import pytest

from turnout.content.open import Opened, close
from turnout.content.seal import ContentKey, Keyring
from turnout.errors import Unusable
from turnout.store.bench import Kept
from turnout.suites.frozen import Frozen
from turnout.suites.sample import sample
from turnout.types.content import Content, Keeping
from turnout.types.release_rules import Sampling, SuiteRules
from turnout.types.suite import Exact, Graded, Pairwise, Similar

NOW = 1_800_000_000.0
KEY = ContentKey(b"k" * 32)
RULES = SuiteRules("support", ("support",), sample=Sampling(("support",), 604_800.0, 10), graders=(Graded(Exact(("yes",))),))


def answered(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice]}).encode()


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "auto", "user": "u-17", "stream": False, "messages": [{"role": "user", "content": text}], **more}


class Ledger:
    """Requests whose content is kept, as the store hands them out."""

    def __init__(self) -> None:
        self.rows: list[Kept] = []
        self.sealed: dict[str, Content] = {}
        self.wanted: list[tuple[Collection[str], float]] = []

    def add(
        self, body: dict[str, Any], answer: str = "Paris.", *, front: str = "openai-chat", task: str = "qa", band: str = "simple",
        keeping: Keeping = "redacted", key: ContentKey = KEY, cut: int = 0,
    ) -> str:  # fmt: skip
        id_ = f"r{len(self.rows):03}"
        opened = Opened(front, json.dumps(body).encode(), answered(answer), stream=False, model="a/old", request_cut=cut)
        self.rows.append(Kept(id_, NOW, "support", task, band, "a/old"))
        self.sealed[id_] = close(id_, NOW, keeping, opened, key)
        return id_

    def kept(self, routes: Collection[str], since: float, limit: int) -> tuple[Kept, ...]:
        self.wanted.append((routes, since))
        return tuple(self.rows)

    def contents(self, ids: Collection[str]) -> dict[str, Content]:
        return {id_: self.sealed[id_] for id_ in ids if id_ in self.sealed}


def drawn(ledger: Ledger, rules: SuiteRules = RULES):
    return sample(rules, ledger, Keyring((KEY,)), NOW)


def test_a_request_becomes_a_case():
    """What was asked, without who asked and how it was served; the answer is a reference, never the truth."""
    ledger = Ledger()
    id_ = ledger.add(asked("What is the capital of France?", temperature=0.5))
    (case,) = drawn(ledger).suite.cases

    assert case.body == {"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0.5}
    assert (case.id, case.task, case.band, case.reference) == (id_, "qa", "simple", "Paris.")
    assert case.graders == RULES.graders
    assert ledger.wanted == [(("support",), NOW - 604_800)]


def test_what_is_kept_in_full_is_redacted():
    """Nothing that identifies people goes into a case, nor into its reference."""
    ledger = Ledger()
    ledger.add(asked("Write to ada.lovelace@example.com please"), "I wrote to ada.lovelace@example.com.", keeping="full")
    (case,) = drawn(ledger).suite.cases

    assert "ada" not in json.dumps(case.body) + (case.reference or "")
    assert case.reference == "I wrote to [email]."


def test_tasks_and_bands_in_their_shares():
    """A tenth of the requests is a tenth of the sample."""
    ledger = Ledger()
    for n in range(100):
        ledger.add(asked(f"question {n}"), task="qa" if n % 10 else "math", band="high" if n % 2 else "simple")
    found = Counter(case.task for case in drawn(ledger).suite.cases)

    assert found == {"qa": 9, "math": 1}


def test_nothing_twice():
    """The same question is one case, however often it was asked."""
    ledger = Ledger()
    for _ in range(5):
        ledger.add(asked("What is the capital of France?"))
    found = drawn(ledger)

    assert len(found.suite.cases) == 1
    assert found.left_out == {"asked before": 4}


def test_the_same_traffic_gives_the_same_sample():
    """Drawing hangs on the requests and the suite's name alone, and so does the hash."""
    ledger = Ledger()
    for n in range(30):
        ledger.add(asked(f"question {n}"))
    first, again = drawn(ledger).suite, drawn(ledger).suite

    assert first == again
    assert len(first.cases) == 10
    ledger.rows = ledger.rows[5:]
    assert drawn(ledger).suite.hash != first.hash


def test_what_cannot_be_a_case_is_counted():
    """Cut, closed, with pictures, or gone meanwhile: it is left out, and said why."""
    ledger = Ledger()
    ledger.add(asked("fine"))
    ledger.add(asked("cut"), cut=10)
    ledger.add(asked("closed"), key=ContentKey(b"x" * 32))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    ledger.add({**asked(""), "messages": [{"role": "user", "content": [picture]}]})
    ledger.add({"model": "auto", "messages": "none"})
    del ledger.sealed[ledger.add(asked("gone"))]
    found = drawn(ledger)

    assert len(found.suite.cases) == 1
    assert found.left_out == {
        "kept in part": 1, "closed with a key that is not there": 1, "with pictures or files, which redacting takes out": 1,
        "not to be asked again": 1, "no longer kept": 1,
    }  # fmt: skip


def test_another_dialect_is_translated():
    """A case is an openai-chat request, whoever asked it how."""
    ledger = Ledger()
    ledger.add(
        {"model": "auto", "max_tokens": 50, "system": "Be brief.", "messages": [{"role": "user", "content": "Hello?"}]},
        front="anthropic-messages",
    )  # fmt: skip
    (case,) = drawn(ledger).suite.cases

    assert [message["role"] for message in case.body["messages"]] == ["system", "user"]
    assert case.reference is None  # the answer was an openai-chat one, which that dialect cannot read


def test_results_of_tools_stay_as_they_were():
    """A conversation with tools is asked with what they said then: nothing is run again."""
    call = {"id": "t1", "type": "function", "function": {"name": "pay", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Pay it"}, {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": "paid 10 EUR"},
    ]  # fmt: skip
    ledger = Ledger()
    ledger.add({"model": "auto", "messages": messages})
    (case,) = drawn(ledger).suite.cases

    assert case.body["messages"] == messages


def test_how_a_sample_is_judged():
    """As the suite says; without a word on it by the judge in pairs; likeness to no text is likeness to the answer given then."""
    ledger = Ledger()
    ledger.add(asked("Why?"), "Because.")
    judged = SuiteRules("s", ("support",), sample=RULES.sample, judge="c/judge")
    alike = SuiteRules("s", ("support",), sample=RULES.sample, graders=(Graded(Similar("")), Graded(Similar("x"))))

    assert [each.rule for each in drawn(ledger, judged).suite.cases[0].graders] == [Pairwise()]
    assert [each.rule for each in drawn(ledger, alike).suite.cases[0].graders] == [Similar("Because."), Similar("x")]
    with pytest.raises(Unusable, match=r"suites\.s: .* name `graders`, or a `judge`"):
        drawn(ledger, SuiteRules("s", ("support",), sample=RULES.sample))


def test_nothing_to_sample():
    """It says what is missing, and what to do."""
    with pytest.raises(Unusable, match="`content: redacted`"):
        drawn(Ledger())
    with pytest.raises(Unusable, match="no `sample`"):
        drawn(Ledger(), SuiteRules("s", ("support",), file="s.jsonl"))


def test_a_frozen_suite_is_its_owners_alone(tmp_path):
    """It comes back as it was, by its hash or by the name it was drawn for; nobody else can read it."""
    ledger, frozen = Ledger(), Frozen(tmp_path / "suites")
    ledger.add(asked("fine"))
    suite = drawn(ledger).suite
    assert frozen.sampled("support") is None

    frozen.keep_sampled(suite)

    assert frozen.get(suite.hash) == frozen.sampled("support") == suite
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "suites").iterdir()}
    assert (modes, (tmp_path / "suites").stat().st_mode & 0o777) == ({0o600}, 0o700)
    (tmp_path / "suites" / f"{suite.hash}.json").write_text("{")
    with pytest.raises(Unusable, match="damaged"):
        frozen.get(suite.hash)
    with pytest.raises(Unusable, match="are gone"):
        frozen.get("other")
