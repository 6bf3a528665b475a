"""Judging the answers to one case side by side: each by the case's rules, and against the first where a judge compares."""

from collections.abc import Mapping
from functools import partial
from statistics import fmean

from turnout.checks.checker import Checker
from turnout.suites.graders.grade import Tools, grade
from turnout.suites.graders.pairwise import Compared, compare, inverted
from turnout.suites.graders.sandbox import Sandbox
from turnout.suites.inputs import said_of
from turnout.suites.run import AskJudge, Judged
from turnout.types.suite import Asked, Case


class CaseGrader:
    """One for a run, of a suite with this ``threshold``."""

    def __init__(self, checker: Checker, sandbox: Sandbox | None = None, *, threshold: float) -> None:
        self._tools = Tools(checker, sandbox or Sandbox())
        self._threshold = threshold

    async def grade(self, case: Case, answers: Mapping[str, Asked], judge: AskJudge | None) -> Mapping[str, Judged]:
        """By model; ``answers`` are those that came, the first model's first."""
        opinions = None if judge is None else _Opinions(case, answers, judge)
        found: dict[str, Judged] = {}
        for model, asked in answers.items():
            opinion = None if opinions is None else partial(opinions.of, model)
            mark = await grade(case, asked, self._tools, opinion, threshold=self._threshold)
            found[model] = Judged(mark.score, mark.details, mark.solved, on_judge=mark.judged, compared=mark.compared)
        return found


class _Opinions:
    """What the judge thinks of the answers to a case; each pair is put to it once."""

    def __init__(self, case: Case, answers: Mapping[str, Asked], judge: AskJudge) -> None:
        self._said = said_of(case.body)
        self._case = case
        self._texts = {model: asked.text for model, asked in answers.items()}
        self._judge = judge
        self._known: dict[tuple[str, str | None], Compared] = {}

    async def of(self, model: str, prompt: str | None) -> Compared:
        first, *others = self._texts
        if model != first:
            return await self._against(model, self._texts[first], prompt)
        if others:
            return _mean([inverted(await self._against(other, self._texts[first], prompt)) for other in others])
        if self._case.reference is None:
            return Compared(None, "there is no other answer to compare it with")
        return await self._against(model, self._case.reference, prompt)

    async def _against(self, model: str, other: str, prompt: str | None) -> Compared:
        key = (model, prompt)
        if key not in self._known:
            self._known[key] = await compare(self._judge, self._said, self._texts[model], other, prompt)
        return self._known[key]


def _mean(found: list[Compared]) -> Compared:
    """Of the first answer against several others."""
    scores = [each.score for each in found if each.score is not None]
    if len(found) == 1 or len(scores) < len(found):
        return next((each for each in found if each.score is None), found[0])
    return Compared(fmean(scores), "; ".join(each.detail for each in found))
