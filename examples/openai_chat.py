"""One question through the OpenAI SDK; who answered, why and for how much."""

import os

from openai import OpenAI

url = os.environ.get("TURNOUT_URL", "http://127.0.0.1:8080")
client = OpenAI(base_url=f"{url}/v1", api_key=os.environ.get("TURNOUT_KEY", "none"))

answer = client.chat.completions.with_raw_response.create(
    model="auto",
    messages=[{"role": "user", "content": "Where is my parcel? I ordered two weeks ago."}],
)

print(answer.parse().choices[0].message.content)
for name in ("model", "route", "reason", "attempts", "cost-usd"):
    print(f"{name}: {answer.headers.get(f'x-turnout-{name}')}")
