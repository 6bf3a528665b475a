"""What redacting looks for, as data: the signs it is found by, its shape, and what proves that it is none of those that only look so."""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from itertools import pairwise

import msgspec

from turnout.content.numbers import iban_end, is_card

CLUSTER = "digits"
"""The sign of what is made of digits: at least four, close together."""
LONG_WORD = 28
"""Characters without a blank from which a word may be a key of no known shape."""
WORD = "word"
"""The sign of such a word."""

Proof = Callable[[re.Match[str]], tuple[int, int] | None]
"""Which part of a match (from, to) it is; None: it only looks so."""


def _matched(match: re.Match[str]) -> tuple[int, int]:
    return match.span()


class Rule(msgspec.Struct, frozen=True):
    """``word`` takes the place of what is found within ``before`` characters before one of its ``signs`` and ``after`` behind it."""

    word: str
    pattern: re.Pattern[str]
    signs: tuple[str, ...]
    before: int = 0
    after: int = 0
    proof: Proof = _matched


def _part(match: re.Match[str]) -> tuple[int, int]:
    return match.span("part")


def _email(match: re.Match[str]) -> tuple[int, int] | None:
    """``git@host:path`` is where code is, not who."""
    return None if match["name"] == "git" else match.span()


def _card(match: re.Match[str]) -> tuple[int, int] | None:
    return match.span() if is_card(re.sub("[ -]", "", match[0])) else None


def _iban(match: re.Match[str]) -> tuple[int, int] | None:
    end = iban_end(match[0])
    if end is None or match[0][end : end + 1].isalnum():
        return None
    return match.start(), match.start() + end


def _ip(match: re.Match[str]) -> tuple[int, int] | None:
    """No address of anybody: this machine's own, and none at all."""
    try:
        address = IPv6Address(match[0]) if ":" in match[0] else IPv4Address(match[0])
    except AddressValueError:
        return None
    return None if address.is_loopback or address.is_unspecified else match.span()


def _phone(match: re.Match[str]) -> tuple[int, int] | None:
    """As many digits as numbers have (ITU-T E.164: 15 at most), and no date."""
    digits = sum(map(str.isdigit, match["part"]))
    return match.span("part") if 7 <= digits <= 15 and not _DATE.fullmatch(match["part"]) else None


def _secret(match: re.Match[str]) -> tuple[int, int] | None:
    return match.span("part") if _may_be_secret(match["name"], match["part"], quoted=bool(match["quote"])) else None


def is_secret(name: str, value: str) -> bool:
    """Whether a field of this name holds a secret."""
    return (
        len(value) >= 6
        and " " not in value
        and _CALLED_SECRET.search(name) is not None
        and _may_be_secret(name, value, quoted=True)
    )


def _may_be_secret(name: str, value: str, *, quoted: bool) -> bool:
    """A password may be any word that is quoted; everything else called a secret looks like one, or it is code."""
    if any(map(str.isdigit, value)) and any(map(str.isalpha, value)) and not _CODE.search(value):
        return True
    return quoted and "pass" in name.lower()


def _bearer(match: re.Match[str]) -> tuple[int, int] | None:
    """A plain word after it is English."""
    return match.span("part") if re.search(r"[\dA-Z=]", match["part"]) else None


def _token(match: re.Match[str]) -> tuple[int, int] | None:
    """Letters of both cases and digits that follow each other without any order: no hash, no UUID, no name."""
    word = match[0]
    kinds = [0 if "a" <= each <= "z" else 1 if "A" <= each <= "Z" else 2 for each in word if each.isalnum()]
    turns = sum(one != other for one, other in pairwise(kinds))
    return match.span() if len(set(kinds)) == 3 and turns >= 0.4 * len(kinds) and len(set(word)) >= 14 else None


_DATE = re.compile(r"\d{1,2}([-/. ])\d{1,2}\1\d{2,4}|\d{4}([-/. ])\d{1,2}\2\d{1,2}")
_CODE = re.compile(r"[()]|^[A-Za-z_]+\.[A-Za-z_.]+$|^\$|^(?:env|file):")

_KEYS = {
    "sk-": r"sk-[A-Za-z0-9_-]{20,}", "sk_": r"sk_[A-Za-z0-9_]{16,}", "pk_": r"pk_(?:live|test)_[A-Za-z0-9]{16,}",
    "rk_": r"rk_(?:live|test)_[A-Za-z0-9]{16,}", "whsec_": r"whsec_[A-Za-z0-9+/=]{16,}", "ghp_": r"ghp_[A-Za-z0-9]{30,}",
    "gho_": r"gho_[A-Za-z0-9]{30,}", "ghs_": r"ghs_[A-Za-z0-9]{30,}", "ghu_": r"ghu_[A-Za-z0-9]{30,}",
    "ghr_": r"ghr_[A-Za-z0-9]{30,}", "github_pat_": r"github_pat_[A-Za-z0-9_]{30,}", "glpat-": r"glpat-[A-Za-z0-9_-]{20,}",
    "xox": r"xox[abeprs]-[A-Za-z0-9-]{10,}", "AKIA": r"AKIA[A-Z0-9]{16}", "ASIA": r"ASIA[A-Z0-9]{16}",
    "AIza": r"AIza[A-Za-z0-9_-]{35}", "ya29.": r"ya29\.[A-Za-z0-9_-]{20,}", "gsk_": r"gsk_[A-Za-z0-9]{20,}",
    "xai-": r"xai-[A-Za-z0-9]{20,}", "hf_": r"hf_[A-Za-z0-9]{30,}", "npm_": r"npm_[A-Za-z0-9]{36}", "pypi-": r"pypi-[A-Za-z0-9_-]{50,}",
    "SG.": r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", "dop_v1_": r"dop_v1_[a-f0-9]{64}", "tk-": r"tk-[A-Za-z0-9_-]{40,}",
    "r8_": r"r8_[A-Za-z0-9]{30,}", "pplx-": r"pplx-[A-Za-z0-9]{30,}",
}  # fmt: skip
"""How keys begin at those who hand out many, ours included."""


_SECRETS = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "credential", "signature", "authkey",
    *(f"{kind}{dash}key" for kind in ("api", "access", "private", "secret", "account", "shared", "auth") for dash in ("", "_", "-", " ")),
)  # fmt: skip
_CALLED_SECRET = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(_SECRETS)})$", re.IGNORECASE)


def _cased(*words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form for word in words for form in (word, word.capitalize(), word.upper(), word.title())))


_CALLS = ("tel", "phone", "mobil", "cell", "fax", "whatsapp", "WhatsApp", "handy", "téléphone", "teléfono", "call")
_CALLED = (
    r"(?:tel|phone|telephone|mobile?|cell|fax|whatsapp|telefon|handy|téléphone|teléfono|telefono|telefone|call(?: me)?(?: on| at)?)"
    r"(?:[ ]?(?:number|no\.?|nr\.?|nummer|#))?(?: is)?[ .:=]{1,3}"
)

RULES = (
    Rule(
        "[private key]",
        re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL),
        ("PRIVATE KEY-----",), 60, 1,
    ),
    Rule("[credentials]", re.compile(r"(?<=://)[^\s/@:\[\]\"'<>]{0,200}:[^\s/@\[\]\"'<>]{1,300}(?=@)"), ("://",), 0, 510),
    Rule("[jwt]", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), ("eyJ",), 1, 4096),
    Rule("[token]", re.compile(r"\b(?:bearer|basic)\s{1,3}(?P<part>[\w.~+/=-]{12,})", re.IGNORECASE), _cased("bearer", "basic"), 1, 20, _bearer),
    Rule("[key]", re.compile(rf"(?<![\w-])(?:{'|'.join(_KEYS.values())})(?![\w-])"), tuple(_KEYS), 1, 300),
    Rule(
        "[secret]",
        re.compile(
            rf"(?<![A-Za-z])(?P<name>{'|'.join(_SECRETS)})[\"']?\s{{0,3}}(?:[:=]=?>?|\bis\b)\s{{0,3}}(?P<quote>[\"']?)"
            r"(?P<part>[^\s\"'\[\]{},;&<>]{6,400})", re.IGNORECASE,
        ),
        _cased(*_SECRETS), 1, 24, _secret,
    ),
    Rule("[key]", re.compile(rf"(?<![\w/+-])[A-Za-z0-9_-]{{{LONG_WORD},}}(?![\w/+-])"), (WORD,), proof=_token),
    Rule(
        "[email]", re.compile(r"(?<![\w.%+'-])(?P<name>[\w.%+'-]{1,64})@(?:[\w-]{1,63}\.){1,6}[^\W\d_]{2,24}(?![\w-])"), ("@",), 66,
        92, _email,
    ),
    Rule("[iban]", re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])"), (CLUSTER,), 4, 40, _iban),
    Rule("[card]", re.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?!\d|[.,]\d)"), (CLUSTER,), 1, 2, _card),
    Rule("[ssn]", re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])"), (CLUSTER,), 1, 2),
    Rule("[ip]", re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)"), (CLUSTER,), 1, 3, _ip),
    Rule(
        "[ip]", re.compile(r"(?<![\w:.])(?=[A-Fa-f:]{0,39}\d)(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"), (":",), 5,
        36, _ip,
    ),
    Rule("[phone]", re.compile(r"(?<![\w+.])(?P<part>\+\d(?:[ ().\-/]{0,2}\d){7,14})(?!\w)"), (CLUSTER,), 2, 1, _phone),
    Rule("[phone]", re.compile(r"(?<![\w.(+-])(?P<part>\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})(?![\w-])"), (CLUSTER,), 2, 1, _phone),
    Rule(
        "[phone]", re.compile(r"(?<![\w.(+/-])(?<!\d )(?P<part>\(?0\d{1,4}\)?[ /-]{1,2}\d{2,4}(?:[ -]?\d{2,4}){1,4})(?![\w-])"), (CLUSTER,), 2, 1,
        _phone,
    ),
    Rule(
        "[phone]", re.compile(rf"\b{_CALLED}(?P<part>\(?\+?\d(?:[ ().\-/]{{0,2}}\d){{6,14}})(?!\w)", re.IGNORECASE), _cased(*_CALLS), 5, 70,
        _phone,
    ),
)  # fmt: skip
"""Where two find the same, what the earlier one calls it is said."""

SIGNS = tuple(dict.fromkeys(sign for rule in RULES for sign in rule.signs if sign not in (CLUSTER, WORD)))
"""Those that are texts."""
