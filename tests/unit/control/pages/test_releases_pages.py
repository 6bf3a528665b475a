"""The pages Releases and Trials: what is under way, one release in full, and the buttons as the browser presses them."""

import json

import msgspec
import pytest
from starlette.applications import Starlette

from tests.support.asgi import call
from tests.support.dashboard import blocks, chart, figure, table, values
from tests.support.records import NOW
from tests.support.release_stories import NEW, OLD, SPEC, exposed, release
from tests.support.releases import World
from tests.support.releases import release as moved
from turnout.control.app import control_app
from turnout.control.page_api import page_routes
from turnout.control.pages.blocks import Actions, Cell, Chart, NoSuchThing, Note, Page
from turnout.control.pages.decisions import DecisionsAsked, decisions
from turnout.control.pages.releases import ReleasesAsked, releases
from turnout.control.pages.sources import Sources
from turnout.control.pages.trials import TrialsAsked, trials
from turnout.control.release_api import release_routes
from turnout.types.release import Phase, Status


def shown(id_: str, made_from: Sources) -> Page:
    return releases(ReleasesAsked(id=id_), made_from)


def labels(page: Page) -> list[str]:
    return [button.label for block in blocks(page) if isinstance(block, Actions) for button in block.buttons]


def test_open_releases_are_listed_with_what_they_wait_for(stories: Sources):
    """The largest share first; a paused one looks it; what is not on traffic has no share."""
    rows = table(releases(ReleasesAsked(), stories), "open").rows

    assert [values(row)[3] for row in rows] == ["bake", "trial", "screened", "proposed", "mirror"]
    assert [values(row)[4] for row in rows] == [0.97, 0.1, "\u2013", "\u2013", 0.0]
    paused = rows[-1][3]
    assert isinstance(paused, Cell)
    assert (paused.tone, paused.note) == ("warn", "paused")
    assert values(rows[3])[-1] == "approval: 1 of owner or approver"
    assert isinstance(rows[1][0], Cell)
    assert rows[1][0].link == "/releases/r-trial"


def test_ended_releases_alerts_and_benchmarks_stand_below(stories: Sources):
    """Latest end first, each with why; a run with how far it is and what it spent; an alert with how grave it is."""
    page = releases(ReleasesAsked(), stories)

    assert [values(row)[3] for row in table(page, "ended").rows] == ["adopted", "rolled back", "rejected", "inconclusive"]
    run = table(page, "benchmarks").rows[0]
    assert values(run)[3:7] == [84, 480, 420_000_000_000, 5_000_000_000_000]
    assert isinstance(run[3], Cell)
    assert run[3].bar == pytest.approx(84 / 480)
    assert [values(row)[1] for row in table(page, "alerts").rows] == ["info", "warning", "critical"]


def test_a_trial_shows_how_far_it_is_and_what_it_has_shown(stories: Sources):
    """Its share with the next stage and the ceiling, the score against its thresholds, units that lead to their requests."""
    page = shown("r-trial", stories)

    assert (figure(page, "Share of traffic").value, figure(page, "Share of traffic").note) == (0.1, "next stage 25 %")
    assert figure(page, "No worse, live").note == "until then at most 10 %"
    score = figure(page, "Score, at least")
    assert (score.value, score.tone) == ("0.240", "good")
    assert score.note.endswith("0.1 for 5 %, 0.2 for 10 %, 0.3 for 50 %")
    assert figure(page, "Units").link == "/decisions?window=400d&trial=r-trial"
    assert figure(page, "The candidate's").link == "/decisions?window=400d&trial=r-trial&side=candidate"
    assert page.live
    assert page.asof == stories.ledger.trials.points("r-trial")[-1].latest
    assert figure(page, "Proposed role").value == "segment"
    assert [values(row)[1] for row in table(page, "answers").rows] == ["yes", "yes", "no", "yes", "unconfirmed"]
    assert [values(row)[1] for row in table(page, "gates").rows] == ["passed"] * 5


def test_a_doubted_release_does_not_claim_its_ceiling(stories: Sources):
    """It has more by then than its score allowed it before it was proven the first time."""
    trial = stories.ledger.releases.get("r-trial")
    assert trial is not None
    assert trial.spec is not None
    doubted = msgspec.structs.replace(
        trial, status=msgspec.structs.replace(trial.status, stage=4, share=50.0), revision=trial.revision + 1,
        spec=msgspec.structs.replace(trial.spec, proof_since=NOW - 60.0),
    )  # fmt: skip
    stories.ledger.audit.within(lambda connection: stories.ledger.releases.put(connection, doubted))
    page = shown("r-trial", stories)

    assert figure(page, "No worse, live").note == "doubted in its bake: it is to be shown anew"
    assert "ceiling" not in json.dumps(chart(page, "stages").layout)


def test_a_net_gain_is_told_to_the_tenth_of_a_point(stories: Sources):
    """Its thresholds are hundredths: rounded to them, what fell short would look as if it had not."""
    trial = stories.ledger.releases.get("r-trial")
    assert trial is not None
    assert trial.proposal is not None
    assert trial.proposal.score is not None
    score = msgspec.structs.replace(trial.proposal.score, value=0.0125, low=0.0083, worth=20_000_000_000)
    gains = msgspec.structs.replace(
        trial, proposal=msgspec.structs.replace(trial.proposal, score=score), revision=trial.revision + 1
    )
    stories.ledger.audit.within(lambda connection: stories.ledger.releases.put(connection, gains))
    shown_score = figure(shown("r-trial", stories), "Net gain, at least")

    assert (shown_score.value, shown_score.tone) == ("0.008", "warn")
    assert shown_score.note.endswith("0.01 for 5 %, 0.05 for 10 %, 0.1 for 50 %")


def test_history_leads_to_policies_and_to_the_audit_chain(stories: Sources):
    """Latest first; each step with the version and the entry that tell of it, and the beginning of its evidence's hash."""
    rows = table(shown("r-trial", stories), "steps").rows

    assert [values(row)[2] for row in rows] == [0.1, 0.05, 0.01, 0, 0, 0, 0]
    newest, oldest = rows[0], rows[-1]
    assert isinstance(newest[5], Cell)
    assert newest[5].link == "/policy/1"
    for row in rows:
        assert isinstance(row[6], Cell)
        entry = stories.ledger.audit.get(int(str(row[6].value)))
        assert entry is not None
        assert "r-trial" in entry.payload
    assert newest[7] == "44136fa355b3"  # sha256 of {}
    assert values(oldest)[1] == "detected"


def test_the_charts_are_the_points(stories: Sources):
    """e-values on a logarithmic scale with what they must reach, bounds around differences, the share as steps."""
    page, points = shown("r-bake", stories), stories.ledger.trials.points("r-bake")

    fit = chart(page, "fit")
    quality = next(trace for trace in fit.data if trace["name"] == "Good answers")
    assert quality["y"] == [point.reading("quality").fit for point in points]
    assert [shape["y0"] for shape in fit.layout["shapes"]] == [points[0].reading("quality").fit_at]
    assert fit.layout["yaxis"]["ticktext"][0] == "1"
    harm = chart(page, "harm")
    assert {trace["name"] for trace in harm.data} == {"Answered", "Good answers", "Time", "Cost"}
    high, low, middle = chart(page, "band-quality").data
    bounded = [one for one in points if one.reading("quality").low is not None]
    assert low["y"] == [one.reading("quality").low for one in bounded]
    assert high["y"] == [one.reading("quality").high for one in bounded]
    assert middle["y"][-1] == pytest.approx(points[-1].reading("quality").candidate - points[-1].reading("quality").control)
    assert middle["y"][0] is None
    assert chart(page, "stages").data[0]["y"] == [5, 5, 25, 97, 97]


def test_readings_show_how_far_each_test_is(stories: Sources):
    """A crossed threshold is a full bar, said to be; a metric without a test has none."""
    rows = {values(row)[0]: row for row in table(shown("r-bake", stories), "readings").rows}

    quality = rows["Good answers"]
    assert isinstance(quality[5], Cell)
    assert (quality[5].tone, quality[5].bar, values(quality)[6]) == ("good", 1.0, 0)
    assert isinstance(quality[3], Cell)
    assert quality[3].low is not None
    assert rows["Cost"][5] == "\u2013"
    assert str(values(rows["Cost"])[1]).startswith("$0.00")


def test_benchmarks_are_compared_case_by_case(stories: Sources):
    """The candidate's own row has no difference; the dearer model solved more of the same cases, beyond chance."""
    rows = {values(row)[0]: row for row in table(shown("r-trial", stories), "runs").rows}

    assert values(rows[NEW])[4] == "\u2013"
    against = rows["anthropic/claude-opus-4-7"][4]
    assert isinstance(against, Cell)
    assert against.high is not None
    assert against.high < 0
    solved = rows[OLD][3]
    assert isinstance(solved, Cell)
    assert solved.low is not None
    assert solved.low < float(str(solved.value)) < float(str(solved.high))


@pytest.mark.parametrize(
    ("phase", "paused", "there"),
    [
        ("detected", None, ["Reject", "Pause"]), ("proposed", None, ["Approve", "Reject", "Pause"]), ("proposed", "x", ["Approve", "Reject", "Resume"]),
        ("mirror", None, ["Pause", "Roll back"]), ("trial", None, ["Pause", "Roll back"]), ("bake", "x", ["Resume", "Roll back"]),
        ("adopted", None, ["Roll back"]), ("rejected", None, []), ("rolled_back", None, []), ("inconclusive", None, []), ("aborted", None, []),
    ],
)  # fmt: skip
def test_only_buttons_that_apply_are_there(made_from: Sources, phase: Phase, paused: str | None, there: list[str]):
    """As the desk would have it."""
    World(made_from.ledger).has(moved(phase, paused=paused))

    assert labels(shown("rel-1", made_from)) == there


async def test_the_buttons_do_what_they_say(made_from: Sources):
    """Each path is the API's; the note and the name come along; the banner follows the freeze switch."""
    world = World(made_from.ledger)
    world.has(moved("proposed"))
    routes = release_routes(world.desk, world.ledger, lambda _model, _route: "no")
    app: Starlette = control_app(made_from.ledger, "secret", [], more=[*page_routes(made_from), *routes])

    async def press(page: Page, label: str) -> int:
        form = next(
            block for block in blocks(page) if isinstance(block, Actions) and label in [one.label for one in block.buttons]
        )
        assert [field.name for field in form.fields] == ["note", "by"]
        path = next(one.path for one in form.buttons if one.label == label)
        body = json.dumps({"note": "it is time", "by": "ana"}).encode()
        sent = await call(app, path, method="POST", body=body, authorization="Bearer secret", content_type="application/json")
        return sent.status

    for label, phase in (("Pause", "proposed"), ("Resume", "proposed"), ("Approve", "proposed"), ("Reject", "rejected")):
        assert await press(shown("rel-1", made_from), label) == 200, label
        assert world.get().status.phase == phase
    said = table(shown("rel-1", made_from), "approvals").rows
    assert [values(row)[1:] for row in said] == [["ana", "yes", "it is time"], ["ana", "no", "it is time"]]

    assert await press(releases(ReleasesAsked(), made_from), "Freeze all releases") == 200
    frozen = releases(ReleasesAsked(), made_from)
    assert any(isinstance(block, Note) and "frozen by ana: it is time" in block.text for block in blocks(frozen))
    assert await press(frozen, "Thaw") == 200
    assert labels(releases(ReleasesAsked(), made_from)) == ["Freeze all releases"]


def test_trials_are_what_is_on_traffic(stories: Sources):
    """One section each, the largest share first; one without evidence says so."""
    page = trials(TrialsAsked(), stories)

    assert [section.title.rpartition(" ")[2] for section in page.sections] == ["extraction", "support", "default"]
    assert figure(page, "Units to go").value == 0
    assert (
        values(table(page, "readings-r-trial").rows[1])[6] == stories.ledger.trials.points("r-trial")[-1].reading("quality").to_go
    )
    assert any(isinstance(block, Note) for block in page.sections[2].blocks)


def test_harm_is_plain_to_see(made_from: Sources):
    """What answers badly crosses its threshold: said in the figures, in the table and on the chart."""
    one = release("r-bad", NEW, "support", OLD, Status("trial", NOW - 3_600, 0, 50.0, NOW - 7_200), NOW - 9_000, spec=SPEC)
    made_from.ledger.audit.within(lambda connection: made_from.ledger.releases.put(connection, one))
    exposed(made_from.ledger, "r-bad", NOW - 7_200, 7_200, (0.5,), SPEC, chances=(0.95, 0.5))

    page = shown("r-bad", made_from)

    assert (figure(page, "Harm").value, figure(page, "Harm").tone) == ("quality", "bad")
    row = table(page, "readings").rows[1]
    assert isinstance(row[4], Cell)
    assert (row[4].tone, row[4].bar) == ("bad", 1.0)
    harm = chart(page, "harm")
    assert max(harm.data[1]["y"]) >= harm.layout["shapes"][0]["y0"]


def test_requests_of_a_trial_are_found_by_its_arm(stories: Sources):
    """The links of units lead to them, and the filters are seen there and can be taken off."""
    page = decisions(DecisionsAsked(window="400d", trial="r-trial", side="candidate"), stories)

    assert len(table(page, "requests").rows) == 4
    assert len(table(decisions(DecisionsAsked(window="400d", trial="r-trial"), stories), "requests").rows) == 40
    assert table(decisions(DecisionsAsked(window="400d", trial="other"), stories), "requests").rows == ()
    named = {field.name: field.value for block in blocks(page) for field in getattr(block, "fields", ())}
    assert (named["trial"], named["side"]) == ("r-trial", "candidate")


def test_times_are_the_viewers(stories: Sources):
    """Charts of moments have no zone of their own; one that is none is refused by name."""
    utc, there = (
        chart(releases(ReleasesAsked(id="r-trial", zone=zone), stories), "fit").data[0]["x"][0] for zone in ("UTC", "Asia/Tokyo")
    )

    assert utc != there
    with pytest.raises(msgspec.ValidationError, match="zone"):
        msgspec.convert({"zone": "Mars/Olympus"}, ReleasesAsked)


def test_the_first_look_says_what_to_do(made_from: Sources):
    """An empty ledger has no trial and no release; a release that never was is not found."""
    page = releases(ReleasesAsked(), made_from)

    assert "turnout models refresh" in table(page, "open").empty
    assert "turnout bench" in table(page, "benchmarks").empty
    assert [type(block) for block in blocks(trials(TrialsAsked(), made_from))] == [Note]
    with pytest.raises(NoSuchThing, match="no release 'none'"):
        shown("none", made_from)


def test_a_trial_without_evidence_has_no_empty_charts(made_from: Sources):
    """It says that nothing is known yet."""
    World(made_from.ledger).has(moved("trial"))

    page = shown("rel-1", made_from)

    assert not [block for block in blocks(page) if isinstance(block, Chart)]
    assert any(isinstance(block, Note) and "first requests" in block.text for block in blocks(page))
