// Package llm describes the canonical form: what clients' and vendors' dialects
// are translated to and from. It is OpenAI's chat completions API (request,
// answer, chunk), carried as raw JSON: members that nobody here knows stay, and
// numbers keep their digits.
//
// # Extensions
//
// What OpenAI cannot say travels in members of these names. A codec that does
// not know one leaves it out of the vendor's body without a word: they carry
// what another model said or wished, and never what this one needs.
//
// On assistant messages and on the deltas of chunks:
//
//   - reasoning_content (string): what the model thought, in words. In a delta it
//     is an increment, sent once and not also in content.
//   - thinking_blocks (array): signed thoughts, to be handed back as they came.
//     An element is {"type":"thinking","thinking":…,"signature":…} or
//     {"type":"redacted_thinking","data":…}. In a message every element is whole,
//     and reasoning_content repeats their text. In a delta an element carries an
//     increment, and the one with a signature ends its block. An element without
//     "thinking" takes its text from reasoning_content: from that of the same
//     delta and of those since the last block ended. An unsigned block is not
//     handed back to the vendor, nor is one that another vendor's codec has [Sealed].
//   - reasoning_details (array): thoughts as OpenRouter has them, to be handed back as
//     they came; reasoning_content repeats their words. In a delta an element of the type
//     and index of the one before goes on with it.
//   - annotations (array): OpenAI's, of the text. A plugin may write start_byte and
//     end_byte, offsets in the text's UTF-8, in the place of start_index and end_index: the
//     host counts the characters, also of a text that the plugin has not seen. In a delta
//     they are of all of the choice's text so far. Or it writes start_piece and end_piece:
//     how many pieces of text come before. Pieces are the contents of the deltas so far that
//     are not empty, or of a message the strings in content, which is an array then: the
//     host joins them.
//   - images (array): pictures that the model made, as parts of type image_url with a data
//     URL, as OpenRouter has them. In a delta each is whole.
//   - citations (array): the vendor's citation objects (Anthropic's, Cohere's), for
//     the text of the message; in a delta those that belong to the text sent so far.
//   - extra_content (object): by vendor, what only that vendor reads.
//     extra_content.anthropic.blocks holds answer blocks that have no counterpart
//     (the uses and results of Anthropic's own server tools). extra_content.google
//     has parts (likewise of Google's), thought_signature, and of answers
//     grounding_metadata, url_context_metadata, citation_metadata and safety_ratings,
//     in Google's own form.
//
// On tool calls (of messages and deltas):
//
//   - extra_content.google.thought_signature (string): Gemini's signature of the
//     thought that led to the call, as in Google's own OpenAI-compatible API.
//
// On messages, content parts, tool calls and tools:
//
//   - cache_control (object): Anthropic's cache mark, {"type":"ephemeral"} with an
//     optional "ttl". On a message it belongs to the message's last part.
//
// On content parts of type file:
//
//   - citations (object): {"enabled":true} asks Claude to say what it cites of the document.
//
// On messages of role "tool":
//
//   - is_error (bool): the tool failed, and content says how.
//   - parts of type image_url and file in content. For OpenAI's API, which takes
//     only text there, [MediaAside] moves them.
//
// On choices:
//
//   - stop_sequence (string): which of the request's stop sequences ended the answer.
//
// On requests:
//
//   - thinking (object): Anthropic's configuration of thinking; it outranks
//     reasoning_effort.
//   - top_k (integer).
//
// On requests for embeddings ([Embeddings] reads them):
//
//   - input may hold inputs of several parts, {"content":[…]} with parts of the types
//     text and image_url.
//   - input_type (string): what the input is for, query or document, or a word of the
//     vendor's own.
//   - output_dtype (string): what the numbers are: float, int8, uint8, binary, ubinary.
//   - truncate (bool): whether input that is too long is cut or refused.
//
// # Chunks
//
// A provider plugin writes chunks as {"choices":[…]} with at most one choice, and
// every choice has a delta. The host adds id, object, created and model, and
// writes the usage chunk.
//
// # Forms and files
//
// The endpoints whose clients send a multipart form (image edits and variations,
// transcriptions, translations) have a canonical body that is JSON as well: a member for each
// field, in their order. A field whose name ends in [] or that comes more than
// once is an array under the name without []. Values are strings but for those of
// which the API says otherwise (n, temperature, stream, partial_images,
// output_compression). A file is
//
//	{"$file":0,"filename":"a.wav","content_type":"audio/wav","size":1234}
//
// with the number that a codec names it by. Its bytes stay with the host, but for a plan
// that is inline: there it has them in base64, "data", a long string.
//
// # Long strings
//
// A string of a request or answer that is longer than the host's limit does not
// enter a Wasm guest: a short token stands in its place, which a codec moves like
// any string, and which the host takes out again. Of a data URL the head
// ("data:image/png;base64,") stays before the token. A codec must not measure,
// cut or compare strings that may be long.
//
// # Finish reasons
//
// stop, length, tool_calls, content_filter. A plugin maps every reason that its
// vendor has to one of them; the plugin's README has the table.
//
// # Effort and thinking budgets
//
// reasoning_effort is a word, Anthropic's and Google's thinking budgets are
// tokens. Both directions use the table of [Budget] and [Effort], so that a wish
// survives a round trip.
package llm
