"""Reading a client's JSON body: typed where routing reads it, raw where it does not, errors in the client's words."""

import functools
import re
import string
import typing
from collections.abc import Iterable, Mapping
from heapq import nsmallest
from typing import Annotated, Any, TypeVar

import msgspec

from turnout.errors import Code, TurnoutError
from turnout.types.request import Text

Fields = dict[str, msgspec.Raw]
B = TypeVar("B", bound=msgspec.Struct)
T = TypeVar("T")

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


MOST_VALUES = 100_000
"""Commas and brackets of a body, those inside texts not counted. What it costs to read follows from them, whatever they make up."""

MOST_NAMES, LONGEST_NAME = 32, 64
"""Of what we do not know in a body: names are a client's own words, and traits keep them."""

_MARKS = b",[{"
_BASE64 = (string.ascii_letters + string.digits + "+/=-_").encode()
_MENDED = ("unknown field", "got `float`")  # what :func:`prune` sees to, in msgspec's words
_LONG = 256  # bytes without a blank: no text of words
_NAME = re.compile(r"[A-Za-z0-9_.-]*")
_AND_MORE = "field:..."
_NO_NAMES: frozenset[str] = frozenset()


class Wire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object inside a body whose every field we know. One with more fields takes the slow path of :func:`mended`."""


class Strays(msgspec.Struct, gc=False):
    """What a body holds that no wire type knows: ``field:PATH`` of each field, and how many bytes there are to read in them."""

    names: set[str]
    size: int = 0

    def add(self, path: str, value: bytes) -> None:
        """Note a field and its value. Few names are kept, but every byte counts."""
        if len(self.names) <= MOST_NAMES:
            self.names.add(f"field:{path}")
        self.size += len(split_media(value)[0])


def read(body: bytes, decoder: "msgspec.json.Decoder[B]") -> tuple[B, Fields, Strays]:
    """The body as ``decoder``'s type, its top-level fields raw, and what the type does not know.

    Raises:
        TurnoutError: ``invalid_request`` naming the field at fault, or that there are more than :data:`MOST_VALUES`.
    """
    _check_values(body)
    try:
        if not body.isascii():
            body.decode()  # raw fields are not looked into, and a provider would refuse what is not UTF-8
        fields = FIELDS.decode(body)
        strays = Strays(set())
        try:
            parsed = decoder.decode(body)
        except msgspec.ValidationError as error:
            parsed = mended(body, decoder, decoder.type, "", strays, error)
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TurnoutError(Code.INVALID_REQUEST, f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise TurnoutError(Code.INVALID_REQUEST, "the body is nested too deeply") from None
    known = _inner_types(decoder.type)
    if not fields.keys() <= known.keys():
        for name, value in fields.items():
            if name not in known and (plain := bytes(value)) not in _NEUTRAL:
                strays.add(name, plain)
    return parsed, fields, strays


def mended(
    raw: bytes | msgspec.Raw,
    decoder: "msgspec.json.Decoder[T]",
    wire: type[msgspec.Struct],
    path: str,
    strays: Strays,
    error: msgspec.ValidationError,
) -> T:
    """What the decoder refused with ``error``, once :func:`prune` has been over it; ``wire`` is the struct in it.

    Raises:
        msgspec.ValidationError: it is wrong all the same.
    """
    if not any(words in str(error) for words in _MENDED):
        raise error
    return decoder.decode(msgspec.json.encode(prune(msgspec.json.decode(raw), wire, path, strays)))


def _check_values(body: bytes) -> None:
    """Refuse what would keep the loop for long. All at C speed; a body shorter than the limit is not even looked at."""
    if len(body) <= MOST_VALUES or _marks(body) <= MOST_VALUES:
        return
    bare = body.replace(rb"\\", b"").replace(rb"\"", b"")  # what is left of quotes are the ends of texts
    if bare.count(b'"') > 4 * MOST_VALUES or _marks(b"".join(bare.split(b'"')[::2])) > MOST_VALUES:
        raise TurnoutError(Code.INVALID_REQUEST, f"the body holds more than {MOST_VALUES} values", retry=False)


def _marks(text: bytes) -> int:
    return len(text) - len(text.translate(None, _MARKS))


def prune(value: Any, wire: type[msgspec.Struct], path: str, strays: Strays) -> Any:
    """``value`` without the fields that the wire type does not know, and with ``1.0`` read as 1 where it wants a whole number."""
    if isinstance(value, list):
        return [prune(item, wire, path, strays) for item in value]
    if not isinstance(value, dict):
        return value
    known, whole, kept = _inner_types(wire), _whole_numbers(wire), {}
    for name, item in value.items():
        if name in known:
            inner = known[name]
            if inner is not None:
                kept[name] = prune(item, inner, f"{path}{name}.", strays)
            else:
                kept[name] = int(item) if name in whole and _is_whole(item) else item
        elif item not in (None, [], {}):
            strays.add(f"{path}{name}", msgspec.json.encode(item))
    return kept


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < 2**53


@functools.cache
def _inner_types(wire: type[msgspec.Struct]) -> Mapping[str, type[msgspec.Struct] | None]:
    """Each field of a wire type with the wire type that it holds, if it does."""
    return {name: _struct_in(kind) for name, kind in typing.get_type_hints(wire).items()}


@functools.cache
def _whole_numbers(wire: type[msgspec.Struct]) -> frozenset[str]:
    """Fields that hold whole numbers: JSON has one kind of number, so some clients spell 100 as 100.0, and providers take it."""
    return frozenset(name for name, kind in typing.get_type_hints(wire).items() if int in (kind, *typing.get_args(kind)))


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that ``kind``, ``list[kind]`` or a union with it holds."""
    if isinstance(kind, type) and issubclass(typing.get_origin(kind) or kind, msgspec.Struct):
        return kind
    return next((found for part in typing.get_args(kind) if (found := _struct_in(part))), None)


def told(carries: set[str]) -> frozenset[str]:
    """Names of what a request carries, fit for a record: few, short, of plain characters.

    What is not plain or too long becomes ``field:?``, what is too many ``field:...``: no dialect has a place for either.
    """
    if not carries:
        return _NO_NAMES
    plain = {name if _is_plain(name) else f"{name.partition(':')[0]}:?" for name in carries}
    if len(plain) <= MOST_NAMES:
        return frozenset(plain)
    return frozenset({*nsmallest(MOST_NAMES, plain), _AND_MORE})


def _is_plain(name: str) -> bool:
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name.partition(":")[2]) is not None


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
    out = {**fields, "model": model, **changed}
    out.pop("turnout", None)
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
    return raw is not ABSENT and bytes(raw) not in _NOTHING


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


def split_media(raw: bytes) -> tuple[bytes, int]:
    """JSON without the base64 in it, which no model reads as words, and how many bytes of that there were."""
    if len(raw) <= _LONG or raw.count(b'"') > 4 * MOST_VALUES:  # so many are quotes within a text, as a body's values are few
        return raw, 0
    words = b'"'.join(piece for piece in raw.split(b'"') if len(piece) <= _LONG or not _is_media(piece))
    return words, len(raw) - len(words)


def _is_media(text: bytes) -> bool:
    """Whether a text, as JSON spells it, is base64 or a ``data:`` URL."""
    if text.startswith(b"data:") and b";base64," in text[:_LONG]:
        return True
    return not text.replace(rb"\/", b"").replace(rb"\n", b"").translate(None, _BASE64)


def is_text(data: bytes) -> bool:
    """UTF-8 from end to end, as JSON and events must be: the SDKs break on anything else, and fields we relay raw are not read."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Object(msgspec.Struct, gc=False):
    """Any object, its fields only skipped."""


_OBJECT = msgspec.json.Decoder(_Object)


def is_object(text: str) -> bool:
    """Whether this is the JSON text of an object."""
    try:
        _OBJECT.decode(text.encode())
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
