"""Classification and token counts, measured: `python -m bench.classify` from the repository's root.

Accuracy per trait, on the half of the labelled prompts the rules were tuned on and on the half held out, beside two controls:
always saying the commonest label, and the same answers dealt to the wrong prompts (95th percentile of 200 draws).
Prompts and rules have one author, so their words overlap more than a stranger's would: the strangers' questions of
../shared/data show what is left of it on math against everything else.
"""

import gzip
import json
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table
from tests.shared_data import SHARED
from tests.support import labelled
from tests.support.labelled import NAMED, Labelled, sketch_of, traits_of, value
from tests.support.yardstick import Counted, counted

from turnout.decide.tokens import estimate
from turnout.types.traits import Sketch, Traits

ROUNDS, CALLS = 15, 200
EXTERNAL = {"gsm8k": "math", "mmlu_pro math": "math", "mmlu_pro other": None}


def main() -> None:
    console = Console(width=130)
    rows = [(prompt, traits_of(prompt.sketch)) for prompt in labelled.prompts()]
    halves = {"tuned": [row for row in rows if not row[0].held_out], "held out": [row for row in rows if row[0].held_out]}
    console.print(accuracies(halves), complexities(halves), confusion(halves["held out"]))
    console.print(strangers(), token_errors(), times())


def accuracies(halves: dict[str, list[tuple[Labelled, Traits]]]) -> Table:
    table = _table("Accuracy per trait", "trait", "half", "prompts", "accuracy", "majority", "shuffled", "balanced", "shuffled")
    for trait in NAMED:
        for half, rows in halves.items():
            found = [value(traits, trait) for _, traits in rows]
            right = [prompt.labels[trait] for prompt, _ in rows]
            figures = [
                labelled.accuracy(found, right), labelled.majority(right), labelled.shuffled(labelled.accuracy, found, right),
                labelled.balanced(found, right), labelled.shuffled(labelled.balanced, found, right),
            ]  # fmt: skip
            table.add_row(trait, half, str(len(rows)), *(f"{figure:.3f}" for figure in figures))
    return table


def complexities(halves: dict[str, list[tuple[Labelled, Traits]]]) -> Table:
    table = _table("Complexity as a number: rank correlation with the labels", "half", "prompts", "spearman", "shuffled")
    for half, rows in halves.items():
        pairs = [
            (traits.complexity, prompt.complexity)
            for prompt, traits in rows
            if traits.complexity is not None and prompt.complexity is not None
        ]
        found, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        table.add_row(half, str(len(pairs)), f"{labelled.spearman(found, right):.3f}",
                      f"{labelled.shuffled(labelled.spearman, found, right):.3f}")  # fmt: skip
    return table


def confusion(rows: list[tuple[Labelled, Traits]]) -> Table:
    table = _table("Task, held-out half: what was said instead", "right", "prompts", "found", "said instead")
    by_task = defaultdict(list)
    for prompt, traits in rows:
        by_task[str(prompt.labels["task"])].append(str(traits.task.value))
    for task, said in sorted(by_task.items()):
        wrong = Counter(answer for answer in said if answer != task)
        table.add_row(task, str(len(said)), str(said.count(task)), ", ".join(f"{name} {n}" for name, n in wrong.most_common()))
    return table


def strangers() -> Table:
    """Questions others wrote: is arithmetic seen as math, and is what is no math left alone?"""
    table = _table("Questions of public sets", "set", "questions", "said math", "commonest answers")
    for name, questions in _public().items():
        said = Counter(str(traits_of(sketch_of(question)).task.value) for question in questions)
        share = f"{said['math'] / len(questions):.2f}"
        table.add_row(name, str(len(questions)), share, ", ".join(f"{task} {n}" for task, n in said.most_common(4)))
    return table


def _public() -> dict[str, list[str]]:
    sets: dict[str, list[str]] = defaultdict(list)
    for folder in ("routellm", "mmlu_pro"):
        path = SHARED / "data" / folder / "queries.jsonl.gz"
        if not path.exists():
            continue
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                row = json.loads(line)
                if number % 5 == 0 and row["task"] != "mt_bench":
                    task = row["task"].split("/")[-1]
                    kind = "math" if "math" in task or "algebra" in task else "gsm8k" if task == "gsm8k" else "other"
                    sets[kind if kind == "gsm8k" else f"{folder} {kind}"].append(row["prompt"])
    return sets


def token_errors() -> Table:
    table = _table(
        "Input tokens against recorded usage",
        "kind",
        "requests",
        "median error",
        "p90 error",
        "bias",
        "bound holds",
        "bound / actual",
    )
    rows = list(counted())
    groups: dict[str, list[Counted]] = defaultdict(list)
    for row in rows:
        groups[row.kind].append(row)
        if row.kind in {"prose", "code", "cjk"} and row.input >= 100:
            groups["text from 100 tokens on"].append(row)
    for kind, members in groups.items():
        figures = [(estimate(row.sketch), row.input) for row in members]
        errors = sorted(abs(count.expected - actual) / actual for count, actual in figures)
        bias = statistics.median((count.expected - actual) / actual for count, actual in figures)
        holds = sum(count.most >= actual for count, actual in figures)
        width = statistics.median(count.most / actual for count, actual in figures)
        table.add_row(
            kind, str(len(members)), f"{statistics.median(errors):.2f}", f"{errors[int(len(errors) * 0.9)]:.2f}", f"{bias:+.2f}",
            f"{holds} of {len(members)}", f"{width:.1f}",
        )  # fmt: skip
    return table


def times() -> Table:
    table = _table("Time of one classify", "request", "characters", "p50 us")
    prompts = labelled.prompts()
    longest = max(prompts, key=lambda prompt: len(prompt.prompt)).prompt
    for name, sketch in _requests(longest, next(p.prompt for p in prompts if "翻" in p.prompt)):
        took = sorted(_microseconds(lambda sketch=sketch: traits_of(sketch)) for _ in range(ROUNDS))
        table.add_row(name, str(sum(map(len, sketch.texts))), f"{took[ROUNDS // 2]:.1f}")
    return table


def _requests(english: str, chinese: str) -> Iterator[tuple[str, Sketch]]:
    system = "You are a helpful assistant of a company. Answer in short sentences and be polite to everybody. " * 2
    yield "short", sketch_of("What is the capital of France?")
    yield "1.2 kB, system prompt", sketch_of((english * 2)[:1000], system=system)
    yield "400 characters of Chinese", sketch_of((chinese * 40)[:400])
    yield "100 kB", sketch_of(english * (100_000 // len(english)), system=system)


def _microseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS * 1e6


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in {"trait", "half", "right", "kind", "set", "request"} else "right")
    return table


if __name__ == "__main__":
    main()
