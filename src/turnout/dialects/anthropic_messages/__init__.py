"""``anthropic-messages``: Anthropic's Messages API."""

from turnout.dialects import faults, sse
from turnout.dialects.anthropic_messages import ask as asking
from turnout.dialects.anthropic_messages import errors, hub, reply, stream
from turnout.dialects.dialect import Ask, Delivery, EventReader, EventWriter
from turnout.dialects.headers import NO_HEADERS, ClientHeaders
from turnout.dialects.relayed import RelayedStream, RelayedWhole
from turnout.errors import ProviderFault, TurnoutError
from turnout.types.reply import Reply
from turnout.types.request import Request


class AnthropicMessages:
    """The dialect."""

    name = asking.NAME
    front = ""
    path = stream_path = "/v1/messages"
    listing = "/v1/models"
    stream_type = sse.CONTENT_TYPE

    def ask(self, body: bytes, headers: ClientHeaders = NO_HEADERS, path: str = "") -> Ask:
        del path  # the body says it all
        return asking.ask(body, headers)

    def relay(self, ask: Ask, upstream_model: str, quirks: frozenset[str] = frozenset()) -> bytes:
        del quirks  # none changes a relayed body here
        return asking.relay(ask, upstream_model)

    def to_hub(self, ask: Ask) -> Request:
        return hub.to_hub(ask)

    def from_hub(self, request: Request, upstream_model: str, *, max_output: int | None, quirks: frozenset[str]) -> bytes:
        return hub.from_hub(request, upstream_model, max_output, quirks)

    def relay_reply(self, ask: Ask) -> Delivery:
        return RelayedStream(stream.Watch()) if ask.sketch.stream else RelayedWhole(reply.look)

    def reader(self) -> EventReader:
        return stream.Reader()

    def writer(self, ask: Ask) -> EventWriter:
        return stream.Writer(ask.sketch.model)

    def read_reply(self, body: bytes) -> Reply:
        return reply.read_reply(body)

    def write_reply(self, reply_: Reply) -> bytes:
        return reply.write_reply(reply_)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderFault:
        return faults.read_error(status, headers, body)

    def write_error(self, error: TurnoutError) -> bytes:
        return errors.write_error(error)

    def error_event(self, error: TurnoutError) -> bytes:
        return errors.error_event(error)
