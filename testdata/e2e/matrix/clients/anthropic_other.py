"""The anthropic package for Python on the endpoints beside conversations."""

import os

import anthropic

from jobs import serve

client = anthropic.Anthropic(base_url=os.environ["GATEWAY_URL"], api_key=os.environ["GATEWAY_KEY"], max_retries=0)


def run(job):
    counted = client.messages.count_tokens(model=job["model"], messages=[{"role": "user", "content": job["text"]}])
    return {"tokens": counted.input_tokens}


serve(run, anthropic.APIError)
