"""``openai-chat``: OpenAI Chat Completions, as OpenAI and the many vendors that copy it speak it."""

from turnout.clock import Clock, SystemClock
from turnout.dialects import faults, sse
from turnout.dialects.dialect import Ask, Delivery, EventReader, EventWriter
from turnout.dialects.headers import NO_HEADERS, ClientHeaders
from turnout.dialects.openai_chat import ask as asking
from turnout.dialects.openai_chat import errors, hub, reply, stream
from turnout.dialects.relayed import RelayedStream, RelayedWhole
from turnout.errors import ProviderFault, TurnoutError
from turnout.types.reply import Reply
from turnout.types.request import Request


class OpenAIChat:
    """The dialect. The clock only dates the answers it writes."""

    name = asking.NAME
    front = "/v1"
    path = stream_path = "/chat/completions"
    listing = "/models"
    stream_type = sse.CONTENT_TYPE

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    def ask(self, body: bytes, headers: ClientHeaders = NO_HEADERS, path: str = "") -> Ask:
        del path  # the body says it all
        return asking.ask(body, headers)

    def relay(self, ask: Ask, upstream_model: str, quirks: frozenset[str] = frozenset()) -> bytes:
        return asking.relay(ask, upstream_model, quirks)

    def to_hub(self, ask: Ask) -> Request:
        return hub.to_hub(ask)

    def from_hub(self, request: Request, upstream_model: str, *, max_output: int | None, quirks: frozenset[str]) -> bytes:
        del max_output  # no figure is demanded here
        return hub.from_hub(request, upstream_model, quirks)

    def relay_reply(self, ask: Ask) -> Delivery:
        if ask.sketch.stream:
            return RelayedStream(stream.Watch(hide_usage=not asking.wants_usage(ask.parsed.body)))
        return RelayedWhole(reply.look)

    def reader(self) -> EventReader:
        return stream.Reader()

    def writer(self, ask: Ask) -> EventWriter:
        usage = asking.wants_usage(ask.parsed.body)
        return stream.Writer(include_usage=usage, created=int(self._clock.now()), model=ask.sketch.model)

    def read_reply(self, body: bytes) -> Reply:
        return reply.read_reply(body)

    def write_reply(self, reply_: Reply) -> bytes:
        return reply.write_reply(reply_, int(self._clock.now()))

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderFault:
        return faults.read_error(status, headers, body)

    def write_error(self, error: TurnoutError) -> bytes:
        return errors.write_error(error)

    def error_event(self, error: TurnoutError) -> bytes:
        return errors.error_event(error)
