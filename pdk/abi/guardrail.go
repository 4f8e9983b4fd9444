package abi

// Stage is where in an exchange a guardrail looks.
type Stage string

// The stages. A streamed answer is inspected in StageStream piece by piece and
// never in StageOutput.
const (
	StageInput  Stage = "input"
	StageOutput Stage = "output"
	StageStream Stage = "stream"
)

// InspectRequest asks a guardrail about text. Core finds the text in whatever
// dialect and endpoint, and puts rewritten text back.
type InspectRequest struct {
	Stage    Stage          `json:"stage"`
	Segments []Segment      `json:"segments"`
	Findings []Finding      `json:"findings,omitempty"` // of guardrails before this one
	Context  InspectContext `json:"context"`
	State    Raw            `json:"state,omitempty"` // of this guardrail's previous call in this exchange
	// Final says that no more text follows for the choices in Segments: nothing need be held.
	Final bool `json:"final,omitempty"`
	// HTTPResponse answers the HTTPRequest of the previous call.
	HTTPResponse *HTTPResponse `json:"http_response,omitempty"`
}

// InspectContext is what a guardrail may know of the exchange.
type InspectContext struct {
	Endpoint Endpoint `json:"endpoint"`
	Model    string   `json:"model"` // the alias
}

// Segment is one piece of text.
type Segment struct {
	ID   int    `json:"id"`
	Role string `json:"role,omitempty"` // system, user, assistant, tool
	Kind string `json:"kind"`           // text, reasoning, tool_name, tool_description, tool_arguments, tool_result, prompt
	// Group is equal for neighbouring parts of one message that a model reads as
	// one text: scan their concatenation, not only each by itself.
	Group  int    `json:"group"`
	Choice int    `json:"choice,omitempty"` // output and stream
	Text   string `json:"text"`
	// Before is the end of what has been sent of a stream before Text, at most 64
	// bytes of whole characters: it tells whether Text begins inside a word.
	Before string `json:"before,omitempty"`
}

// Verdict is what a guardrail decides.
type Verdict string

// The verdicts.
const (
	Allow   Verdict = "allow"
	Block   Verdict = "block"
	Rewrite Verdict = "rewrite" // Segments has the new texts; all others stay
	Fetch   Verdict = "fetch"   // perform HTTPRequest and call again
)

// InspectReply is a guardrail's answer.
//
// In StageStream each segment is the text of one choice that has not been sent
// yet: what was held back before, then what is new. With Hold > 0 the last Hold
// characters of each stay back and come again with the next text; with Final
// Hold is ignored.
type InspectReply struct {
	Verdict       Verdict       `json:"verdict"`
	Segments      []SegmentText `json:"segments,omitempty"`
	Findings      []Finding     `json:"findings,omitempty"`
	ClientMessage string        `json:"client_message,omitempty"` // with block: what the client is told
	Hold          int           `json:"hold,omitempty"`
	HTTPRequest   *HTTPRequest  `json:"http_request,omitempty"`
	State         Raw           `json:"state,omitempty"`
}

// SegmentText is the new text of a segment.
type SegmentText struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

// Finding is something that a guardrail saw. It never quotes the text.
type Finding struct {
	Rule  string `json:"rule"` // "deny-words"
	Count int    `json:"count"`
}

// HTTPRequest is an HTTP effect: core performs it if the host is granted. One
// header may hold ${credential.NAME}, in whose place core puts that field of the
// credential that the operator gave to the plugin. The plugin never sees the
// value, not even where an answer repeats it.
type HTTPRequest struct {
	Method  string  `json:"method"`
	URL     string  `json:"url"`
	Headers Headers `json:"headers,omitempty"`
	Body    string  `json:"body,omitempty"`
}

// HTTPResponse is what came of it; Error is set when nothing came.
type HTTPResponse struct {
	Status  int     `json:"status"`
	Headers Headers `json:"headers,omitempty"`
	Body    string  `json:"body,omitempty"`
	Error   string  `json:"error,omitempty"`
}
