"""One tool, asked for through both SDKs, of models of any dialect: ``python examples/tools_across_dialects.py [MODEL ...]``."""

import os
import sys

from anthropic import Anthropic
from openai import OpenAI

url = os.environ.get("TURNOUT_URL", "http://127.0.0.1:8080")
key = os.environ.get("TURNOUT_KEY", "none")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
QUESTION = "Call get_weather for Oslo."


def through_openai(model: str) -> str:
    function = {"name": "get_weather", "description": "The weather in a city.", "parameters": SCHEMA}
    answer = OpenAI(base_url=f"{url}/v1", api_key=key).chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], tools=[{"type": "function", "function": function}]
    )
    call = answer.parse().choices[0].message.tool_calls[0]
    return f"{answer.headers['x-turnout-model']}: {call.function.name}({call.function.arguments})"


def through_anthropic(model: str) -> str:
    tool = {"name": "get_weather", "description": "The weather in a city.", "input_schema": SCHEMA}
    answer = Anthropic(base_url=url, api_key=key).messages.with_raw_response.create(
        model=model, max_tokens=500, messages=[{"role": "user", "content": QUESTION}], tools=[tool]
    )
    call = next(block for block in answer.parse().content if block.type == "tool_use")
    return f"{answer.headers['x-turnout-model']}: {call.name}({call.input})"


for model in sys.argv[1:] or ["auto"]:
    print("openai SDK    ", through_openai(model))
    print("anthropic SDK ", through_anthropic(model))
