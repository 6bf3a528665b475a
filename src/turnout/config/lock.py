"""``turnout.lock.yaml``: what releases decided, as people read it and as they may change it (ADR 10)."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from turnout.config.checks import check, written
from turnout.config.document import Document, Tree, lists_of, read
from turnout.config.part import Part
from turnout.config.scalars import ModelName, Name, Text
from turnout.config.schema_routes import Checks, When
from turnout.config.shape import said
from turnout.errors import ConfigProblems, Problem
from turnout.types.lock import Adopted, Frozen, Lock, Mirroring, RouteLock, Running
from turnout.types.money import PicoDollars
from turnout.types.release import Role

HEAD = """\
# Written by Turnout: what releases made of the routes in {policy}. Commit it or not, as you like.
# To take what was adopted into {policy}, comments kept: turnout policy pull
# To go back: turnout policy rollback VERSION --note "why". Or take an entry out here, or lower a trial's share, and save:
# that is in force at once, and noted as your change.
"""


class AdoptedPart(Part):
    release: Text
    role: Role
    model: ModelName
    at: float
    by: Text
    when: When | None = None
    checks: Checks = ()
    approved: bool = False


class RunningPart(Part):
    release: Text
    role: Role
    model: ModelName
    share: float = Field(ge=0, le=1)
    salt: Text
    when: When | None = None
    checks: Checks = ()
    approved: bool = False


class MirroringPart(Part):
    release: Text
    model: ModelName
    sample: float = Field(ge=0, le=1)
    budget: Annotated[int, Field(ge=0)]
    when: When | None = None
    approved: bool = False


class RouteLockPart(Part):
    over: str
    chooses: str
    adopted: tuple[AdoptedPart, ...] = ()
    trial: RunningPart | None = None
    mirror: MirroringPart | None = None


class FrozenPart(Part):
    by: Text
    at: float
    why: str = ""


class LockPart(Part):
    revision: int = Field(ge=0)
    policy: int | None = None
    frozen: FrozenPart | None = None
    routes: dict[Name, RouteLockPart] = Field(default={})


def lock_path(config: Path | None, data_dir: Path) -> Path:
    """Beside the policy file and called after it; in the data directory where there is none."""
    return data_dir / "turnout.lock.yaml" if config is None else config.with_name(f"{config.stem}.lock.yaml")


def read_lock(path: Path) -> Lock:
    """What the file says.

    Raises:
        ConfigProblems: it cannot be read; every reason, with its line and what to do.
    """
    try:
        document = read(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigProblems((Problem("", None, f"cannot be read: {reason}"),), file=path.name) from error
    if document.findings:
        found = (
            Problem(_dotted(each.path), document.line(each.path), each.message, each.suggestion) for each in document.findings
        )
        raise ConfigProblems(found, file=path.name)
    try:
        part = LockPart.model_validate(document.tree)
    except ValidationError as error:
        raise ConfigProblems(_problems(error, document), file=path.name) from error
    return _lock(part, document.tree)


def _problems(error: ValidationError, document: Document) -> list[Problem]:
    problems = []
    for detail in error.errors(include_url=False):
        path = detail["loc"]
        message, suggestion = said(detail, path)
        if detail["type"] == "extra_forbidden":
            message, suggestion = "unknown key", "take it out, or restore the file as it was: it is written anew at the next step"
        problems.append(Problem(_dotted(path), document.line(path), message, suggestion))
    return problems


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _lock(part: LockPart, tree: Tree) -> Lock:
    """Conditions stay as they are written, so they are taken from the tree."""
    frozen = Frozen(part.frozen.by, part.frozen.at, part.frozen.why) if part.frozen else None
    written_routes = tree.get("routes") or {}
    return Lock(part.revision, {name: _route(each, written_routes[name]) for name, each in part.routes.items()}, frozen)


def _route(part: RouteLockPart, tree: Tree) -> RouteLock:
    adopted = tuple(_adopted(one, own) for one, own in zip(part.adopted, tree.get("adopted", ()), strict=True))
    trial = _running(part.trial, tree["trial"]) if part.trial is not None else None
    mirror = _mirroring(part.mirror, tree["mirror"]) if part.mirror is not None else None
    return RouteLock(part.over, part.chooses, adopted, trial, mirror)


def _adopted(part: AdoptedPart, tree: Tree) -> Adopted:
    checks = tuple(map(check, part.checks))
    return Adopted(part.release, part.role, part.model, part.at, part.by, _when(tree), checks, part.approved)


def _running(part: RunningPart, tree: Tree) -> Running:
    checks = tuple(map(check, part.checks))
    return Running(part.release, part.role, part.model, part.share, part.salt, _when(tree), checks, part.approved)


def _mirroring(part: MirroringPart, tree: Tree) -> Mirroring:
    return Mirroring(part.release, part.model, part.sample, PicoDollars(part.budget), _when(tree), part.approved)


def _when(tree: Tree) -> dict[str, Any] | None:
    found = tree.get("when")
    return None if found is None else lists_of(found)


def write_lock(path: Path, lock: Lock, policy_version: int | None) -> bytes:
    """Put the lock's face there, as a whole or not at all; returns what was written. Raises OSError."""
    content = lock_text(lock, policy_version, path).encode()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return content


def lock_text(lock: Lock, policy_version: int | None, path: Path) -> str:
    """Routes by name; within a route what was adopted in its order."""
    yaml = YAML()
    yaml.width = 140
    yaml.representer.ignore_aliases = lambda *_: True  # one condition in two places is written twice
    yaml.indent(mapping=2, sequence=4, offset=2)
    face = CommentedMap({"revision": lock.revision})
    if policy_version is not None:
        face["policy"] = policy_version
        face.yaml_add_eol_comment("the version in force with it", "policy")
    if lock.frozen is not None:
        face["frozen"] = _dated(
            {"by": lock.frozen.by, "at": lock.frozen.at, **({"why": lock.frozen.why} if lock.frozen.why else {})}
        )
    face["routes"] = {name: _route_face(lock.routes[name]) for name in sorted(lock.routes)}
    out = StringIO()
    yaml.dump(face, out)
    policy = f"{path.name.removesuffix('.lock.yaml')}.yaml"
    return HEAD.format(policy=policy) + "\n" + out.getvalue()


def _route_face(entry: RouteLock) -> dict[str, Any]:
    face: dict[str, Any] = {"over": entry.over, "chooses": entry.chooses}
    if entry.adopted:
        face["adopted"] = [_dated(_face(one, ("release", "role", "model", "at", "by"))) for one in entry.adopted]
    if entry.trial is not None:
        face["trial"] = _face(entry.trial, ("release", "role", "model", "share", "salt"))
    if entry.mirror is not None:
        face["mirror"] = _face(entry.mirror, ("release", "model", "sample", "budget"))
    return face


def _face(one: Adopted | Running | Mirroring, names: tuple[str, ...]) -> dict[str, Any]:
    face = {name: getattr(one, name) for name in names}
    if one.when is not None:
        face["when"] = one.when
    if not isinstance(one, Mirroring) and one.checks:
        face["checks"] = [written(rule) for rule in one.checks]
    return {**face, "approved": True} if one.approved else face


def _dated(values: Mapping[str, Any]) -> CommentedMap:
    """With the moment in words beside its number."""
    face = CommentedMap(values)
    face.yaml_add_eol_comment(f"{datetime.fromtimestamp(values['at'], UTC):%Y-%m-%d %H:%M:%S} UTC", "at")
    return face
