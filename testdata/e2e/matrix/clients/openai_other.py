"""The openai package for Python on the endpoints beside conversations, in the form that the command line names."""

import base64
import os
import sys

import openai

from jobs import serve

url, key = os.environ["GATEWAY_URL"], os.environ["GATEWAY_KEY"]
client = {
    "openai": lambda: openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0, websocket_base_url=url.replace("http", "ws") + "/v1"),
    "azure": lambda: openai.AzureOpenAI(azure_endpoint=url, api_key=key, api_version="2024-10-21", max_retries=0, websocket_base_url=url.replace("http", "ws") + "/openai"),
}[sys.argv[1]]()


def run(job):
    model, text = job["model"], job["text"]
    picture = ("pixel.png", base64.b64decode(job["image"]), "image/png")
    recording = ("rome.wav", base64.b64decode(job["recording"]), "audio/wav")
    match job["endpoint"]:
        case "completions":
            return {"text": client.completions.create(model=model, prompt=text, suffix=job.get("suffix")).choices[0].text}
        case "embeddings":  # base64 unless it is told otherwise
            answers = [client.embeddings.create(model=model, input=[text], **how) for how in ({}, {"encoding_format": "float"})]
            return {"vectors": [d.embedding for r in answers for d in r.data]}
        case "rerank":  # it has no method for this
            r = client.post("/rerank", cast_to=object, body={"model": model, "query": text, "documents": job["documents"]})
            return {"ranked": [[d["index"], d["relevance_score"]] for d in r["results"]]}
        case "moderations":
            r = client.moderations.create(model=model, input=text).results[0]
            return {"violence": [r.categories.violence, r.category_scores.violence]}
        case "images":
            return {"image": client.images.generate(model=model, prompt=text).data[0].b64_json}
        case "image_edits":
            return {"image": client.images.edit(model=model, prompt=text, image=picture).data[0].b64_json}
        case "image_variations":
            return {"image": client.images.create_variation(model=model, image=picture).data[0].b64_json}
        case "speech":
            with client.audio.speech.with_streaming_response.create(model=model, input=text, voice="alloy") as r:
                return {"sound": base64.b64encode(r.read()).decode()}
        case "transcriptions":
            return {"text": client.audio.transcriptions.create(model=model, file=recording).text}
        case "translations":
            return {"text": client.audio.translations.create(model=model, file=recording).text}
        case "realtime":
            with client.realtime.connect(model=model) as session:
                session.session.update(session={"type": "realtime", "output_modalities": ["text"]})
                session.conversation.item.create(item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
                session.response.create()
                said = ""
                for event in session:
                    if event.type == "response.output_text.delta":
                        said += event.delta
                    if event.type == "response.done":
                        return {"text": said}


serve(run, openai.APIError)
