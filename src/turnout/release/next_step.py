"""What becomes of a release next, from what is known of it. Pure: time comes in as a number, evidence as a value (ADR 10)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import msgspec

from turnout.release import stages
from turnout.release.locked import is_unlisted
from turnout.release.screen import Screened
from turnout.types.evidence import Evidence, Metric
from turnout.types.policy import Route
from turnout.types.release import ON_TRAFFIC, Phase, Proposal, Release, Spec
from turnout.types.release_rules import ReleaseRules
from turnout.types.seconds import DAY, HOUR

GATES: tuple[Metric, ...] = ("success", "quality")
"""What must be shown to be no worse before a candidate gets more than the score allows (PRODUCT R4)."""
SILENT = "no request of the trial has come for too long; it goes on when one does"
BLIND = "what happens on the trial is not known; it goes on when it is"
MISMATCH = "the arms are not of the size that was drawn: something sends requests past the trial. To resume begins it anew"
STUCK = "it could not be looked at: Turnout itself is at fault, and its log says where. It goes on when that works again"
RESUMES_ITSELF = frozenset({SILENT, BLIND, STUCK})
"""The pauses that end by themselves, once their reason has; all others end at somebody's word."""

_NO_TRIAL = frozenset({"fallback", "new_use"})
_MOST_DOUBLINGS = 10
"""Of a cooldown: a week becomes twenty years."""


class BenchState(msgspec.Struct, frozen=True):
    """How it stands with a release's benchmark. ``note`` says what it waits for, or how far it is."""

    state: Literal["waiting", "running", "done"]
    note: str = ""


class Found(msgspec.Struct, frozen=True):
    """What is known of a release beside its row; which parts there are depends on its phase.

    ``route`` is the one it is about, as people wrote it, None when it is gone. ``frozen``: the freeze switch is on. ``busy`` names what else is on
    the route's traffic. ``serves``: another release has put the model in front there. ``rollbacks`` counts how often this model was rolled back on this route before, ``rests_until`` when it may be tried again.
    ``usual_ms`` is the 95 % quantile of the times of what serves the route today.
    ``blind``: evidence is not up to date. ``ejected`` says how the candidate fares where health has ejected it, ``gone`` why the policy in force
    cannot send it anything.
    """

    rules: ReleaseRules
    route: Route | None
    frozen: bool = False
    busy: str | None = None
    rollbacks: int = 0
    rests_until: float | None = None
    screened: Screened | None = None
    bench: BenchState | None = None
    proposal: Proposal | None = None
    evidence: Evidence | None = None
    blind: bool = False
    usual_ms: float | None = None
    ejected: str | None = None
    gone: str | None = None
    serves: bool = False


class Move(msgspec.Struct, frozen=True):
    """The release as it is to be. ``note`` says why, and stands in its history; empty: nothing happened that history should know."""

    after: Release
    note: str = ""


def next_step(release: Release, found: Found, now: float) -> Move:
    """What to do with it now: mostly nothing, then the release is the same."""
    if release.is_over:
        return Move(release)
    if release.status.phase in ON_TRAFFIC:
        return _on_traffic(release, found, now)
    if found.route is None:
        return _enter(release, "aborted", f"there is no route {release.route} any more", now)
    if found.frozen or release.status.paused is not None:
        return Move(release)
    return _EARLY[release.status.phase](release, found, now)


def rolled_back(release: Release, why: str, rollbacks: int, rules: ReleaseRules, now: float) -> Move:
    """Taken back, by whomever, and left alone on its route: twice as long each time."""
    rests = rules.cooldown * 2.0 ** min(rollbacks, _MOST_DOUBLINGS)
    return Move(_with(_enter(release, "rolled_back", why, now).after, until=now + rests), why)


def stuck(release: Release) -> Move:
    """Where it is, until it can be looked at: whoever is on traffic is paused, and people are told."""
    if release.status.phase not in ON_TRAFFIC:
        return _wait(release, STUCK)
    return Move(release) if release.status.paused is not None else _paused(release, STUCK)


def ended(release: Release, phase: Phase, why: str, now: float) -> Move:
    """Over, at somebody's word."""
    return _enter(release, phase, why, now)


def begun_anew(release: Release, why: str, now: float) -> Move:
    """Its trial from the start: the first stage, other arms, and no evidence from before."""
    undoubted = msgspec.structs.replace(release, spec=msgspec.structs.replace(_spec(release), proof_since=0.0))
    after = _with(
        undoubted, phase="trial", began=now, since=now, stage=0, share=stages.first(_spec(release)), units=0, proven=False,
        paused=None, waiting=None, reason=why,
    )  # fmt: skip
    return Move(after, why)


def lacks_approval(release: Release, found: Found) -> str | None:
    """Whose word is still wanted before it may go on traffic, in words; None: nobody's."""
    if not _needs_word(release, found):
        return None
    wanted = found.rules.approvals
    given = {approval.actor for approval in release.status.approvals if approval.approved}
    lacking = [f"{wanted.count - len(given)} of {wanted.count}"] if len(given) < wanted.count else []
    owner = found.route.owner if found.route is not None else None
    if wanted.owner and owner is not None and owner not in given:
        lacking.append(f"that of the route's owner, {owner}")
    return f"approval is wanted: {', '.join(lacking)}" if lacking else None


def _detected(release: Release, found: Found, now: float) -> Move:
    if (rests := _rests(found, now)) is not None:
        return _wait(release, rests)
    if found.screened is None:
        return Move(release)
    if found.screened.rejected is not None:
        return _enter(release, "rejected", found.screened.rejected, now)
    waiting = found.screened.waiting
    if waiting is not None and not _is_pressing(release, found, now):
        return _wait(release, waiting)
    return _enter(release, "screened", "it could serve the route" if waiting is None else f"it goes on without: {waiting}", now)


def _rests(found: Found, now: float) -> str | None:
    if found.rests_until is None or found.rests_until <= now:
        return None
    return f"it was rolled back here before and is left alone until {_day(found.rests_until)}"


def _screened(release: Release, found: Found, now: float) -> Move:
    bench = found.bench
    if bench is None or bench.state != "done":
        if _is_pressing(release, found, now) and (bench is None or bench.state == "waiting") and found.proposal is not None:
            return _propose(release, found.proposal, "there is no time to wait for a benchmark: ", now)
        return Move(release) if bench is None else _wait(release, bench.note or f"its benchmark is {bench.state}")
    return _enter(release, "benchmarked", bench.note or "its benchmark is done", now)


def _benchmarked(release: Release, found: Found, now: float) -> Move:
    proposal = found.proposal
    if proposal is None:
        return _wait(release, "what was measured is not enough for a proposal yet")
    if proposal.role != "none":
        return _propose(release, proposal, "", now)
    failed = "; ".join(gate.text for gate in proposal.gates if not gate.passed)
    move = _enter(release, "rejected", "; ".join(part for part in (proposal.text, failed) if part), now)
    return Move(msgspec.structs.replace(move.after, proposal=proposal), move.note)


def _proposed(release: Release, found: Found, now: float) -> Move:
    proposal = release.proposal
    if proposal is None or proposal.role == "none":
        return _enter(release, "rejected", "it was proposed for no role", now)
    if found.serves:  # a trial would compare it with itself
        return _enter(release, "rejected", f"another release has put {release.model} in front of the route already", now)
    if found.gone is not None:
        return _wait(release, f"{release.model} {found.gone}")
    if (lacking := lacks_approval(release, found)) is not None:
        return _wait(release, lacking)
    if (rests := _rests(found, now)) is not None:  # another event's release of the same model did harm meanwhile
        return _wait(release, rests)
    word = "approved" if release.status.approvals else "by itself, as the policy lets it"
    if proposal.role in _NO_TRIAL:
        return _enter(release, "adopted", f"{word}: {proposal.text}", now)
    if found.busy is not None:
        return _wait(release, f"the route's traffic is taken by {found.busy}")
    if found.ejected is not None:  # it would be rolled back at the next look, and left alone for long
        return _wait(release, f"its health is to be better first: {found.ejected}")
    spec = release.spec or stages.begun(found.rules, found.route, proposal, found.usual_ms)
    begun = msgspec.structs.replace(release, spec=spec)
    phase: Phase = "mirror" if spec.mirror_sample > 0 else "trial"
    return _begin(begun, phase, f"{word}: {proposal.text}", now)


_EARLY: dict[Phase, Callable[[Release, Found, float], Move]] = {
    "detected": _detected,
    "screened": _screened,
    "benchmarked": _benchmarked,
    "proposed": _proposed,
}


def _on_traffic(release: Release, found: Found, now: float) -> Move:
    """Danger first, whatever else holds; then whether anything may be done at all; then what its phase is about."""
    status = release.status
    if (danger := _danger(found)) is not None:
        return rolled_back(release, danger, found.rollbacks, found.rules, now)
    if found.route is None:  # its edit ends it too, unless a step of ours had taken it out of the lock before
        return _enter(release, "aborted", f"there is no route {release.route} any more", now)
    if found.gone is not None:  # people took it out: it would hold the route for ever, and be seen by nobody
        return _enter(release, "aborted", f"{release.model} {found.gone}", now)
    if found.frozen or (status.paused is not None and status.paused not in RESUMES_ITSELF):
        return Move(release)
    if status.phase == "trial" and not status.proven and now - _proving_since(release, now) >= _spec(release).longest:
        return _enter(release, "inconclusive", f"{_lasting(_spec(release).longest)} have passed and nothing is proven", now)
    if (why := _pauses(release, found, now)) is not None:
        return Move(release) if why == status.paused else _paused(release, why)
    if status.paused is not None:
        since = now if status.paused == SILENT else status.since  # a silent hour shows nothing of a model
        seen = "it can be looked at" if status.paused == STUCK else "requests of the trial are seen"
        return Move(_with(release, paused=None, since=since), f"it goes on: {seen} again")
    return _STAGED[status.phase](release, found, now)


def _proving_since(release: Release, now: float) -> float:
    return max(release.status.began or now, _spec(release).proof_since)


def _danger(found: Found) -> str | None:
    if found.evidence is not None and found.evidence.harmful:
        return "; ".join(_harm(found.evidence, metric) for metric in found.evidence.harmful)
    return None if found.ejected is None else f"the candidate is ejected: {found.ejected}"


def _harm(evidence: Evidence, metric: Metric) -> str:
    seen = evidence.reading(metric)
    figures = ""
    if seen.candidate is not None and seen.control is not None:
        both = f"{seen.candidate:.4g} against {seen.control:.4g}"
        came_late = metric in GATES and seen.candidate >= seen.control  # its good days before hide it in the means
        figures = f" of late ({both} over the whole trial)" if came_late else f" ({both})"
    return f"harm to {metric}{figures} after {seen.n_candidate:,} units of the candidate's"


def _pauses(release: Release, found: Found, now: float) -> str | None:
    if found.blind or found.evidence is None:
        return BLIND
    if release.status.phase == "mirror":
        return None
    if found.evidence.mismatched:
        return MISMATCH
    last = max(release.status.since, found.evidence.latest or 0.0)
    return SILENT if now - last > _spec(release).silence else None


def _mirror(release: Release, found: Found, now: float) -> Move:
    if now - release.status.since < _spec(release).mirror_time:
        return Move(release)
    if found.busy is not None:
        return _wait(release, f"the route's traffic is taken by {found.busy}")
    copies = found.evidence.candidates if found.evidence is not None else 0
    return _begin(
        release,
        "trial",
        f"the mirror has shown no harm in {copies:,} copies" if copies else "the mirror had no copy to show",
        now,
    )


def _trial(release: Release, found: Found, now: float) -> Move:
    status, spec, evidence = release.status, _spec(release), found.evidence
    if evidence is None:
        return Move(release)
    if not status.proven and all(evidence.reading(metric).fits for metric in GATES):
        return Move(_with(release, proven=True, waiting=None), f"{' and '.join(GATES)} are shown to be no worse than the margin")
    if now - status.since < spec.stage_time or evidence.candidates - status.units < spec.stage_units:
        return Move(release)
    share = stages.after(spec, status.stage)
    if not status.proven and (share is None or share > spec.ceiling):
        open_gates = " and ".join(metric for metric in GATES if not evidence.reading(metric).fits)
        return _wait(release, f"{status.share:g} % until {open_gates} is shown to be no worse than the margin")
    if share is None:
        note = f"all stages are done: all requests but {spec.holdback:g} %"
        return Move(_with(_enter(release, "bake", note, now).after, share=stages.whole(spec), units=evidence.candidates), note)
    widened = _with(release, stage=status.stage + 1, share=share, since=now, units=evidence.candidates, waiting=None)
    return Move(widened, f"from {status.share:g} % to {share:g} %: no harm in {evidence.candidates:,} units of the candidate's")


def _bake(release: Release, found: Found, now: float) -> Move:
    spec, evidence = _spec(release), found.evidence
    if evidence is not None and evidence.fallen and not spec.proof_since and (back := stages.widest(spec)) is not None:
        return _doubted(release, evidence, back, now)
    if now - release.status.since < spec.bake:
        return Move(release)
    return _enter(release, "adopted", f"no harm in {_lasting(spec.bake)} of nearly all requests", now)


def _doubted(release: Release, evidence: Evidence, back: tuple[int, float], now: float) -> Move:
    """To a share at which the control's answers say whether it is the candidate, or everything, that got worse. Once in a trial."""
    stage, share = back
    doubted = msgspec.structs.replace(release, spec=msgspec.structs.replace(_spec(release), proof_since=now))
    fallen = f"{' and '.join(evidence.fallen)} looks worse than the control's did"
    note = f"{fallen}: from {release.status.share:g} % back to {share:g} %, until it is shown again to be no worse"
    entered = _enter(doubted, "trial", note, now).after
    return Move(_with(entered, stage=stage, share=share, units=evidence.candidates, proven=False), note)


_STAGED: dict[Phase, Callable[[Release, Found, float], Move]] = {"mirror": _mirror, "trial": _trial, "bake": _bake}


def _needs_word(release: Release, found: Found) -> bool:
    """An approved list is people's, and so is what no trial will check, or no gate and score speak for."""
    proposal, route = release.proposal, found.route
    if found.rules.autonomy != "auto" or proposal is None or route is None or proposal.role in _NO_TRIAL:
        return True
    if is_unlisted(release.model, route):
        return True
    return proposal.score is None or proposal.score.ceiling <= 0 or not all(gate.passed for gate in proposal.gates)


def _is_pressing(release: Release, found: Found, now: float) -> bool:
    """What it replaces retires so soon that people must know of it now."""
    return release.kind == "retiring" and release.due is not None and now >= release.due - found.rules.retire_ahead


def _propose(release: Release, proposal: Proposal, why: str, now: float) -> Move:
    note = f"{why}{proposal.text}"
    move = _enter(msgspec.structs.replace(release, proposal=proposal), "proposed", note, now)
    return Move(move.after, note)


def _begin(release: Release, phase: Phase, note: str, now: float) -> Move:
    share = stages.first(_spec(release)) if phase == "trial" else 0.0
    entered = _enter(release, phase, note, now).after
    return Move(_with(entered, began=now, share=share), note)


def _enter(release: Release, phase: Phase, note: str, now: float) -> Move:
    """Into another phase. What it had of the traffic it has no more, unless the caller gives it some."""
    return Move(_with(release, phase=phase, since=now, stage=0, share=0.0, paused=None, waiting=None, reason=note, units=0), note)


def _wait(release: Release, why: str) -> Move:
    return Move(_with(release, waiting=why))


def _paused(release: Release, why: str) -> Move:
    return Move(_with(release, paused=why), f"paused: {why}")


def _with(release: Release, **changes: object) -> Release:
    return msgspec.structs.replace(release, status=msgspec.structs.replace(release.status, **changes))


def _spec(release: Release) -> Spec:
    return release.spec or Spec()


def _lasting(seconds: float) -> str:
    days, hours = seconds / DAY, seconds / HOUR
    return f"{days:.3g} days" if days >= 2 else f"{hours:.3g} hours" if hours >= 2 else f"{seconds:.3g} s"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
