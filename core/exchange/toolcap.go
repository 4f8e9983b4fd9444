package exchange

import (
	"slices"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// capTools has a vendor use its own tools no more often than is held for, where it can be
// told: under a budget.
func (r *run) capTools(body scan.Object) scan.Object {
	if len(r.principal.Budgets) == 0 {
		return body
	}
	list := r.hostedAt(r.target)
	if len(list) == 0 {
		return body
	}
	text := body.Text()
	if path := strings.Split(r.plan.Request.ToolCap, "."); path[0] != "" {
		n, ok := scan.Int(scan.Get(text, path...))
		switch among := len(path) > 1; {
		case among && scan.Kind(body.Get(path[0])) != '{':
		case ok && n > 0 && (!among || n <= hostedUses): // the client's own, for which is held
		default:
			text = setAt(text, path, appendInt(nil, hostedUses))
		}
	}
	if slices.ContainsFunc(list, func(h hosted) bool { return h.open }) {
		text = scan.Apply(nil, text, []scan.Edit{{Key: "tools", Value: capSearches(scan.Get(text, "tools"))}})
	}
	return scan.Walk(text)
}

// capSearches is a list of tools with a bound for each search of Anthropic's that has none.
func capSearches(tools []byte) []byte {
	var list []byte
	scan.Elements(tools, func(_ int, def []byte) bool {
		if n, ok := scan.GetInt(def, "max_uses"); anthropics(scan.GetString(def, "type")) && (!ok || n < 1) {
			def = scan.Apply(nil, def, []scan.Edit{{Key: "max_uses", Value: appendInt(nil, hostedUses)}})
		}
		list = append(append(list, ','), def...)
		return true
	})
	return scan.CloseArray(list, 0)
}
