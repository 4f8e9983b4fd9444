package responses

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// tool is one of a request's tools and the function that stands for it.
type tool struct {
	kind            string // function, custom, local_shell
	namespace, name string // as the client calls it
	chat            string // as the model does
	def             []byte
}

// toolTable are a request's tools that models of every provider can call.
type toolTable []tool

// toolsOf reads the tools of a request, those in namespaces included.
func toolsOf(body []byte) (t toolTable) {
	scan.Elements(scan.Get(body, "tools"), func(_ int, def []byte) bool {
		if scan.GetString(def, "type") != "namespace" {
			t = t.with(def, "")
			return true
		}
		scan.Elements(scan.Get(def, "tools"), func(_ int, inner []byte) bool {
			t = t.with(inner, scan.GetString(def, "name"))
			return true
		})
		return true
	})
	return t
}

func (t toolTable) with(def []byte, namespace string) toolTable {
	one := tool{kind: scan.GetString(def, "type"), namespace: namespace, name: scan.GetString(def, "name"), def: def}
	switch one.kind {
	case "local_shell":
		one.name = one.kind
	case "function", "custom":
	default:
		return t
	}
	one.chat = chatName(namespace, one.name)
	return append(t, one)
}

// maxToolName is the most that vendors take: OpenAI's own limit.
const maxToolName = 64

// chatName is the name of a function for a tool in a namespace.
func chatName(namespace, name string) string {
	if namespace == "" {
		return name
	}
	whole := scan.AppendString(nil, namespace+"__"+name)
	return string(scan.Text(llm.AppendToolID(nil, whole, "", maxToolName)))
}

// find is the tool that a model means by a name; an unknown one is a function.
func (t toolTable) find(chat string) tool {
	for _, one := range t {
		if one.chat == chat {
			return one
		}
	}
	return tool{kind: "function", name: chat, chat: chat}
}

// called is the raw name and arguments of a call in the history.
func (t toolTable) called(kind string, item []byte) (name, arguments []byte) {
	name = scan.AppendString(nil, chatName(scan.GetString(item, "namespace"), scan.GetString(item, "name")))
	switch kind {
	case "custom_tool_call":
		return name, asString(`{"input":`, orEmpty(scan.Get(item, "input")))
	case "local_shell_call":
		return []byte(`"local_shell"`), asString("", scan.Get(item, "action"))
	}
	if arguments = scan.Get(item, "arguments"); scan.Kind(arguments) != '"' {
		arguments = []byte(`"{}"`)
	}
	return name, arguments
}

// asString is a JSON value as a raw string; head opens an object around it.
func asString(head string, value []byte) []byte {
	if value == nil {
		value = []byte("{}")
	}
	doc := append([]byte(head), value...)
	if head != "" {
		doc = append(doc, '}')
	}
	return scan.AppendString(nil, doc)
}

// writeTools writes those tools that tool_choice allows.
func (w *requestWriter) writeTools() {
	scan.Elements(scan.Get(w.body, "tools"), func(i int, def []byte) bool {
		at := "tools[" + strconv.Itoa(i) + "]"
		switch kind := scan.GetString(def, "type"); kind {
		case "function", "custom", "local_shell":
		case "namespace":
			scan.Elements(scan.Get(def, "tools"), func(k int, inner []byte) bool {
				if kind := scan.GetString(inner, "type"); kind != "function" && kind != "custom" {
					at := at + ".tools[" + strconv.Itoa(k) + "]"
					w.refuse(kind, at, "a tool of type "+strconv.Quote(kind))
				}
				return w.err == nil
			})
		default:
			if isHosted(kind) && !w.forces(kind) {
				if !w.search(kind, def) {
					w.leaveOut(at)
				}
				return true
			}
			w.refuse(kind, at, "a tool of type "+strconv.Quote(kind))
		}
		return w.err == nil
	})
	allowed := w.allowed()
	var list []byte
	for i := range w.tools {
		if one := &w.tools[i]; allowed == nil || allowed[one.chat] {
			list = one.append(list)
		}
	}
	if list != nil {
		w.raw("tools", scan.CloseArray(list, 0))
	}
	if w.asks != nil {
		w.raw("web_search_options", w.asks)
	}
}

// isHosted reports whether a tool is one that OpenAI runs itself, and whose answers
// a model can do without. Others are servers and programs that the client means.
func isHosted(kind string) bool {
	switch kind {
	case "file_search", "code_interpreter", "image_generation", "tool_search":
		return true
	}
	return strings.HasPrefix(kind, "web_search")
}

// forces reports whether a request's tool_choice leaves a model nothing but to use
// a tool of the type.
func (w *requestWriter) forces(kind string) bool {
	choice := scan.Get(w.body, "tool_choice")
	switch mode := scan.GetString(choice, "type"); {
	case scan.Is(choice, "required"):
		return len(w.tools) == 0
	case mode != "allowed_tools":
		return mode == kind
	}
	return scan.GetString(choice, "mode") == "required" && !w.mayCall()
}

// mayCall reports whether an allowed_tools names a tool that the model has.
func (w *requestWriter) mayCall() bool {
	allowed := w.allowed()
	return slices.ContainsFunc(w.tools, func(t tool) bool { return allowed[t.chat] })
}

// allowed are the functions that a tool_choice of allowed_tools names; nil for all.
func (w *requestWriter) allowed() map[string]bool {
	choice := scan.Get(w.body, "tool_choice")
	if scan.GetString(choice, "type") != "allowed_tools" {
		return nil
	}
	names := map[string]bool{}
	scan.Elements(scan.Get(choice, "tools"), func(_ int, one []byte) bool {
		name := scan.GetString(one, "name")
		if scan.GetString(one, "type") == "local_shell" {
			name = "local_shell"
		}
		names[chatName(scan.GetString(one, "namespace"), name)] = true
		return true
	})
	return names
}

// append writes the function, after a comma.
func (t *tool) append(dst []byte) []byte {
	dst = scan.AppendString(append(dst, `,{"type":"function","function":{"name":`...), t.chat)
	switch t.kind {
	case "custom":
		if text := t.description(); text != "" {
			dst = scan.AppendString(append(dst, `,"description":`...), text)
		}
		dst = append(dst, `,"parameters":{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}`...)
	case "local_shell":
		dst = append(dst, shell...)
	default:
		for _, name := range [...]string{"description", "parameters", "strict"} {
			if v := scan.Get(t.def, name); !scan.IsNull(v) {
				dst = append(scan.AppendName(dst, name), v...)
			}
		}
	}
	return append(dst, "}}"...)
}

// description is a custom tool's, with the form that its input must have.
func (t *tool) description() string {
	text := scan.GetString(t.def, "description")
	if grammar := scan.GetString(t.def, "format", "definition"); grammar != "" {
		text += "\n\nThe input must match this grammar (" + scan.GetString(t.def, "format", "syntax") + "):\n" + grammar
	}
	return text
}

// shell is what OpenAI's models know of local_shell without being told.
const shell = `,"description":"Runs a command on the user's machine and returns its output.","parameters":{"type":"object","properties":{` +
	`"command":{"type":"array","items":{"type":"string"},"description":"The command and its arguments."},` +
	`"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"}},"required":["command"]}`

func (w *requestWriter) toolChoice(value []byte) {
	if scan.Kind(value) == '"' {
		w.raw("tool_choice", value)
		return
	}
	var name string
	switch kind := scan.GetString(value, "type"); kind {
	case "function", "custom":
		name = chatName(scan.GetString(value, "namespace"), scan.GetString(value, "name"))
	case "local_shell":
		name = kind
	case "allowed_tools":
		if mode := scan.GetString(value, "mode"); mode != "" {
			w.str("tool_choice", mode)
		}
		return
	default:
		w.refuse("tool_choice", "tool_choice", "the tool choice "+strconv.Quote(kind))
		return
	}
	w.dst = scan.AppendString(append(scan.AppendName(w.dst, "tool_choice"), `{"type":"function","function":{"name":`...), name)
	w.dst = append(w.dst, "}}"...)
}
