"""An alert as a webhook, a chat and a mailbox get it, and who gets it at all."""

import base64
import hashlib
import hmac
import json

import msgspec
import pytest

from turnout.alerts.message import as_json, as_mail, as_slack, readers, signed, wants
from turnout.types.alert import Alert, Mailing, Webhook

ALERT = Alert(
    "rel-1:3:rolled_back", 1_763_900_000.0, "rolled_back", "critical", "acme/nano was rolled back on support",
    "harm to quality (0.5 against 0.95)", "rel-1:3", "/releases/rel-1", ("support@example.com", "risk-team"), {"share_percent": 10.0},
)  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "wanted"),
    [
        (Webhook("all", "https://x"), True),
        (Webhook("kind", "https://x", kinds=frozenset({"adopted"})), False),
        (Webhook("kinds", "https://x", kinds=frozenset({"adopted", "rolled_back"})), True),
        (Mailing("mail.example.com", severity="critical"), True),
    ],
)
def test_a_channel_gets_the_kinds_and_severities_it_asks_for(channel: Webhook | Mailing, *, wanted: bool) -> None:
    """None named: all of them."""
    assert wants(channel, ALERT) is wanted
    mild = msgspec.structs.replace(ALERT, severity="info")
    assert not wants(Mailing("mail.example.com", severity="warning"), mild)


def test_the_json_has_all_of_it_and_a_link_that_leads_somewhere() -> None:
    """Without a known dashboard there is no link, rather than half of one."""
    said = json.loads(as_json(ALERT, "http://127.0.0.1:8081"))
    assert said["type"] == "turnout.rolled_back"
    assert said["data"]["link"] == "http://127.0.0.1:8081/releases/rel-1"
    assert said["data"]["figures"] == {"share_percent": 10.0}
    assert json.loads(as_json(ALERT, ""))["data"]["link"] is None


def test_a_chat_makes_no_mention_and_no_link_of_a_name() -> None:
    """What a model is called comes from outside."""
    hostile = msgspec.structs.replace(ALERT, title="<!channel> & <http://evil|x>", text="<@U1>" + "x" * 5_000)
    said = json.loads(as_slack(hostile, ""))
    text = said["blocks"][0]["text"]["text"]
    assert "<" not in text
    assert len(text) <= 3_000
    assert "<http://d/releases/rel-1|" in json.loads(as_slack(ALERT, "http://d"))["blocks"][0]["text"]["text"]


def test_a_mail_goes_to_those_named_and_to_owners_that_are_addresses() -> None:
    """An owner like "risk-team" is a name; one with a line break in it is an attack."""
    mailing = Mailing("mail.example.com", sender="turnout@example.com", to=("ops@example.com", "support@example.com"))
    message = as_mail(ALERT, mailing, "http://d")
    assert message["To"] == "ops@example.com, support@example.com"
    assert "http://d/releases/rel-1" in message.get_content()
    odd = msgspec.structs.replace(ALERT, title="a\nBcc: x@y", to=("a@b\r\nBcc: c@d",))
    assert readers(odd, mailing) == mailing.to
    assert as_mail(odd, mailing, "")["Subject"] == "[turnout] a Bcc: x@y"


@pytest.mark.parametrize("secret", ["whsec_" + base64.b64encode(b"0123456789").decode(), "plain text"])
def test_the_signature_is_the_standards(secret: str) -> None:
    """HMAC-SHA-256 over id, time and body, by the key that the secret stands for."""
    key = b"0123456789" if secret.startswith("whsec_") else b"plain text"
    headers = signed(b"{}", "msg-1", 1_763_900_000, secret)
    expected = hmac.new(key, b"msg-1.1763900000.{}", hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "msg-1", "webhook-timestamp": "1763900000", "webhook-signature": "v1," + base64.b64encode(expected).decode(),
    }  # fmt: skip
    assert "webhook-signature" not in signed(b"{}", "msg-1", 1, None)
