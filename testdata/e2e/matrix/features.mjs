// What every cell asks, what the mock answers, and what has to be true of the
// client's result and of what the vendor got.
import assert from "node:assert/strict";

export const answer = "Grüße aus Berlin: 21 °C und Sonne ☀️.";
const thought = "The user asks about a city. Rome is old.";
const city = { name: "Rome", people: 2800000 };
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const sky = { Paris: "sunny in Paris", Rome: "rain in Rome" };

// job is what every client program is told; how it asks is up to its library.
// results are what its tool answers by the city of the call.
const job = {
  tool: { name: "get_weather", description: "Current weather of a city", schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } },
  results: sky,
  image: pixel,
  schema: { type: "object", properties: { name: { type: "string" }, people: { type: "integer" } }, required: ["name", "people"], additionalProperties: false },
};

// usage in the words of every vendor that the mock speaks.
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, input_tokens: 11, output_tokens: 7, promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 };

// script tells the mock what the models say.
export function script(mock) {
  mock.onMessage(/^say hello/, { content: answer, usage });
  mock.on({ userMessage: /weather in Paris and Rome/, hasToolResult: false }, {
    toolCalls: Object.keys(sky).map((c) => ({ name: job.tool.name, arguments: JSON.stringify({ city: c }) })), usage,
  });
  mock.on({ userMessage: /weather in Paris and Rome/, hasToolResult: true }, { content: answer, usage });
  mock.onMessage(/what is in this picture/, { content: "A single pixel.", usage });
  mock.onMessage(/which city/, { content: JSON.stringify(city), usage });
  mock.onMessage(/think of a city/, { content: answer, reasoning: thought, usage });
  mock.onMessage(/nonsense/, { error: { message: "the request is nonsense", type: "invalid_request_error" }, status: 400 });
}

// features: ask is merged into the job; check gets the client's result, the last
// vendor request's body in words of wire, and whether the client's library shows a part at all.
export const features = {
  whole: { ask: { question: "say hello" }, check: (r) => { assert.equal(r.text, answer); counted(r); } },
  stream: {
    ask: { question: "say hello" },
    check: (r) => {
      assert.equal(r.text, answer);
      assert.ok(r.pieces > 2, `the answer came in ${r.pieces} pieces`);
      counted(r);
    },
  },
  tools: {
    ask: { question: "weather in Paris and Rome" },
    check: (r, vendor) => {
      assert.deepEqual(r.calls, Object.keys(sky).map((c) => ({ name: job.tool.name, arguments: { city: c } })));
      assert.equal(r.text, answer);
      const results = vendor.results();
      assert.equal(results.length, 2);
      Object.values(sky).forEach((s, i) => assert.ok(results[i].includes(s), `${results[i]} has ${s}`));
    },
  },
  image: {
    ask: { question: "what is in this picture?" },
    check: (r, vendor) => {
      assert.equal(r.text, "A single pixel.");
      assert.equal(vendor.image(), pixel);
    },
  },
  structured: {
    ask: { question: "which city?" },
    check: (r, vendor) => {
      assert.deepEqual(r.value, city);
      assert.deepEqual(vendor.schema()?.properties && Object.keys(vendor.schema().properties), ["name", "people"]);
    },
  },
  reasoning: {
    ask: { question: "think of a city" },
    check: (r, vendor, shows) => {
      assert.equal(r.text, answer);
      assert.ok(vendor.thinks(), "the vendor was asked to think");
      if (shows.reasoning) assert.equal(r.reasoning, thought);
    },
  },
  error: {
    ask: { question: "nonsense" },
    check: (r) => {
      assert.equal(r.error?.status, 400);
      assert.match(r.error.message, /the request is nonsense/);
      assert.doesNotMatch(r.error.message, /127\.0\.0\.1|MARK/);
    },
  },
};

// jobOf is the job of one cell.
export const jobOf = (feature, model) => ({ ...job, ...features[feature].ask, feature, model });

function counted(r) {
  assert.ok(r.usage.input > 0 && r.usage.output > 0, `usage ${JSON.stringify(r.usage)}`);
}
