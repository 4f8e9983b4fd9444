package gemini

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// The Live API: a WebSocket of Google's own messages, which stands behind OpenAI's
// realtime sessions. https://ai.google.dev/api/live

// IsLive reports whether a model holds sessions; it goes by the name. Those that
// transcribe or translate are no partners of a conversation.
func IsLive(model string) bool {
	name := model[strings.LastIndexByte(model, '/')+1:]
	return (strings.Contains(name, "live") || strings.Contains(name, "native-audio")) &&
		!strings.Contains(name, "transcribe") && !strings.Contains(name, "translate")
}

// soundTokens are Google's for a second of sound, at the most: the Live API counts 25,
// the others 32. https://ai.google.dev/gemini-api/docs/tokens
const soundTokens = 32

// preamble is what is counted of a session in which nothing but a greeting was said: some
// 350 to 510 tokens. https://github.com/googleapis/python-genai/issues/1342
const preamble = 512

// PlanLive is the plan of a realtime session at url. Usage stands in events as OpenAI's
// API has it, which the codec makes of Google's.
func PlanLive(url string, auth abi.Auth) *abi.PlanReply {
	in, out := "response.usage.input_token_details.", "response.usage.output_token_details."
	kept := in + "cached_tokens_details."
	return &abi.PlanReply{
		Supported: true, Method: "GET", URL: url, Auth: auth,
		Request: abi.RequestPlan{Mode: abi.Transform},
		Usage: abi.UsagePaths{
			Input:         []string{"response.usage.input_tokens"},
			CacheRead:     []string{in + "cached_tokens - " + kept + "audio_tokens - " + kept + "image_tokens"},
			AudioCached:   []string{kept + "audio_tokens"},
			ImageCached:   []string{kept + "image_tokens"},
			AudioInput:    []string{in + "audio_tokens - " + kept + "audio_tokens"},
			ImageInput:    []string{in + "image_tokens - " + kept + "image_tokens"},
			InputIncludes: []string{"cache_read", "audio_cache_read", "image_cache_read", "audio_input", "image_input"},
			Output:        []string{"response.usage.output_tokens"}, Reasoning: []string{out + "reasoning_tokens"},
			AudioOutput: []string{out + "audio_tokens"}, OutputIncludes: []string{"audio_output"},
		},
		Realtime: &abi.RealtimePlan{HeardTokens: soundTokens, SaidTokens: soundTokens, Preamble: preamble, Transcribes: true, Grows: true},
	}
}

// liveURL is where base's sessions are: its last part is the version of the API.
func liveURL(base string) string {
	version := "v1beta"
	root := Root(base)
	if root != base {
		version = base[len(root)+1:]
	}
	return root + "/ws/google.ai.generativelanguage." + version + ".GenerativeService.BidiGenerateContent"
}

// Root is an address without the version of the API at its end.
func Root(base string) string {
	if i := strings.LastIndexByte(base, '/'); i >= 0 && isVersion(base[i+1:]) {
		return base[:i]
	}
	return base
}

func isVersion(s string) bool { return len(s) > 1 && s[0] == 'v' && s[1] >= '0' && s[1] <= '9' }

// Place is what differs between Google's places of the Live API.
type Place struct {
	Model string // its resource name, as setup has it
	// Vertex says that it is Vertex AI's, whose functions have neither a behavior nor
	// their calls' ids in answers.
	Vertex bool
}

func converse(r *abi.ConverseRequest) (*abi.ConverseReply, error) {
	return Converse(r, Place{Model: modelPath(r.Deployment.Model)})
}

// Converse translates one message of a realtime session.
func Converse(r *abi.ConverseRequest, place Place) (*abi.ConverseReply, error) {
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
		return nil, f.Named()
	}
	l := &live{session: r.Session, place: place, options: o, reply: &abi.ConverseReply{}}
	l.read(r.State)
	switch {
	case r.Client != nil:
		f = l.client(r.Client)
	case r.Vendor != nil:
		l.vendor(r.Vendor)
	default:
		l.open()
	}
	if f != nil {
		return nil, f.Named()
	}
	l.reply.State = l.write()
	return l.reply, nil
}

// live is a session under way. All but the first four stand in its state; what is raw
// there is raw here.
type live struct {
	session string
	place   Place
	options options
	reply   *abi.ConverseReply

	count    int64 // ids that were given
	phase    phase
	settings settings // until setup is sent
	spoken   bool     // answers are sound
	manual   bool     // the client says where a turn ends
	waiting  []byte   // elements: messages for the vendor
	turns    []byte   // elements: contents that the vendor has not been told
	results  []byte   // elements: functionResponses likewise
	calls    []called // that wait for a result
	asked    []byte   // elements: the event_ids and metadata of responses that have not begun
	active   bool     // manual: the vendor has been told that the user speaks
	ended    bool     // manual: the sound is committed, and waits for a response
	heard    bool     // there is sound that is no item yet
	last     []byte   // the last item's id
	user     []byte   // the item whose words are being written down, nil for none
	words    []byte   // so far, without quotes
	written  bool     // they are whole
	most     int64    // the cap on a response's output, 0 for none
	coming   []byte   // the item that the user is saying, of which only the id is known
	response *liveResponse
	usage    []byte // a report of a response that has not begun
	missed   bool   // the last response ended without a report
	tail     bool   // the vendor's turn goes on after the calls that ended a response
	dropped  bool   // the client has cancelled the response
}

// phase is how far the vendor's session is.
type phase int64

const (
	fresh phase = iota // nothing was sent
	setUp              // setup was, and everything waits for its answer
	ready
)

// id makes an id that is new in the session.
func (l *live) id(kind string) string {
	l.count++
	return kind + "_" + l.session + "_" + strconv.FormatInt(l.count, 10)
}

// item makes an item's id, raw.
func (l *live) item() []byte { return scan.AppendString(nil, l.id("item")) }

// open greets the client. The vendor says nothing before setup, which waits for the
// client's settings.
func (l *live) open() {
	l.tell(l.sessionEvent("session.created"))
}

// begin writes an event's head; tell closes it.
func (l *live) begin(kind string) []byte {
	b := append(make([]byte, 0, 256), `{"type":"`...)
	b = append(append(b, kind...), `","event_id":`...)
	return scan.AppendString(b, l.id("event"))
}

func (l *live) tell(event []byte) { l.reply.ToClient = append(l.reply.ToClient, append(event, '}')) }

// send gives the vendor a message, after setup, and when that was answered.
func (l *live) send(message []byte) {
	if l.phase == fresh {
		l.reply.ToVendor = append(l.reply.ToVendor, l.setup())
		l.manual, l.spoken = l.settings.manual(), l.settings.speaks()
		l.most, _ = scan.Int(l.settings.most)
		l.settings, l.phase = settings{}, setUp
	}
	if l.phase == setUp {
		l.waiting = append(append(l.waiting, ','), message...)
		return
	}
	l.reply.ToVendor = append(l.reply.ToVendor, message)
}

// refusal is an error event of the vendor's; cause is the event_id at fault, raw, nil
// for none.
func (l *live) refusal(kind, code, message string, cause []byte) {
	b := append(l.begin("error"), `,"error":{"type":"`...)
	b = append(append(b, kind...), `","code":`...)
	b = scan.AppendString(append(scan.AppendString(b, code), `,"message":`...), message)
	b = append(append(b, `,"param":null,"event_id":`...), orNull(cause)...)
	l.tell(append(b, '}'))
}

// stateFields are the members of a session's state.
var stateFields = scan.NewNames("n", "phase", "settings", "spoken", "manual", "waiting", "turns", "results", "calls", "asked",
	"active", "ended", "heard", "last", "user", "words", "coming", "response", "usage", "missed", "tail", "dropped", "written", "most")

func (l *live) read(state []byte) {
	var n, phase, settings, spoken, manual, calls, active, ended, heard, response, missed, tail, dropped, written, most, waiting, turns, results, asked []byte
	stateFields.Read(state, nil, &n, &phase, &settings, &spoken, &manual, &waiting, &turns, &results, &calls, &asked,
		&active, &ended, &heard, &l.last, &l.user, &l.words, &l.coming, &response, &l.usage, &missed, &tail, &dropped, &written, &most)
	l.count, _ = scan.Int(n)
	l.most, _ = scan.Int(most)
	l.phase = phaseOf(phase)
	l.settings.read(settings)
	for _, flag := range [...]struct {
		to  *bool
		raw []byte
	}{{&l.spoken, spoken}, {&l.manual, manual}, {&l.active, active}, {&l.ended, ended}, {&l.heard, heard}, {&l.missed, missed}, {&l.tail, tail}, {&l.dropped, dropped}, {&l.written, written}} {
		*flag.to, _ = scan.Bool(flag.raw)
	}
	for _, list := range [...]struct {
		to  *[]byte
		raw []byte
	}{{&l.waiting, waiting}, {&l.turns, turns}, {&l.results, results}, {&l.asked, asked}} {
		scan.Elements(list.raw, func(_ int, v []byte) bool { *list.to = append(append(*list.to, ','), v...); return true })
	}
	scan.Elements(calls, func(_ int, v []byte) bool {
		l.calls = append(l.calls, called{scan.Get(v, "id"), scan.Get(v, "name")})
		return true
	})
	if scan.Kind(response) == '{' {
		l.response = readLiveResponse(response)
	}
	l.words = unquoted(l.words)
}

func phaseOf(raw []byte) phase {
	n, _ := scan.Int(raw)
	return phase(n)
}

// unquoted is the inside of a raw string.
func unquoted(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return nil
	}
	return raw[1 : len(raw)-1]
}

func (l *live) write() []byte {
	b := make([]byte, 0, 512)
	b = strconv.AppendInt(scan.AppendName(b, "n"), l.count, 10)
	b = strconv.AppendInt(scan.AppendName(b, "phase"), int64(l.phase), 10)
	if l.most > 0 {
		b = strconv.AppendInt(scan.AppendName(b, "most"), l.most, 10)
	}
	b = l.settings.write(b)
	for _, flag := range [...]struct {
		name string
		on   bool
	}{{"spoken", l.spoken}, {"manual", l.manual}, {"active", l.active}, {"ended", l.ended}, {"heard", l.heard}, {"missed", l.missed}, {"tail", l.tail}, {"dropped", l.dropped}, {"written", l.written}} {
		if flag.on {
			b = append(scan.AppendName(b, flag.name), "true"...)
		}
	}
	for _, list := range [...]struct {
		name     string
		elements []byte
	}{{"waiting", l.waiting}, {"turns", l.turns}, {"results", l.results}, {"asked", l.asked}} {
		if len(list.elements) > 0 {
			b = append(scan.AppendName(b, list.name), scan.CloseArray(list.elements, 0)...)
		}
	}
	if len(l.calls) > 0 {
		b = scan.AppendName(b, "calls")
		start := len(b)
		for _, c := range l.calls {
			b = append(append(append(append(append(b, `,{"id":`...), c.id...), `,"name":`...), c.name...), '}')
		}
		b = scan.CloseArray(b, start)
	}
	b = scan.AppendMember(scan.AppendMember(b, "last", l.last), "user", l.user)
	if l.user != nil {
		b = appendQuoted(scan.AppendName(b, "words"), l.words)
	}
	if l.response != nil {
		b = l.response.write(scan.AppendName(b, "response"))
	}
	b = scan.AppendMember(scan.AppendMember(b, "coming", l.coming), "usage", l.usage)
	return scan.CloseObject(b, 0)
}

// deploymentName is how a session event names the model.
func (l *live) deploymentName() string {
	return l.place.Model[strings.LastIndexByte(l.place.Model, '/')+1:]
}

// refuseLive is a refusal that says what Gemini lacks.
func refuseLive(param, message string) *llm.Fault { return llm.Refuse(param, message+" with Gemini") }
