"""One release: how far it is and why, what it should become, what the evidence is, what people may do about it."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import msgspec

from turnout.audit.chain import read
from turnout.control.pages.benchmarks import rests_on
from turnout.control.pages.blocks import (
    Actions,
    Block,
    Button,
    Cell,
    Chart,
    Column,
    Field,
    Figure,
    Figures,
    NoSuchThing,
    Note,
    Page,
    Section,
    Table,
    Text,
    Tone,
)  # fmt: skip
from turnout.control.pages.charts import Look
from turnout.control.pages.curves import Curve, Frame, Mark, curves
from turnout.control.pages.evidence import bands, processes, ratio, readings
from turnout.control.pages.seen import NOTHING
from turnout.control.pages.sources import Sources
from turnout.release import stages
from turnout.release.score import thresholds
from turnout.store.ledger import Ledger
from turnout.types.checks import name_of as check_name
from turnout.types.evidence import Evidence
from turnout.types.release import ON_TRAFFIC, Gate, Phase, Proposal, Question, Release, Step, Verdict
from turnout.types.release_rules import ReleaseRules

PHASES: dict[Phase, Tone] = {
    "adopted": "good",
    "rolled_back": "bad",
    "rejected": "plain",
    "inconclusive": "warn",
    "aborted": "warn",
}
WHY_AND_WHO = (Field("note", "Why"), Field("by", "Your name"))
_VERDICTS: dict[Verdict, Tone] = {"yes": "good", "no": "plain", "unconfirmed": "warn", "unknown": "warn"}
_QUESTIONS: dict[Question, str] = {
    "cheaper": "Is it cheaper?", "faster": "Is it faster?", "better": "Is it better at something?", "fallback": "Does it make a better fallback?",
    "new_use": "Does it allow a new use?",
}  # fmt: skip
_SETTLED_AUDIT = 500


def one(release_id: str, zone: ZoneInfo, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    ledger = sources.ledger
    release = ledger.releases.get(release_id)
    if release is None:
        raise NoSuchThing(f"there is no release {release_id!r}; the page Releases lists those there are")
    steps, points = ledger.releases.steps(release.id), ledger.trials.points(release.id)
    base = sources.in_force()
    rules = base.policy.release if base is not None else ReleaseRules()
    now = sources.clock.now()
    proposed, shown = tuple(_proposed(release)), tuple(_shown(release, steps, points, zone, now))
    sections = [
        Section((*_standing(release), _figures(release, rules)), wide=True),
        Section(tuple(_word(release)), wide=True),
        *((*shown, *proposed) if release.status.phase in ON_TRAFFIC else (*proposed, *shown)),
        Section((rests_on(release, ledger.bench),), wide=True),
        Section((_timeline(release, steps, ledger),), wide=True),
    ]
    title, asof = f"{release.model} on {release.route}", points[-1].latest if points else None
    return Page("releases", title, tuple(section for section in sections if section.blocks), now, asof, live=not release.is_over)


def release_link(release_id: str) -> str:
    return f"/releases/{quote(release_id, safe='')}"


def trial_link(release: Release, side: str = "") -> str:
    """Where the requests are that were on its trial; a mirror's are copies."""
    copies = {"copies": "only"} if release.status.phase == "mirror" else {}
    return "/decisions?" + urlencode({"window": "400d", "trial": release.id, **({"side": side} if side else {}), **copies})


def share_of(release: Release) -> float:
    """Of the route's traffic, 0..1."""
    return release.status.share / 100


def waits_for(release: Release) -> str | None:
    """What is said of where it stands: why it is paused, what it waits for, why it is there."""
    status = release.status
    return status.paused or status.waiting or status.reason or None


def _standing(release: Release) -> Iterator[Note]:
    status = release.status
    if status.paused is not None:
        yield Note(f"Paused: {status.paused}", "warn")
    elif release.is_over:
        yield Note(
            f"{status.phase.replace('_', ' ').capitalize()}: {status.reason or 'no reason was given'}", PHASES[status.phase]
        )
    elif status.waiting:
        yield Note(f"It waits: {status.waiting}.")


def _figures(release: Release, rules: ReleaseRules) -> Figures:
    status, on_traffic = release.status, release.status.phase in ON_TRAFFIC
    link = trial_link(release) if status.began is not None else None
    against = f"against {release.incumbent}" if release.incumbent else "against the route's own choice"
    found = [
        Figure("Phase", status.phase.replace("_", " "), "text", f"{release.kind}; {against}", PHASES.get(status.phase, "plain")),
        Figure("Since", status.since, "time"),
        Figure("Share of traffic", share_of(release), "percent", _next(release) if on_traffic else "not on traffic", link=link),
        Figure("No worse, live", "proven" if status.proven else "not yet", "text", _ceiling(release), "good" if status.proven else "plain"),
        _score(release, rules),
    ]  # fmt: skip
    if release.due is not None:
        found.append(Figure("Retires", release.due, "time", "a replacement is wanted before", "warn"))
    elif release.proposal is not None and release.proposal.saving is not None:
        found.append(Figure("Expected saving", release.proposal.saving, "percent", "of what the route costs"))
    return Figures(tuple(found))


def _next(release: Release) -> str:
    spec, status = release.spec, release.status
    if spec is None or status.phase == "mirror":
        return "gets copies; nobody gets its answers"
    if status.phase == "bake":
        return f"{spec.holdback:g} % stay behind to compare with"
    after = stages.after(spec, status.stage)
    share = stages.whole(spec) if after is None else after
    return f"next stage {share:g} %"


def _ceiling(release: Release) -> str:
    if release.spec is None:
        return "its trial has not begun"
    if release.status.proven:
        return "every gate's live evidence is in"
    if release.spec.proof_since:
        return "doubted in its bake: it is to be shown anew"
    return f"until then at most {release.spec.ceiling:g} %"


def _score(release: Release, rules: ReleaseRules) -> Figure:
    """By its lower bound, which decides how far a trial may go before live evidence."""
    score = release.proposal.score if release.proposal is not None else None
    if score is None:
        return Figure("Score, at least", None, "score", "not known before its benchmark")
    least = thresholds(rules, score.worth)
    steps = f"{least.trial:g} for {rules.first_ceiling:g} %, {least.ten:g} for 10 %, {least.fifty:g} for 50 %"
    tone: Tone = "good" if score.low >= least.trial else "warn"
    return Figure(
        f"{score.name.capitalize()}, at least",
        f"{score.low:.3f}",
        "text",
        f"estimate {score.value:.3f} of {score.n:,} cases; {steps}",
        tone,
    )


def _word(release: Release) -> Iterator[Block]:
    """Only what applies now (release.desk)."""
    status, path = release.status, f"/api/releases/{quote(release.id, safe='')}"
    buttons = []
    if status.phase == "proposed":
        buttons.append(Button("Approve", f"{path}/approve", "It goes on traffic as soon as the route is free.", "good"))
    if not release.is_over and status.phase not in ON_TRAFFIC:
        buttons.append(Button("Reject", f"{path}/reject", "The release is over.", "bad"))
    if not release.is_over and status.paused is None:
        buttons.append(Button("Pause", f"{path}/pause"))
    if not release.is_over and status.paused is not None:
        buttons.append(Button("Resume", f"{path}/resume"))
    if status.phase in ON_TRAFFIC or status.phase == "adopted":
        confirm = f"{release.model} is taken off {release.route} at once, and is left alone there for a while."
        buttons.append(Button("Roll back", f"{path}/rollback", confirm, "bad"))
    if buttons:
        yield Actions(tuple(buttons), WHY_AND_WHO)
    if status.approvals:
        columns = (Column("When", "time"), Column("Who"), Column("Word"), Column("Why"))
        rows = tuple(
            (each.at, each.actor, Cell("yes" if each.approved else "no", "good" if each.approved else "bad"), each.note)
            for each in status.approvals
        )
        yield Table("approvals", "What people said", columns, rows, "")


def _proposed(release: Release) -> Iterator[Section]:
    proposal = release.proposal
    if proposal is None:
        return
    role = Figure("Proposed role", proposal.role.replace("_", " "), "text", _checks(proposal))
    yield Section(
        (Figures((role, *_terms(proposal))), Note(proposal.text), *_condition(proposal)), "What it should become", wide=True
    )
    if proposal.answers:
        yield Section((_answers(proposal),))
    if proposal.gates:
        yield Section((_gates(proposal.gates),))


def _checks(proposal: Proposal) -> str:
    return "checked by " + ", ".join(map(check_name, proposal.checks)) if proposal.checks else ""


def _terms(proposal: Proposal) -> Iterator[Figure]:
    score = proposal.score
    if score is None:
        return
    for name, value in (("Cost", score.cost), ("Time", score.latency), ("Quality", score.quality)):
        yield Figure(f"{name} term", value, "score", "of -1 to 1; above 0 is better")
    yield Figure("Ceiling", score.ceiling / 100, "percent", "of traffic before live evidence")
    if score.margin is not None:
        yield Figure("Margin shown", score.margin, "percent", f"the smallest that {score.n:,} cases could certify")


def _condition(proposal: Proposal) -> Iterator[Text]:
    if proposal.when:
        yield Text("For requests that fit this", msgspec.json.format(msgspec.json.encode(proposal.when)).decode(), "json")


def _answers(proposal: Proposal) -> Table:
    rows = tuple((_QUESTIONS[each.question], Cell(each.verdict, _VERDICTS[each.verdict]), each.text) for each in proposal.answers)
    return Table("answers", "The five questions", (Column("Question"), Column("Answer"), Column("Why")), rows, "")


def _gates(gates: Sequence[Gate]) -> Table:
    tones: dict[bool | None, tuple[str, Tone]] = {True: ("passed", "good"), False: ("failed", "bad"), None: ("not known", "warn")}
    rows = tuple((gate.name.replace("_", " "), Cell(*tones[gate.passed]), gate.text) for gate in gates)
    return Table(
        "gates", "Gates", (Column("Gate"), Column("Result"), Column("Why")), rows, "", "What is not known does not pass."
    )


def _shown(release: Release, steps: Sequence[Step], points: Sequence[Evidence], zone: ZoneInfo, now: float) -> Iterator[Section]:
    """What its trial or mirror has shown, if it has been on traffic."""
    if release.status.began is None and not points:
        return
    if not points:
        yield Section((Note("Nothing of its trial is known yet: the first requests make it known within seconds."),), wide=True)
        return
    latest = points[-1]
    harm = Figure("Harm", ", ".join(latest.harmful) or "none", "text", "on a guardrail", "bad" if latest.harmful else "good")
    figures = Figures((*units(release, latest), harm, Figure("Latest unit", latest.latest, "time")))
    yield Section((figures, readings(latest, "readings", "Both arms")), "What the trial shows", wide=True)
    drawn = [processes(points, "fit", zone), processes(points, "harm", zone), *bands(points, release.spec, zone)]
    there = [chart for chart in drawn if chart is not None]
    yield Section((_stages(release, steps, zone, now),), wide=len(there) % 2 == 0)
    yield from (Section((chart,)) for chart in there)


def units(release: Release, latest: Evidence) -> tuple[Figure, ...]:
    """How much there is, each count with the requests it is made of."""
    gates = [one for one in latest.readings if one.fit_at is not None and not one.fits]
    known = [one.to_go for one in gates if one.to_go is not None]
    unknown = len(known) < len(gates)
    said = "shown already" if not gates else "cannot be said yet" if unknown else "of the candidate's, to show it is no worse"
    return (
        Figure("Units", latest.units, "count", f"{latest.settled:,} past their feedback window", link=trial_link(release)),
        Figure("The candidate's", latest.candidates, "count", "", link=trial_link(release, "candidate")),
        Figure("Units to go", None if unknown else max(known, default=0), "count", said, "plain" if gates else "good"),
        ratio(latest),
    )


def _stages(release: Release, steps: Sequence[Step], zone: ZoneInfo, now: float) -> Chart:
    """The candidate's share from when traffic first met it."""
    began = release.status.began or release.at
    met = [step for step in steps if step.at >= began]
    end = release.status.since if release.is_over else now
    at = [began, *(step.at for step in met), max(end, met[-1].at if met else began)]
    values = [met[0].share if met else release.status.share, *(step.share for step in met), release.status.share]
    marks = []
    if release.spec is not None and not release.status.proven and not release.spec.proof_since:
        marks.append(Mark(release.spec.ceiling, f"ceiling until proven: {release.spec.ceiling:g} %"))
    ceiling = max([*values, *(mark.value for mark in marks), 1.0])
    says = f"The candidate's share over time; now {release.status.share:g} %"
    drawn = [Curve("share", at, values, {"tone": "accent"}, shape="hv")]
    frame = Frame(Look(",.3~r", " %"), {"range": [0, 1.15 * ceiling]}, marks)
    return curves("stages", "Share of traffic", says, drawn, zone, frame)


def _timeline(release: Release, steps: Sequence[Step], ledger: Ledger) -> Table:
    columns = (
        Column("When", "time"), Column("Phase"), Column("Share", "percent"), Column("By"), Column("Why"), Column("Policy"), Column("Audit"),
        Column("Evidence", "code"),
    )  # fmt: skip
    entries = _entries(release, ledger)
    rows = tuple(
        (
            step.at, Cell(step.phase.replace("_", " "), PHASES.get(step.phase, "plain")), step.share / 100, step.actor, step.note,
            NOTHING if step.policy is None else Cell(str(step.policy), link=f"/policy/{step.policy}"),
            NOTHING if (seq := entries.get(step.n)) is None else Cell(str(seq), link=f"/audit/{seq}"),
            NOTHING if step.evidence is None else step.evidence[:12],
        )
        for step in reversed(steps)
    )  # fmt: skip
    note = "Evidence is the beginning of the SHA-256 of what a step rested on, which is kept beside it."
    return Table("steps", "History", columns, rows, "Nothing happened to it yet.", note)


def _entries(release: Release, ledger: Ledger) -> dict[int, int]:
    """By step, its entry in the audit chain; that of the opening names no step."""
    found = ledger.audit.page(_SETTLED_AUDIT, payload=f'%"release":"{release.id}"%')
    payloads = ((entry.seq, read(entry)) for entry in found)
    return {n: seq for seq, said in payloads if said.get("release") == release.id and isinstance(n := said.get("n", 1), int)}
