// Package responses translates between OpenAI's Responses API, as clients speak
// it, and the canonical form, for providers that do not speak it themselves.
// https://platform.openai.com/docs/api-reference/responses
//
// Requests ([ToChat]):
//
//   - instructions go first in messages. Roles developer and system are system.
//   - What the assistant said in a row (reasoning, message, calls) is one message;
//     each output of a call is one of role tool.
//   - Tools in a namespace get its name before theirs, custom tools become
//     functions of one string; answers turn both back. A tool_choice of
//     allowed_tools leaves the others out.
//   - text.format becomes response_format, reasoning.effort reasoning_effort,
//     safety_identifier user where there is none. service_tier stays, but for auto,
//     which asks for nothing.
//   - web_search becomes web_search_options where the vendor searches the web
//     ([bridge.To]), and can do so as the client wants; max_tool_calls bounds it.
//   - Other tools that OpenAI runs (image_generation), and such a search that cannot be
//     had, are left out with a notice where they are merely offered, and refused where
//     tool_choice forces them.
//     What such a tool did earlier is left out of the history with a notice, too; a
//     model that shall see a picture which was made is given it as input_image.
//   - Files are carried with their data or their address (file.file_data).
//   - Other tools of vendors, files and prompts that OpenAI holds, conversations and
//     background are refused by name. The operator's drop_params may name a
//     member, or the type of a tool or item, to be left out with a notice.
//   - include of message.output_text.logprobs becomes logprobs. Whatever else it asks
//     for, but for signatures, is left out with a notice.
//   - What says only how OpenAI keeps and caches (see aside) is left out;
//     members that nobody knows are passed on.
//
// Answers ([FromChat], [Stream]):
//
//   - Thoughts are reasoning items whose summary has a part for each. Their
//     signatures, those of calls, and all of OpenRouter's details but their words
//     ([bridge.Details]), stand in encrypted_content, in a form of this package's own; a
//     thought whose text has changed since is not signed any more.
//   - Of extra_content, signatures stand in encrypted_content likewise, what the vendor's
//     own tools did (google.parts, anthropic.blocks) on the message, or on the call that
//     follows, where it comes back with it, and all else on the response.
//   - What an answer cites of documents (Anthropic's, Converse's, Cohere's) has no place
//     and is left out, of a whole answer with a notice; the head of a stream is gone by then.
//   - Pictures that the model made are items of type image_generation_call.
//   - length and content_filter make an answer incomplete.
//   - Usage is in OpenAI's parts: input_tokens with those of the cache. service_tier
//     is what the provider says, where OpenAI has the word, else default.
package responses
