"""What redacting finds, and what it leaves alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.content.redact import PIECE, redact

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabc/def+ghi=\n-----END RSA PRIVATE KEY-----"

FOUND = [
    ("Write to ann.lee+shop@mail.example.co.uk, please", "Write to [email], please"),
    ("<jürgen@müller.de>", "<[email]>"),
    ("mailto:a@b.co.", "mailto:[email]."),
    ("a@b.de,c@d.fr;e@f.it", "[email],[email];[email]"),
    ("card 4111 1111 1111 1111 ok", "card [card] ok"),
    ("4111-1111-1111-1111", "[card]"),
    ("5500005555555559", "[card]"),
    ("Amex 378282246310005.", "Amex [card]."),
    ("IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFF", "IBAN [iban] BIC COBADEFF"),
    ("gb29NWBK60161331926819", "[iban]"),
    ("MT84MALT011000012345MTLCAST001S", "[iban]"),
    ("NO93 8601 1117 947", "[iban]"),
    ("my ssn is 078-05-1120!", "my ssn is [ssn]!"),
    ("from 203.0.113.7 to 10.1.2.3.", "from [ip] to [ip]."),
    ("http://192.168.2.1:8080/x", "http://[ip]:8080/x"),
    ("2001:db8::8a2e:370:7334 and fe80::1", "[ip] and [ip]"),
    ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "[ip]"),
    ("call +49 (0)30 901820-15 now", "call [phone] now"),
    ("+1-202-555-0175", "[phone]"),
    ("(202) 555-0175 or 202.555.0175", "[phone] or [phone]"),
    ("Tel.: 030 901820", "Tel.: [phone]"),
    ("0171-1234567", "[phone]"),
    ("06 12 34 56 78", "[phone]"),
    ("phone number 2025550175", "phone number [phone]"),
    ("WhatsApp: 49301234567", "WhatsApp: [phone]"),
    ("sk-proj-abcdEFGH1234567890ijklMNOP", "[key]"),
    ("token ghp_abcdefghijklmnopqrstuvwxyz0123456789", "token [key]"),
    ("AKIAIOSFODNN7EXAMPLE", "[key]"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "[key]"),
    ("xoxb-1234567890-abcdefghij", "[key]"),
    ("sk-ant-api03-Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA", "[key]"),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = [secret]"),
    ("API_KEY=abc123def456", "API_KEY=[secret]"),
    ('"password": "correcthorse"', '"password": "[secret]"'),
    ("The password is hunter22.", "The password is [secret]"),
    ("client_secret: 'a1b2c3d4e5'", "client_secret: '[secret]'"),
    ("https://x.org/?access_token=a1b2c3d4e5&y=1", "https://x.org/?access_token=[secret]&y=1"),
    ("Authorization: Bearer a1B2c3D4e5F6g7", "Authorization: Bearer [token]"),
    ("authorization: basic dXNlcjpwYXNzd29yZA==", "authorization: basic [token]"),
    (f"jwt {JWT} end", "jwt [jwt] end"),
    (f"key:\n{PEM}\nend", "key:\n[private key]\nend"),
    (PEM[:60], "[private key]"),
    ("postgresql://app:s3cret@db.internal/x", "postgresql://[credentials]/x"),
    ("https://ann:pw@localhost/x", "https://[credentials]@localhost/x"),
    ("the key Zm9vYmF6MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A here", "the key [key] here"),
]

LEFT = [
    "Order 4111111111111112 from 2026-11-23 at 09:30:15",
    "invoice 1234567890123456, ticket #0123456789, customer 12345678",
    "01.02.2026, 23/11/2026, 2026-11-23T10:11:12.123456Z, 12-31-1999",
    "unix 1763914588 and 1763914588123",
    "git@github.com:user/repo.git, npm i react@18.2.0, @decorator",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "550e8400-e29b-41d4-a716-446655440000",
    "version 1.2.3.4567, v1.2.3.4, 999.999.999.999",
    "127.0.0.1, ::1, 0.0.0.0, std::vector, a::b",
    "def token(self): return self.token  # key = value",
    "token = get_token()",
    "max_tokens: 4096, tokens = 12",
    "basic understanding, bearer of news, the secret is patience",
    "AbstractSingletonProxyFactoryBeanDefinition2Test",
    "turnout-gateway-2026-11-23-release-candidate-build",
    "https://example.org/a/b?page=2",
    "x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]",
    "3.14159265358979323846, 1,234,567.89 EUR, 100 200 300",
    "chapter 10 11 12, 2024 2025 2026",
    "the password field must not be empty",
    "DE00 is no account, DE88 3704 0044 0532 0130 00 neither",
    "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----",
    "",
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_found(text: str, expected: str) -> None:
    """Addresses, numbers and keys, whatever stands around them."""
    assert redact(text) == expected


@pytest.mark.parametrize("text", LEFT)
def test_left_alone(text: str) -> None:
    """Numbers of orders, dates, code, hashes: they look so and are not."""
    assert redact(text) == text


WORDS = st.sampled_from([text for text, _ in FOUND] + LEFT)
TEXTS = st.one_of(
    st.text(max_size=80),
    st.text("0123456789 -.+()/@:aB=", max_size=60),
    st.lists(st.one_of(WORDS, st.text("aé1@. :\n-+", max_size=6)), max_size=6).map("".join),
)


@given(TEXTS)
def test_idempotent(text: str) -> None:
    """What was redacted has nothing left in it."""
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize("shift", range(0, 40, 3))
@pytest.mark.parametrize("secret", ["ann@example.org", "DE89 3704 0044 0532 0130 00", "+49 30 901820 15", JWT, PEM])
def test_wherever_it_stands(secret: str, shift: int) -> None:
    """A text is looked at in pieces; what lies across two of them is found all the same."""
    text = "x " * ((PIECE - shift) // 2) + secret + " end"
    assert secret not in redact(text)
    assert len(redact(text)) < PIECE + 60


def test_others_have_their_turn() -> None:
    """Between two pieces."""
    turns: list[int] = []
    redact("some words " * 6_000, lambda: turns.append(1))

    assert len(turns) == 4


@pytest.mark.parametrize("text", ["@" * 50_000, "1 " * 50_000, "a" * 100_000, "eyJ" * 30_000, "://" * 20_000, "password=" * 10_000,
                                  "-----BEGIN PRIVATE KEY-----" * 2_000, "0" * 60_000, "a1B" * 30_000, "tel " * 20_000, "AB12 " * 20_000, "GB29" + "1a" * 60,
                                  "GB29" + "1a" * 30_000])  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    """No pattern is at its worst for long: a hundred times the usual 50 ns a character, and a test's slack."""
    began = time.process_time()
    redact(text)

    assert time.process_time() - began < 2.0
