"""The view as stored: what a decision stands on, in two files named by their hashes.

The *base* (policy, model facts, task table) changes when a person or a release changes something; the *overlay* (day, observed
latency, mix) changes with traffic and stays small, so that a new one can be published every few seconds and kept. The *matrix*
(measured quality) is a file of its own: it changes with benchmarks and outcomes.
"""

from datetime import date

import msgspec

from turnout.types.lock import RouteLock
from turnout.types.models import LatencyFacts, ModelFacts
from turnout.types.policy import Policy, Route

DECIDER_VERSION = 3
"""Raised whenever ``decide/`` would answer differently on the same inputs, so that replay can tell why it differs."""


class Base(msgspec.Struct, frozen=True):
    """``tasks`` maps a task to the weights of its skills. ``version`` numbers the policy.

    ``policy`` is what people wrote and what releases made of it: ``written`` are the routes as people wrote them where releases changed
    something, ``released`` is what the lock said of them. ``passed_over`` is a digest of the file that is not in force because somebody
    went back to an earlier version, None where the file is.
    """

    version: int
    policy: Policy
    models: tuple[ModelFacts, ...]
    tasks: dict[str, dict[str, float]]
    written: tuple[Route, ...] = ()
    released: dict[str, RouteLock] = {}
    passed_over: str | None = None


class Overlay(msgspec.Struct, frozen=True):
    """``base`` is the base's hash; prices are those of ``day`` (UTC); ``mix`` holds a histogram of recent complexities per route.

    ``matrix`` is the hash of the measured cells' file, None where nothing has been measured. ``lock`` is the revision of the lock that
    the base's policy holds.
    """

    base: str
    day: date
    observed: dict[str, LatencyFacts] = {}
    mix: dict[str, tuple[float, ...]] = {}
    decider: int = DECIDER_VERSION
    matrix: str | None = None
    lock: int = 0
