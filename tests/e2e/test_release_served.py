"""People and releases over the control plane's HTTP: who may do what, four eyes, freeze, edits; and all of them at once."""

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e_load.running import until
from tests.support.releasing import KEYS, MID, NEW, OLD, House, Traffic, house, lasting, proposed, share_of
from turnout.audit.chain import read
from turnout.audit.kinds import POLICY
from turnout.config.lock import read_lock, write_lock
from turnout.errors import ConfigProblems

ROUTES = ("eyes", "frozen", "edited", "one", "two", "three", "four")
RACED = ROUTES[3:]
APPROVALS = ("/api/releases/{id}/approve", "/api/releases/{id}/reject")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two must approve, one of them the owner; nothing begins by itself."""
    folder = tmp_path_factory.mktemp("served")
    with house(folder, routes=ROUTES, autonomy="propose", approvals={"count": 2, "owner": True}) as made:
        yield made


def approve(home: House, id_: str, *people: str) -> None:
    for who in people:
        status, said = home.say(who, f"/api/releases/{id_}/approve", note=f"{who} agrees")
        assert status == 200, said


def test_each_role_does_what_it_may(home: House) -> None:
    """Of everything that changes anything a viewer may do nothing, an approver say yes or no to releases, and nobody without a key a thing."""
    paths = home.get("/api/openapi.json")["paths"]
    posts = [path for path, does in paths.items() if "post" in does]
    assert len(posts) >= 15
    for path in posts:
        place = path.replace("{id}", "none").replace("{version}", "999999")
        assert home.call("POST", place, {}, "tk-nobody")[0] == 401, path
        assert home.call("POST", place, {}, KEYS["vic"])[0] == 403, path
        assert home.call("POST", place, {}, KEYS["ann"])[0] == (404 if path in APPROVALS else 403), path
        if "none" in place or "999999" in place:
            assert home.call("POST", place, {}, KEYS["olga"])[0] not in (401, 403), path
    assert home.call("GET", "/api/releases", None, KEYS["vic"])[0] == 200


def test_a_benchmark_at_the_prompt_stands_in_the_matrix(home: House) -> None:
    """Whoever had it run: what was measured counts from the next view on."""
    turnout = home.turnout
    ran = subprocess.run(
        [
            sys.executable, "-m", "turnout", "bench", "run", MID, "--suite", "chat", "--cases", "12", "--yes",
            "--config", str(turnout.config), "--data-dir", str(turnout.data_dir),
        ],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr

    def measured() -> Any:
        return [cell for cell in home.get("/api/matrix")["cells"] if (cell["model"], cell["basis"]) == (MID, "benchmark")]

    assert sum(cell["n"] for cell in until(measured, "the cells") if cell["band"] is None) == 12


def test_four_eyes(home: House) -> None:
    """The same person counts once, by whatever key; without the owner's word nothing begins; with it the trial does."""
    home.has(proposed("r-eyes", route="eyes"))
    approve(home, "r-eyes", "ann")
    assert home.say("ann", "/api/releases/r-eyes/approve")[0] == 409
    assert home.call("POST", "/api/releases/r-eyes/approve", {"by": "ann"})[0] == 409
    approve(home, "r-eyes", "ben")
    waits = until(lambda: home.release("r-eyes")["status"]["waiting"], "it says what it waits for")
    assert "owner, olga" in waits
    assert share_of(home, NEW, 30, "eyes") == 0.0
    approve(home, "r-eyes", "olga")
    home.until_phase("r-eyes", "trial")
    told = [step["actor"] for step in home.steps("r-eyes") if step["note"].startswith("approved by")]
    assert told == ["ann", "ben", "olga"]
    assert home.say("olga", "/api/releases/r-eyes/rollback", note="enough")[0] == 200
    home.agrees()


def test_an_edit_of_the_route(home: House) -> None:
    """Of its deadline: the trial ends and what was adopted stays. Of its model: what was adopted goes too."""
    home.has(proposed("r-behind", route="edited", role="fallback", model=MID))
    approve(home, "r-behind", "ann", "olga")
    home.until_phase("r-behind", "adopted")
    home.has(proposed("r-before", route="edited"))
    approve(home, "r-before", "ann", "olga")
    home.until_phase("r-before", "trial")

    home.edit(lambda tree: tree["routes"]["edited"].update(deadline="9m"))
    home.until_phase("r-before", "aborted")
    assert [one.release for one in home.agrees().routes["edited"].adopted] == ["r-behind"]
    assert share_of(home, NEW, 30, "edited") == 0.0

    home.edit(lambda tree: tree["routes"]["edited"].update(static=MID))
    home.until_phase("r-behind", "aborted")
    assert "edited" not in home.agrees().routes
    until(lambda: share_of(home, MID, 30, "edited") == 1.0, "the edit is in force")


# All at once.


class Raced:
    """What was done in the rounds, and what came of it."""

    def __init__(self, home: House, seed: int) -> None:
        self.home, self.chance, self.seed = home, random.Random(seed), seed
        self.won: dict[str, str] = {}
        """Who did something that was done, by its note."""
        self.lost: set[str] = set()
        self.answers: Counter[int] = Counter()
        self.unexpected: list[Any] = []
        self.n = 0

    def word(self, who: str, path: str, route: str) -> None:
        """A person's call, under a note that nobody else has."""
        self.n += 1
        note = f"note {self.seed}-{self.n}."
        status, said = self.home.say(who, path, note=note)
        self.answers[status] += 1
        if status == 200:
            self.won[note] = who
        elif status == 409:
            self.lost.add(note)
        else:
            self.unexpected.append((path, route, status, said))

    def edit_policy(self, route: str) -> None:
        wait = f"{self.chance.randint(60, 600)}s"
        self.home.edit(lambda tree: tree["routes"][route].update(deadline=wait))

    def edit_lock(self) -> None:
        """Somebody takes a trial out of the file, on whatever revision they read."""
        try:
            found = read_lock(self.home.lock_file)
        except (OSError, ConfigProblems):
            return
        chosen = [name for name, entry in found.routes.items() if entry.trial is not None and name in RACED]
        if chosen:
            del found.routes[chosen[0]]
            write_lock(self.home.lock_file, found, None)

    def round(self, edits: threading.Lock) -> None:
        """Six people at once, on few routes."""
        works = [self._work(edits) for _ in range(6)]
        threads = [threading.Thread(target=work) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    def _work(self, edits: threading.Lock) -> Any:
        route, who = self.chance.choice(RACED), self.chance.choice(("ann", "ben", "olga"))
        what = self.chance.choices(
            ("approve", "reject", "pause", "resume", "rollback", "freeze", "thaw", "edit", "lock"), (8, 1, 2, 2, 3, 1, 3, 1, 1)
        )[0]
        if what == "edit":
            return lambda: _one_at_a_time(edits, lambda: self.edit_policy(route))
        if what == "lock":
            return lambda: _one_at_a_time(edits, self.edit_lock)
        if what in ("freeze", "thaw"):
            return lambda: self.word("olga", f"/api/lock/{what}", route)
        open_now = [one["id"] for one in self.home.get(f"/api/releases?route={route}&limit=1")["releases"]]
        by = who if what in ("approve", "reject") else "olga"
        return lambda: self.word(by, f"/api/releases/{open_now[0]}/{what}", route)


def _one_at_a_time(edits: threading.Lock, work: Any) -> None:
    """Two people with one editor each would overwrite each other's file, which is theirs to avoid."""
    with edits:
        work()


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 6))])
def test_everybody_at_once(home: House, seed: int) -> None:
    """People, edits of both files and the controller, for many rounds: one winner each, all in the audit trail, all places agree."""
    raced, edits = Raced(home, seed), threading.Lock()
    with Traffic(home.turnout.port, 40, "one"), Traffic(home.turnout.port, 40, "two"):
        for n in range(24 if seed == 1 else 60):
            for route in RACED:
                if not home.get(f"/api/releases?route={route}&open=1")["releases"]:
                    home.has(proposed(f"r-{seed}-{route}-{n}", route=route))
            raced.round(edits)
    assert raced.unexpected == []
    assert raced.answers[200] > 30, raced.answers
    home.say("olga", "/api/lock/thaw")
    home.lock_file.unlink(missing_ok=True)  # an edit on an old revision was refused and left as it is
    lock = home.agrees()
    assert lock.frozen is None
    with home.ledger() as ledger:
        trail = [(entry.actor, str(read(entry))) for entry in ledger.audit.entries() if entry.kind != POLICY]
        every = ledger.releases.list(1_000)
    for note, who in raced.won.items():
        assert [actor for actor, text in trail if note in text] == [who], note
    assert not [text for _, text in trail if any(note in text for note in raced.lost)]
    for one in every:
        assert len({each.actor for each in one.status.approvals if each.approved}) == len(
            [1 for each in one.status.approvals if each.approved]
        )
    for route in RACED:
        models = {OLD, NEW} if route in lock.routes else {OLD}
        with Traffic(home.turnout.port, 200, route) as traffic:
            until(lambda traffic=traffic: len(traffic.answered) >= 20, "answers")
        assert set(traffic.answered.values()) <= models


def test_a_freeze_stops_steps_and_not_harm(home: House) -> None:
    """A stage that is long over is not left; a candidate that breaks is taken off all the same."""
    home.has(proposed("r-frozen", route="frozen"))
    approve(home, "r-frozen", "ann", "olga")
    try:
        with Traffic(home.turnout.port, 60, "frozen"):
            home.until_phase("r-frozen", "trial")
            assert home.say("olga", "/api/lock/freeze", note="holidays")[0] == 200
            shares = {home.release("r-frozen")["status"]["share"]}
            lasting(2.0)  # three stages' time
            assert {home.release("r-frozen")["status"]["share"]} == shares
            home.break_model(NEW)
            home.until_phase("r-frozen", "rolled_back")
        assert share_of(home, NEW, 30, "frozen") == 0.0
        assert home.agrees().frozen is not None
    finally:
        home.break_model()
        home.say("olga", "/api/lock/thaw")
