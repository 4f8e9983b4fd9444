package exchange

import (
	"fmt"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// freePlugins are those of OpenRouter's that cost nothing beside tokens, or say what its
// routers choose, whose names are models with prices of their own.
// https://openrouter.ai/docs/guides/features/plugins
var freePlugins = map[string]bool{"response-healing": true, "context-compression": true, "auto-router": true, "auto-beta-router": true,
	"pareto-router": true, "switchyard-router": true}

// plugins looks at OpenRouter's plugins: a search of the web, and others that run at it.
func (f *finder) plugins(list []byte) {
	scan.Elements(list, func(i int, def []byte) bool {
		id := scan.GetString(def, "id")
		h := hosted{param: fmt.Sprintf("plugins[%d]", i), drop: "plugins", most: hostedUses}
		switch on, said := scan.Bool(scan.Get(def, "enabled")); {
		case said && !on || freePlugins[id]:
			return true
		case id == "web":
			h.unit = partSearches
			h = h.routed(def)
		case id == "file-parser":
			switch scan.GetString(def, "pdf", "engine") {
			case "cloudflare-ai", "pdf-text", "native": // the last for tokens
				f.parsed = true
				return true
			}
		}
		f.list = append(f.list, h)
		return true
	})
}

// routerSearch is the kind of OpenRouter's search of the web as a tool.
const routerSearch = "openrouter:web_search"

// routed is h as what a search of OpenRouter's says of itself makes it. The book's price is
// that of the provider's own search, which is the usual one; engines have other prices.
// https://openrouter.ai/tool/web-search
func (h hosted) routed(search []byte) hosted {
	switch scan.GetString(search, "engine") {
	case "", "auto", "native":
	case "exa", "firecrawl", "parallel", "perplexity":
		h.own = true
	default:
		h.unit = 0
	}
	if dearer(search) {
		h.unit = 0
	}
	n, bound := scan.GetInt(search, "max_uses")
	h.open = !bound || n < 1 || n > hostedUses // less is not counted on: not every provider keeps to it
	return h
}

// usualResults are those of a search that says nothing of their number.
const usualResults = 5

// dearer reports whether a search of OpenRouter's may cost more than its usual one: by the
// number of its results, by a way to search that is deeper, or by what else it searches.
// https://openrouter.ai/docs/guides/features/server-tools/web-search
func dearer(search []byte) bool {
	mode := scan.GetString(search, "mode")
	n, some := scan.GetInt(search, "max_results")
	return some && n > usualResults || strings.HasPrefix(mode, "deep") || mode == "advanced" || !scan.IsNull(scan.Get(search, "x_search"))
}
