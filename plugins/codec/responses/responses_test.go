package responses

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

// provider is a plugin that has the codec and nothing else. The vectors are played to the
// plugin openai, which has the profiles.
func provider() *pdk.Provider {
	c, s := &Codec{}, &Settings{Members: []byte(`{"store":false,"include":["reasoning.encrypted_content"],"reasoning":{"summary":"auto"}}`)}
	return &pdk.Provider{
		Encode:       func(r *abi.EncodeRequest) (*abi.EncodeReply, error) { return c.Encode(r, s) },
		Decode:       c.Decode,
		DecodeEvents: c.DecodeEvents,
		DecodeError: func(*abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
			return &abi.DecodeErrorReply{}, nil
		},
	}
}

func TestStreamState(t *testing.T) {
	for _, text := range []string{"", "r,", searching, "r,a,s2,t3,q1,f1,p4,c2,i3,w4,", "c1,c2,"} {
		s := parseState(text)
		if got := s.String(); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

// TestUnseal: what was sealed comes back as it was, and what others signed is not taken
// for it.
func TestUnseal(t *testing.T) {
	for _, c := range []struct{ id, sealed string }{
		{`"rs_1-a"`, `"data:openai.reasoning;id=rs_1-a;base64,gAAA-_="`},
		{`"rs;1"`, `"data:openai.reasoning;base64,gAAA-_="`},
		{``, `"data:openai.reasoning;base64,gAAA-_="`},
	} {
		sealed := appendSealed(nil, []byte(c.id), []byte(`"gAAA-_="`))
		id, encrypted, ok := unseal(sealed)
		if string(sealed) != c.sealed || !ok || string(encrypted) != "gAAA-_=" || id != nil && `"`+string(id)+`"` != c.id {
			t.Errorf("%s: %s, of which came %s and %s", c.id, sealed, id, encrypted)
		}
	}
	for _, other := range []string{``, `""`, `"EqAB"`, `5`, `"data:image/png;base64,AAAA"`, `"data:openai.reasoning;base64,"`, `"data:openai.reasoning;id=a b;base64,AA"`, `"data:openai.reasoning"`} {
		if id, encrypted, ok := unseal([]byte(other)); ok {
			t.Errorf("%s: %s, %s", other, id, encrypted)
		}
	}
}

// TestEncode_Memory: what one call leaves behind changes no other.
func TestEncode_Memory(t *testing.T) {
	p := provider()
	large := make([]byte, keepBytes+1)
	for i := range large {
		large[i] = 'x'
	}
	for _, said := range []string{"a", string(large), "b", string(large), string(large), "c"} {
		reply, err := p.Encode(&abi.EncodeRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Model: "m"}, Body: abi.Raw(`{"messages":[{"role":"user","content":"` + said + `"}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		want := `{"model":"m","input":[{"role":"user","content":"` + said + `"}],"reasoning":{"summary":"auto"},"include":["reasoning.encrypted_content"],"store":false}`
		if string(reply.Body) != want {
			t.Errorf("%.200s", reply.Body)
		}
	}
}

// TestEncode_Members: what a vendor is told stands beside what the client says, once.
func TestEncode_Members(t *testing.T) {
	c, s := &Codec{}, &Settings{Members: []byte(`{"store":false,"max_output_tokens":9,"tools":[{"type":"web_search"}],"preset":"p","reasoning":{"effort":"low","summary":"auto"}}`)}
	for _, m := range []struct{ asked, want string }{
		{``, `"reasoning":{"effort":"low","summary":"auto"},"store":false,"max_output_tokens":9,"tools":[{"type":"web_search"}],"preset":"p"`},
		{`,"store":null,"reasoning":null`, `"reasoning":{"effort":"low","summary":"auto"},"store":false,"max_output_tokens":9,"tools":[{"type":"web_search"}],"preset":"p"`},
		{`,"store":true,"preset":"q","max_tokens":5,"reasoning_effort":"high","tools":[{"type":"function","function":{"name":"f"}}]`,
			`"store":true,"preset":"q","input":[],"tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}},"strict":false}],"max_output_tokens":5,"reasoning":{"effort":"high","summary":"auto"}`},
		{`,"seed":1`, `"reasoning":{"effort":"low","summary":"auto"},"store":false,"max_output_tokens":9,"tools":[{"type":"web_search"}],"preset":"p"`},
	} {
		reply, err := c.Encode(&abi.EncodeRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Model: "m"}, DropParams: []string{"seed"}, Body: abi.Raw(`{"messages":[{"role":"user","content":"a"}]` + m.asked + `}`)}, s)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Replace(string(reply.Body), `[{"role":"user","content":"a"}]`, "[]", 1)
		want := `{"model":"m","input":[],` + m.want + `}`
		if strings.Contains(m.want, `"input"`) {
			want = `{"model":"m",` + m.want + `}`
		}
		if got != want {
			t.Errorf("%s:\n%s, want\n%s", m.asked, got, want)
		}
	}
}

// TestDecode_Memory: what one answer says is not taken for another's.
func TestDecode_Memory(t *testing.T) {
	p := provider()
	for _, c := range []struct {
		usage               string
		input, read, output int64
	}{
		{`{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":1}`, 6, 4, 1},
		{`{"input_tokens":10,"output_tokens":2}`, 10, -1, 2},
	} {
		reply, err := p.Decode(&abi.DecodeRequest{Endpoint: abi.Chat, Body: abi.Raw(`{"status":"completed","output":[],"usage":` + c.usage + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		read := int64(-1)
		if reply.Usage.CacheRead != nil {
			read = *reply.Usage.CacheRead
		}
		if *reply.Usage.Input != c.input || read != c.read || *reply.Usage.Output != c.output || reply.Usage.Reasoning != nil {
			t.Errorf("%s: %d, %d, %d", c.usage, *reply.Usage.Input, read, *reply.Usage.Output)
		}
	}
}

var targets = vectortest.Targets{Endpoints: []abi.Endpoint{abi.Chat}, Models: []string{"m"}}

func FuzzEncode(f *testing.F) {
	vectortest.FuzzEncode(f, provider, targets,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ==","detail":7}},{"type":"file","file":{"file_data":"http://a"},"x\"y":1}]},`+
			`{"role":"assistant","content":[{"type":"refusal","refusal":"a"}],"thinking_blocks":[{"type":"thinking","thinking":"b","signature":"data:openai.reasoning;id=r;base64,QQ=="},1],"tool_calls":[{"id":"c","type":"custom","custom":{"name":"d","input":""}}]}],`+
			`"tools":[{"type":"custom","custom":{"name":"d","format":{"grammar":{"syntax":1}}}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"custom","custom":{"name":"d"}}]}},`+
			`"response_format":{"type":"json_schema","json_schema":{"a":1}},"web_search_options":{"user_location":{}},"logprobs":true,"include":[1],"text":5,"reasoning":[],"n":1e0}`)
}

func FuzzDecode(f *testing.F) {
	vectortest.FuzzDecode(f, provider, targets, "r,t1,p1,c2,",
		`{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","call_id":"a","name":"b","arguments":"{}"}}`,
		`{"type":"response.output_text.annotation.added","annotation":{"type":"a","start_index":1,"b\"c":2}}`,
		`{"type":"response.completed","response":{"status":"incomplete","incomplete_details":{"reason":"x"},"service_tier":5,"usage":{"input_tokens":1e400}}}`,
		`{"status":"completed","service_tier":{},"output":[{"type":"message","content":[{"type":"output_text","text":"a","annotations":[{"type":"url_citation"}],"logprobs":[1]}]},{"type":"message","content":[{"type":"output_text","text":"b","annotations":[{"type":"x"}]}]},`+
			`{"type":"reasoning","id":"r","summary":[{"text":"c"}],"encrypted_content":"QQ=="},{"type":"custom_tool_call","name":1}]}`)
}

// BenchmarkEncode leaves out the stop sequences, which are refused.
func BenchmarkEncode(b *testing.B) {
	vectortest.BenchmarkEncode(b, func() *pdk.Provider {
		p := provider()
		encode := p.Encode
		p.Encode = func(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
			r.DropParams = []string{"stop"}
			return encode(r)
		}
		return p
	}, "gpt-5-pro")
}

func BenchmarkDecodeEvent(b *testing.B) {
	vectortest.BenchmarkEvent(b, provider, "r,t2,p9,", abi.Event{Name: "response.output_text.delta",
		Data: abi.Raw(`{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"the quick brown fox","logprobs":[],"sequence_number":12,"obfuscation":"aaaaaaaa"}`)})
}
