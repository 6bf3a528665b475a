"""``turnout policy pull``: what was adopted, written into people's own file, its comments kept."""

from collections.abc import Iterator
from copy import deepcopy
from io import StringIO
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.util import load_yaml_guess_indent

from turnout.config.amend import amend
from turnout.config.check import Checked
from turnout.config.checks import written
from turnout.types.lock import Adopted, Lock

WIDE = 4096  # no line of the author's is broken


class Pulled(msgspec.Struct, frozen=True):
    """The file's new text, the releases it names now, and in a sentence each what stays in the lock."""

    text: str
    releases: tuple[str, ...]
    left: tuple[str, ...]


def pull(text: str, human: Checked, lock: Lock) -> Pulled:
    """Write every adopted role into ``text``, of which ``human`` is what it resolves to.

    A route with a trial or a mirror is left alone: an edit of it would end them. What has no effect is left out.
    """
    dropped = {(each.route, each.release): each.reason for each in amend(human.policy, human.models, lock).dropped}
    lists = {route.name: frozenset(route.models) for route in human.policy.routes if route.approved}
    yaml, file = _loaded(text)
    taken: list[str] = []
    left: list[str] = []
    for name, entry in lock.routes.items():
        if (running := entry.trial or entry.mirror) is not None:
            left.append(f"{name}: {running.model} is on its traffic ({running.release}); pull again when that is over")
            continue
        for one in sorted(entry.adopted, key=lambda one: one.at):
            if (reason := dropped.get((name, one.release))) is not None:
                left.append(f"{name}: {one.release} ({one.model}): {reason}")
            elif one.role in ("primary", "segment", "cascade", "fallback"):
                _write(_route(file, name), one, lists.get(name))
                taken.append(one.release)
    out = StringIO()
    yaml.dump(file, out)
    return Pulled(out.getvalue() if taken else text, tuple(taken), tuple(left))


def _loaded(text: str) -> tuple[YAML, CommentedMap]:
    """With the author's own way of indenting."""
    _, sequence, offset = load_yaml_guess_indent(text)
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, WIDE
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    step = next((len(line) - len(line.lstrip(" ")) for line in text.splitlines() if line.startswith(" ")), 2)
    yaml.indent(mapping=step, sequence=sequence or step + 2, offset=offset if offset is not None else step)
    file = yaml.load(text)
    return yaml, CommentedMap() if file is None else file


def _route(file: CommentedMap, name: str) -> CommentedMap:
    routes = _within(file, "routes", CommentedMap())
    return _within(routes, name, CommentedMap())  # type: ignore[no-any-return]  # a mapping, or the file would not have been read


def _within(mapping: CommentedMap, key: str, empty: Any) -> Any:
    if mapping.get(key) is None:
        mapping[key] = empty
    return mapping[key]


def _write(route: CommentedMap, one: Adopted, listed: frozenset[str] | None) -> None:
    """In the order in which :func:`amend` lays it over. ``listed`` is the approved list, None where there is none."""
    entry = CommentedMap(_face(one))
    entry.fa.set_flow_style()
    if one.role == "fallback":
        steps = _within(route, "fallback", CommentedSeq())
        steps.insert(_models_end(steps), entry)
    else:
        _within(route, "cascade" if one.role == "cascade" else "segments", CommentedSeq()).insert(0, entry)
    if listed is not None and one.approved and one.model not in listed:
        admitted = _within(route, "admitted", CommentedSeq())
        if one.model not in admitted:
            admitted.append(one.model)


def _face(one: Adopted) -> Iterator[tuple[str, Any]]:
    yield "model", one.model
    if one.when is not None and one.role in ("segment", "cascade"):
        yield "when", deepcopy(one.when)  # one value twice would become an anchor
    if one.role == "cascade":
        yield "check", [written(rule) for rule in one.checks]
    yield "release", one.release


def _models_end(steps: CommentedSeq) -> int:
    """Behind the last model: what ends a chain stands after all of them."""
    models = [index for index, step in enumerate(steps) if isinstance(step, str) or "model" in step]
    return models[-1] + 1 if models else 0
