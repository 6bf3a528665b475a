"""A streamed answer through the Anthropic SDK, from whichever provider the policy chooses."""

import os

from anthropic import Anthropic

url = os.environ.get("TURNOUT_URL", "http://127.0.0.1:8080")
client = Anthropic(base_url=url, api_key=os.environ.get("TURNOUT_KEY", "none"))

with client.messages.stream(
    model="auto",
    max_tokens=500,
    messages=[{"role": "user", "content": "Write a haiku about a railway junction."}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
    final = stream.get_final_message()

print(f"\n{stream.response.headers['x-turnout-model']}: {final.usage.input_tokens} tokens in, {final.usage.output_tokens} out")
