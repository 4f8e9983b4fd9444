package llm

import "testing"

func TestMediaAside(t *testing.T) {
	const (
		picture = `{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}}`
		file    = `{"type":"file","file":{"file_data":"data:application/pdf;base64,QQ=="}}`
		text    = `{"type":"text","text":"no"}`
		asked   = `{"role":"assistant","tool_calls":[]}`
	)
	for _, c := range []struct{ name, messages, want string }{
		{"texts stay", `{"role":"tool","tool_call_id":"c1","content":[` + text + `]}, {"role":"user","content":[` + picture + `]}`, ""},
		{"strings stay", `{"role":"tool","tool_call_id":"c1","content":"1.50"}`, ""},
		{"no messages", ``, ""},
		{"behind all results of a turn",
			asked + `,{"role":"tool","tool_call_id":"c1","content":[` + text + `,` + picture + `]},{"role":"tool","tool_call_id":"c\"2","content":[` + file + `]},{"role":"user","content":"and?"}`,
			asked + `,{"role":"tool","tool_call_id":"c1","content":[` + text + `]},{"role":"tool","tool_call_id":"c\"2","content":[{"type":"text","text":"The result follows in the user's next message."}]},` +
				`{"role":"user","content":[{"type":"text","text":"Result of the tool call c1:"},` + picture + `,{"type":"text","text":"Result of the tool call c\"2:"},` + file + `]},{"role":"user","content":"and?"}`},
		{"at the end, and each turn by itself",
			`{"role":"tool","tool_call_id":"a","content":[` + text + `,` + picture + `]},` + asked + `,{"role":"tool","tool_call_id":"b","content":[` + text + `,` + picture + `]}`,
			`{"role":"tool","tool_call_id":"a","content":[` + text + `]},{"role":"user","content":[{"type":"text","text":"Result of the tool call a:"},` + picture + `]},` +
				asked + `,{"role":"tool","tool_call_id":"b","content":[` + text + `]},{"role":"user","content":[{"type":"text","text":"Result of the tool call b:"},` + picture + `]}`},
	} {
		if c.want == "" {
			c.want = c.messages
		}
		body := func(messages string) string { return `{"model":"m", "messages":[` + messages + `],"n":1.0}` }
		if got := string(MediaAside([]byte(body(c.messages)))); got != body(c.want) {
			t.Errorf("%s\n got %s\nwant %s", c.name, got, body(c.want))
		}
	}
}
