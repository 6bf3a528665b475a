"""The reference: the least a relay in Python can do on the same parts. Raw ASGI on uvicorn, our transport, no routing, no record.

``python -m bench.bare_relay PORT UPSTREAM-PORT``.
"""

import sys
from typing import Any

import uvicorn

from turnout.clock import SystemClock
from turnout.ports import Outgoing
from turnout.providers.transport import HttpTransport


class Relay:
    def __init__(self, upstream: int) -> None:
        self.url = f"http://127.0.0.1:{upstream}/v1/chat/completions"
        self.transport: HttpTransport | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if self.transport is None:
            self.transport = HttpTransport(clock=SystemClock())
        body = (await receive())["body"]
        headers = ((b"content-type", b"application/json"), (b"authorization", b"Bearer key"))
        incoming = await self.transport.send(Outgoing("POST", self.url, headers, body), connect_timeout=5)
        await send(
            {"type": "http.response.start", "status": incoming.status, "headers": [(b"content-type", b"application/json")]}
        )
        async for chunk in incoming.chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await incoming.close()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


if __name__ == "__main__":
    uvicorn.run(
        Relay(int(sys.argv[2])), port=int(sys.argv[1]), http="httptools", loop="uvloop", lifespan="off", access_log=False, log_config=None,
        ws="none", server_header=False, date_header=False,
    )  # fmt: skip
