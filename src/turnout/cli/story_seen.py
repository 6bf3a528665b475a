"""What a story wanted beside what was seen, and what is the same in all of them: the audit trail, the lock, the bill. Pure but for the ledger."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

import msgspec

from turnout.audit.chain import verify
from turnout.audit.kinds import APPROVAL, RELEASE, TRIAL
from turnout.cli.story_world import World
from turnout.config.lock import lock_path, read_lock
from turnout.sim.stories.traffic import Users
from turnout.store.ledger import Ledger
from turnout.store.queries import Filters, RequestLine
from turnout.types.money import PicoDollars, usd
from turnout.types.release import Release, Step

GOOD = 0.5
"""The verdict from which on an answer counts as good (store.exposures)."""


class Row(msgspec.Struct, frozen=True):
    """One number of a story."""

    story: str
    wanted: str
    seen: str
    holds: bool


class Window(msgspec.Struct, frozen=True):
    """A stretch of traffic, as the ledger has it."""

    lines: tuple[RequestLine, ...]

    def of(self, *bands: str) -> "Window":
        return Window(tuple(line for line in self.lines if line.band in bands))

    @property
    def cost(self) -> float:
        """Dollars a request; NaN where one's is unknown."""
        return fmean(float("nan") if line.cost is None else usd(line.cost) for line in self.lines)

    @property
    def good(self) -> float:
        """The share found good of those judged."""
        judged = [line.verdict >= GOOD for line in self.lines if line.verdict is not None]
        return sum(judged) / len(judged) if judged else float("nan")

    @property
    def models(self) -> frozenset[str]:
        return frozenset(line.model for line in self.lines if line.model is not None)


def in_order(steps: Iterable[Step]) -> list[str]:
    """The phases, each once in a row."""
    found: list[str] = []
    for step in steps:
        if not found or found[-1] != step.phase:
            found.append(step.phase)
    return found


def audited(ledger: Ledger, steps: Sequence[Step]) -> Row:
    """Every step of the release stands in the chain, and the chain verifies."""
    entries = list(ledger.audit.entries())
    payloads = [msgspec.json.decode(entry.payload) for entry in entries if entry.kind in (RELEASE, TRIAL, APPROVAL)]
    written = {(one.get("release"), one.get("phase"), one.get("note")) for one in payloads if isinstance(one, dict)}
    missing = [step for step in steps if (step.release, step.phase, step.note) not in written]
    findings = list(verify(entries))
    seen = f"{len(steps) - len(missing)} of {len(steps)}, {len(entries)} entries, {len(findings)} findings"
    return Row("every step in the audit trail", "all, and the chain verifies", seen, not missing and not findings and bool(steps))


def locked(world: World, wanted: str, holds: Callable[[Mapping[str, tuple[str, object]]], bool]) -> Row:
    """The lock's file says what the store says, and that is what the story wants."""
    stored = world.ledger.lock.read()
    path = lock_path(world.data_dir / "turnout.yaml", world.data_dir)
    written = read_lock(path)
    entry = stored.routes.get(world.story.route)
    said: dict[str, tuple[str, object]] = {} if entry is None else {one.role: (one.model, one.when) for one in entry.adopted}
    on_trial = entry is not None and (entry.trial is not None or entry.mirror is not None)
    same = written == stored
    seen = f"{_adopted(said)}; {'on trial' if on_trial else 'no trial'}; the file {'agrees' if same else 'differs'}"
    return Row("turnout.lock.yaml agrees with the store", wanted, seen, same and not on_trial and holds(said))


async def billed(world: World) -> Row:
    """The ledger's sum, benchmarks included, is what the providers would send an invoice over. Once nothing is under way."""
    lines = await world.lines(Filters(copies=None))
    ledger, invoice = sum(line.cost or 0 for line in lines), world.sim.stats.billed_pico
    seen = f"${usd(PicoDollars(ledger)):.6f} of ${usd(PicoDollars(invoice)):.6f}"
    return Row("the ledger's costs, benchmarks included", "the providers' invoice", seen, ledger == invoice > 0)


def recorded(users: Users, lines: Sequence[RequestLine]) -> Row:
    """Each request the users made has one record, which names the model and the reason that the caller was told; and each had an answer."""
    heard = users.heard
    by_id = {line.id: line for line in lines}
    agree = sum((line := by_id.get(one.id)) is not None and (line.model, line.reason) == (one.model, one.reason) for one in heard)
    answered = sum(one.status == 200 for one in heard)
    seen = f"{agree} of {len(heard)}, {answered} answered, {len(users.broken)} broken off"
    holds = agree == answered == len(heard) > 0 and not users.broken
    return Row("each request is answered, its record names model and reason", "all", seen, holds)


def shares(steps: Iterable[Step]) -> list[float]:
    """Percent of the trial's stages before non-inferiority was shown."""
    found: list[float] = []
    for step in steps:
        if step.phase == "trial" and "are shown to be no worse" in step.note:
            break
        if step.phase == "trial":
            found.append(step.share)
    return list(dict.fromkeys(found))


def is_proven(steps: Iterable[Step]) -> bool:
    return any("are shown to be no worse" in step.note for step in steps)


def gate(release: Release, name: str) -> str:
    """What the proposal says of it."""
    gates = release.proposal.gates if release.proposal is not None else ()
    return next((one.text for one in gates if one.name == name and one.passed), "not passed")


def _adopted(said: Mapping[str, tuple[str, object]]) -> str:
    return (
        ", ".join(f"{model} as {role}{f' {when}' if when else ''}" for role, (model, when) in said.items()) or "nothing adopted"
    )
