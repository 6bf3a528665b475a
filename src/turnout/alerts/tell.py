"""What is worth telling, in words: from a release's step, a catalog's event, a day's spending to an alert. Pure."""

from collections.abc import Iterator

from turnout.types.alert import Alert, AlertKind, Severity
from turnout.types.money import PicoDollars, usd
from turnout.types.release import CatalogEvent, Phase, Release, Score, Step

_STEPS: dict[Phase, tuple[AlertKind, Severity, str]] = {
    "detected": ("release_found", "info", "{model} may be of use on {route}"),
    "proposed": ("proposal", "info", "{model} is proposed for {route}"),
    "mirror": ("trial_started", "info", "{model} gets copies of {route}'s requests"),
    "trial": ("stage", "info", "{model} has {share:g} % of {route}'s trial"),
    "bake": ("stage", "info", "{model} has nearly all of {route}'s trial"),
    "adopted": ("adopted", "warning", "{model} is adopted on {route}"),
    "rolled_back": ("rolled_back", "critical", "{model} was rolled back on {route}"),
    "inconclusive": ("inconclusive", "warning", "the trial of {model} on {route} proved nothing"),
    "aborted": ("inconclusive", "warning", "the trial of {model} on {route} was ended"),
}
"""Phases without a line are no news."""
_DOUBTED: tuple[AlertKind, Severity, str] = (
    "stage",
    "warning",
    "{model} is doubted on {route}: back to {share:g} % of its trial",
)


def of_step(
    release: Release, step: Step, owner: str | None, outperforms: float, lacking: str | None = None
) -> Iterator[Alert]:  # fmt: skip
    """The alerts of one line in a release's history; ``outperforms`` is the relative gain that is news by itself.

    ``lacking`` says whose approval a proposal waits for, None: nobody's.
    """
    about = {"model": release.model, "route": release.route, "share": step.share}
    to, link, key = (owner,) if owner else (), f"/releases/{release.id}", f"{release.id}:{step.n}"
    found = _STEPS.get(step.phase)
    paused = release.status.paused
    if paused is not None:
        title = f"the trial of {release.model} on {release.route} is paused"
        yield Alert(f"{key}:paused", step.at, "paused", "warning", title, paused, f"{release.id}:{paused}", link, to)
    elif found is not None and not _is_an_approval(release, step):
        kind, severity, title = _DOUBTED if _is_a_doubt(release, step) else found
        first_share = kind == "stage" and step.phase == "trial" and release.status.stage == 0 and not release.status.proven
        kind = "trial_started" if first_share else kind
        yield Alert(
            f"{key}:{kind}", step.at, kind, severity, title.format_map(about), step.note or step.phase, key, link, to,
            {"share_percent": step.share, "actor": step.actor},
        )  # fmt: skip
    if step.phase == "proposed" and lacking is not None and paused is None and not _is_an_approval(release, step):
        title = f"{release.model} is proposed for {release.route}: it waits for a decision"
        text = "\n".join(part for part in (step.note, f"{lacking}: turnout release approve {release.id}, or reject") if part)
        yield Alert(
            f"{key}:approval_wanted", step.at, "approval_wanted", "warning", title, text, f"{key}:approval_wanted", link, to
        )
    proposal = release.proposal
    score = proposal.score if proposal is not None and proposal.role in _IN_FRONT else None
    if (
        step.phase == "proposed"
        and not _is_an_approval(release, step)
        and score is not None
        and (best := _gain(score)) > outperforms
    ):
        title = f"{release.model} outperforms what serves {release.route} by more than {outperforms:.0%}"
        text = f"cost {score.cost:+.0%}, latency {score.latency:+.0%}, quality {score.quality:+.0%} (above zero is better), over {score.n} cases"
        yield Alert(
            f"{key}:outperforms",
            step.at,
            "outperforms",
            "warning",
            title,
            text,
            f"{release.id}:outperforms",
            link,
            to,
            {"gain": best},
        )


_IN_FRONT = frozenset({"primary", "segment"})
"""A model that is not good enough to go in front outperforms nobody, however cheap it is."""


def _is_an_approval(release: Release, step: Step) -> bool:
    """Who was asked has spoken: that is no news to them, and does not ask them again."""
    return step.phase == "proposed" and bool(release.status.approvals)


def _is_a_doubt(release: Release, step: Step) -> bool:
    """The step that took it back from its bake, not those that follow in the same stage."""
    status, spec = release.status, release.spec
    return step.phase == "trial" and spec is not None and status.since == spec.proof_since and step.note == status.reason


def _gain(score: Score) -> float:
    return max(score.cost, score.latency, score.quality)


def of_event(event: CatalogEvent, users: tuple[str, ...], owners: tuple[str, ...] = ()) -> Alert | None:
    """``users`` are the routes that use the model, by name, and ``owners`` theirs; what concerns nobody is no news, a doubtful catalog always is."""
    about = event.detail or f"{event.field or event.kind}: {event.before or 'nothing'} -> {event.after or 'nothing'}"
    link, figures = "/catalog", {"change": event.change, "sources": ", ".join(event.sources)}
    if event.state == "quarantined":
        title = "a catalog refresh looks wrong and was not taken up"
        return Alert(f"{event.id}:{event.at:.0f}:quarantined", event.at, "catalog_quarantined", "critical", title, about, f"quarantine:{event.at:.0f}", link, (), figures)  # fmt: skip
    if not users:
        return None
    used = f"{event.model} (used by {', '.join(users)})"
    told: tuple[AlertKind, Severity, str] | None = {
        "source_conflict": ("price_conflict", "warning", f"sources disagree about {used}"),
        "price_changed": ("price_conflict", "warning", f"an unconfirmed price of {used}"),
        "deprecation_announced": ("retiring", "warning", f"{used} is to be retired"),
        "retired": ("retiring", "critical", f"{used} is retired"),
    }.get(event.kind)  # type: ignore[assignment]  # a dict of literals is one of strings
    if told is None or (event.kind == "price_changed" and event.state == "accepted"):
        return None
    kind, severity, title = told
    return Alert(
        event.id, event.at, kind, severity, title, about, f"{event.kind}:{event.model}:{event.after}", link, owners, figures
    )


def of_spend(day: str, at: float, route: str | None, spent: PicoDollars, limit: PicoDollars) -> Alert:
    """Once a day and limit. ``day`` is the UTC date."""
    whose = f"route {route}" if route else "all routes"
    title = f"{whose} spent ${usd(spent):,.2f} on {day}"
    text = f"That is more than the ${usd(limit):,.2f} a day after which somebody is told (alerts.spend). Nothing was stopped."
    key = f"spend:{day}:{route or '*'}"
    return Alert(key, at, "spend", "warning", title, text, key, "/cost", (), {"spent_usd": usd(spent), "limit_usd": usd(limit)})


def of_drift(key: str, at: float, title: str, text: str) -> Alert:
    """A model that answers otherwise than it did, under the same name."""
    return Alert(f"drift:{key}", at, "drift", "critical", title, text, f"drift:{key}", "/releases")
