// Package bridge is the contract of a client dialect that providers which only
// chat can serve as well: its requests become canonical chat, and the canonical
// answers become its own.
package bridge

import "github.com/tokligence/gateway/core"

// Bridge translates between one client dialect and the canonical form. It keeps
// nothing: what lives through a stream is in its Stream.
type Bridge interface {
	// ToChat translates a request, which is a JSON object that stays as it is. What
	// chat cannot say is a *core.Error of the client's that names the member in
	// Param; the caller may take that member out and ask again. It tells in notices
	// what it has left out.
	ToChat(body []byte, to To) (chat []byte, notices []string, err error)
	// FromChat appends a whole canonical answer in the dialect. An answer that is
	// none is a *core.Error of the provider's.
	FromChat(dst, answer []byte, a *Answer) ([]byte, error)
	// Stream begins to translate a stream.
	Stream(a *Answer) Stream
}

// To is whom a request is translated for.
type To struct {
	// Drop are the names that the operator wants dropped where they would be refused: a
	// bridge looks there for what is no member of the request but within one.
	Drop []string
	// Alone and Beside say that the vendor searches the web where web_search_options ask
	// for it: without functions, or with some as well.
	Alone, Beside bool
	// Cites says that the vendor says what it cites of a document, where citations of a
	// file part ask for it.
	Cites bool
	// Bounds says that web_search_options may have max_uses, which the vendor keeps to.
	Bounds bool
}

// Searches reports whether a search that a client offers as a tool can be asked for in a
// request with or without functions.
func (t *To) Searches(functions bool) bool {
	return t.Beside || t.Alone && !functions
}

// Stream translates the canonical chunks of one answer, in their order.
type Stream interface {
	// Chunk appends the event text that a canonical chunk comes to, which may be none.
	Chunk(dst, chunk []byte) ([]byte, error)
	// Finish appends what ends the answer, once; usage is as it will be settled. A
	// stream that breaks is not finished.
	Finish(dst []byte, u core.Usage) ([]byte, error)
}

// Answer is what an answer says that stands in no chunk.
type Answer struct {
	ID      string // in the dialect's form
	Model   string // the served one; for a stream the deployed one
	Created int64  // Unix seconds
	// Usage is that of a whole answer. For a stream only the input tokens are known,
	// as an estimate.
	Usage core.Usage
	// Request is the client's body, after the guardrails.
	Request []byte
	// Notices tell what FromChat has left out of a whole answer.
	Notices []string
}
