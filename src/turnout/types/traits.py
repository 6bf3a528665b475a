"""What is known of a request before deciding: the sketch a dialect draws, the hints a caller gives, the traits that follow."""

from typing import Literal

import msgspec

from turnout.types.money import PicoDollars

Band = Literal["simple", "moderate", "high"]


class Sketch(msgspec.Struct, frozen=True):
    """The routing-relevant outline of a request body, the same for every dialect.

    ``texts`` is every text the model will read, in order (system prompts, turns, tool results), for counting tokens;
    ``tool_bytes`` is the size of the tool definitions' and response schema's JSON, counted apart.
    ``unread_bytes`` is the size of what only limits count: fields no reader knows (base64 aside), citations, names of documents.
    ``unsized_documents`` are named by URL or id.
    ``features``, ``input``, ``output`` are :class:`Feature`/:class:`Modality` bits that the request cannot do without.
    ``carries`` names what else the conversation holds that not every dialect can carry (``reasoning_signature``,
    ``logprobs``, ``field:logit_bias`` ...): the matcher compares it with what a candidate's dialect can.
    """

    model: str
    stream: bool
    system: str
    last_user: str
    texts: tuple[str, ...]
    turns: int
    tools: int
    tool_bytes: int
    images: int
    audio_bytes: int
    document_bytes: int
    features: int
    input: int
    output: int
    max_output: int | None
    n: int
    carries: frozenset[str]
    has_tool_results: bool = False
    unread_bytes: int = 0
    unsized_documents: int = 0


class Hints(msgspec.Struct, frozen=True):
    """What the caller says of its own request, by header or by the body key ``turnout``; header wins over body.

    ``tags`` already holds the order of trust: key-bound tags over header tags over body tags over ``metadata``.
    ``bound`` names the tags that came from the key, ``plain`` those that bear a reserved name and are no hint all the same:
    an application's own metadata may call something ``quality`` too. ``headers`` are only those the policy's conditions mention.
    """

    tags: dict[str, str] = {}
    bound: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    headers: dict[str, str] = {}
    session: str | None = None
    deadline_ms: int | None = None
    max_cost: PicoDollars | None = None
    route: str | None = None
    models: tuple[str, ...] = ()


class Trait(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One finding and what it was inferred from (``tag:key``, ``tag``, ``words:function``, ``length`` ...).

    ``value`` is None when nothing was found: unknown is its own value, never the mildest one.
    """

    value: str | None
    source: str


class Traits(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Everything a decision may depend on, besides the view and the seed. Stored with each decision; holds no content.

    Token counts: ``tokens`` is the estimate prices use, ``tokens_max`` the upper bound limits use, ``output_tokens`` the
    expected length of the answer. ``complexity`` is 0..1, None when unknown, and ``band`` then is None too.
    ``model`` is what the caller asked for. ``caller`` is the key's name. ``held`` is the model this session is on, from the
    worker's memory: a live input, recorded so that a decision can be recomputed. ``routes`` are those the key may use
    (None: all); ``bound`` names the tags that came from the key. ``front`` is the dialect the caller speaks.
    """

    model: str
    front: str
    task: Trait
    complexity: float | None
    complexity_source: str
    band: Band | None
    latency: Trait
    cost: Trait
    quality: Trait
    sensitivity: Trait
    language: Trait
    tokens: int
    tokens_max: int
    output_tokens: int
    max_output: int | None
    features: int
    input: int
    output: int
    stream: bool
    n: int
    carries: frozenset[str] = frozenset()
    tags: dict[str, str] = {}
    bound: frozenset[str] = frozenset()
    headers: dict[str, str] = {}
    session: str | None = None
    held: str | None = None
    caller: str | None = None
    routes: frozenset[str] | None = None
    direct: bool = True
    deadline_ms: int | None = None
    max_cost: PicoDollars | None = None
    route: str | None = None
    models: tuple[str, ...] = ()
