"""Reading a client's JSON body: typed where routing reads it, raw where it does not, errors in the client's words."""

import functools
import typing
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

import msgspec

from turnout.errors import Code, TurnoutError
from turnout.types.request import Text

Fields = dict[str, msgspec.Raw]
B = TypeVar("B", bound=msgspec.Struct)

FIELDS = msgspec.json.Decoder(Fields)
NULL = b"null"
_NOTHING = frozenset({b"", NULL})
_NEUTRAL = frozenset({NULL, b"[]", b"{}"})

ABSENT = msgspec.Raw()
"""A raw field that the object does not have; msgspec knows no union with raw."""


Name = Annotated[str, msgspec.Meta(max_length=256)]
"""What a caller may ask for: errors repeat it and records keep it."""

Count = Annotated[int, msgspec.Meta(le=2**31 - 1)]
"""Of tokens or answers a caller wants. Negative ones are the provider's to judge: to some they mean no limit."""

Billed = Annotated[int, msgspec.Meta(ge=0, le=2**32)]
"""A provider's figure that ends on a bill: times any price, it still fits the 64 bits of a record."""


class Wire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object inside a body whose every field we know. One with more fields takes the slow path of :func:`read`."""


def read(body: bytes, decoder: "msgspec.json.Decoder[B]") -> tuple[B, Fields, set[str]]:
    """The body as ``decoder``'s type, its top-level fields raw, and ``field:PATH`` for each field the type does not know.

    Raises:
        TurnoutError: ``invalid_request`` naming the field at fault.
    """
    try:
        if not body.isascii():
            body.decode()  # raw fields are not looked into, and a provider would refuse what is not UTF-8
        fields = FIELDS.decode(body)
        strays: set[str] = set()
        try:
            parsed = decoder.decode(body)
        except msgspec.ValidationError as error:
            if "unknown field" not in str(error):
                raise
            known = prune(msgspec.json.decode(body), decoder.type, "", strays)
            parsed = decoder.decode(msgspec.json.encode(known))
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TurnoutError(Code.INVALID_REQUEST, f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise TurnoutError(Code.INVALID_REQUEST, "the body is nested too deeply") from None
    for name in fields.keys() - set(decoder.type.__struct_encode_fields__):
        if bytes(fields[name]) not in _NEUTRAL:
            strays.add(f"field:{name}")
    return parsed, fields, strays


def prune(value: Any, kind: Any, path: str, strays: set[str]) -> Any:
    """``value`` without the fields that the wire types in ``kind`` do not know, whose paths go to ``strays``."""
    wire = _struct_in(kind)
    if wire is None:
        return value
    if isinstance(value, list):
        return [prune(item, kind, path, strays) for item in value]
    if not isinstance(value, dict):
        return value
    hints = _hints(wire)
    kept = {}
    for name, item in value.items():
        if name in hints:
            kept[name] = prune(item, hints[name], f"{path}{name}.", strays)
        elif item not in (None, [], {}):
            strays.add(f"field:{path}{name}")
    return kept


@functools.cache
def _hints(wire: type[msgspec.Struct]) -> dict[str, Any]:
    return typing.get_type_hints(wire)


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that ``kind``, ``list[kind]`` or a union with it holds."""
    if isinstance(kind, type) and issubclass(typing.get_origin(kind) or kind, msgspec.Struct):
        return kind
    return next((found for part in typing.get_args(kind) if (found := _struct_in(part))), None)


def _wrong_type(error: str) -> TurnoutError:
    """Msgspec's ``Expected `int`, got `str` - at `$.messages[0].role``` as an error that names the field."""
    what, _, where = error.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    if what.startswith("Object missing required field"):
        path = ".".join(filter(None, (path, what.split("`")[1])))
    return TurnoutError(Code.INVALID_REQUEST, f"{path}: {what}" if path else what, param=path or None)


def rewrite(fields: Fields, model: str, **changed: msgspec.Raw) -> bytes:
    """The body again with ``model`` and ``changed`` in place and our own key gone; all else byte for byte, in order.

    Always built from the fields as they were read, so that a body which names a field twice cannot show us one value
    and the provider another.
    """
    out = dict(fields)
    out.pop("turnout", None)
    out["model"] = msgspec.Raw(msgspec.json.encode(model))
    out.update(changed)
    return msgspec.json.encode(out)


def hints_in(fields: Fields) -> dict[str, Any]:
    """Our own body key. Raises TurnoutError when it is not an object."""
    raw = fields.get("turnout")
    if raw is None or not given(raw):
        return {}
    value = _plain(raw, "turnout")
    if not isinstance(value, dict):
        raise TurnoutError(Code.INVALID_REQUEST, "turnout: must be an object", param="turnout")
    return value


def strings_in(raw: msgspec.Raw) -> dict[str, str]:
    """The string values of a metadata object; what is not one is the provider's to judge."""
    value = _plain(raw, "metadata") if given(raw) else None
    return {key: item for key, item in value.items() if isinstance(item, str)} if isinstance(value, dict) else {}


def given(raw: msgspec.Raw) -> bool:
    """Whether the field is there and not null."""
    return bytes(raw) not in _NOTHING


def _plain(raw: msgspec.Raw, name: str) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise TurnoutError(Code.INVALID_REQUEST, f"{name}: {error}", param=name) from None


def raw_text(raw: msgspec.Raw) -> str:
    """JSON text of a raw value; of a string, the string: some clients send a tool's arguments as an object."""
    if not given(raw):
        return ""
    data = bytes(raw)
    return str(msgspec.json.decode(data)) if data.startswith(b'"') else data.decode()


def is_object(text: str) -> bool:
    """Whether this is the JSON text of an object."""
    try:
        FIELDS.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


def optional_text(raw: msgspec.Raw) -> str | None:
    """A raw value's JSON text; None when there is none."""
    return bytes(raw).decode() if given(raw) else None


def joined(parts: Iterable[object]) -> str:
    """The texts among hub parts, one after the other."""
    return "".join(part.text for part in parts if isinstance(part, Text))


def present(**fields: Any) -> dict[str, Any]:
    """Only the fields that have a value: what the caller left unsaid stays unsaid."""
    return {name: value for name, value in fields.items() if value is not None}
