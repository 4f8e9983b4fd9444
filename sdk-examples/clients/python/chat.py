"""A streamed answer and a tool call, with OpenAI's library: python chat.py MODEL"""

import json
import sys

from openai import OpenAI

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY
model = sys.argv[1]

for chunk in client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Say hello."}], stream=True):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()

weather = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
messages = [{"role": "user", "content": "What is the weather in Paris?"}]
while True:
    answer = client.chat.completions.create(model=model, messages=messages, tools=[{"type": "function", "function": weather}])
    said = answer.choices[0].message
    if not said.tool_calls:
        break
    messages.append(said)
    for call in said.tool_calls:
        city = json.loads(call.function.arguments)["city"]
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"sunny in {city}"})
print(said.content)
