"""The cases that a suite of the policy stands for: its file's, or the sample that was drawn for it."""

from pathlib import Path

from turnout.content.seal import Keyring
from turnout.errors import Unusable
from turnout.store.bench import BenchStore
from turnout.suites.frozen import Frozen
from turnout.suites.load import load_suite
from turnout.suites.sample import sample
from turnout.types.policy import Policy
from turnout.types.release_rules import SuiteRules
from turnout.types.suite import Suite


def rules_of(policy: Policy, name: str) -> SuiteRules:
    """Raises Unusable: the policy has no such suite."""
    found = next((suite for suite in policy.suites if suite.name == name), None)
    if found is None:
        known = ", ".join(suite.name for suite in policy.suites)
        raise Unusable(f"there is no suite {name} in this policy; {f'it has {known}' if known else 'name one under `suites:`'}")
    return found


def suite_of(
    rules: SuiteRules, base: Path, frozen: Frozen, store: BenchStore, keys: Keyring, now: float, *, afresh: bool = False
) -> Suite:
    """``base`` is the folder of the policy's file. A sample is drawn once, so that all models meet the same cases; ``afresh``: drawn anew.

    Raises:
        Unusable: the cases cannot be had, in words.
        OSError, sqlalchemy.exc.SQLAlchemyError
    """
    if rules.sample is None:
        return load_suite(rules, base, rules.judge)
    suite = None if afresh else frozen.sampled(rules.name)
    if suite is None:
        suite = sample(rules, store, keys, now).suite
        frozen.keep_sampled(suite)
    return suite
