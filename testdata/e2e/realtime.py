# One turn of a realtime session by the openai package for Python: gateway, key, certificate and, where it is another, model are the arguments.
import json
import ssl
import sys

import openai

gateway, key, certificate = sys.argv[1:4]
model = sys.argv[4] if len(sys.argv) > 4 else "voice"
client = openai.OpenAI(base_url=gateway + "/v1", api_key=key, websocket_base_url=gateway.replace("https", "wss") + "/v1")
trust = ssl.create_default_context(cafile=certificate)
with client.realtime.connect(model=model, websocket_connection_options={"ssl": trust}) as session:
    session.session.update(session={"type": "realtime", "output_modalities": ["text"]})
    session.conversation.item.create(item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "say hello"}]})
    session.response.create()
    text = alias = ""
    for event in session:
        if event.type == "session.created":
            alias = event.session.model
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type == "response.done":
            break
print(json.dumps({"text": text, "model": alias}))
