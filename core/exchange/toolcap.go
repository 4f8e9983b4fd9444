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
		var edits []scan.Edit
		for _, name := range [...]string{"tools", "plugins"} {
			if v := scan.Get(text, name); scan.Kind(v) == '[' {
				edits = append(edits, scan.Edit{Key: name, Value: capSearches(v)})
			}
		}
		text = scan.Apply(nil, text, edits)
	}
	return scan.Walk(text)
}

// capSearches is a list of tools or plugins with a bound for each search of Anthropic's
// that has none, and of OpenRouter's that has no lower one.
func capSearches(list []byte) []byte {
	var capped []byte
	scan.Elements(list, func(_ int, def []byte) bool {
		switch kind := scan.GetString(def, "type"); {
		case anthropics(kind):
			def = capUses(def, maxCount)
		case kind == routerSearch:
			parameters := scan.Get(def, "parameters")
			if scan.Kind(parameters) != '{' {
				parameters = []byte("{}")
			}
			def = scan.Apply(nil, def, []scan.Edit{{Key: "parameters", Value: capUses(parameters, hostedUses)}})
		case kind == "" && scan.GetString(def, "id") == "web":
			def = capUses(def, hostedUses)
		}
		capped = append(append(capped, ','), def...)
		return true
	})
	return scan.CloseArray(capped, 0)
}

// capUses gives a search a bound, unless it has one that is at most that.
func capUses(search []byte, most int64) []byte {
	if n, ok := scan.GetInt(search, "max_uses"); ok && n > 0 && n <= most {
		return search
	}
	return scan.Apply(nil, search, []scan.Edit{{Key: "max_uses", Value: appendInt(nil, hostedUses)}})
}
