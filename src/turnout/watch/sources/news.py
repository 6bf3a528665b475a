"""Feeds (RSS, Atom) and changelogs (Markdown): the lowest trust there is. A title that names a vendor's model is a reason to look, no more."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from xml.etree import ElementTree as ET

from turnout.catalog.vendors import names
from turnout.watch.sheet import Headline, Sheet, Unreadable
from turnout.watch.sources.shape import LARGEST

NAME = "feed"
LATEST = 100
"""Titles that are looked at: what is further down is old."""
_ENDS = re.compile(r"deprecat|retir|sunset|shut(ting)? ?down|end of life|discontinu|removed", re.IGNORECASE)
_ITEM = re.compile(r"^\s*(?:#{1,4}|[-*])\s+(.{3,300})$", re.MULTILINE)
_XML = re.compile(rb"\s*(?:\xef\xbb\xbf)?<\?xml|\s*<(?:rss|feed|rdf:RDF)\b")


def fits(data: bytes) -> bool:
    """XML whose root is a feed's, or Markdown with headings. A web page is neither."""
    head = data[:2000]
    return bool(_XML.match(head)) or (b"<html" not in head.lower() and bool(re.search(rb"^#{1,3} \S", head, re.MULTILINE)))


def read(data: bytes) -> Sheet:
    """Raises Unreadable."""
    if len(data) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST // 1024 // 1024} MiB")
    titles = _feed(data) if _XML.match(data[:2000]) else _changelog(data)
    found: dict[tuple[str, bool], Headline] = {}
    for _, title in zip(range(LATEST), titles, strict=False):
        for headline in named(title):
            found.setdefault((headline.model, headline.ends), headline)
    return Sheet(NAME, news=tuple(found.values()))


def named(title: str) -> Iterator[Headline]:
    """Models that a title names: a word that a vendor's models begin with, a version, and what stands between and behind."""
    ends = bool(_ENDS.search(title))
    for match in _pattern().finditer(title):
        vendor = _vendors()[match["family"].lower()]
        name = re.sub(r"[\s_]+", "-", match[0].strip(" .,:-").lower())
        yield Headline(f"{vendor}/{name}", title[:200], ends)


@cache
def _vendors() -> dict[str, str]:
    return {family: vendor for vendor, row in names().items() for family in row.families}


@cache
def _pattern() -> re.Pattern[str]:
    families = "|".join(sorted(map(re.escape, _vendors()), key=len, reverse=True))
    between = r"(?:[ -](?!and\b|or\b|is\b|now\b|with\b|in\b|on\b|for\b|to\b|the\b)[A-Za-z]{2,12}){0,2}"
    return re.compile(
        rf"\b(?P<family>{families})(?:{between}[ -]?v?\d{{1,2}}(?:[.-]\d{{1,2}})?|(?<=\d)(?:[.-]\d)?)"
        rf"(?:[ -](?:mini|nano|flash|pro|lite|turbo|sol|luna|terra|preview|large|medium|small)\b)*",
        re.IGNORECASE,
    )


def _feed(data: bytes) -> Iterable[str]:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Unreadable("it declares entities, which no feed needs")
    try:
        root = ET.fromstring(data)  # noqa: S314  without entities there is nothing in XML that grows
    except (ET.ParseError, RecursionError, ValueError, LookupError) as error:
        raise Unreadable(f"it is not XML: {error}") from error
    if root.tag.rpartition("}")[2] not in {"rss", "feed", "RDF"}:
        raise Unreadable("it is XML, but no feed: neither RSS nor Atom")
    items = (each for each in root.iter() if each.tag.rpartition("}")[2] in {"item", "entry"})
    return (" ".join((part.text or "").split()) for item in items for part in item if part.tag.rpartition("}")[2] == "title")


def _changelog(data: bytes) -> Iterable[str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("it is no text") from error
    return (match[1] for match in _ITEM.finditer(text))
