package exchange

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Request is one client request, free of any HTTP server's types, so that
// another server can take net/http's place.
type Request struct {
	Endpoint abi.Endpoint
	// Counts asks how many tokens the input has, and for no answer.
	Counts bool
	// Native says that the client calls a provider's own API, nil for the gateway's.
	Native *Native
	// Model is the alias, where the request's path says it. What the body says then
	// means nothing, as in the API that has such paths. "" leaves it to the body.
	Model string
	// Body is the whole body as read. It must stay unchanged until Do returns.
	Body    []byte
	Arrived time.Time
	// Header reads a client header by its lower-case name; "" when absent.
	Header func(name string) string
}

// Reply is how an answer leaves. One exchange calls it from one goroutine at a
// time; an error means that the client has left.
type Reply interface {
	// Whole writes a complete answer.
	Whole(status int, h *Head, body []byte) error
	// Start writes the head of an answer that comes in pieces: of an event stream, or
	// of a body with the head's content type, and its length where it is known.
	Start(h *Head) error
	// Write adds to what Start began; it may stay in a buffer until Flush.
	Write(p []byte) error
	Flush() error
	// Break ends what Start began so that the client sees that it is not whole: the
	// connection, or the stream in it, is cut when the exchange has ended.
	Break()
}

// Head is what the gateway says of an exchange in headers. Empty members are
// not written.
type Head struct {
	ContentType string // "" is JSON of a whole answer, and an event stream of another
	Length      int64  // of a body that Start begins; 0 when it is not known
	ExchangeID  string
	Deployment  string
	ServedModel string
	Attempts    int
	Cost        string // decimal dollars
	MaxOutput   int64  // the output cap that the gateway set
	Notices     []string
	More        []HeaderField // x-ratelimit-*, retry-after
}

// HeaderField is one more header.
type HeaderField struct{ Name, Value string }

// facts are the members of a body that the gateway acts on.
type facts struct {
	model          string
	stream         bool
	includeUsage   bool
	maxOutput      int64 // the client's own cap, where capped
	capped         bool
	choices        int64 // that are answered: n, for each prompt
	made           int64 // that are generated: best_of may want more than are answered
	user           string
	encodingFormat string
	inputTokens    int64 // estimate
	characters     int64 // that are to be spoken
	spokenUsual    int64 // tokens of sound that they come to
	spokenMost     int64 // and can come to
	pictureTokens  int64 // that one picture can come to
	milliseconds   int64 // of what is to be heard, as its file has it
	searches       int64 // the most that a ranking can be billed as
	cacheMarked    bool  // some of the input shall be kept by the vendor
	heard          bool  // some of the input is audio
	spoken         bool  // the answer may be audio
	files          bool  // some of the input are files
	extras
}

// tokens is what a request takes from a limit of tokens before it is known what
// it uses: its input, and the most that it says it wants put out.
func (f *facts) tokens() int64 { return f.inputTokens + f.maxOutput*f.made }

// parse checks a body and reads the facts from its top-level members. Of those
// that it acts on none may stand twice: what is checked must be what is sent.
func parse(endpoint abi.Endpoint, model string, text []byte) (facts, scan.Object, *core.Error) {
	f := facts{choices: 1, made: 1, model: cmp.Or(model, traits[endpoint].model)}
	body, err := parseObject(text)
	if err != nil {
		return f, body, err
	}
	p := parser{f: &f, endpoint: endpoint, needs: traits[endpoint].needs, named: model != "", n: 1, prompts: 1}
	body.Members(p.member)
	switch {
	case p.err != nil:
		return f, body, p.err
	case f.model == "":
		return f, body, core.Invalid("model", "model is required")
	}
	for i, n := range p.needs {
		if p.has&(1<<i) == 0 {
			return f, body, core.Invalid(n.member, "%s is required", n.member)
		}
	}
	f.choices, f.made = p.n*p.prompts, max(p.n, p.best)*p.prompts
	return f, body, nil
}

func parseObject(text []byte) (scan.Object, *core.Error) {
	if len(text) == 0 {
		return scan.Object{}, core.Invalid("", "the request body is empty")
	}
	body, err := scan.Parse(text)
	if err != nil {
		return body, core.Invalid("", "the request body is not valid JSON: %v", err)
	}
	if scan.Kind(text) != '{' {
		return body, core.Invalid("", "the request body must be a JSON object")
	}
	return body, nil
}

// maxModel is more than any alias has.
const maxModel = 256

type parser struct {
	f        *facts
	endpoint abi.Endpoint
	needs    []need
	has      uint32 // a bit for each
	named    bool   // the path says the model
	seen     uint32
	err      *core.Error

	n, best, prompts int64 // n, best_of and how many prompts a completion has
}

// acted are the members that the gateway reads, in the order of the bits of parser.seen.
var acted = [...]string{"model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "user", "encoding_format", "messages", "input", "prompt",
	"service_tier", "speed", "inference_geo", "performance_config", "metadata", "audio", "max_output_tokens", "background", "conversation",
	"file", "image", "stream_format", "best_of", "query", "documents", webSearch}

func (p *parser) member(key, value []byte) bool {
	bit := -1
	for i, name := range acted {
		if len(key) != len(name) || !strings.EqualFold(string(key), name) {
			continue
		}
		if string(key) != name { // many servers read names in any case: what is checked must be what they read
			p.err = core.Invalid(string(key), "member %s must be written %s", key, name)
			return false
		}
		bit = i
		break
	}
	if bit < 0 {
		return true
	}
	if p.seen&(1<<bit) != 0 {
		p.err = core.Invalid(acted[bit], "member %s stands twice", acted[bit])
		return false
	}
	p.seen |= 1 << bit
	name := acted[bit]
	for i, n := range p.needs {
		if name == n.member && !p.required(i, value) {
			return false
		}
	}
	if scan.IsNull(value) && (name != "model" || p.f.model != "") || name == "model" && p.named {
		return true
	}
	p.take(name, value)
	return p.err == nil
}

func (p *parser) required(i int, value []byte) bool {
	n := p.needs[i]
	switch {
	case strings.IndexByte(n.kinds, scan.Kind(value)) < 0:
		p.err = core.Invalid(n.member, "%s has the wrong type", n.member)
	case isEmptyList(value):
		p.err = core.Invalid(n.member, "%s must not be empty", n.member)
	default:
		p.has |= 1 << i
	}
	return p.err == nil
}

func (p *parser) take(name string, value []byte) {
	wrong := func(want string) { p.err = core.Invalid(name, "%s must be %s", name, want) }
	var ok bool
	switch name {
	case "model":
		if p.f.model, ok = scan.String(value); !ok || p.f.model == "" || len(p.f.model) > maxModel {
			p.f.model = "" // a name that no alias has is not worth keeping
			wrong("a non-empty string of at most " + strconv.Itoa(maxModel) + " bytes")
		}
	case "stream":
		if p.f.stream, ok = scan.Bool(value); !ok {
			wrong("true or false")
		}
	case "stream_options":
		if scan.Kind(value) != '{' {
			wrong("an object")
			return
		}
		p.f.includeUsage, _ = scan.Bool(scan.Get(value, "include_usage"))
	case "max_tokens", "max_completion_tokens", "max_output_tokens":
		if !slices.Contains(capNames(p.endpoint), name) {
			return // another API's name: what a vendor does not heed caps nothing
		}
		n, ok := scan.Int(value)
		if !ok || n < 1 && (n < 0 || p.endpoint != abi.Completions) { // only a prompt can be scored with nothing behind it
			wrong("a positive integer")
			return
		}
		p.f.maxOutput, p.f.capped = max(p.f.maxOutput, min(n, maxCount)), true
	case "n", "best_of":
		n, ok := scan.Int(value)
		if !ok || n < 1 || n > 128 {
			wrong("an integer from 1 to 128")
		}
		if name == "n" {
			p.n = n
		} else {
			p.best = n
		}
	case "user":
		p.f.user, _ = scan.String(value)
	case "background", "conversation", "prompt":
		if on, ok := scan.Bool(value); p.endpoint == abi.Responses && (!ok || on) {
			p.err = core.Invalid(name, "%s is not supported: a response is answered while its request is open, and what is in it is all that a model is told", name)
		} else if name == "prompt" {
			p.countPrompts(value)
		}
	case "audio":
		p.f.spoken = true
	case "stream_format":
		format, _ := scan.String(value)
		p.f.stream = p.f.stream || p.endpoint == abi.Speech && format == "sse" // to others it means nothing
	case "metadata":
		if p.endpoint == abi.Messages { // its name for user
			p.f.user = scan.GetString(value, "user_id")
		}
	case "service_tier", "speed", "inference_geo", "performance_config":
		p.f.service.read(name, value)
	case "encoding_format":
		p.f.encodingFormat, _ = scan.String(value)
		if p.f.encodingFormat != "float" && p.f.encodingFormat != "base64" {
			wrong("float or base64")
		}
	}
}

func isEmptyList(v []byte) bool { return scan.Kind(v) == '[' && scan.Kind(v[1:]) == ']' }

func (p *parser) countPrompts(value []byte) {
	if p.prompts = prompts(value); p.prompts > maxPrompts {
		p.err = core.Invalid("prompt", "prompt must be a list of at most %d", maxPrompts)
	}
}

// maxPrompts is more than any provider takes in one request.
const maxPrompts = 1 << 14

// prompts counts those of a completion, which are answered one by one. An array
// of numbers is one, written in tokens.
func prompts(value []byte) (n int64) {
	tokens := true
	scan.Elements(value, func(_ int, v []byte) bool {
		n++
		tokens = tokens && scan.Kind(v) == '0'
		return true
	})
	if n == 0 || tokens {
		return 1
	}
	return n
}
