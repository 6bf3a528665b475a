"""Numbers that prove themselves: what is a card's or an account's, and what only looks like one."""

_IBAN_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 "
    "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 "
    "LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 "
    "SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_LENGTHS.split()}
"""By country, as the IBAN registry (SWIFT, ISO 13616) has them."""


def is_card(digits: str) -> bool:
    """Of a length and beginning that an issuer uses, with the right last digit."""
    return _is_issued(digits) and _luhn(digits)


def iban_end(text: str) -> int | None:
    """How many characters at the beginning of ``text`` are a right IBAN; blanks and hyphens in it are passed over."""
    length = IBAN_LENGTHS.get(text[:2].upper())
    if length is None:
        return None
    places = [place for place, character in enumerate(text) if character not in " -"][:length]
    taken = "".join(text[place] for place in places)
    moved = (taken[4:] + taken[:4]).upper()
    if len(taken) < length or not (moved.isascii() and moved.isalnum()):
        return None
    return places[-1] + 1 if int("".join(str(int(character, 36)) for character in moved)) % 97 == 1 else None


def _is_issued(digits: str) -> bool:
    """ISO/IEC 7812 ranges of the great networks."""
    size, head = len(digits), int(digits[:4])
    return (
        (digits[0] == "4" and size in (13, 16, 19))  # Visa
        or (size == 16 and (5100 <= head <= 5599 or 2221 <= head <= 2720))  # Mastercard
        or (size == 15 and digits[:2] in ("34", "37"))  # American Express
        or (size == 14 and (3000 <= head <= 3059 or digits[:2] in ("36", "38", "39")))  # Diners
        or (16 <= size <= 19 and (head == 6011 or 6440 <= head <= 6599 or 3528 <= head <= 3589))  # Discover, JCB
        or (
            16 <= size <= 19
            and (6200 <= head <= 6299 or digits[:2] == "50" or 5600 <= head <= 5899 or digits[:2] in ("63", "67"))
        )
    )  # UnionPay, Maestro


def _luhn(digits: str) -> bool:
    """The sum of all digits, every second from the right doubled, ends with 0."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
