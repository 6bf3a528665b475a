"""Whose model a model is: a judge prefers answers that read like its own. Pure."""

import re
from collections.abc import Iterable
from typing import Protocol

MAKERS = {
    "claude": "anthropic", "gpt": "openai", "chatgpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "davinci": "openai",
    "gemini": "google", "gemma": "google", "palm": "google", "llama": "meta", "codellama": "meta", "mistral": "mistral",
    "mixtral": "mistral", "ministral": "mistral", "magistral": "mistral", "codestral": "mistral", "devstral": "mistral",
    "pixtral": "mistral", "grok": "xai", "deepseek": "deepseek", "qwen": "alibaba", "qwq": "alibaba", "kimi": "moonshot",
    "glm": "zhipu", "command": "cohere", "aya": "cohere", "nova": "amazon", "titan": "amazon", "phi": "microsoft", "sonar": "perplexity",
    "minimax": "minimax", "jamba": "ai21", "granite": "ibm", "nemotron": "nvidia",
}  # fmt: skip
"""The word a model's name begins a part with -> who made it, wherever it is served."""


class Named(Protocol):
    """A model: facts of it, or its slot."""

    @property
    def id(self) -> str: ...
    @property
    def kin(self) -> str | None: ...


_WORDS = re.compile(r"[a-z]+|[0-9]+")


def family(model: Named) -> str:
    """Its maker; of a name that says nothing, who serves it."""
    name = (model.kin or model.id).partition("/")[2].lower()
    words = {word for part in re.split(r"[/:._-]", name) for word in (part, *_WORDS.findall(part)[:1])}
    return next((maker for word, maker in MAKERS.items() if word in words), (model.kin or model.id).partition("/")[0])


def unfit(judge: Named, judged: Iterable[Named]) -> str | None:
    """Why this model should not judge the others' answers; the first reason, None when there is none."""
    for model in judged:
        if (judge.kin or judge.id) == (model.kin or model.id):
            return f"{judge.id} would judge its own answers" + ("" if judge.id == model.id else f": {model.id} is the same model")
        if family(judge) == family(model):
            return f"{judge.id} and {model.id} are of one family ({family(judge)}), and a judge prefers answers like its own"
    return None
