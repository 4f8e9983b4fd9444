package gemini

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// extras are the parts of a candidate that OpenAI has no members for, raw, under
// their names in extra_content.google.
type extras struct {
	signature []byte // of a part that is no call
	parts     []byte // elements: what Google's own tools ran and what came of it
	grounding []byte // where the answer was found
	pages     []byte // which addresses were read
	citations []byte // what the answer repeats
	sought    int64  // queries of toolCalls
	ratings   []byte // what the safety filters say, with the last of the answer
}

// append writes extra_content, unless there is nothing in it.
func (e *extras) append(b []byte) []byte {
	var google []byte
	add := func(name string, v []byte) {
		if v != nil {
			google = append(scan.AppendName(google, name), v...)
		}
	}
	add("thought_signature", e.signature)
	if len(e.parts) > 0 {
		add("parts", scan.CloseArray(e.parts, 0))
	}
	add("grounding_metadata", e.grounding)
	add("url_context_metadata", e.pages)
	add("citation_metadata", e.citations)
	add("safety_ratings", e.ratings)
	if google == nil {
		return b
	}
	b = append(scan.AppendName(b, "extra_content"), `{"google":`...)
	return append(append(b, scan.CloseObject(google, 0)...), '}')
}

// ran reports whether a part is of a tool that Google runs itself.
func ran(name string) bool {
	switch name {
	case "executableCode", "codeExecutionResult", "toolCall", "toolResponse":
		return true
	}
	return false
}

// sought is how many queries a toolCall is, none where it is no search.
func sought(call []byte) int64 {
	if !strings.HasPrefix(scan.GetString(call, "toolType"), "GOOGLE_SEARCH") {
		return 0
	}
	return int64(max(scan.Len(scan.Get(call, "args", "queries")), 1))
}

// byQuery begins the state of a stream whose model is billed by query.
const byQuery = "q"

// searched is the bill of grounded answers: with models up to 2.5 the prompt once,
// with later ones each query of each choice; nil for none.
// https://ai.google.dev/gemini-api/docs/google-search#pricing
func searched(queries int64, each bool) *int64 {
	switch {
	case queries == 0:
		return nil
	case !each:
		queries = 1
	}
	return &queries
}

// queries are those that the metadata name; beside functions it may be the calls alone
// that do.
func (e *extras) queries() int64 {
	return max(int64(scan.Len(scan.Get(e.grounding, "webSearchQueries"))), e.sought)
}

// ownTools are Google's own tools: those of extra_body.google.tools as they are, and
// the search that OpenAI calls web_search_options.
func (c *chat) ownTools(v []byte) (f *llm.Fault) {
	scan.Elements(v, func(i int, tool []byte) bool {
		for _, name := range storeTools {
			if scan.Get(tool, name) != nil {
				f = llm.Refuse(name, shared).At("extra_body.google.tools", i)
				return false
			}
		}
		c.native = append(append(c.native, ','), tool...)
		return true
	})
	return f
}

// storeTools are the tools that read a store of documents by its name, in both
// ways to write it. https://ai.google.dev/gemini-api/docs/file-search
var storeTools = [...]string{"fileSearch", "file_search", "retrieval"}

// shared is why what lies in Google's account is not for clients to name.
const shared = "names what belongs to an account that all keys share"
