package gemini

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// settings are what a session's client wants, raw; nil is the default.
// https://platform.openai.com/docs/api-reference/realtime-client-events/session/update
type settings struct {
	instructions, modalities, transcription, voice, tools, choice, most, truncation []byte

	turns []byte // turn_detection; null means something
}

func (s *settings) places() [9]struct {
	name string
	at   *[]byte
} {
	return [...]struct {
		name string
		at   *[]byte
	}{{"instructions", &s.instructions}, {"output_modalities", &s.modalities}, {"transcription", &s.transcription}, {"voice", &s.voice}, {"tools", &s.tools},
		{"tool_choice", &s.choice}, {"max_output_tokens", &s.most}, {"truncation", &s.truncation}, {"turn_detection", &s.turns}}
}

func (s *settings) read(raw []byte) {
	for _, p := range s.places() {
		*p.at = scan.Get(raw, p.name)
	}
}

func (s *settings) write(b []byte) []byte {
	var own []byte
	for _, p := range s.places() {
		own = scan.AppendMember(own, p.name, *p.at)
	}
	if own == nil {
		return b
	}
	return append(scan.AppendName(b, "settings"), scan.CloseObject(own, 0)...)
}

func (s *settings) speaks() bool {
	first := ""
	scan.Elements(s.modalities, func(_ int, v []byte) bool { first, _ = scan.String(v); return false })
	return first != "text"
}

func (s *settings) manual() bool { return s.turns != nil && scan.IsNull(s.turns) }

// update takes a session.update. Google takes settings once, before the first thing is
// said, and so does this.
func (l *live) update(wanted []byte) *llm.Fault {
	switch {
	case scan.Kind(wanted) != '{':
		return llm.Refuse("session", "must be an object")
	case l.phase != fresh:
		return llm.Refuse("session", "cannot be changed any more: Gemini takes the settings of a session once, before the first thing is said")
	}
	next := l.settings
	var f *llm.Fault
	scan.Members(wanted, func(key, v []byte) bool {
		if name := string(key); name != "type" && name != "model" { // the gateway has looked at them
			f = next.set(name, v, l.place.Vertex)
		}
		return f == nil
	})
	if f != nil {
		return f.Under("session")
	}
	l.settings = next
	l.tell(l.sessionEvent("session.updated"))
	return nil
}

// set takes one member. null is its default.
func (s *settings) set(name string, v []byte, vertex bool) *llm.Fault {
	given := v
	if scan.IsNull(v) {
		given = nil
	}
	switch name {
	case "instructions":
		s.instructions = given
		return ofKind(name, given, '"', "a string")
	case "output_modalities":
		s.modalities = given
		return modalities(name, given)
	case "audio":
		return s.audio(given).Under(name)
	case "tools":
		s.tools = given
		_, f := liveTools(given, vertex)
		return f.Under(name)
	case "tool_choice":
		if s.choice = given; given != nil && !scan.Is(given, "auto") && !scan.Is(given, "none") {
			return refuseLive(name, "must be auto or none")
		}
	case "max_output_tokens":
		if s.most = given; scan.Is(given, "inf") {
			s.most = nil
		} else if n, ok := scan.Int(given); given != nil && (!ok || n < 1) {
			return llm.Refuse(name, "must be a positive whole number or inf")
		}
	case "truncation":
		if s.truncation = given; given != nil && !scan.Is(given, "auto") && !scan.Is(given, "disabled") {
			return refuseLive(name, "must be auto or disabled")
		}
	case "parallel_tool_calls":
		if on, ok := scan.Bool(given); given != nil && !(ok && on) {
			return refuseLive(name, "must be true")
		}
	default:
		if given != nil {
			return refuseLive(name, "is not supported in sessions")
		}
	}
	return nil
}

func ofKind(name string, v []byte, kind byte, what string) *llm.Fault {
	if v != nil && scan.Kind(v) != kind {
		return llm.Refuse(name, "must be "+what)
	}
	return nil
}

func modalities(name string, v []byte) (f *llm.Fault) {
	if v == nil {
		return nil
	}
	n := 0
	scan.Elements(v, func(_ int, m []byte) bool {
		if n++; !scan.Is(m, "text") && !scan.Is(m, "audio") {
			n = -1
			return false
		}
		return true
	})
	if n != 1 {
		return refuseLive(name, `must be ["audio"] or ["text"]`)
	}
	return nil
}

// audio takes the settings of both directions.
func (s *settings) audio(v []byte) (f *llm.Fault) {
	if f = ofKind("", v, '{', "an object"); f != nil {
		return f
	}
	scan.Members(v, func(key, side []byte) bool {
		name := string(key)
		if scan.IsNull(side) {
			return true
		}
		if f = ofKind(name, side, '{', "an object"); f == nil {
			scan.Members(side, func(key, v []byte) bool {
				f = s.sound(name+"."+string(key), v)
				return f == nil
			})
		}
		return f == nil
	})
	return f
}

// sound takes a member of audio.input or audio.output.
func (s *settings) sound(name string, v []byte) *llm.Fault {
	if scan.IsNull(v) && name != "input.turn_detection" {
		v = nil
	}
	switch name {
	case "input.format", "output.format":
		if rate, ok := scan.GetInt(v, "rate"); v != nil && (scan.GetString(v, "type") != "audio/pcm" || ok && rate != sampleRate) {
			return refuseLive(name, "must be audio/pcm of 24000 samples a second")
		}
	case "input.transcription":
		if s.transcription = v; v != nil {
			return transcription(v).Under(name)
		}
	case "input.turn_detection":
		if s.turns = v; !scan.IsNull(v) {
			_, f := detection(v)
			return f.Under(name)
		}
	case "output.voice":
		if s.voice = v; v != nil && scan.Kind(v) != '"' && scan.Kind(scan.Get(v, "id")) != '"' {
			return llm.Refuse(name, "must be a string")
		}
	case "output.speed":
		if n, ok := scan.Float(v); v != nil && (!ok || n != 1) {
			return refuseLive(name, "must be 1")
		}
	default:
		if v != nil {
			return refuseLive(name, "is not supported in sessions")
		}
	}
	return nil
}

// transcription may name languages. Gemini writes down itself what it hears.
func transcription(v []byte) (f *llm.Fault) {
	scan.Members(v, func(key, v []byte) bool {
		switch name := string(key); {
		case scan.IsNull(v), name == "language" && scan.Kind(v) == '"':
		case name == "model":
			f = llm.Refuse(name, "must be left out with Gemini, which writes down itself what it hears")
		default:
			f = refuseLive(name, "is not supported in sessions")
		}
		return f == nil
	})
	return f
}

// detection is a turn_detection as realtimeInputConfig; nil where Google's defaults do.
// https://ai.google.dev/api/live#RealtimeInputConfig
func detection(v []byte) (config []byte, f *llm.Fault) {
	if v == nil {
		return nil, nil
	}
	if scan.IsNull(v) {
		return []byte(`{"automaticActivityDetection":{"disabled":true}}`), nil
	}
	kind := scan.GetString(v, "type")
	if kind != "server_vad" && kind != "semantic_vad" {
		return nil, llm.Refuse("type", "must be server_vad or semantic_vad")
	}
	var own, more []byte
	scan.Members(v, func(key, v []byte) bool {
		name := string(key)
		on, isBool := scan.Bool(v)
		n, isInt := scan.Int(v)
		x, isFloat := scan.Float(v)
		switch {
		case name == "type", scan.IsNull(v), name == "create_response" && isBool && on, name == "interrupt_response" && isBool && on:
		case name == "interrupt_response" && isBool:
			more = append(scan.AppendName(more, "activityHandling"), `"NO_INTERRUPTION"`...)
		case name == "create_response":
			f = llm.Refuse(name, "must be true with Gemini, which answers where a turn ends; turn_detection null leaves that to the client")
		case name == "prefix_padding_ms" && isInt && n >= 0:
			own = append(scan.AppendName(own, "prefixPaddingMs"), v...)
		case name == "silence_duration_ms" && isInt && n >= 0:
			own = append(scan.AppendName(own, "silenceDurationMs"), v...)
		case name == "threshold" && isFloat && x == 0.5: // OpenAI's default
		case name == "eagerness" && (scan.Is(v, "auto") || scan.Is(v, "medium")):
		case name == "eagerness" && (scan.Is(v, "low") || scan.Is(v, "high")):
			word, _ := scan.String(v)
			own = scan.AppendString(scan.AppendName(own, "endOfSpeechSensitivity"), "END_SENSITIVITY_"+strings.ToUpper(word))
		default:
			f = refuseLive(name, "cannot be so")
		}
		return f == nil
	})
	if own != nil {
		more = append(scan.AppendName(more, "automaticActivityDetection"), scan.CloseObject(own, 0)...)
	}
	if f != nil || more == nil {
		return nil, f
	}
	return scan.CloseObject(more, 0), nil
}

// setup is the vendor's first message. https://ai.google.dev/api/live#BidiGenerateContentSetup
func (l *live) setup() []byte {
	s := &l.settings
	b := scan.AppendString(scan.AppendName(nil, "model"), l.place.Model)
	b = append(scan.AppendName(b, "generationConfig"), l.generation()...)
	if len(s.instructions) > 2 {
		b = append(append(scan.AppendName(b, "systemInstruction"), `{"parts":[{"text":`...), s.instructions...)
		b = append(b, `}]}`...)
	}
	if list, _ := liveTools(s.tools, l.place.Vertex); len(list) > 0 && !scan.Is(s.choice, "none") {
		b = append(append(scan.AppendName(b, "tools"), `[{"functionDeclarations":`...), scan.CloseArray(list, 0)...)
		b = append(b, `}]`...)
	}
	config, _ := detection(s.turns)
	b = scan.AppendMember(b, "realtimeInputConfig", config)
	if s.transcription != nil {
		b = scan.AppendName(b, "inputAudioTranscription")
		if language := scan.Get(s.transcription, "language"); scan.Kind(language) == '"' {
			b = append(append(append(b, `{"languageCodes":[`...), language...), `]}`...)
		} else {
			b = append(b, `{}`...)
		}
	}
	if s.speaks() { // OpenAI's sound always has its words
		b = append(scan.AppendName(b, "outputAudioTranscription"), `{}`...)
	}
	if !scan.Is(s.truncation, "disabled") {
		b = append(scan.AppendName(b, "contextWindowCompression"), `{"slidingWindow":{}}`...)
	}
	b = scan.AppendMember(b, "safetySettings", l.options.safety)
	return append(append([]byte(`{"setup":`), scan.CloseObject(b, 0)...), '}')
}

func (l *live) generation() []byte {
	s := &l.settings
	if !s.speaks() {
		return scan.CloseObject(scan.AppendMember(append(scan.AppendName(nil, "responseModalities"), `["TEXT"]`...), "maxOutputTokens", s.most), 0)
	}
	b := scan.AppendMember(append(scan.AppendName(nil, "responseModalities"), `["AUDIO"]`...), "maxOutputTokens", s.most)
	if s.voice != nil {
		voice, ok := scan.String(s.voice)
		if !ok {
			voice = scan.GetString(s.voice, "id")
		}
		if own := scan.GetString(l.options.voices, voice); own != "" {
			voice = own
		}
		b = append(scan.AppendName(b, "speechConfig"), `{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":`...)
		b = append(scan.AppendString(b, voice), `}}}`...)
	}
	return scan.CloseObject(b, 0)
}

// sessionEvent is an event with the session as it stands.
func (l *live) sessionEvent(kind string) []byte {
	s := &l.settings
	or := func(v []byte, otherwise string) []byte {
		if v == nil {
			return []byte(otherwise)
		}
		return v
	}
	const format = `{"type":"audio/pcm","rate":24000}`
	in := append(scan.AppendName(nil, "format"), format...)
	in = scan.AppendMember(in, "transcription", or(s.transcription, "null"))
	in = scan.AppendMember(in, "turn_detection", or(s.turns, `{"type":"server_vad","create_response":true,"interrupt_response":true}`))
	out := scan.AppendMember(append(scan.AppendName(nil, "format"), format...), "voice", s.voice)
	audio := append(scan.AppendName(nil, "input"), scan.CloseObject(in, 0)...)
	audio = append(scan.AppendName(audio, "output"), scan.CloseObject(out, 0)...)

	b := append(scan.AppendName(nil, "type"), `"realtime"`...)
	b = append(scan.AppendName(b, "object"), `"realtime.session"`...)
	b = scan.AppendString(scan.AppendName(b, "id"), "sess_"+l.session)
	b = scan.AppendString(scan.AppendName(b, "model"), l.deploymentName())
	b = scan.AppendMember(b, "output_modalities", or(s.modalities, `["audio"]`))
	b = scan.AppendMember(b, "instructions", or(s.instructions, `""`))
	b = scan.AppendMember(b, "tools", or(s.tools, `[]`))
	b = scan.AppendMember(b, "tool_choice", or(s.choice, `"auto"`))
	b = scan.AppendMember(b, "max_output_tokens", or(s.most, `"inf"`))
	b = scan.AppendMember(b, "truncation", or(s.truncation, `"auto"`))
	b = append(scan.AppendName(b, "audio"), scan.CloseObject(audio, 0)...)
	return append(scan.AppendName(l.begin(kind), "session"), scan.CloseObject(b, 0)...)
}
