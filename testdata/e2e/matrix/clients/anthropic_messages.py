"""The anthropic package for Python."""

import json
import os

import anthropic

from jobs import serve, tell

client = anthropic.Anthropic(base_url=os.environ["GATEWAY_URL"], api_key=os.environ["GATEWAY_KEY"], max_retries=0)


def run(job):
    user = {"role": "user", "content": job["question"]}
    base = {"model": job["model"], "messages": [user], "max_tokens": 4000}
    match job["feature"]:
        case "stream":
            return streamed(job, base)
        case "reasoning":
            return streamed(job, {**base, "thinking": {"type": "enabled", "budget_tokens": 2048}})
        case "tools":
            return tools(job, base, user)
        case "image":
            source = {"type": "base64", "media_type": "image/png", "data": job["image"]}
            parts = [{"type": "image", "source": source}, {"type": "text", "text": job["question"]}]
            return whole(client.messages.create(**{**base, "messages": [{"role": "user", "content": parts}]}))
        case "structured":
            output = {"format": {"type": "json_schema", "schema": job["schema"]}}
            return {"value": json.loads(whole(client.messages.create(**base, output_config=output))["text"])}
        case _:
            return whole(client.messages.create(**base))


def tools(job, base, user):
    tool = job["tool"]
    offered = [{"name": tool["name"], "description": tool["description"], "input_schema": tool["schema"]}]
    with client.messages.stream(**base, tools=offered) as stream:
        said = stream.get_final_message()
    uses = [b for b in said.content if b.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": u.id, "content": job["results"][u.input["city"]]} for u in uses]
    messages = [user, {"role": "assistant", "content": said.content}, {"role": "user", "content": results}]
    then = client.messages.create(**{**base, "messages": messages}, tools=offered)
    return {**whole(then), "calls": [{"name": u.name, "arguments": u.input} for u in uses]}


def whole(m):
    text = "".join(b.text for b in m.content if b.type == "text")
    thought = "".join(b.thinking for b in m.content if b.type == "thinking")
    return {"text": text, "reasoning": thought, "usage": {"input": m.usage.input_tokens, "output": m.usage.output_tokens}}


def streamed(job, base):
    with client.messages.stream(**base) as stream:
        pieces = 0
        for _ in stream.text_stream:
            pieces += 1
            tell(job, pieces)
        return {**whole(stream.get_final_message()), "pieces": pieces}


serve(run, anthropic.APIError)
