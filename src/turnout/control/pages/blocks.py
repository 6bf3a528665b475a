"""What a page is made of. Values, so that a page can be tested without a browser; ``control/page`` has the code that draws them.

A ``link`` is a place in the dashboard (``/decisions?model=a/b&window=7d``): where the requests behind a figure are.
"""

from typing import Any, Literal

import msgspec

Tone = Literal["plain", "good", "warn", "bad"]
Format = Literal["text", "count", "usd", "ms", "us", "percent", "time", "ago", "score", "code", "bytes", "per_s"]
"""How a value is written: times are unix seconds and shown in the viewer's zone, ``usd`` are pico-dollars, ``percent`` a share 0..1."""


class NoSuchThing(LookupError):
    """What a page was asked to show does not exist; the text says what, and where to look."""


class Figure(msgspec.Struct, frozen=True):
    """One number with its name. ``value`` None: unknown, and shown as such."""

    name: str
    value: float | str | None
    format: Format
    note: str = ""
    tone: Tone = "plain"
    link: str | None = None


class Figures(msgspec.Struct, frozen=True, tag="figures"):
    figures: tuple[Figure, ...]


class Chart(msgspec.Struct, frozen=True, tag="chart"):
    """A Plotly figure: its ``data`` and ``layout``, without colours. ``says`` is for who cannot see it.

    The browser colours a trace by its ``meta``: ``{"series": name}`` has a name's own colour, the same on every page, ``{"tone": tone}`` a
    tone's; ``{"link": place}`` is where a click leads.
    """

    id: str
    title: str
    says: str
    data: tuple[dict[str, Any], ...]
    layout: dict[str, Any]
    note: str = ""
    height: int = 260
    least: int = 0
    """Pixels of width below which it is scrolled, not squeezed."""


class Column(msgspec.Struct, frozen=True):
    name: str
    format: Format = "text"


class Cell(msgspec.Struct, frozen=True):
    """One cell that is more than its value. ``low`` and ``high`` are an interval around it, ``bar`` a share 0..1 to draw behind it.

    ``series`` puts the colour beside it that its charts give that name; ``note`` is a small word after it.
    """

    value: float | str | None
    tone: Tone = "plain"
    link: str | None = None
    low: float | None = None
    high: float | None = None
    bar: float | None = None
    series: str | None = None
    note: str = ""


class Table(msgspec.Struct, frozen=True, tag="table"):
    """``id`` is its name in exports (CSV, JSON). ``empty`` says what to do that something may stand here."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell | float | str | None, ...], ...]
    empty: str
    note: str = ""
    more: str | None = None
    """The link to the next page of rows."""
    first: int = 0
    """So many rows are seen until one asks for the others; 0: all are."""


class Note(msgspec.Struct, frozen=True, tag="note"):
    """A sentence or a few; ``command`` is something to copy."""

    text: str
    tone: Tone = "plain"
    command: str | None = None


class Field(msgspec.Struct, frozen=True):
    """One filter or input. ``options`` makes it a choice."""

    name: str
    label: str
    value: str = ""
    options: tuple[str, ...] | None = None


class Search(msgspec.Struct, frozen=True, tag="search"):
    """Filters: what is filled in becomes the page's query. A choice's empty option means any."""

    fields: tuple[Field, ...]


class Action(msgspec.Struct, frozen=True, tag="action"):
    """A button that posts ``body`` and the fields' values as JSON to ``path``, after asking ``confirm``."""

    label: str
    path: str
    confirm: str = ""
    body: dict[str, Any] = {}
    fields: tuple[Field, ...] = ()
    tone: Tone = "plain"
    method: Literal["POST", "DELETE"] = "POST"


class Button(msgspec.Struct, frozen=True):
    """One of several ways to say something: where it posts, after asking ``confirm``."""

    label: str
    path: str
    confirm: str = ""
    tone: Tone = "plain"


class Actions(msgspec.Struct, frozen=True, tag="actions"):
    """Buttons that share their fields: each posts these as JSON to its own path."""

    buttons: tuple[Button, ...]
    fields: tuple[Field, ...] = ()


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Preformatted: a JSON value, a diff (``diff``: lines that begin with + and - are coloured)."""

    title: str
    text: str
    language: Literal["plain", "json", "diff", "yaml"] = "plain"


Block = Figures | Chart | Table | Note | Search | Action | Actions | Text


class Section(msgspec.Struct, frozen=True):
    """Blocks that belong together; ``wide`` takes the page's whole width, ``beside`` puts a narrow first block beside the second."""

    blocks: tuple[Block, ...]
    title: str = ""
    wide: bool = False
    beside: bool = False


class Page(msgspec.Struct, frozen=True):
    """``asof`` is the arrival of the newest request that is in its figures, ``live`` says to look again every few seconds.

    ``alerts`` say what is wrong with the router or with these figures; the frame adds those that concern every page.
    """

    name: str
    title: str
    sections: tuple[Section, ...]
    now: float
    asof: float | None = None
    live: bool = False
    alerts: tuple[Note, ...] = ()
