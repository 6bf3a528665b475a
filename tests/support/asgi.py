"""Call an ASGI app without a server: what was answered, as one value."""

import json
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def call(
    app: ASGIApp, path: str, *, method: str = "GET", host: str = "localhost", body: bytes = b"", **headers: str
) -> Answer:
    """``content_type="..."`` is sent as the header ``content-type``. ``path`` may carry a query."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    name, _, query = path.partition("?")
    named = {"host": host, **{key.replace("_", "-"): value for key, value in headers.items()}}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": name,
        "raw_path": name.encode(), "query_string": query.encode(), "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "headers": [(key.encode(), value.encode()) for key, value in named.items()],
    }  # fmt: skip
    await app(scope, receive, send)
    start = sent[0]
    return Answer(
        status=start["status"],
        headers={key.decode(): value.decode() for key, value in start["headers"]},
        body=b"".join(message.get("body", b"") for message in sent[1:]),
    )
