"""A streamed answer and a tool call, with Anthropic's library: python messages.py MODEL"""

import sys

from anthropic import Anthropic

client = Anthropic()  # ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY
model = sys.argv[1]

with client.messages.stream(model=model, max_tokens=500, messages=[{"role": "user", "content": "Say hello."}]) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()

weather = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
messages = [{"role": "user", "content": "What is the weather in Paris?"}]
while True:
    answer = client.messages.create(model=model, max_tokens=500, messages=messages, tools=[weather])
    if answer.stop_reason != "tool_use":
        break
    messages.append({"role": "assistant", "content": answer.content})
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": f"sunny in {block.input['city']}"}
        for block in answer.content
        if block.type == "tool_use"
    ]
    messages.append({"role": "user", "content": results})
print(answer.content[0].text)
