"""The single values a policy is made of, as pydantic types: what may be written for each, and what it is read into."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from turnout.config.quantities import seconds, size
from turnout.config.secret import REFERENCE


def many(value: object) -> object:
    """A single value is a list of one."""
    return value if isinstance(value, tuple | list) else (value,)


def _date(value: object) -> object:
    """JSON has no dates, so text in ISO form is one too."""
    return date.fromisoformat(value) if isinstance(value, str) else value


FeatureName = Literal[
    "tools", "parallel_tools", "tool_choice", "json_schema", "json_mode", "reasoning", "streaming", "prompt_cache", "logprobs", "seed",
    "stop", "n",
]  # fmt: skip
ModalityName = Literal["text", "image", "audio", "video", "document"]
DialectName = Literal["openai-chat", "anthropic-messages"]
FaultWord = Literal["rate_limited", "unavailable", "context_overflow", "content_filter", "any"]

Text = Annotated[str, StringConstraints(min_length=1)]
NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
ModelName = Annotated[str, StringConstraints(pattern=r"^[^/\s\x00-\x1f\x7f]+/[^\s\x00-\x1f\x7f]+$")]
SecretRef = Annotated[str, StringConstraints(pattern=rf"^{REFERENCE.pattern}$")]
Quality = Annotated[float, Field(ge=0, le=10)]
Usd = Annotated[float, Field(ge=0)]
Tokens = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=65535)]
Duration = Annotated[
    float, BeforeValidator(seconds, json_schema_input_type=str), Field(json_schema_extra={"examples": ["500ms", "10m"]})
]
Size = Annotated[int, BeforeValidator(size, json_schema_input_type=str), Field(json_schema_extra={"examples": ["20MB"]})]
Day = Annotated[date, BeforeValidator(_date)]

Words = Annotated[tuple[Text, ...], Field(min_length=1), BeforeValidator(many, json_schema_input_type=Text | tuple[Text, ...])]
FeatureNames = Annotated[
    tuple[FeatureName, ...],
    Field(min_length=1),
    BeforeValidator(many, json_schema_input_type=FeatureName | tuple[FeatureName, ...]),
]
ModalityNames = Annotated[
    tuple[ModalityName, ...],
    Field(min_length=1),
    BeforeValidator(many, json_schema_input_type=ModalityName | tuple[ModalityName, ...]),
]
