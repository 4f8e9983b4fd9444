"""The openai package for Python, Responses."""

import json
import os

import openai

from jobs import serve, tell

client = openai.OpenAI(base_url=os.environ["GATEWAY_URL"] + "/v1", api_key=os.environ["GATEWAY_KEY"], max_retries=0)


def run(job):
    base = {"model": job["model"], "input": job["question"], "max_output_tokens": 4000}
    match job["feature"]:
        case "stream":
            return streamed(job, base)
        case "reasoning":
            return streamed(job, {**base, "reasoning": {"effort": "high", "summary": "auto"}})
        case "tools":
            return tools(job, base)
        case "image":
            url = "data:image/png;base64," + job["image"]
            parts = [{"type": "input_text", "text": job["question"]}, {"type": "input_image", "image_url": url, "detail": "auto"}]
            return whole(client.responses.create(**{**base, "input": [{"role": "user", "content": parts}]}))
        case "structured":
            schema = {"type": "json_schema", "name": "city", "strict": True, "schema": job["schema"]}
            return {"value": json.loads(client.responses.create(**base, text={"format": schema}).output_text)}
        case _:
            return whole(client.responses.create(**base))


def tools(job, base):
    tool = job["tool"]
    offered = [{"type": "function", "name": tool["name"], "description": tool["description"], "parameters": tool["schema"], "strict": False}]
    with client.responses.stream(**base, tools=offered) as stream:
        for _ in stream:
            pass
        said = stream.get_final_response()
    asked = [i for i in said.output if i.type == "function_call"]
    results = [{"type": "function_call_output", "call_id": c.call_id, "output": job["results"][json.loads(c.arguments)["city"]]} for c in asked]
    turns = [i.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for i in said.output]
    then = client.responses.create(**{**base, "input": [{"role": "user", "content": job["question"]}, *turns, *results]}, tools=offered)
    return {**whole(then), "calls": [{"name": c.name, "arguments": json.loads(c.arguments)} for c in asked]}


def whole(r):
    thoughts = [p.text for i in r.output if i.type == "reasoning" for p in [*i.summary, *(i.content or [])]]
    return {"text": r.output_text, "reasoning": "".join(thoughts), "usage": {"input": r.usage.input_tokens, "output": r.usage.output_tokens}}


def streamed(job, base):
    with client.responses.stream(**base) as stream:
        pieces, failure = 0, None
        for e in stream:
            if e.type == "response.output_text.delta":
                pieces += 1
                tell(job, pieces)
            elif e.type == "response.failed":  # an event like any other; only the end is missed
                failure = e.response.error.message
        try:
            return {**whole(stream.get_final_response()), "pieces": pieces}
        except RuntimeError as e:
            e.message = failure
            raise


serve(run, (openai.APIError, RuntimeError))
