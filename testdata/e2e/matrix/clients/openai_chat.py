"""The openai package for Python, chat completions."""

import json
import os

import openai

from jobs import serve, tell

client = openai.OpenAI(base_url=os.environ["GATEWAY_URL"] + "/v1", api_key=os.environ["GATEWAY_KEY"], max_retries=0)


def run(job):
    user = {"role": "user", "content": job["question"]}
    base = {"model": job["model"], "messages": [user], "max_completion_tokens": 4000}
    match job["feature"]:
        case "stream":
            return streamed(job, base)
        case "reasoning":
            return streamed(job, {**base, "reasoning_effort": "high"})
        case "tools":
            return tools(job, base, user)
        case "image":
            url = "data:image/png;base64," + job["image"]
            parts = [{"type": "text", "text": job["question"]}, {"type": "image_url", "image_url": {"url": url}}]
            return whole(client.chat.completions.create(**{**base, "messages": [{"role": "user", "content": parts}]}))
        case "structured":
            schema = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": job["schema"]}}
            r = client.chat.completions.create(**base, response_format=schema)
            return {"value": json.loads(r.choices[0].message.content)}
        case _:
            return whole(client.chat.completions.create(**base))


def tools(job, base, user):
    tool = job["tool"]
    offered = [{"type": "function", "function": {"name": tool["name"], "description": tool["description"], "parameters": tool["schema"]}}]
    with client.chat.completions.stream(**base, tools=offered) as stream:
        said = stream.get_final_completion().choices[0].message
    calls = [{"name": c.function.name, "arguments": json.loads(c.function.arguments)} for c in said.tool_calls]
    results = [{"role": "tool", "tool_call_id": c.id, "content": job["results"][json.loads(c.function.arguments)["city"]]} for c in said.tool_calls]
    turn = said.model_dump(exclude_none=True, exclude={"parsed": True, "tool_calls": {"__all__": {"function": {"parsed_arguments"}}}})
    then = client.chat.completions.create(**{**base, "messages": [user, turn, *results]}, tools=offered)
    return {**whole(then), "calls": calls}


def usage(u):
    return {"input": u.prompt_tokens, "output": u.completion_tokens}


def whole(r):
    message = r.choices[0].message
    return {"text": message.content, "reasoning": getattr(message, "reasoning_content", None), "usage": usage(r.usage)}


def streamed(job, base):
    r = {"text": "", "reasoning": "", "pieces": 0}
    for c in client.chat.completions.create(**base, stream=True, stream_options={"include_usage": True}):
        if c.choices and c.choices[0].delta.content:
            r["text"] += c.choices[0].delta.content
            r["pieces"] += 1
            tell(job, r["pieces"])
        if c.choices:
            r["reasoning"] += getattr(c.choices[0].delta, "reasoning_content", None) or ""
        if c.usage:
            r["usage"] = usage(c.usage)
    return r


serve(run, openai.APIError)
