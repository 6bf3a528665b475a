"""The language of the user's words: by script, then by the commonest words. A hint for routing, not a linguist's verdict."""

from bisect import bisect_right

from turnout.types.traits import Trait

SAMPLE = 240  # characters looked at
PLAINLY = 6  # so many common words of one language, and the others need not be counted
FOREIGN = 60  # of them, at most so many beyond ASCII

# First code point above each script's range -> the language it betrays; None: Latin or no script at all.
SCRIPTS: tuple[tuple[int, str | None], ...] = (
    (0x370, None),
    (0x400, "el"),
    (0x530, "ru"),
    (0x590, None),
    (0x600, "he"),
    (0x780, "ar"),
    (0x900, None),
    (0x980, "hi"),
    (0xE00, None),
    (0xE80, "th"),
    (0x3040, None),
    (0x3100, "ja"),
    (0x4E00, None),
    (0xA000, "zh"),
    (0xAC00, None),
    (0xD7B0, "ko"),
)
_ENDS = [end for end, _ in SCRIPTS]
_SCRIPTS = (*(language for _, language in SCRIPTS), None)
COMMON = {
    "en": "the a an is are was of to and in for with that this what how my you your it do does please can i on be not",
    "de": "der die das und ist nicht ein eine einen ich wir sie mit für den dem auf bitte wie was zu von meine im wann wer",
    "fr": "le la les des une un est et je vous nous pas pour dans que qui sur avec ce cette mon ma du en où est-ce pourquoi",
    "es": "el la los las una un es y en que de por para con mi no se su qué cuál cómo lo del está dos entre",
    "it": "il lo la gli una un è e di che per con mi non questo questa mio mia della del sono ha chi vorrei",
    "pt": "o a os as uma um é e de que para com meu minha não do da em como quero entre na no se dois",
    "nl": "de het een en is niet ik van voor met dat wat hoe mijn je zijn op aan",
}  # fmt: skip
_COMMON = tuple((Trait(language, "words:common"), frozenset(words.split())) for language, words in COMMON.items())

UNKNOWN = Trait(None, "none")


def infer_language(text: str) -> Trait:
    """An ISO 639-1 code, or unknown."""
    sample = text[:SAMPLE].lower()
    if not sample.isascii():
        script = _by_script(sample)
        if script is not None:
            return Trait(script, "script")
    words = sample.split()
    most, found = 0, UNKNOWN
    for trait, common in _COMMON:
        count = len(common.intersection(words))
        if count >= PLAINLY:
            return trait
        if count > most:
            most, found = count, trait
    return found


def _by_script(sample: str) -> str | None:
    """The script most of the foreign characters belong to; kana outweigh the Chinese characters they stand among."""
    counts: dict[str, int] = {}
    foreign = [ord(char) for char in sample if char >= "\u0370"][:FOREIGN]
    for point in foreign:
        language = _SCRIPTS[bisect_right(_ENDS, point)]
        if language is not None:
            counts[language] = counts.get(language, 0) + 1
    if "ja" in counts:
        return "ja"
    return max(counts, key=counts.__getitem__) if counts else None
