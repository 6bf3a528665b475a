"""Request bodies as the SDKs' own types declare them: each type and each field once, in the smallest body that holds it."""

import collections.abc
import functools
import types
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple, NotRequired, Required

import pydantic
from anthropic.types import message_create_params as messages
from anthropic.types.beta import message_create_params as beta_messages
from openai.types.chat import completion_create_params as completions
from typing_extensions import is_typeddict

ROOTS = {
    "openai-chat": (completions.CompletionCreateParamsNonStreaming,),
    "anthropic-messages": (messages.MessageCreateParamsNonStreaming, beta_messages.MessageCreateParamsNonStreaming),
}
HEADERS = frozenset({"betas"})  # the SDK sends them as a header
LEAST: dict[type, Any] = {str: "x", int: 1, float: 1.0, bool: True, object: "x", type(None): None}


class Place(NamedTuple):
    """A body, and the field that it was built to show: the body's own field it lies in, the type that declares it, its name."""

    top: str
    owner: str
    field: str
    body: dict[str, Any]


def places(dialect: str, text: str = "x") -> Iterator[Place]:
    """A body for every value that a field of a type within ``dialect``'s requests may take, ``text`` for any text."""
    for root in ROOTS[dialect]:
        yield from _places(root, text, ())


def _places(kind: Any, text: str, above: tuple[Any, ...]) -> Iterator[Place]:
    """Depth first; a type within itself is not gone into again."""
    if kind in above:
        return
    for name, (declared, _) in _fields(kind).items():
        for value in _values(declared, text):
            yield Place(name, kind.__name__, name, {**least(kind), name: value})
        for inner, wrap in _inner(declared):
            for place in _places(inner, text, (*above, kind)):
                yield place._replace(top=name, body={**least(kind), name: wrap(place.body)})


def least(kind: Any) -> Any:
    """The smallest value of a type."""
    if kind in LEAST:
        return LEAST[kind]
    if is_typeddict(kind):
        return {name: least(declared) for name, (declared, needed) in _fields(kind).items() if needed}
    match typing.get_origin(kind):
        case typing.Literal:
            return typing.get_args(kind)[0]
        case origin if origin in LISTS:
            return [least(typing.get_args(kind)[0])]
        case origin if origin in UNIONS:
            return least(_members(kind)[0])
    return {}  # a mapping


LISTS = (list, collections.abc.Iterable, collections.abc.Sequence)
MAPPINGS = (dict, collections.abc.Mapping)
UNIONS = (typing.Union, types.UnionType)


@functools.cache
def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """By name, the type and whether it has to be there. ``__required_keys__`` is blind to annotations that are strings."""
    fields = {}
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        declared, needed = hint, kind.__total__
        while (origin := typing.get_origin(declared)) in (Required, NotRequired, typing.Annotated):
            needed = origin is Required or (needed and origin is not NotRequired)
            declared = typing.get_args(declared)[0]
        if name not in HEADERS:
            fields[name] = declared, needed
    return fields


def _members(kind: Any) -> list[Any]:
    """Of a union, in order; an answer's own objects stand beside the parameters that spell the same."""
    found: list[Any] = []
    for each in typing.get_args(kind):
        member = typing.get_args(each)[0] if typing.get_origin(each) is typing.Annotated else each
        if typing.get_origin(member) in UNIONS:
            found += _members(member)
        elif not (isinstance(member, type) and issubclass(member, pydantic.BaseModel)):
            found.append(member)
    return found


def _values(kind: Any, text: str) -> Iterator[Any]:
    """Values of a field that hold no object of a type of their own."""
    origin = typing.get_origin(kind)
    if kind is str or kind is object:
        yield text
    elif kind in LEAST:
        yield LEAST[kind]
    elif origin is typing.Literal:
        yield from typing.get_args(kind)
    elif origin in LISTS:
        yield []
        yield from ([value] for value in _values(typing.get_args(kind)[0], text))
    elif origin in UNIONS:
        for member in _members(kind):
            yield from _values(member, text)
    elif origin in MAPPINGS:
        yield {}
        yield {"x": text}


def _inner(kind: Any) -> Iterator[tuple[Any, Any]]:
    """The objects with types of their own that a field may hold, and how it holds them."""
    origin = typing.get_origin(kind)
    if is_typeddict(kind):
        yield kind, lambda value: value
    elif origin in LISTS:
        for inner, wrap in _inner(typing.get_args(kind)[0]):
            yield inner, lambda value, wrap=wrap: [wrap(value)]
    elif origin in UNIONS:
        for member in _members(kind):
            yield from _inner(member)
    elif origin in MAPPINGS:
        for inner, wrap in _inner(typing.get_args(kind)[1]):
            yield inner, lambda value, wrap=wrap: {"x": wrap(value)}
