"""``turnout replay ID``: recompute a recorded decision from its traits, view and seed, and say whether it is the same."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from turnout.cli.explain import show


def replay(
    request_id: Annotated[str, typer.Argument(help="The x-turnout-request-id of an answer.")],
    config: Annotated[Path | None, typer.Option(help="Policy file that names the data directory.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory itself.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the decision as JSON.")] = False,
) -> None:
    """Exit code 0 if the recomputed decision is identical to the recorded one, 1 if it differs or cannot be recomputed."""
    from turnout.build.ledger import ledger_place
    from turnout.build.spec import Places
    from turnout.cli.problems import reported
    from turnout.config.load import places_of
    from turnout.front.explain import shown
    from turnout.replay import NotReplayable, recompute

    if config is None and data_dir is None and Path("turnout.yaml").exists():
        config = Path("turnout.yaml")
    with reported():
        settings = places_of(config, {} if data_dir is None else {"data_dir": data_dir})
        place = ledger_place(settings.data_dir, settings.store.url)
    try:
        replayed = recompute(request_id, place, settings.data_dir / Places.views)
    except NotReplayable as reason:
        print(reason, file=sys.stderr)
        raise typer.Exit(1) from None
    decision = shown(replayed.decision, replayed.traits)
    if as_json:
        print(
            json.dumps(
                {"identical": replayed.identical, "recorded": replayed.recorded, "recomputed": replayed.digest, **decision},
                indent=2,
            )
        )
    else:
        show(decision)
        print("identical" if replayed.identical else f"differs: recorded plan {replayed.recorded}, recomputed {replayed.digest}")
    if not replayed.identical:
        raise typer.Exit(1)
