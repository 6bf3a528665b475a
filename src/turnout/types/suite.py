"""Benchmark cases from the user's own work, and what models made of them (PRODUCT R2)."""

from typing import Any, Literal

import msgspec

from turnout.types.checks import Check
from turnout.types.judge import Calibration
from turnout.types.money import PicoDollars
from turnout.types.traits import Band


class Exact(msgspec.Struct, frozen=True, tag="exact"):
    """The text is one of ``texts``; ``normal``: case, blanks and punctuation at the ends do not count."""

    texts: tuple[str, ...]
    normal: bool = False


class Contains(msgspec.Struct, frozen=True, tag="contains"):
    """All of ``texts`` (``any``: one of them) stand in the answer; ``found`` False: none may."""

    texts: tuple[str, ...]
    any: bool = False
    found: bool = True
    ignore_case: bool = False


class Numeric(msgspec.Struct, frozen=True, tag="numeric"):
    """The answer's last number lies within ``absolute`` of ``value``, or within ``relative`` of it."""

    value: float
    absolute: float = 0.0
    relative: float = 0.0


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call"):
    """It calls ``name`` with these arguments; ``exactly`` False lets further arguments be. ``*``: any tool of the request, as its schema wants."""

    name: str
    arguments: dict[str, Any] = {}
    exactly: bool = False


class PythonTests(msgspec.Struct, frozen=True, tag="python_tests"):
    """Its Python code passes ``tests`` (source that is run after it), in a sandbox within ``seconds``; refused where there is none."""

    tests: str
    seconds: float = 10.0


class Similar(msgspec.Struct, frozen=True, tag="similar"):
    """The overlap of its words with ``text`` (F1 of word counts, 0..1) is at least ``threshold``."""

    text: str
    threshold: float = 0.6


class Pairwise(msgspec.Struct, frozen=True, tag="pairwise"):
    """A judge compares it with the other model's answer, in both orders; only a verdict that holds in both counts."""

    prompt: str | None = None


class Passes(msgspec.Struct, frozen=True, tag="check"):
    """One of the policy's own checks."""

    check: Check


class Bounded(msgspec.Struct, frozen=True, tag="bounded"):
    """It takes no longer, and costs no more, than this."""

    ms: float | None = None
    cost: PicoDollars | None = None


Rule = Exact | Contains | Numeric | ToolCall | PythonTests | Similar | Pairwise | Passes | Bounded


class Graded(msgspec.Struct, frozen=True):
    """A rule and what it counts for; ``weight`` 0 is told and does not count."""

    rule: Rule
    weight: float = 1.0


class Case(msgspec.Struct, frozen=True):
    """One request and how its answer is judged. ``body`` is an openai-chat request without a model.

    ``reference`` is an answer of the incumbent's, for comparison only, never the truth. ``source`` says where it is from.
    """

    id: str
    body: dict[str, Any]
    graders: tuple[Graded, ...]
    task: str | None = None
    band: Band | None = None
    reference: str | None = None
    source: str = ""


class Suite(msgspec.Struct, frozen=True):
    """``hash`` is of all cases and graders: results of another hash are another suite's. ``threshold``: from which score on a case is solved."""

    name: str
    hash: str
    cases: tuple[Case, ...]
    threshold: float = 1.0


class Asked(msgspec.Struct, frozen=True):
    """What came of asking a model: ``outcome`` as in records, ``error`` in words where it is not ``ok``. ``cost`` None: unknown.

    ``calls`` are the tool calls of the answer, name and arguments' JSON.
    """

    outcome: str
    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    finish: str | None = None
    ms: float = 0.0
    cost: PicoDollars | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    error: str | None = None
    request: str | None = None


UNCALIBRATED = "nobody has shown that the judge agrees with people: what it says is told, and decides nothing"
"""Stands among a result's details where that is so; it then has no score."""


class Result(msgspec.Struct, frozen=True):
    """One model's answer to one case, judged. ``score`` is 0..1, None where no grader could tell (then it counts for nothing).

    ``details`` say of each grader what it found. ``repeat`` counts answers of the same model to the same case from 0. ``compared`` is what a
    judge said of it beside the first model's answer, believed or not: 1 better, 0.5 as good, 0 worse.
    """

    run: str
    case: str
    model: str
    repeat: int
    at: float
    outcome: str
    score: float | None
    solved: bool | None
    ms: float
    cost: PicoDollars | None
    tokens_in: int
    tokens_out: int
    details: tuple[str, ...]
    task: str | None = None
    band: Band | None = None
    error: str | None = None
    compared: float | None = None


BENCH = "bench:"
"""A benchmark's calls are recorded as copies of ``bench:RUN``, of which there is no request."""

RunState = Literal["waiting", "running", "done", "stopped", "failed"]


class Run(msgspec.Struct, frozen=True):
    """A benchmark of ``models`` (the incumbent first, where there is one) on a suite.

    ``budget`` bounds what it may cost, ``estimate`` is what it was expected to cost before it began, ``spent`` what it did; pico-dollars.
    ``actor`` asked for it: a person, ``schedule``, or a release's id. ``total`` counts the answers wanted, ``done`` those there are.
    ``note`` says why it stopped, in words. ``due``: one that waits is not begun before then. ``margin``: it ends as soon as the paired test has
    decided whether the second model is worse than the first by more than this; None: it asks all. ``labels`` is the hash of those that its judge
    is held against, ``calibration`` what came of it (None: not yet, or there are none), ``unfit`` why that judge should not judge these models.
    """

    id: str
    at: float
    suite: str
    suite_hash: str
    models: tuple[str, ...]
    state: RunState
    actor: str
    budget: PicoDollars
    estimate: PicoDollars | None
    spent: PicoDollars
    total: int
    done: int
    repeats: int = 1
    judge: str | None = None
    note: str = ""
    release: str | None = None
    ended: float | None = None
    due: float | None = None
    margin: float | None = None
    labels: str | None = None
    calibration: Calibration | None = None
    unfit: str = ""

    @property
    def judge_decides(self) -> bool:
        """Whether scores that rest on its judge count."""
        return self.calibration is not None and self.calibration.gates
