// Package completions translates between OpenAI's completions of a prompt, as
// clients speak them, and the canonical form, for providers that only chat.
// https://platform.openai.com/docs/api-reference/completions
//
// Requests (ToChat):
//
//   - A prompt that is one string becomes one user message. Several prompts and
//     prompts of tokens are refused.
//   - suffix, logprobs and a best_of above n have no counterpart and are refused,
//     and so are max_tokens 0 and chat's own name for it, max_completion_tokens. Without max_tokens the model's own cap holds, and not
//     the API's 16 tokens.
//   - All other members are chat's under the same names, or nobody's, and pass.
//
// Answers (FromChat, Stream):
//
//   - content is text; the text of parts is joined. With echo the prompt stands
//     before it, as the client wrote it.
//   - What else a message says (refusal, reasoning_content, tool_calls) stands on
//     the choice under its own name. Chunks that say nothing are left out.
package completions
