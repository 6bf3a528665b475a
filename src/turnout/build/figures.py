"""What the worker's parts count, put into its metrics."""

from collections import Counter

from turnout.cache.cache import Counts
from turnout.execute.board import Board, worst
from turnout.execute.lookout import Lookout
from turnout.metrics import Labels, Metrics
from turnout.tickets.desk import Desk
from turnout.types.money import PICO_PER_USD


def note_board(metrics: Metrics, board: Board, now: float) -> None:
    """How all stand, what is under way, and what was held back, let through and granted."""
    standings: Counter[Labels] = Counter()
    in_flight: Counter[Labels] = Counter()
    probes = {guard.name: guard.probes for guard in board.guards}
    held_back: dict[str, int] = {}
    for member in board.deployments:
        place = (member.upstream.model, member.upstream.credential)
        standings[(*place, worst(member, now).standing(now))] += 1
        in_flight[place] += member.in_flight
        probes[member.own.name] = member.own.probes
        held_back[member.own.name] = member.room.held_back
        held_back[member.credential.name] = member.shared.room.held_back
    metrics.gauge("turnout_deployments", standings)
    metrics.gauge("turnout_in_flight", in_flight)
    metrics.gauge("turnout_in_line", {(): board.lines.waiting})
    for what, count in probes.items():
        metrics.so_far("turnout_probes", (what,), count)
    for what, count in held_back.items():
        metrics.so_far("turnout_held_back", (what,), count)
    for route, budget in board.budgets.items():
        for (kind, granted), count in budget.verdicts.items():
            metrics.so_far("turnout_extra_attempts", (route, kind, "granted" if granted else "refused"), count)


def note_checks(metrics: Metrics, lookout: Lookout) -> None:
    """Active checks, and what those cost that are completions."""
    for (provider, result), count in lookout.results.items():
        metrics.so_far("turnout_active_checks", (provider, result), count)
    for provider, cost in lookout.cost.items():
        metrics.so_far("turnout_active_check_cost_usd", (provider,), cost / PICO_PER_USD)
    for provider, count in lookout.unpriced.items():
        metrics.so_far("turnout_active_check_cost_unknown", (provider,), count)


def note_cache(metrics: Metrics, counts: Counts) -> None:
    """Answers given again, and what was saved by it."""
    for result in ("fresh", "stale", "similar", "joined", "ends", "misses"):
        metrics.so_far("turnout_cache_lookups", (result,), getattr(counts, result))
    metrics.so_far("turnout_cache_kept", (), counts.kept)
    metrics.so_far("turnout_cache_saved_usd", (), counts.saved / PICO_PER_USD)
    metrics.so_far("turnout_cache_errors", (), counts.errors)


def note_tickets(metrics: Metrics, desk: Desk) -> None:
    """Requests handed to people."""
    metrics.so_far("turnout_tickets", ("handed_over",), desk.handed_over)
    metrics.so_far("turnout_tickets", ("refused",), desk.refused)
    metrics.gauge("turnout_tickets_waiting", {(): desk.waiting})
