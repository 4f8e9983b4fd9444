package messages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// isFunction reports whether a tool is one that the client runs, by its type.
func isFunction(kind string) bool { return kind == "" || kind == "custom" }

// functions counts those of a request.
func functions(body []byte) (n int) {
	scan.Elements(scan.Get(body, "tools"), func(_ int, t []byte) bool {
		if isFunction(scan.GetString(t, "type")) {
			n++
		}
		return true
	})
	return n
}

func (w *requestWriter) tools(value []byte) {
	count := functions(w.body)
	var search []byte
	scan.Elements(value, func(i int, t []byte) bool {
		if kind := scan.GetString(t, "type"); !isFunction(kind) {
			search = w.hosted(kind, fmt.Sprintf("tools[%d]", i), t, count > 0, search)
		}
		return w.err == nil
	})
	if search != nil {
		w.raw("web_search_options", search)
	}
	if count == 0 {
		return
	}
	w.name("tools")
	w.dst = append(w.dst, '[')
	scan.Elements(value, func(_ int, t []byte) bool {
		if isFunction(scan.GetString(t, "type")) {
			w.comma()
			w.function(t)
		}
		return true
	})
	w.dst = append(w.dst, ']')
}

func (w *requestWriter) function(t []byte) {
	w.dst = append(w.dst, `{"type":"function","function":{`...)
	w.raw("name", orEmpty(scan.Get(t, "name")))
	if d := scan.Get(t, "description"); !scan.IsNull(d) {
		w.raw("description", d)
	}
	if s := scan.Get(t, "input_schema"); !scan.IsNull(s) {
		w.raw("parameters", s)
	}
	if s := scan.Get(t, "strict"); !scan.IsNull(s) {
		w.raw("strict", s)
	}
	w.dst = append(w.dst, '}')
	w.dst = append(appendMark(w.dst, t), '}')
}

// hosted is what a tool of Anthropic's becomes: web_search_options, where it searches and
// the vendor does so. search is what there is of them already.
func (w *requestWriter) hosted(kind, at string, t []byte, beside bool, search []byte) []byte {
	switch forced := w.forces(scan.GetString(t, "name"), beside); {
	case slices.Contains(w.to.Drop, kind):
		w.notices = append(w.notices, "dropped "+at)
	case !strings.HasPrefix(kind, "web_search_") || !w.to.Searches(beside):
		w.fail(at+".type", "%s: the tool type %q is not supported for this model's provider; the deployment's drop_params may name %s", at, kind, kind)
	case forced:
		w.fail("tool_choice", "tool_choice: a search cannot be forced for this model's provider")
	case scan.GetString(w.body, "tool_choice", "type") == "none": // so nothing is offered
	default:
		return w.search(at, t)
	}
	return search
}

// forces reports whether tool_choice leaves a model nothing but a tool that is not the
// client's.
func (w *requestWriter) forces(name string, beside bool) bool {
	switch choice := scan.Get(w.body, "tool_choice"); scan.GetString(choice, "type") {
	case "any":
		return !beside
	case "tool":
		return scan.GetString(choice, "name") == name
	}
	return false
}

// search is web_search_options for a tool that searches.
// https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/web-search-tool
func (w *requestWriter) search(at string, t []byte) []byte {
	var list []byte
	for _, name := range [...]string{"allowed_domains", "blocked_domains"} {
		if scan.Len(scan.Get(t, name)) > 0 {
			w.fail(at+"."+name, "%s.%s is not supported for this model's provider", at, name)
		}
	}
	if place := scan.Get(t, "user_location"); !scan.IsNull(place) {
		list = append(scan.AppendName(list, "user_location"), bridge.Location(place)...)
	}
	if most := scan.Get(t, "max_uses"); w.to.Bounds && !scan.IsNull(most) {
		list = append(scan.AppendName(list, "max_uses"), most...)
	} else if !scan.IsNull(most) {
		w.notices = append(w.notices, "dropped "+at+".max_uses")
	}
	return scan.CloseObject(list, 0)
}

func (w *requestWriter) toolChoice(value []byte) {
	if scan.Len(scan.Get(w.body, "tools")) > 0 && functions(w.body) == 0 { // there is nothing to choose
		return
	}
	switch kind := scan.GetString(value, "type"); kind {
	case "auto", "none":
		w.str("tool_choice", kind)
	case "any":
		w.str("tool_choice", "required")
	case "tool":
		w.name("tool_choice")
		w.dst = append(w.dst, `{"type":"function","function":{"name":`...)
		w.dst = append(append(w.dst, orEmpty(scan.Get(value, "name"))...), "}}"...)
	default:
		w.fail("tool_choice.type", "tool_choice.type must be auto, any, tool or none")
	}
	if single, _ := scan.Bool(scan.Get(value, "disable_parallel_tool_use")); single {
		w.raw("parallel_tool_calls", []byte("false"))
	}
}
