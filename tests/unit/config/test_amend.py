"""What releases make of what people wrote."""

from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.config.policies import MODELS
from turnout.config.amend import amend, chooses, over, unamended
from turnout.types.checks import PythonCompiles
from turnout.types.lock import Adopted, Lock, Mirroring, RouteLock, Running
from turnout.types.money import PicoDollars
from turnout.types.policy import Arm, ComplexityIs, Fallback, Mirror, Policy, Route, Segment, Trial

SUPPORT = Route("support", "cost", models=("openai/large", "anthropic/clever"))
SIMPLE = {"complexity": "simple"}
IS_SIMPLE = ComplexityIs(frozenset({"simple"}))


def policy(*routes: Route) -> Policy:
    return Policy((*routes, Route("default", "balanced")), ())


def adopted(release: str = "r1", role: Any = "segment", model: str = "openai/small", at: float = 1.0, **more: Any) -> Adopted:
    return Adopted(release, role, model, at, "ann", **({"when": SIMPLE} if role == "segment" else {}), **more)


def locked(route: Route = SUPPORT, **more: Any) -> Lock:
    """A lock that was written over this route."""
    return Lock(3, {route.name: RouteLock(over(route), chooses(route), **more)})


def route_of(lock: Lock, route: Route = SUPPORT) -> Route:
    return amend(policy(route), MODELS, lock).policy.routes[0]


def why(lock: Lock, route: Route = SUPPORT) -> list[str]:
    return [each.why for each in amend(policy(route), MODELS, lock).dropped]


def test_an_empty_lock_changes_nothing() -> None:
    """What people wrote is in force as they wrote it."""
    assert amend(policy(SUPPORT), MODELS, Lock()).policy == policy(SUPPORT)


def test_each_role_becomes_what_the_hot_path_knows() -> None:
    """Segments and the cascade's steps come in front, a fallback behind; a primary is a segment of all requests."""
    two = msgspec.structs.replace(SUPPORT, fallback=(Fallback("anthropic/clever"),), cascade=(Arm("openai/blind"),))
    lock = locked(
        two,
        adopted=(
            adopted(),
            adopted("r2", "primary", "mistral/medium", 2.0),
            adopted("r3", "cascade", checks=(PythonCompiles(),)),
            adopted("r4", "fallback", "mistral/medium"),
            adopted("r5", "new_use"),
        ),
    )

    found = route_of(lock, two)

    assert found.segments == (Segment("mistral/medium", None, "r2"), Segment("openai/small", IS_SIMPLE, "r1"))
    assert found.cascade == (Arm("openai/small", None, (PythonCompiles(),), "r3"), Arm("openai/blind"))
    assert found.fallback == (Fallback("anthropic/clever"), Fallback("mistral/medium", release="r4"))
    assert why(lock, two) == []


def test_a_trial_and_a_mirror_are_the_routes_own() -> None:
    """With share, salt and condition as the lock has them."""
    trial = Running("r1", "segment", "openai/small", 0.05, "salt", SIMPLE)
    mirror = Mirroring("r2", "mistral/medium", 0.1, PicoDollars(7))

    found = route_of(locked(trial=trial, mirror=mirror))

    assert found.trial == Trial("r1", "openai/small", 0.05, "salt", IS_SIMPLE)
    assert found.mirror == Mirror("r2", "mistral/medium", 0.1, PicoDollars(7))


def test_an_edit_ends_a_trial_and_leaves_what_was_adopted() -> None:
    """Unless it changes what the route chooses from: then that has nothing left to stand on."""
    lock = locked(adopted=(adopted(),), trial=Running("r2", "primary", "mistral/medium", 0.05, "salt"))
    owned = msgspec.structs.replace(SUPPORT, owner="ann")
    dearer = msgspec.structs.replace(SUPPORT, objective="quality")

    assert (route_of(lock, owned).segments, route_of(lock, owned).trial) == ((Segment("openai/small", IS_SIMPLE, "r1"),), None)
    assert why(lock, owned) == ["edited"]
    assert route_of(lock, dearer) == dearer
    assert why(lock, dearer) == ["edited", "edited"]


@pytest.mark.parametrize(
    "changed",
    [
        {"models": ("openai/large",)},
        {"approved": True},
        {"when": IS_SIMPLE},
        {"split": (("openai/large", 1.0),)},
        {"cascade": (Arm("a/b"),)},
    ],
)
def test_what_a_route_chooses_from(changed: dict[str, Any]) -> None:
    """Each of these takes the ground from what was measured there."""
    assert chooses(msgspec.structs.replace(SUPPORT, **changed)) != chooses(SUPPORT)


def test_digests_do_not_change_with_what_nobody_wrote() -> None:
    """A whole number is that number; a later program with one setting more finds what this one found."""
    assert over(msgspec.structs.replace(SUPPORT, band=1)) == over(msgspec.structs.replace(SUPPORT, band=1.0))
    assert over(Route("support", "cost")) == sha256(b'{"name":"support","objective":"cost"}').hexdigest()[:16]


def test_a_model_that_is_gone_or_disabled_serves_nothing() -> None:
    """And so does a route that is."""
    gone, off = adopted(model="openai/none"), MODELS[1]
    disabled = tuple(msgspec.structs.replace(each, disabled=each is off) for each in MODELS)

    assert why(locked(adopted=(gone,))) == ["gone"]
    assert [each.why for each in amend(policy(SUPPORT), disabled, locked(adopted=(adopted(),))).dropped] == ["gone"]
    assert [each.why for each in amend(policy(), MODELS, locked(adopted=(adopted(),))).dropped] == ["gone"]


def test_an_approved_list_is_peoples() -> None:
    """Who approves lets the model in where it was proposed, and does not make it a candidate for everything else."""
    listed = msgspec.structs.replace(SUPPORT, approved=True)
    bare, word = locked(listed, adopted=(adopted(),)), locked(listed, adopted=(adopted(approved=True),))

    assert (route_of(bare, listed), why(bare, listed)) == (listed, ["unusable"])
    found = route_of(word, listed)
    assert (found.models, found.admitted) == (listed.models, {"openai/small"})


@pytest.mark.parametrize(
    "broken", [adopted(role="cascade"), adopted("r", "cascade", when={"complexity": "odd"}, checks=(PythonCompiles(),))]
)
def test_what_cannot_be_used_is_told(broken: Adopted) -> None:
    """A step that checks nothing would serve everything; a condition may come from another program's version."""
    assert why(locked(adopted=(broken,))) == ["unusable"]


def test_what_people_wrote_themselves_is_not_there_twice() -> None:
    """After `turnout policy pull` the file says it."""
    pulled = msgspec.structs.replace(SUPPORT, segments=(Segment("openai/small", IS_SIMPLE, "r1"),))
    lock = locked(adopted=(adopted(),))

    assert route_of(lock, pulled) == route_of(lock)
    assert why(lock, pulled) == ["written"]


@given(
    st.lists(st.tuples(st.sampled_from(["segment", "primary", "fallback"]), st.sampled_from([m.id for m in MODELS])), max_size=4)
)
def test_what_people_wrote_can_be_told_again(roles: list[tuple[Any, str]]) -> None:
    """From the policy in force and the routes that were changed."""
    lock = locked(adopted=tuple(adopted(f"r{n}", role, model, float(n)) for n, (role, model) in enumerate(roles)))
    own = policy(SUPPORT)

    assert unamended(amend(own, MODELS, lock).policy, [SUPPORT]) == own
