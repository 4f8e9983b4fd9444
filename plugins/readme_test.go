package plugins

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the README.md of each profile anew")

// described is what a README tells of a profile.
type described struct {
	ID, Name, Description, Homepage string
	Credential                      []struct{ Optional bool }
	Config                          struct {
		BaseURL   string `json:"base_url"`
		Serves    []string
		Options   map[string]struct{ Header, Description string }
		Reasoning struct {
			Answer   []string
			History  string
			Required bool
			Efforts  []struct{ Models, Words []string }
		}
		Endpoints map[string]struct {
			OutputCap   string `json:"output_cap"`
			Unsupported []string
			Extensions  []string
			Alternate   bool
			Searches    int64
			FilesApart  bool `json:"files_apart"`
			Aliases     []string
			Translate   struct {
				Over    string
				Tools   []string
				Session map[string]any
			}
			Steps    string
			Offered  bool
			Usage    struct{ Seconds []string }
			Requests []edited `json:"request_edits"`
			Answers  []edited `json:"answer_edits"`
		}
		Variants []struct {
			When struct{ Models []string }
			Then struct {
				Reasoning struct{ History string }
				Endpoints map[string]struct {
					Searches           int64
					Boundless, Offered bool
					Cap                int64 `json:"output_default"`
				}
			}
		}
		Errors []struct {
			Code, Type, VCode, Message string
			Status                     int
		}
	}
}

// edited is what a README tells of an edit.
type edited struct {
	Op, Key string
	Value   json.RawMessage
}

// made stands in the READMEs that are made of profiles.
const made = "A profile of the codec in [openai](../openai): [profile.json](profile.json) is all that differs."

// TestReadme: the README of a folder that is nothing but a profile says what the
// profile does, unless somebody has written one. go test -update writes it.
func TestReadme(t *testing.T) {
	for _, name := range Builtin().Profiles() {
		if _, err := os.Stat("providers/" + name + "/main.go"); err == nil {
			continue // the codec's own folder tells more
		}
		var d described
		if err := json.Unmarshal(Builtin().Profile(name), &d); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d.ID != "provider."+name || d.Name == "" || d.Description == "" || !strings.HasPrefix(d.Homepage, "https://") {
			t.Errorf("%s: %+v", name, d)
		}
		path := "providers/" + name + "/README.md"
		want := d.readme(name)
		if own, err := os.ReadFile(path); err == nil && !strings.Contains(string(own), made) {
			continue // somebody has written more
		}
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is not what its profile says (%v): go test ./plugins -update", path, err)
		}
	}
}

func (d *described) readme(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s %s\n\n"+made+" Whole exchanges are in\n"+
		"[testdata/vectors/%s/exchange](../../../testdata/vectors/%s/exchange).\n\n", name, d.Description, "<"+d.Homepage+">", name, name)
	fmt.Fprintf(&b, "```toml\n[[plugin]]\nid = %q\nsource = \"builtin:%s\"\n\n", d.ID, name)
	optional := len(d.Credential) == 0 || d.Credential[0].Optional
	if !optional {
		fmt.Fprintf(&b, "[[credential]]\nname = %q\nprovider = %q\napi_key = \"env:%s_API_KEY\"\n\n", name, d.ID, strings.ToUpper(name))
	}
	fmt.Fprintf(&b, "[[deployment]]\nname = \"%s-1\"\nprovider = %q\nmodel = \"…\"\n", name, d.ID)
	if optional {
		fmt.Fprintf(&b, "base_url = %q\nallow_private = true          # for an address of your own network\n", or(d.Config.BaseURL, "https://llm.example/v1"))
	} else {
		fmt.Fprintf(&b, "credential = %q\n", name)
	}
	b.WriteString("```\n\n| | |\n|---|---|\n")
	row := func(what, value string) {
		if value != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", what, value)
		}
	}
	chat := d.Config.Endpoints["chat"]
	row("address", code(d.Config.BaseURL))
	row("endpoints", or(d.serves(), "those of OpenAI's API"))
	if slices.Contains(d.Config.Endpoints["realtime"].Usage.Seconds, "$sound") {
		row("realtime", "sessions are sold by the second of sound that is sent or received, and by the text that is added: `price = { second = \"…\", message = \"…\" }`. "+
			"The gateway counts both, in one entry for each session. Tools that the vendor bills apart are refused under a budget")
	}
	if d.Config.Endpoints["realtime"].Translate.Session != nil {
		row("realtime", "sessions transcribe (`session.type` is `transcription`): the client commits what is said, and each such turn has an entry, by its seconds. "+
			"`audio/pcm` of 24,000 samples a second, as OpenAI's clients send it, or of 16,000")
	}
	row("output cap", code(chat.OutputCap))
	if over := chat.Translate.Over; over == "" {
		d.thoughts(row)
	} else {
		row("`chat`", "over "+code(over)+". `web_search_options` ask for a search, with what the vendor's tool takes beside. What was found are `annotations`, which have no place in the text")
		row("tools of the vendor's own in a chat", list(chat.Translate.Tools))
	}
	for _, e := range d.Config.Reasoning.Efforts {
		row("`reasoning_effort` of "+list(e.Models), efforts(e.Words))
	}
	d.reshaped(row)
	row("taken beside OpenAI's members", list(chat.Extensions))
	if slices.Contains(chat.Extensions, "reasoning_details") {
		row("`reasoning_details`", "to clients of chat, and back, as they are; where chat carries `/v1/messages` or `/v1/responses`, thinking blocks (`redacted_thinking` of encrypted ones) and reasoning items, and back as they were")
	}
	row("refused, or dropped by `drop_params`", list(chat.Unsupported))
	for _, endpoint := range keys(d.Config.Endpoints) {
		if e := d.Config.Endpoints[endpoint]; endpoint != "chat" {
			row("refused of "+code(endpoint)+", or dropped by `drop_params`", list(e.Unsupported))
		}
	}
	if chat.Alternate {
		row("messages", "neighbours of one role are joined")
	}
	if chat.FilesApart {
		row("files among the messages", "what is paid for reading them has no price here: flagged, and refused under a budget, unless a plugin reads them for nothing")
	}
	if d.ID == "provider.openrouter" { // which has engines of its own
		row("searches of the web", "the book has the price of Claude's, GPT's and Gemini's own. For another model, or an `engine` that a request names, give the deployment one: "+
			"`price = { search = \"7000\", … }` is $7 for 1,000 with Exa, $5 with Parallel, Perplexity and Firecrawl (<https://openrouter.ai/tool/web-search>, 2026-12-01). "+
			"Without it they are flagged, and refused under a budget")
	}
	d.searching(row)
	d.agent(row)
	for _, option := range keys(d.Config.Options) {
		row("option "+code(option), strings.TrimSpace("the header "+code(d.Config.Options[option].Header)+". "+d.Config.Options[option].Description))
	}
	for _, e := range d.Config.Errors {
		var when []string
		if e.Status > 0 {
			when = append(when, fmt.Sprint("status ", e.Status))
		}
		for what, text := range map[string]string{"code": e.VCode, "type": e.Type, "a message that begins with": e.Message} {
			if text != "" {
				when = append(when, what+" `"+strings.TrimSpace(strings.ReplaceAll(text, "`", "'"))+"`")
			}
		}
		slices.Sort(when)
		row("error: "+strings.Join(when, ", "), code(e.Code))
	}
	return b.String()
}

// serves are the endpoints; one that only an option of a deployment turns on says so.
func (d *described) serves() string {
	text := list(d.Config.Serves)
	if !d.Config.Endpoints["responses"].Offered {
		text = strings.Replace(text, code("responses"), code("responses")+" (by itself with `responses = true`, else over chat)", 1)
	}
	for _, v := range d.Config.Variants {
		for _, endpoint := range keys(v.Then.Endpoints) {
			if v.Then.Endpoints[endpoint].Offered {
				text = strings.Replace(text, code(endpoint), code(endpoint)+" (of "+list(v.When.Models)+"; else over chat)", 1)
			}
		}
	}
	return text
}

// variants are the history rules of some models.
func (d *described) variants() (text string) {
	for _, v := range d.Config.Variants {
		if v.Then.Reasoning.History != "" {
			text += ", of " + list(v.When.Models) + " " + code(v.Then.Reasoning.History)
		}
	}
	return text
}

// searching tells of models that search by themselves.
func (d *described) searching(row func(what, value string)) {
	if n := d.Config.Endpoints["chat"].Searches; n > 0 {
		row("searches that are held for", fmt.Sprint(n))
	}
	for _, v := range d.Config.Variants {
		if n := v.Then.Endpoints["chat"].Searches; n > 0 {
			row("searches that are held for, with "+list(v.When.Models), fmt.Sprint(n))
		}
		if v.Then.Endpoints["chat"].Boundless || v.Then.Endpoints["responses"].Boundless {
			row("what an answer costs, with "+list(v.When.Models), "has no bound: refused under a budget")
		}
	}
}

// thoughts tells where reasoning stands.
func (d *described) thoughts(row func(what, value string)) {
	if d.Config.Reasoning.Answer == nil {
		d.Config.Reasoning.Answer = []string{"reasoning"} // as in the codec's defaults
	}
	row("reasoning in answers", list(append([]string{"reasoning_content"}, d.Config.Reasoning.Answer...))+", to clients always the first")
	row("reasoning in the history", code(or(d.Config.Reasoning.History, "keep"))+required(d.Config.Reasoning.Required)+d.variants()+"; `reasoning_history` of a deployment's options says otherwise")
}

// agent tells of an API by which the vendor runs tools and goes on by itself.
func (d *described) agent(row func(what, value string)) {
	responses := d.Config.Endpoints["responses"]
	row("`responses` for the vendor's own clients, beside its path", list(responses.Aliases))
	if responses.Steps != "" {
		row("under a budget", "what it reads and writes anew after each step (`"+responses.Steps+"`) is held for where it may use tools; tools that have no price here are refused")
	}
	for _, v := range d.Config.Variants {
		if n := v.Then.Endpoints["responses"].Cap; n > 0 {
			row("output cap of "+list(v.When.Models), fmt.Sprint(n)+" tokens where a request sets none")
		}
	}
}

// reshaped tells of the edits that make new values.
func (d *described) reshaped(row func(what, value string)) {
	chat := d.Config.Endpoints["chat"]
	for _, e := range append(chat.Answers, chat.Requests...) {
		switch e.Op {
		case "split_thinking":
			row("parts of type `thinking` in "+code(e.Key), "`reasoning_content`; what is left is a string where it is text alone. `signature` and `closed` of such a part are left out")
		case "short_id":
			row(code(e.Key)+" other than "+string(e.Value)+" of a-z, A-Z, 0-9", "so many of them, made of a hash, the same for the same")
		}
	}
}

// efforts tells which words a model takes.
func efforts(words []string) string {
	if len(words) == 1 && words[0] == "" {
		return "none is taken: left out, which is told"
	}
	return list(words) + "; another becomes the nearest or is left out, which is told"
}

func required(is bool) string {
	if is {
		return ", empty where an assistant's message has none"
	}
	return ""
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func list(names []string) string {
	var b []string
	for _, n := range names {
		b = append(b, code(n))
	}
	return strings.Join(b, " ")
}

func keys[V any](m map[string]V) (names []string) {
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}
