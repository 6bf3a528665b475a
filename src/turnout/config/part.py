"""What all sections of the file have in common."""

from pydantic import BaseModel, ConfigDict, model_validator


class Part(BaseModel):
    """Strict: ``"5"`` is not 5 and ``yes`` is not true; an unknown key is an error; nothing changes after reading."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _nothing_said(cls, value: object) -> object:
        """``openai:`` with nothing behind it is a section with every default."""
        return {} if value is None else value
