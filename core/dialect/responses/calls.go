package responses

import (
	"strconv"

	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// advance begins a call when its name is known, and sends what is there of its
// arguments. Those of a tool that is no function are told when they are whole.
func (s *stream) advance(dst []byte, t *toolCall) []byte {
	if t.Name == nil || t.Ended {
		return dst
	}
	if !t.Begun {
		t.Begun, t.tool = true, s.tools.find(string(scan.Text(t.Name)))
		if t.ID == nil {
			t.ID = scan.AppendString(nil, "call_"+ItemSuffix(s.answer.ID)+"_"+strconv.Itoa(t.Index))
		}
		dst = s.keep(dst, t)
		dst = s.closeWhole(s.closeMessage(s.closeReasoning(dst)))
		if t.tool.kind == "function" {
			t.item = s.next("fc_")
			dst = s.add(dst, t.item, t.function(nil, "in_progress"))
		}
	}
	if t.tool.kind != "function" || len(t.Waiting) == 0 {
		return dst
	}
	dst = scan.AppendString(append(s.of(dst, "response.function_call_arguments.delta", t.item), `,"delta":`...), t.Waiting)
	t.Sent, t.Waiting = append(t.Sent, t.Waiting...), nil
	return s.end(dst)
}

// keep puts the extra_content of a call into a reasoning item: clients hand those
// back as they came, and of calls only what they know.
func (s *stream) keep(dst []byte, t *toolCall) []byte {
	if t.Extra == nil || t.kept {
		return dst
	}
	t.kept = true
	dst = s.openReasoning(dst)
	s.reasoning.kept.call(t.ID, t.Extra)
	return dst
}

// closeWhole ends the calls whose arguments are whole.
func (s *stream) closeWhole(dst []byte) []byte {
	for _, t := range s.calls {
		if t.Begun && t.whole() {
			dst = s.endCall(dst, t)
		}
	}
	return dst
}

// endCall tells a call as done, if it has begun.
func (s *stream) endCall(dst []byte, t *toolCall) []byte {
	if t.Ended || !t.Begun {
		return dst
	}
	t.Ended, t.carried = true, s.extra.Cut(bridge.Done)
	status := "completed"
	all := append(t.Sent, t.Waiting...)
	if llm.Blank(scan.AppendString(nil, all)) {
		all = []byte("{}")
	} else if scan.Valid(all) != nil {
		status = s.ending()
	}
	switch t.tool.kind {
	case "custom":
		dst = s.customCall(dst, t, all, status)
	case "local_shell":
		dst = s.shellCall(dst, t, all, status)
	default:
		dst = s.functionCall(dst, t, all, status)
	}
	if t.Extra != nil && !t.kept { // it came after the call had begun
		dst = s.closeReasoning(s.keep(dst, t))
	}
	return dst
}

func (s *stream) functionCall(dst []byte, t *toolCall, all []byte, status string) []byte {
	if len(all) > len(t.Sent) { // there was nothing but white space
		dst = s.end(scan.AppendString(append(s.of(dst, "response.function_call_arguments.delta", t.item), `,"delta":`...), all))
	}
	dst = scan.AppendString(append(s.of(dst, "response.function_call_arguments.done", t.item), `,"name":`...), t.tool.name)
	dst = s.end(scan.AppendString(append(dst, `,"arguments":`...), all))
	return s.done(dst, t.item, t.function(all, status))
}

func (t *toolCall) function(arguments []byte, status string) []byte {
	b := t.head("function_call", status)
	b = scan.AppendString(append(b, `,"arguments":`...), arguments)
	return append(b, '}')
}

// head begins the item of a call. Once that is whole, what the vendor's own tools did
// before it, and no message has told, stands on it: so it comes back.
func (t *toolCall) head(kind, status string) []byte {
	b := scan.AppendString([]byte(`{"id":`), t.item.id)
	b = scan.AppendString(append(b, `,"type":`...), kind)
	b = scan.AppendString(append(b, `,"status":`...), status)
	b = append(append(b, `,"call_id":`...), t.ID...)
	if status != "in_progress" {
		b = scan.AppendMember(b, "extra_content", t.carried)
	}
	if kind == "local_shell_call" {
		return b
	}
	if t.tool.namespace != "" {
		b = scan.AppendString(append(b, `,"namespace":`...), t.tool.namespace)
	}
	return scan.AppendString(append(b, `,"name":`...), t.tool.name)
}

// customCall tells a call of a custom tool, whose input the model wrote as the
// one argument. What is no such object is the input itself.
func (s *stream) customCall(dst []byte, t *toolCall, all []byte, status string) []byte {
	input := scan.Get(all, "input")
	if scan.Valid(all) != nil || scan.Kind(input) != '"' {
		input = scan.AppendString(nil, all)
	}
	item := func(status string, input []byte) []byte {
		b := append(append(t.head("custom_tool_call", status), `,"input":`...), input...)
		return append(b, '}')
	}
	t.item = s.next("ctc_")
	dst = s.add(dst, t.item, item("in_progress", []byte(`""`)))
	dst = s.end(append(append(s.of(dst, "response.custom_tool_call_input.delta", t.item), `,"delta":`...), input...))
	dst = s.end(append(append(s.of(dst, "response.custom_tool_call_input.done", t.item), `,"input":`...), input...))
	return s.done(dst, t.item, item(status, input))
}

// shellCall tells a call of OpenAI's local_shell.
func (s *stream) shellCall(dst []byte, t *toolCall, all []byte, status string) []byte {
	action := []byte(`{"type":"exec","command":[],"env":{}}`)
	if scan.Kind(all) == '{' && scan.Valid(all) == nil {
		action = scan.Apply(nil, all, []scan.Edit{{Key: "type", Value: []byte(`"exec"`)}, {Key: "env", Value: []byte("{}"), OnlyIfAbsent: true}})
	}
	t.item = s.next("lsh_")
	item := func(status string) []byte {
		return append(append(append(t.head("local_shell_call", status), `,"action":`...), action...), '}')
	}
	dst = s.add(dst, t.item, item("in_progress"))
	return s.done(dst, t.item, item(status))
}
