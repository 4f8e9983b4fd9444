// Servers that write down what they hear, by messages of their own: as vLLM's connection reads and writes them
// (https://docs.vllm.ai/en/stable/api/vllm/entrypoints/openai/realtime/connection/), and as Together's reference tells
// (https://docs.together.ai/reference/audio-transcriptions-realtime) and as ElevenLabs' package has its messages
// (@elevenlabs/elevenlabs-js, wrapper/realtime/connection). What they hear they write down as how many
// samples it has.
import { once } from "node:events";
import { WebSocketServer } from "ws";

const samples = (event) => Buffer.from(event.audio, "base64").length / 2;

function vllm(say) {
  let known = false, hears = false, heard = 0, queue = [];
  const work = () => {
    while (hears && queue.length) {
      const n = queue.shift();
      if (n === null) {
        say({ type: "transcription.done", text: `${heard} samples`, usage: { prompt_tokens: 39, completion_tokens: 2, total_tokens: 41 } });
        [hears, heard, queue] = [false, 0, []]; // what came meanwhile is lost
      } else {
        say({ type: "transcription.delta", delta: heard === 0 ? "so " : "far " });
        heard += n;
      }
    }
  };
  say({ type: "session.created", id: "sess-1", created: 1 });
  return (event) => {
    const wrong = (error, code) => say({ type: "error", error, code });
    if (event.type === "session.update") known = event.model === "voxtral";
    else if (event.type === "input_audio_buffer.append") queue.push(samples(event));
    else if (event.type !== "input_audio_buffer.commit") wrong(`Unknown event type: ${event.type}`, "unknown_event");
    else if (!known) wrong("Model not validated.", "model_not_validated");
    else if (event.final) queue.push(null);
    else hears = true;
    setTimeout(work, 5);
  };
}

function together(say) {
  let heard = 0;
  return (event) => {
    if (event.type === "input_audio_buffer.append") heard += samples(event);
    if (event.type !== "input_audio_buffer.commit") return;
    say({ type: "conversation.item.input_audio_transcription.delta", delta: "perhaps" });
    say({ type: "conversation.item.input_audio_transcription.completed", transcript: `${heard} samples` });
    heard = 0;
  };
}

function elevenlabs(say) {
  let heard = 0;
  say({ message_type: "session_started", session_id: "x", config: {} });
  return (event) => {
    heard += Buffer.from(event.audio_base_64, "base64").length / 2;
    if (!event.commit) return say({ message_type: "partial_transcript", text: "perhaps" });
    say({ message_type: "committed_transcript", text: `${heard} samples` });
    heard = 0;
  };
}

const vendors = { vllm, together, elevenlabs };

// startHearing serves all, each below its name. asked are the addresses that were called.
export async function startHearing() {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 }), asked = [];
  server.on("connection", (socket, request) => {
    asked.push(request.url);
    const take = vendors[request.url.split("/")[1]]((event) => socket.send(JSON.stringify(event)));
    socket.on("message", (m) => take(JSON.parse(m)));
  });
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}`, asked, stop: () => (server.clients.forEach((c) => c.terminate()), new Promise((r) => server.close(r))) };
}
