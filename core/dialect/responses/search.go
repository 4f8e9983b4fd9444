package responses

import (
	"slices"
	"strings"

	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// search asks for the search that an offered tool stands for, if the vendor has one and
// can do it as the client wants: with no limit to what was kept, or to some domains.
func (w *requestWriter) search(kind string, def []byte) bool {
	if !strings.HasPrefix(kind, "web_search") || w.asks != nil || slices.Contains(w.to.Drop, kind) || !w.to.Searches(len(w.tools) > 0) || !w.mayUse(kind) {
		return false
	}
	var list []byte
	fits := true
	scan.Members(def, func(key, v []byte) bool {
		switch name := string(key); {
		case name == "type" || scan.IsNull(v):
		case name == "search_context_size":
			list = append(scan.AppendName(list, name), v...)
		case name == "user_location":
			list = append(scan.AppendName(list, name), bridge.Location(v)...)
		case name == "external_web_access":
			fits, _ = scan.Bool(v)
		case name == "filters":
			fits = scan.Len(scan.Get(v, "allowed_domains")) == 0 && scan.Len(scan.Get(v, "blocked_domains")) == 0
		default:
			fits = false
		}
		return fits
	})
	if !fits {
		return false
	}
	if most := scan.Get(w.body, "max_tool_calls"); w.to.Bounds && !scan.IsNull(most) {
		list = append(scan.AppendName(list, "max_uses"), most...)
	} else if !scan.IsNull(most) {
		w.leaveOut("max_tool_calls")
	}
	w.asks = scan.CloseObject(list, 0)
	return true
}

// mayUse reports whether tool_choice leaves a model the tools of a type.
func (w *requestWriter) mayUse(kind string) (may bool) {
	choice := scan.Get(w.body, "tool_choice")
	if scan.GetString(choice, "type") != "allowed_tools" {
		return !scan.Is(choice, "none")
	}
	scan.Elements(scan.Get(choice, "tools"), func(_ int, one []byte) bool {
		may = scan.GetString(one, "type") == kind
		return !may
	})
	return may
}
