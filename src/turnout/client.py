"""Tell Turnout what people think of its answers, from a Python application. Needs nothing but the standard library.

    turnout = Turnout("http://127.0.0.1:8080", api_key="tk-...")
    turnout.thumb(request_id, up=True)

Nothing here slows the application down or breaks it: what is said goes into a bounded queue, and a thread sends it.
"""

import http.client
import json
import logging
import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Opinions of one call."""
TRIES = 5
FIRST_PAUSE = 0.5
"""Seconds before a second try; doubled before each further one."""
_KINDS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


class FeedbackError(Exception):
    """It was not taken. ``status`` is what Turnout answered, None when it did not; ``retry`` whether the same may be taken later."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry = status is None or status == 429 or status >= 500


class Turnout:
    """One per application, safe to use from any thread, and after a fork.

    Each method is about a request (its ``x-turnout-request-id``) or about a session so far. ``strict`` sends at once and raises
    FeedbackError; else nothing raises, and ``dropped`` counts what could not be sent, or was too much for the queue (``capacity``).
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8080",
        api_key: str | None = None,
        *,
        strict: bool = False,
        capacity: int = 10_000,
        timeout: float = 5.0,
    ) -> None:
        """``timeout`` is in seconds, of each call. Raises ValueError for an address that is none."""
        place = urlsplit(base_url)
        if place.scheme not in _KINDS or place.hostname is None:
            raise ValueError(f"{base_url!r} is not an address such as http://127.0.0.1:8080")
        self.dropped = 0
        self._host, self._port, self._connect = place.hostname, place.port, _KINDS[place.scheme]
        self._path = place.path.rstrip("/").removesuffix("/v1") + "/v1/feedback"
        self._headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {api_key}"} if api_key else {})
        self._strict = strict
        self._capacity = capacity
        self._timeout = timeout
        self._waiting: deque[dict[str, Any]] = deque()
        self._changed = threading.Condition()
        self._sending = False
        self._closing = False
        self._thread: threading.Thread | None = None

    def thumb(self, request_id: str | None = None, *, up: bool, **more: Any) -> None:
        """``more`` of each method: ``session`` in place of the request, ``note``, ``at`` (unix seconds), ``id``."""
        self.send(kind="thumb", request_id=request_id, value=1 if up else -1, **more)

    def stars(self, request_id: str | None = None, *, stars: int, **more: Any) -> None:
        """1..5."""
        self.send(kind="stars", request_id=request_id, value=stars, **more)

    def nps(self, request_id: str | None = None, *, score: int, **more: Any) -> None:
        """0..10: how likely one would recommend it."""
        self.send(kind="nps", request_id=request_id, value=score, **more)

    def label(self, request_id: str | None = None, *, name: str, **more: Any) -> None:
        """``good``, ``bad``, or any word of your own."""
        self.send(kind="label", request_id=request_id, name=name, **more)

    def accepted(self, request_id: str | None = None, **more: Any) -> None:
        """The answer was used as it is."""
        self.send(kind="accepted", request_id=request_id, **more)

    def edited(self, request_id: str | None = None, *, kept: float | None = None, **more: Any) -> None:
        """It was used after changes; ``kept`` is the share of it that stayed, 0..1."""
        self.send(kind="edited", request_id=request_id, value=kept, **more)

    def rejected(self, request_id: str | None = None, **more: Any) -> None:
        """It was not used."""
        self.send(kind="rejected", request_id=request_id, **more)

    def outcome(self, name: str, value: float, request_id: str | None = None, **more: Any) -> None:
        """What came of it: ``solved`` 0..1, ``churn`` 0 or 1, any number with a name."""
        self.send(kind="outcome", request_id=request_id, name=name, value=value, **more)

    def value(self, name: str, value: float, request_id: str | None = None, **more: Any) -> None:
        """What it was worth to the business: ``turnout.value("order", 49.0, session="s-1")``."""
        self.send(kind="value", request_id=request_id, name=name, value=value, **more)

    def send(self, **fields: Any) -> None:
        """The fields of ``POST /v1/feedback``. Raises FeedbackError if ``strict``, else nothing."""
        said = {"at": time.time(), **{name: value for name, value in fields.items() if value is not None}}
        if self._strict:
            self._post([said])
            return
        with self._changed:
            if self._closing or len(self._waiting) >= self._capacity:
                self._drop(1, "closed" if self._closing else "the queue is full")
                return
            self._waiting.append(said)
            if self._thread is None or not self._thread.is_alive():  # as it is after a fork
                self._thread = threading.Thread(target=self._keep_sending, name="turnout-feedback", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all is sent, at most so many seconds; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._sending, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Send what waits, for at most so many seconds; the rest is dropped."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(timeout)
        with self._changed:
            if self._waiting:
                self._drop(len(self._waiting), "closed before it could be sent")
                self._waiting.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _keep_sending(self) -> None:
        while batch := self._next():
            try:
                self._deliver(batch)
            finally:
                with self._changed:
                    self._sending = False
                    self._changed.notify_all()

    def _next(self) -> list[dict[str, Any]]:
        """What is to be sent together; nothing when the end has come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            self._sending = bool(batch)
            return batch

    def _deliver(self, batch: list[dict[str, Any]]) -> None:
        """One that is refused takes no other with it."""
        for n in range(TRIES):
            try:
                self._post(batch)
            except FeedbackError as error:
                if not error.retry and len(batch) > 1:
                    for said in batch:
                        self._deliver([said])
                    return
                if not error.retry or n == TRIES - 1 or not self._pause(FIRST_PAUSE * 2**n):
                    with self._changed:
                        self._drop(len(batch), str(error))
                    return
            else:
                return

    def _pause(self, seconds: float) -> bool:
        """False when it is not worth the wait any more: the application is about to end."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._closing, seconds)

    def _post(self, batch: list[dict[str, Any]]) -> None:
        """Raises FeedbackError."""
        connection = self._connect(self._host, self._port, timeout=self._timeout)
        try:
            body = json.dumps({"feedback": batch}, allow_nan=False).encode()
            connection.request("POST", self._path, body, self._headers)
            response = connection.getresponse()
            status, told = response.status, response.read()
        except (TypeError, ValueError) as error:
            raise FeedbackError(f"this cannot be sent: {error}", 400) from error
        except (OSError, http.client.HTTPException) as error:
            raise FeedbackError(f"Turnout does not answer: {error}") from error
        finally:
            connection.close()
        if status != 202:
            raise FeedbackError(f"Turnout answers {status}: {told[:300].decode(errors='replace')}", status)

    def _drop(self, n: int, why: str) -> None:
        if not self.dropped:
            log.warning("feedback is dropped, and only counted from now on: %s", why)
        self.dropped += n
