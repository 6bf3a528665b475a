"""Questions whose right answer is known: seeded families of cases, each with a plausible wrong answer and a plain check.

A prompt carries its case as a reference, ``(ref 3-17)``: family 3, number 17. That is how a simulated model "knows" it.
"""

import random
import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from turnout.sim import texts
from turnout.sim.profile import BANDS
from turnout.types.traits import Band

Made = tuple[str, str, str, tuple[str, ...]]
"""Prompt, right answer, wrong answer, and what a right answer must contain."""


class Case(msgspec.Struct, frozen=True):
    """One question. ``expect``: every one of these stands in a right answer, at least one is missing in the wrong one."""

    id: str
    task: str
    band: Band
    prompt: str
    right: str
    wrong: str
    expect: tuple[str, ...]


def _math(rng: random.Random, band: Band) -> Made:
    a, b, c = rng.randint(12, 97), rng.randint(3, 29), rng.randint(100, 900)
    if band == "simple":
        prompt, value = f"What is {a} + {b}?", a + b
    elif band == "moderate":
        prompt, value = f"Calculate {a} * {b} - {c}. Give the result as a number.", a * b - c
    else:
        prompt = (
            f"A depot holds {c} crates. Each of {b} trucks takes {a} crates a day for 3 days, and after every day "
            f"{a * b} crates are delivered again, except on the last one. How many crates are there at the end? "
            "Show each step of your reasoning, check the result by a second method, then state the final number."
        )
        value = c - a * b
    return prompt, f"The answer is {value}.", f"The answer is {value + rng.choice((-10, 10, 1, -2))}.", (str(value),)


def _extraction(rng: random.Random, band: Band) -> Made:
    number, total, day = f"INV-{rng.randint(1000, 9999)}", f"{rng.randint(40, 9000)}.{rng.randint(10, 99)}", rng.randint(1, 28)
    due = f"2026-0{rng.randint(1, 9)}-{day:02}"
    vendor = rng.choice(texts.COMPANIES)
    noise = " ".join(rng.sample(texts.NOISE, {"simple": 1, "moderate": 3, "high": 6}[band]))
    invoice = f"{vendor}\nInvoice {number}\n{noise}\nAmount due: {total} EUR, payable by {due}."
    prompt = (
        f"Extract the invoice number, total and due date from this text as JSON with the keys invoice, total, due.\n\n{invoice}"
    )
    fields = {"invoice": number, "total": total, "due": due}
    wrong = {**fields, "total": f"{float(total) * 1.19:.2f}"}
    return prompt, _json(fields), _json(wrong), (number, total, due)


def _translation(rng: random.Random, band: Band) -> Made:
    language = rng.choice(texts.LANGUAGES)
    count = {"simple": 1, "moderate": 2, "high": 4}[band]
    phrases = rng.sample(texts.PHRASES, count)
    index = texts.LANGUAGES.index(language)
    answers = [phrase[1][index] for phrase in phrases]
    prompt = f"Translate into {language}: " + " ".join(phrase[0] for phrase in phrases)
    others = [phrase[1][index] for phrase in texts.PHRASES if phrase not in phrases]
    return prompt, " ".join(answers), " ".join([*answers[:-1], rng.choice(others)]), tuple(answers)


def _code(rng: random.Random, band: Band) -> Made:
    task = rng.choice([task for task in texts.CODE if task.band == band])
    name = f"{task.name}_{rng.randint(2, 99)}"
    prompt = f"Write a Python function `{name}` that {task.wish}. Answer with a code block only."
    slip = task.wrong.replace("):", ")", 1)  # a wrong answer does not even compile, so that a cascade's check can tell
    right, wrong = (f"```python\n{code.replace('NAME', name)}\n```" for code in (task.right, slip))
    return prompt, right, wrong, tuple(line.strip().replace("NAME", name) for line in task.right.splitlines())


def _support(rng: random.Random, band: Band) -> Made:
    intents = rng.sample(texts.INTENTS, {"simple": 1, "moderate": 2, "high": 3}[band])
    order = rng.randint(10_000, 99_999)
    prompt = f"Hi, this is about my order {order}. " + " ".join(intent.says for intent in intents)
    if band == "high":
        prompt += (
            " I have written three times already, I am really unhappy and I may have to involve my lawyer. What happens now?"
        )
    right = f"I am sorry for the trouble with order {order}. " + " ".join(intent.reply for intent in intents)
    wrong = f"I am sorry for the trouble with order {order}. Please see our help pages."
    return prompt, right, wrong, tuple(intent.fact for intent in intents)


def _summary(rng: random.Random, band: Band) -> Made:
    facts = rng.sample(texts.FACTS, {"simple": 2, "moderate": 3, "high": 4}[band])
    body = " ".join(f"{fact.sentence} {filler}" for fact, filler in zip(facts, rng.sample(texts.NOISE, len(facts)), strict=True))
    limit = {"simple": "one sentence", "moderate": "two sentences", "high": "three bullet points that keep every figure"}[band]
    keys = tuple(fact.key for fact in facts)
    return (
        f"Summarize the following report in {limit}:\n\n{body}",
        "In short: " + "; ".join(keys) + ".",
        f"In short: {keys[0]}.",
        keys,
    )


def _qa(rng: random.Random, band: Band) -> Made:
    country, capital, river = rng.choice(texts.CAPITALS)
    wrong = rng.choice([row[1] for row in texts.CAPITALS if row[1] != capital])
    if band == "simple":
        return f"What is the capital of {country}?", f"{capital}.", f"{wrong}.", (capital,)
    if band == "moderate":
        prompt = f"Which river flows through the capital of {country}, and what is that capital called?"
    else:
        prompt = (
            f"Explain why the capital of {country} grew where it did, name the capital and its river, and compare its position "
            "with that of one other European capital, considering trade, defence and climate."
        )
    right = f"{capital} lies on the {river}, which carried its trade."
    return prompt, right, f"{wrong} lies on the coast.", (capital, river)


def _analysis(rng: random.Random, band: Band) -> Made:
    before, growth, margin = rng.randint(2, 40) * 200, rng.choice((5, 10, 20, 30)), rng.choice((10, 20, 40))
    after = before * (100 + growth) // 100
    company = rng.choice(texts.COMPANIES)
    if band == "simple":
        prompt = f"{company}'s revenue went from {before} to {after} million. By how many percent did it grow?"
        return prompt, f"It grew by {growth}%.", f"It grew by {growth + 3}%.", (f"{growth}%",)
    profit = after * margin // 100
    prompt = (
        f"Analyze the quarter of {company}: revenue {before} million a year ago, up {growth}% since, operating margin {margin}%. "
        "Compute this quarter's revenue and operating profit in million."
    )
    if band == "high":
        prompt += (
            " Then assess step by step how a 2-point fall of the margin would change the profit, weigh the risks against each other,"
            " and justify a recommendation to the audit committee under two scenarios."
        )
    right = f"Revenue is {after} million and the operating profit {profit} million."
    wrong = f"Revenue is {after} million and the operating profit {profit + before // 10} million."
    return prompt, right, wrong, (str(after), str(profit))


def _creative(rng: random.Random, band: Band) -> Made:
    words = tuple(rng.sample(texts.IMAGES, {"simple": 2, "moderate": 3, "high": 5}[band]))
    form = {
        "simple": "a slogan",
        "moderate": "a short poem",
        "high": "a short story with a turn at its end, in the style of a fable,",
    }[band]
    prompt = f"Write {form} that uses the words {', '.join(words)}."
    right = "Once, " + ", then ".join(f"the {word} waited" for word in words) + "."
    return prompt, right, f"Once, the {words[0]} waited.", words


FAMILIES: tuple[tuple[str, Callable[[random.Random, Band], Made]], ...] = (
    ("math", _math),
    ("extraction", _extraction),
    ("translation", _translation),
    ("code_generation", _code),
    ("customer_support", _support),
    ("summarization", _summary),
    ("qa", _qa),
    ("analysis", _analysis),
    ("creative_writing", _creative),
)
TASKS = tuple(task for task, _ in FAMILIES)
_REF = re.compile(r"\(ref (\d)-(\d{1,9})\)")


@lru_cache(maxsize=4096)
def case(task: str, number: int) -> Case:
    """Case ``number`` of a task's family; numbers run through the bands in turn. Raises ValueError for an unknown task."""
    family = TASKS.index(task)
    band = BANDS[number % 3]
    rng = random.Random(f"{task}-{number}")  # noqa: S311  not for secrets
    prompt, right, wrong, expect = FAMILIES[family][1](rng, band)
    return Case(f"{family}-{number}", task, band, f"{prompt} (ref {family}-{number})", right, wrong, expect)


def find(text: str) -> Case | None:
    """The case a prompt refers to; the last reference counts."""
    refs = _REF.findall(text)
    if not refs or int(refs[-1][0]) >= len(TASKS):
        return None
    return case(TASKS[int(refs[-1][0])], int(refs[-1][1]))


def is_right(asked: Case, answer: str) -> bool:
    """Whether an answer contains all that it must, each as a word of its own."""
    return all(re.search(rf"(?<![\w.-]){re.escape(item)}(?![\w%]|\.\d)", answer) is not None for item in asked.expect)


def _json(fields: dict[str, str]) -> str:
    return msgspec.json.encode(fields).decode()
