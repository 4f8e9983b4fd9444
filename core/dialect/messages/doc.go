// Package messages translates between Anthropic's Messages API, as clients
// speak it, and the canonical form, for providers that do not speak it
// themselves. https://docs.anthropic.com/en/api/messages
//
// Requests ([Bridge.ToChat]):
//
//   - system goes first in messages; a system message within messages stays in
//     its place.
//   - A user turn becomes one message per tool_result, then one with the rest:
//     results must follow the calls.
//   - Pictures become image_url, PDFs become file, with their data or address; a text
//     document becomes text, its title and context before it. The context of others is a
//     text before them, citations stand on the file part for Claude, and are left
//     out with a notice for others: no other model makes them. Files that Anthropic
//     holds, Anthropic's own tools, MCP servers and containers are refused by name. What such a tool did earlier is left
//     out of the history with a notice.
//   - The tool web_search becomes web_search_options where the vendor searches the web
//     ([bridge.To]); one that is forced or limited to domains is refused. drop_params may
//     name the type of a tool of Anthropic's.
//   - thinking goes along as it is, and a budget as reasoning_effort (low, medium or high), too, unless
//     output_config.effort says the word itself. output_config.format becomes
//     response_format. Thoughts of the history are reasoning_content and
//     thinking_blocks.
//   - metadata.user_id becomes user, hashed when it is longer than providers allow.
//   - service_tier standard_only becomes default; auto asks for nothing.
//   - cache_control stays where it is, but for that of the whole request.
//   - speed, context_management and diagnostics are left out with a notice, an
//     inference_geo is refused: it promises where the data may go.
//   - Members that nobody knows are passed on.
//
// Answers ([FromChat], [Stream]):
//
//   - stop, length, tool_calls and content_filter become end_turn, max_tokens,
//     tool_use and refusal; a named stop sequence becomes stop_sequence.
//   - Citations in Anthropic's form stand on the text as they came, those of Converse's
//     documents in Anthropic's, and annotations as web_search_result_location, which tells
//     no cited_text and has OpenAI's places in the answer beside it. In a whole answer
//     they stand on the first text, in a stream on that which is open.
//   - A picture that the model made is a text that says so: there is no block for it.
//   - OpenRouter's thoughts (reasoning_details) are thinking blocks, hidden ones
//     redacted_thinking, whose signature or data has all that makes the same details of
//     them again ([bridge.Details]). [Native] takes them out.
//   - Unsigned thoughts are thinking blocks with an empty signature. The
//     extra_content of a call stands on its block and comes back with it. So does that
//     of the message on a text block, as far as the vendor wants it back: signatures and
//     what its own tools did (google.parts, anthropic.blocks). A stream opens a block for
//     it, an empty one if no more text comes. All else (ratings, grounding) is told in
//     extra_content of the message, or of message_delta. [Native] takes it out again.
//   - Usage is in Anthropic's parts: input_tokens without those of the cache. Its
//     service_tier is standard or priority where the provider says one of them.
package messages
