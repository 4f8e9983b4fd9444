package abi

// RealtimePlan is what a plan for [Realtime] says of the vendor's sessions beside
// their address. The zero value is OpenAI's own API.
//
// Where the plan's request is Transform, the vendor speaks messages of its own, and
// the plugin translates a session by the function [Converse]; else both sides speak
// OpenAI's events, and no message enters a plugin.
type RealtimePlan struct {
	// HeardTokens and SaidTokens are how many tokens the vendor counts for a second of
	// sound, at the most: of the user's and of the model's. 0 is OpenAI's count.
	HeardTokens int64 `json:"heard_tokens,omitempty"`
	SaidTokens  int64 `json:"said_tokens,omitempty"`
	// Preamble is how many tokens the vendor puts before each prompt by itself, at the most.
	Preamble int64 `json:"preamble,omitempty"`
	// Transcribes says that the model which answers also writes down what the user
	// says, within the usage of its responses: no other model is paid for it.
	Transcribes bool `json:"transcribes,omitempty"`
	// Grows says that a conversation only grows: what stands in it cannot be taken out.
	// A session in which a guardrail blocks what the user was heard to say ends.
	Grows bool `json:"grows,omitempty"`
	// LongText says that the plugin must see the sound of a session that it translates: no
	// long string of its messages is kept out of it.
	LongText bool `json:"long_text,omitempty"`
}

// ConverseRequest carries one message of a session that the plugin translates. None
// is the first call of a session, before any message of either side: what it answers
// opens the session. The calls of a session come one after another, to any instance.
type ConverseRequest struct {
	Deployment Deployment `json:"deployment"`
	// Session is what names the session, for the ids of its events: letters, digits and
	// underscores, the same in all of its calls.
	Session string `json:"session"`
	// State is that of the last call's reply, raw JSON; absent in the first. Its long
	// strings are kept out of the plugin as those of the messages are, unless the plan
	// has long_text.
	State  Raw `json:"state,omitempty"`
	Client Raw `json:"client,omitempty"` // raw: an event of the client, OpenAI's, an object
	Vendor Raw `json:"vendor,omitempty"` // raw: a message of the vendor, an object

	// LongText is the plan's. It is the host's, and not sent.
	LongText bool `json:"-"`
}

// ConverseReply is what the message means to both sides. A refusal of an event of the
// client's (an [Error]) is told to the client in an error event that names the event,
// and leaves the state as it was.
type ConverseReply struct {
	State    Raw   `json:"state"`               // raw JSON, for the next call
	ToVendor []Raw `json:"to_vendor,omitempty"` // raw: messages, in order, each an object
	ToClient []Raw `json:"to_client,omitempty"` // raw: OpenAI's server events, in order, each an object
}
