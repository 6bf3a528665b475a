"""The doing of it: one HTTP POST, one mail. Each raises Unsent with a reason that holds no secret."""

import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing, suppress
from email.message import EmailMessage
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from turnout.types.alert import Mailing

WITHIN = 10.0
"""Seconds that a receiver may take."""


class Unsent(Exception):
    """A channel did not take it, and why. ``for_good``: trying again will not help."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the body, and its signature, to whom nobody named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Raises Unsent unless the answer is 2xx."""
    if _scheme(url) not in {"http", "https"}:
        raise Unsent("its URL is neither http nor https", for_good=True)
    asked = urllib.request.Request(url, body, {"content-type": "application/json", "user-agent": "turnout", **headers})  # noqa: S310 - see above
    try:
        with _OPENER.open(asked, timeout=WITHIN) as answer:
            answer.read(1_000)
    except urllib.error.HTTPError as error:
        with error:
            raise Unsent(f"it answered {error.code}", for_good=error.code in {400, 401, 403, 404, 410}) from None
    except (OSError, ValueError, HTTPException) as error:  # the URL may hold a token: nothing of it is told
        raise Unsent(f"it cannot be reached ({type(getattr(error, 'reason', error)).__name__})") from None


def mail(message: EmailMessage, mailing: Mailing, password: str | None) -> None:
    """Raises Unsent."""
    context = ssl.create_default_context()
    try:
        with closing(_server(mailing, context)) as server:
            if mailing.security == "starttls":
                server.starttls(context=context)
            if mailing.user is not None:
                server.login(mailing.user, password or "")
            server.send_message(message)
            with suppress(
                smtplib.SMTPException, OSError
            ):  # it is sent, however they take leave: told otherwise, it would be sent again
                server.quit()
    except smtplib.SMTPResponseException as error:
        raise Unsent(f"the mail server said {error.smtp_code}", for_good=500 <= error.smtp_code < 600) from None
    except (smtplib.SMTPException, OSError, UnicodeError) as error:  # a host, name or password that is no ASCII
        raise Unsent(f"the mail server cannot be used ({type(error).__name__})") from None


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def _server(mailing: Mailing, context: ssl.SSLContext) -> smtplib.SMTP:
    if mailing.security == "tls":
        return smtplib.SMTP_SSL(mailing.host, mailing.port, timeout=WITHIN, context=context)
    return smtplib.SMTP(mailing.host, mailing.port, timeout=WITHIN)
