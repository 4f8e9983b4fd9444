// Package abi is the contract between the gateway and its plugins: the names of
// the functions, the JSON documents that go in and out, and what both sides may
// rely on. It imports the standard library only.
//
// A plugin is a pure function: bytes in, bytes out. The host owns network,
// retries, time-outs, credentials, framing, clocks and randomness; a plugin
// that needs any of these is told the result. The same input gives the same
// output on any instance: a plugin keeps nothing between calls but its
// configuration. What must live longer travels as State, an opaque string that
// comes back unread.
//
// The documents are JSON whatever the carrier:
//
//   - wasm: for each function f the guest exports tok_<f>() → i32 (0: the output
//     is the result; 1: the output is an [Error]) and its memory; the host
//     module "tokligence" gives input_length() → i32, input_read(ptr, n),
//     output_write(ptr, n) which appends, and log(level, ptr, n) with level
//     0 debug, 1 info, 2 warn, 3 error. input_read copies the first n bytes of
//     the input. A guest that walks its input with package scan may import
//     input_indexed(ptr, n, index, m) → i64 instead: an input of up to n bytes is
//     copied to ptr, and scan.WriteIndex given the m bytes at index. The low half
//     of what it returns is the input's length, the high half the count of nodes.
//   - extism: the guest exports tok_<f> in Extism's own way; the same documents.
//   - process: a gRPC stream of (function, payload) → payload or error; see pdk/process.
//
// Members that a side does not know are ignored, so both may grow. A member
// marked "raw" holds JSON of a vendor or client and is never re-serialised by
// the host: numbers and unknown members stay byte for byte.
package abi

// Version of this contract. A plugin that says another one is not loaded.
const Version = 1

// ExportPrefix stands before a function's name in a guest's exports, HostModule
// is where its imports come from.
const (
	ExportPrefix = "tok_"
	HostModule   = "tokligence"
)

// Kind is what role a plugin has.
type Kind string

// The kinds.
const (
	KindProvider  Kind = "provider"
	KindStrategy  Kind = "strategy"
	KindGuardrail Kind = "guardrail"
)

// Function is what a plugin can be asked.
type Function string

// The functions. Describe and Configure belong to every kind.
const (
	Describe     Function = "describe"      // nothing → Manifest; before Configure, at install time too
	Configure    Function = "configure"     // ConfigureRequest → ConfigureReply; once per instance
	Plan         Function = "plan"          // PlanRequest → PlanReply
	Encode       Function = "encode"        // EncodeRequest → EncodeReply
	Decode       Function = "decode"        // DecodeRequest → DecodeReply
	DecodeEvents Function = "decode_events" // DecodeEventsRequest → DecodeEventsReply
	DecodeError  Function = "decode_error"  // DecodeErrorRequest → DecodeErrorReply; optional
	Converse     Function = "converse"      // ConverseRequest → ConverseReply; for realtime sessions that are translated
	Rank         Function = "rank"          // RankRequest → RankReply
	Inspect      Function = "inspect"       // InspectRequest → InspectReply
)

// Required lists the functions that a plugin of the kind must have.
func Required(k Kind) []Function {
	switch k {
	case KindProvider:
		return []Function{Describe, Configure, Plan}
	case KindStrategy:
		return []Function{Describe, Configure, Rank}
	case KindGuardrail:
		return []Function{Describe, Configure, Inspect}
	}
	return nil
}

// Manifest is a plugin's declaration of itself. Lint, console forms and README
// tables come from it.
type Manifest struct {
	ID          string `json:"id"`      // kind.name: "provider.anthropic"
	Name        string `json:"name"`    // for people: "Anthropic"
	Version     string `json:"version"` // semver
	Kind        Kind   `json:"kind"`
	ABI         int    `json:"abi"`
	Description string `json:"description,omitempty"` // one sentence
	Homepage    string `json:"homepage,omitempty"`
	License     string `json:"license,omitempty"`   // SPDX
	Stability   string `json:"stability,omitempty"` // experimental, beta, stable
	// Config is a JSON Schema (draft 2020-12) of the plugin's configuration;
	// "x-secret": true marks a secret. Absent: no configuration.
	Config Raw `json:"config,omitempty"`
	// Credential names the secret fields that a credential of the plugin has, with what
	// each is; the first is the usual one.
	Credential   []CredentialField `json:"credential,omitempty"`
	Capabilities Capabilities      `json:"capabilities"`
	// LongText says that a provider must see long strings, for which a token stands
	// otherwise (see package llm). Every byte of them costs time in a guest.
	LongText bool `json:"long_text,omitempty"`
	// AnyID says that ID is only the usual one: configured for another vendor, the
	// plugin is declared under an id of that vendor, of the same kind.
	AnyID bool `json:"any_id,omitempty"`
	// Functions are those that the plugin answers. Absent: all that its file
	// offers; a kit that exports every function says here which ones mean something.
	Functions []Function `json:"functions,omitempty"`
}

// CredentialField is one secret (or plain) field of a credential.
type CredentialField struct {
	Name        string `json:"name"` // "api_key"
	Description string `json:"description,omitempty"`
	Optional    bool   `json:"optional,omitempty"`
}

// Capabilities are what a guardrail asks for; a plugin of another kind that asks
// for any is not loaded. The host holds the guardrail to them.
type Capabilities struct {
	// Hosts are those of its HTTP effects: "api.example.com", with a port that is
	// not 443 "api.example.com:8443". It is loaded only if allow_hosts grants them
	// all, and reaches no others.
	Hosts []string `json:"hosts,omitempty"`
	// Stream: it inspects streams. One that does not cannot be attached to them.
	Stream bool `json:"stream,omitempty"`
	// Rewrite: it may change text; without it the verdict breaks the contract.
	Rewrite bool `json:"rewrite,omitempty"`
	// Hold is the most characters that it asks the host to keep back from a stream
	// (needs Stream); it costs time to first token.
	Hold int `json:"hold,omitempty"`
}

// Error is what a function answers instead of its reply. The wasm carriers send
// it with result 1, the process carrier as a member of its reply.
type Error struct {
	Code    ErrorCode `json:"code"`
	Message string    `json:"message"`         // safe for the client
	Param   string    `json:"param,omitempty"` // the request member at fault
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// ErrorCode is what a plugin may say of a failure; the gateway's own codes of the same names.
type ErrorCode string

// The codes. Anything else counts as PluginFailed.
const (
	InvalidRequest      ErrorCode = "invalid_request"
	ContextWindow       ErrorCode = "context_window_exceeded"
	ContentPolicy       ErrorCode = "content_policy"
	RateLimited         ErrorCode = "rate_limited"
	UpstreamCredential  ErrorCode = "upstream_credential"
	UpstreamUnavailable ErrorCode = "upstream_unavailable"
	UpstreamRejected    ErrorCode = "upstream_rejected"
	// NotFound is a vendor's error alone: it has no such endpoint for this model. A count of
	// tokens is then the gateway's own.
	NotFound     ErrorCode = "not_found"
	PluginFailed ErrorCode = "plugin_failed"
)

// ConfigureRequest carries the configuration that has passed the manifest's schema.
type ConfigureRequest struct {
	Config Raw `json:"config"` // an object; {} when none is given
}

// ConfigureReply is empty when all is well.
type ConfigureReply struct {
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is one fault of a configuration.
type Problem struct {
	Path    string `json:"path"` // "rules[2].pattern"
	Message string `json:"message"`
}

// Endpoint is what a client asked for.
type Endpoint string

// The endpoints. Each has the shape of the API that it comes from, on both sides of
// the sandbox; those that take a form have the canonical body of package llm.
const (
	Chat        Endpoint = "chat"        // OpenAI chat completions
	Completions Endpoint = "completions" // OpenAI's older completions of a prompt
	Responses   Endpoint = "responses"   // OpenAI Responses
	Messages    Endpoint = "messages"    // Anthropic Messages
	// CountTokens is Anthropic's count_tokens. A plan that transforms is given a chat
	// request, and answers {"input_tokens":12}.
	CountTokens Endpoint = "count_tokens"
	Embeddings  Endpoint = "embeddings"  // OpenAI embeddings
	Rerank      Endpoint = "rerank"      // Cohere v2 rerank
	Moderations Endpoint = "moderations" // OpenAI moderations
	Images      Endpoint = "images"      // OpenAI image generations
	ImageEdits  Endpoint = "image_edits" // OpenAI image edits; a form
	// OpenAI image variations; a form
	ImageVariations Endpoint = "image_variations"
	Speech          Endpoint = "speech"         // OpenAI audio speech; answers with sound
	Transcriptions  Endpoint = "transcriptions" // OpenAI audio transcriptions; a form
	Translations    Endpoint = "translations"   // OpenAI audio translations; a form
	// OpenAI realtime: a WebSocket of events. The plan says its address, as https,
	// and where usage stands in events; the host carries messages as they are, or has
	// the plugin translate them; see RealtimePlan.
	Realtime Endpoint = "realtime"
	Native   Endpoint = "native" // the provider's own API; see NativePlan
)

// Endpoints are all of them.
var Endpoints = [...]Endpoint{Chat, Completions, Responses, Messages, CountTokens, Embeddings, Rerank, Moderations, Images, ImageEdits, ImageVariations,
	Speech, Transcriptions, Translations, Realtime, Native}

// Headers are HTTP headers with lower-case names.
type Headers map[string]string
