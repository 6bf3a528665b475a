"""What a caller can say of its request, and what it is told: tags, session, deadline, limit on cost; an error that names what was missing."""

import os

import openai
from openai import OpenAI

url = os.environ.get("TURNOUT_URL", "http://127.0.0.1:8080")
client = OpenAI(base_url=f"{url}/v1", api_key=os.environ.get("TURNOUT_KEY", "none"))


def ask(question: str, **hints: object) -> None:
    """The hints go in the body here; ``x-turnout-...`` headers say the same."""
    try:
        answer = client.chat.completions.with_raw_response.create(
            model="auto", messages=[{"role": "user", "content": question}], extra_body={"turnout": hints}
        )
    except openai.APIStatusError as refused:
        print(f"{hints}\n  {refused.status_code} {refused.code}: {refused.message}")
        return
    headers = answer.headers
    print(f"{hints}\n  {headers['x-turnout-model']} by route {headers['x-turnout-route']} ({headers['x-turnout-reason']})")


ask("Which of these two contracts is riskier?")
ask("Which of these two contracts is riskier?", tags={"requires_audit": "true"})
ask("Is the shop open on Sunday?", tags={"task": "customer_support"}, session="visitor-17", deadline_ms=20_000)
ask("Is the shop open on Sunday?", max_cost_usd=0.0000001)
