package exchange

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// hosted is a tool that runs at the vendor, who bills its uses apart from tokens.
// https://platform.openai.com/docs/pricing#built-in-tools
// https://platform.claude.com/docs/en/about-claude/pricing#tool-use-pricing
// https://docs.aws.amazon.com/nova/latest/userguide/grounding.html
// https://openrouter.ai/docs/guides/features/server-tools
type hosted struct {
	param string // "tools[1]"
	said  string // where the client says it, if that is elsewhere
	drop  string // as drop_params call it
	unit  int    // that its uses are counted in; 0 for none
	most  int64  // uses that are held for
	open  bool   // it takes a bound, and has none
	own   bool   // a deployment's own price is the only one that is meant for it
	// boundless: what it costs is told afterwards, and no bound of it is known before.
	boundless bool
	agent     bool  // only who goes on by himself after his tools is asked for it
	finds     int64 // tokens that one use brings, where they are billed as input
}

// hostedUses is what is held for where a request sets no bound: few answers search
// more often.
const hostedUses = 10

// apart are the kinds of tools that are billed apart and have a unit, by how their
// names begin. Others that run at the vendor have none.
var apart = [...]struct {
	kind string
	unit int
}{{"web_search", partSearches}, {"image_generation", partImages}, {"googleSearch", partSearches}, {"google_search", partSearches},
	{"nova_grounding", partSearches}, {routerSearch, partSearches}}

// plain begin the kinds of tools that cost tokens and no more: those that a client
// runs, and some of vendors. Google's code_execution is one too, by its whole name:
// Anthropic's begin with it.
// https://ai.google.dev/gemini-api/docs/code-execution#billing
var plain = [...]string{"function", "custom", "local_shell", "shell", "apply_patch", "namespace", "tool_search", "mcp", "computer", "bash_", "text_editor_", "memory_",
	"web_fetch_", "url_context", "urlContext", "codeExecution", "openrouter:datetime", "tool_spec", "toolSpec", "cachePoint"}

// billedApart reports whether uses of a kind of tool are billed apart, and in what unit.
func billedApart(kind string, def []byte) (unit int, ok bool) {
	if kind == "shell" && strings.HasPrefix(scan.GetString(def, "environment", "type"), "container") {
		return 0, true
	}
	if kind == "" || kind == "code_execution" || slices.ContainsFunc(plain[:], func(p string) bool { return strings.HasPrefix(kind, p) }) {
		return 0, false
	}
	for _, a := range apart {
		if strings.HasPrefix(kind, a.kind) {
			return a.unit, true
		}
	}
	return 0, true
}

// finder gathers the hosted tools among those of a request.
type finder struct {
	list   []hosted
	most   int64 // uses of one that sets no bound of its own
	parsed bool  // files are read for nothing

	quick, slow int // searches, by what they cost at Perplexity
}

// shared looks at the members that OpenAI, Anthropic and those that speak like them
// have. Chat's count everywhere: a bridge may pass them on.
func (f *finder) shared(body scan.Object, made int64) {
	if v := body.Get(webSearch); !scan.IsNull(v) {
		f.add(webSearch, webSearch, "web_search", v, made)
	}
	// Google's extension of OpenAI's API. Whoever does not know it leaves it out.
	f.each(scan.Get(body.Get("extra_body"), "google", "tools"), "extra_body.google.tools[%d]", "extra_body", untyped)
	f.each(body.Get("tools"), "tools[%d]", "tools", typed)
	f.plugins(body.Get("plugins"))
	f.agents(body)
}

func (f *finder) add(param, drop, kind string, def []byte, most int64) {
	unit, ok := billedApart(kind, def)
	if !ok {
		return
	}
	h := hosted{param: param, drop: drop, unit: unit, most: most, finds: foundTokens}
	f.searchKind(unit, def, &h)
	switch n, bound := scan.GetInt(def, "max_uses"); {
	case kind == routerSearch:
		f.list = append(f.list, h.routed(scan.Get(def, "parameters")))
		return
	case !anthropics(kind): // to whom max_uses means nothing
	case bound && n > 0:
		h.most = n
	default:
		h.open, h.most = true, hostedUses
	}
	h.most = min(h.most, maxCount)
	f.list = append(f.list, h)
}

// anthropics reports whether a kind is Anthropic's search: its name ends with a date of
// eight digits. https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool
func anthropics(kind string) bool {
	date, ok := strings.CutPrefix(kind, "web_search_")
	return ok && len(date) == 8 && strings.Trim(date, "0123456789") == ""
}

// each looks at tools, whose place is at with their number in it. form calls found with
// the kinds of tools that stand in a definition, and what defines them.
func (f *finder) each(tools []byte, at, drop string, form func(def []byte, found func(kind string, def []byte))) {
	scan.Elements(tools, func(i int, def []byte) bool {
		form(def, func(kind string, def []byte) {
			switch _, ok := billedApart(kind, def); { // most are not: their places cost nothing
			case ok:
				f.add(fmt.Sprintf(at, i), drop, kind, def, f.most)
			case kind == "mcp": // a server of tools
				f.list = append(f.list, unmeasured(fmt.Sprintf(at, i), drop))
			}
		})
		return true
	})
}

// typed is a tool that says its type, as OpenAI's and Anthropic's do.
func typed(def []byte, found func(string, []byte)) { found(scan.GetString(def, "type"), def) }

// untyped is one whose members are the tools, as Google's are.
func untyped(def []byte, found func(string, []byte)) {
	scan.Members(def, func(key, value []byte) bool {
		found(string(key), value)
		return true
	})
}

// vendors is a tool of a vendor's own API, either of these.
func vendors(def []byte, found func(string, []byte)) {
	if scan.GetString(def, "type") == "" && scan.Get(def, "name") == nil {
		untyped(def, found)
		return
	}
	typed(def, found)
}

// system is one of Converse's; others of its tools are the client's.
func system(def []byte, found func(string, []byte)) {
	if tool := scan.Get(def, "systemTool"); tool != nil {
		found(scan.GetString(tool, "name"), nil)
	}
}

// hostedAt are the hosted tools that t would be told of, and what it does by itself.
func (r *run) hostedAt(t *Target) []hosted {
	p := r.planOf(t)
	if p == nil {
		return nil
	}
	asked := r.extrasAt(t)
	list, drop, searches := asked.hosted, t.Deployment.DropParams, p.Request.Searches
	left := func(h hosted) bool {
		return slices.Contains(drop, h.drop) || searches > 0 && h.param == webSearch || // which only says how
			h.agent && p.Request.Steps == ""
	}
	if slices.ContainsFunc(list, left) {
		list = slices.DeleteFunc(slices.Clone(list), left)
	}
	if searches > 0 {
		list = append(slices.Clip(list), hosted{param: "model", unit: partSearches, most: searches})
	}
	if p.Request.Boundless {
		list = append(slices.Clip(list), hosted{param: "model", boundless: true})
	}
	if p.Request.FilesApart && r.facts.files && !asked.parsed {
		list = append(slices.Clip(list), hosted{param: "messages"})
	}
	return list
}

// webSearch is chat's member for a search that is no tool.
const webSearch = "web_search_options"

// unratedTool refuses a request whose hosted tools could cost what nobody knows.
func (r *run) unratedTool(w *worstCase) (e *core.Error) {
	w.any(func(t *Target) bool {
		for _, one := range r.hostedAt(t) {
			if e == nil && !one.ratedAt(t) {
				e = core.Errorf(core.CodePermissionDenied, core.SourceGateway, "%s, and this key has a budget", one.unknown())
				e.Param = cmp.Or(one.said, one.param)
			}
		}
		return e != nil
	})
	return e
}

// unknown says what of the tool has no price.
func (h hosted) unknown() string {
	switch {
	case h.boundless && h.param == "model":
		return "what an answer of this model costs has no bound"
	case h.boundless:
		return "what " + h.param + " asks for has no bound that the gateway knows"
	}
	switch h.param {
	case "model":
		return "this model searches the web by itself, what a search costs the gateway does not know"
	case "messages":
		return "a file may be read at a price of its own that the gateway does not know, but for by the plugin file-parser with an engine that is free"
	}
	return cmp.Or(h.said, h.param) + " is a tool whose uses have a price of their own that the gateway does not know"
}

// ratedAt reports whether the tool's uses have a price at t.
func (h hosted) ratedAt(t *Target) bool {
	return t.Price != nil && !h.boundless && h.unit != 0 && rate(&t.Price.Rates, h.unit) != nil && !h.foreignTo(t)
}

// foreignTo reports whether the price of t is not meant for the tool: it is the book's.
func (h hosted) foreignTo(t *Target) bool { return h.own && t.Price != nil && t.Price.Provider != "" }

// unrated reports whether t would be told of a tool whose uses have no price there.
func (r *run) unrated(t *Target) bool {
	return slices.ContainsFunc(r.hostedAt(t), func(h hosted) bool { return !h.ratedAt(t) })
}

// held is u with the uses of hosted tools that are held for at t. Who is told of
// web_search_options by a translation may search more than once, as Gemini does.
func (r *run) held(t *Target, u core.Usage) core.Usage {
	for _, h := range r.hostedAt(t) {
		switch h.unit {
		case partSearches:
			if h.param == webSearch && r.planOf(t).Request.Mode == abi.Transform {
				h.most = max(h.most, hostedUses)
			}
			u.Searches += h.most
		case partImages:
			u.Images += h.most
		}
	}
	return r.stepped(t, u)
}

// uses counts in an answer or event what hosted tools did. What a vendor reports
// itself counts more, and is read later.
func (r *run) uses(doc []byte) {
	if len(r.facts.hosted) == 0 && !r.plan.Request.Boundless {
		return
	}
	if r.plan.endpoint == abi.Responses {
		r.tally.outputUses(doc)
		return
	}
	var queries int64
	scan.Elements(scan.Get(doc, "candidates"), func(_ int, c []byte) bool {
		queries += int64(scan.Len(scan.Get(c, "groundingMetadata", "webSearchQueries")))
		return true
	})
	if queries > 0 {
		r.tally.set(partSearches, queries)
	}
	r.tally.grounded(doc)
}

// grounded counts the searches of Amazon's Nova in an answer of Converse, or adds the
// one that an event of its streams begins.
// https://docs.aws.amazon.com/nova/latest/userguide/grounding.html
func (t *tally) grounded(doc []byte) {
	count := func(use []byte) {
		if scan.GetString(use, "type") == "server_tool_use" && scan.GetString(use, "name") == "nova_grounding" {
			t.set(partSearches, t.parts[partSearches]+1)
		}
	}
	count(scan.Get(doc, "start", "toolUse"))
	scan.Elements(scan.Get(doc, "output", "message", "content"), func(_ int, block []byte) bool {
		count(scan.Get(block, "toolUse"))
		return true
	})
}

// outputUses counts the items of a response, or adds one that a stream has ended.
func (t *tally) outputUses(doc []byte) {
	if scan.GetString(doc, "type") == "response.output_item.done" {
		t.use(scan.Get(doc, "item"))
		return
	}
	output := scan.Get(doc, "output")
	if output == nil {
		output = scan.Get(doc, "response", "output")
	}
	if scan.Len(output) == 0 {
		return
	}
	t.parts[partSearches], t.parts[partImages] = 0, 0 // all of them stand here
	scan.Elements(output, func(_ int, item []byte) bool {
		t.use(item)
		return true
	})
}

func (t *tally) use(item []byte) {
	kind, call := strings.CutSuffix(scan.GetString(item, "type"), "_call")
	call = call || strings.HasPrefix(kind, "openrouter:") // whose items have the names of its tools
	unit, billed := billedApart(kind, item)
	switch action := scan.GetString(item, "action", "type"); {
	case !call && isFinding(kind):
		t.found(kind)
	case !call || !billed:
	case unit == 0:
		t.beyond = true
	case unit != partSearches || action == "" || action == "search": // to open what was found costs nothing
		t.set(unit, t.parts[unit]+1)
	}
}

// searched is u with the search of a chat whose vendor does not say how often it
// did: once for each choice. A provider plugin that reads whole answers tells what
// was searched, and nothing where nothing was.
func (r *run) searched(u core.Usage) core.Usage {
	if told := r.tally.known[partSearches] || r.whole && !r.passesThrough(); r.plan.endpoint == abi.Chat && !told {
		for _, h := range r.hostedAt(r.target) {
			if h.unit == partSearches {
				u.Searches = r.facts.made
			}
		}
	}
	return u
}

// beyond reports whether a hosted tool cost what no part of usage has. Only
// responses tell which tools were used: elsewhere an offered one counts as such.
func (r *run) beyond() bool {
	return r.tally.beyond || r.plan != nil && slices.ContainsFunc(r.hostedAt(r.target), func(h hosted) bool {
		return h.foreignTo(r.target) || r.plan.endpoint != abi.Responses && h.unit == 0 && !h.boundless
	})
}
