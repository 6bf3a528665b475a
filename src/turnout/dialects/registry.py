"""Every dialect there is, by the name the policy writes."""

from collections.abc import Mapping

from turnout.dialects.anthropic_messages import AnthropicMessages
from turnout.dialects.dialect import Dialect
from turnout.dialects.openai_chat import OpenAIChat

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (OpenAIChat(), AnthropicMessages())}
