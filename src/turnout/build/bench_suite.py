"""The cases that a suite of the policy stands for: its file's, or the sample that was drawn for it; and what people said for its judge."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from turnout.content.seal import Keyring
from turnout.errors import Problem, Unusable
from turnout.store.bench import BenchStore
from turnout.suites.begin import Wish
from turnout.suites.frozen import Frozen
from turnout.suites.graders.calibration import HOLDS, labels_of, load_labels
from turnout.suites.load import load_suite
from turnout.suites.problems import BadSuite
from turnout.suites.sample import sample
from turnout.types.judge import ENOUGH, Calibration, Labels
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


def with_labels(wish: Wish, suite: Suite, rules: SuiteRules, base: Path, store: BenchStore, now: float) -> Wish:
    """The same with what its judge is held against, and what is known to have come of it.

    Raises:
        Unusable: the labels cannot be read, in words.
        sqlalchemy.exc.SQLAlchemyError
    """
    labels = read_labels(rules, suite, base)
    if labels is None:
        return wish
    return replace(wish, labels=labels, calibration=known_calibration(store, wish.judge, labels.hash, now))


def read_labels(rules: SuiteRules, suite: Suite, base: Path) -> Labels | None:
    """As the judge of this suite is asked about them; None: the policy names none. Raises Unusable."""
    if rules.calibration is None or rules.judge is None:
        return None
    return labels_of(load_labels(base / Path(rules.calibration).expanduser()), suite.cases)


def known_calibration(store: BenchStore, judge: str | None, labels: str | None, now: float) -> Calibration | None:
    """What another run found of this judge with these labels (their hash) lately enough. Raises sqlalchemy.exc.SQLAlchemyError."""
    return None if judge is None or labels is None else store.calibration(judge, labels, now - HOLDS)


def of_files(policy: Policy, base: Path) -> Iterator[Problem]:
    """Everything that is wrong in the files that suites name, and that labels are too few; files that are not there are the policy's problem."""
    for rules in policy.suites:
        if rules.file is not None and _is_there(rules.file, base):
            yield from _read(rules, "file", rules.file, partial(load_suite, rules, base, rules.judge))
        if rules.calibration is not None and _is_there(rules.calibration, base):
            path = base / Path(rules.calibration).expanduser()
            yield from _read(rules, "calibration", rules.calibration, partial(_enough, path))


def _enough(path: Path) -> None:
    labels = load_labels(path)
    if len(labels) < ENOUGH:
        raise Unusable(f"{len(labels)} labels, and what a judge says counts from {ENOUGH} on")


def _read(rules: SuiteRules, key: str, file: str, read: Callable[[], object]) -> Iterator[Problem]:
    at = f"suites.{rules.name}.{key}"
    try:
        read()
    except BadSuite as bad:
        for each in bad.problems:
            yield Problem(at, None, each.text(file), None)
    except Unusable as wrong:
        yield Problem(at, None, str(wrong), None)


def _is_there(file: str, base: Path) -> bool:
    return (base / Path(file).expanduser()).is_file()
