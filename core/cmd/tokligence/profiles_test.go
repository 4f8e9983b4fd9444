package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/plugins"
)

var updateProfiles = flag.Bool("update-profiles", false, "write the expected sections of the profiles' exchanges anew")

// profiled is one exchange of a provider that is a profile, as a file in
// testdata/vectors/<name>/exchange says it:
//
//	setup.json    model, options, drop_params; the client's path; the vendor's status
//	request.json  what the client sends
//	sent.txt      where it went, with the headers that are a provider's own
//	sent.json     what went there
//	answer        what the vendor answers, as it stands
//	reply         what the client gets
//	notices.txt   what it is told in x-tokligence-notice
//	usage.json    what stands in the ledger
type profiled struct {
	name, provider, file string
	archive              *txtar.Archive
	setup                struct {
		Model      string         `json:"model"`
		Options    map[string]any `json:"options"`
		DropParams []string       `json:"drop_params"`
		Path       string         `json:"path"`
		Status     int            `json:"status"`
	}
	mu         sync.Mutex
	sent, body string
}

func (p *profiled) section(name string) string {
	for _, f := range p.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// serve answers as the vendor, in pieces of so many bytes as the request's user says.
func (p *profiled) serve(w http.ResponseWriter, r *http.Request, base string) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	p.body = string(body)
	p.sent = r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), base) + "\n"
	for _, name := range []string{"Authorization", "Api-Key", "Http-Referer", "X-Title"} {
		if v := r.Header.Get(name); v != "" {
			p.sent += strings.ToLower(name) + ": " + v + "\n"
		}
	}
	p.mu.Unlock()
	answer := strings.TrimSuffix(p.section("answer"), "\n")
	if strings.HasPrefix(answer, "{") {
		w.Header().Set("content-type", "application/json")
	} else {
		w.Header().Set("content-type", "text/event-stream")
		answer += "\n"
	}
	w.WriteHeader(max(p.setup.Status, 200))
	for size := len(p.body)%5 + 1; len(answer) > 0; { // awkward, and another for each request
		n := min(size, len(answer))
		fmt.Fprint(w, answer[:n])
		answer = answer[n:]
		if size < 4 {
			w.(http.Flusher).Flush()
		}
	}
}

// exchanges are the files of all profiles.
func exchanges(t *testing.T) (list []*profiled) {
	t.Helper()
	for _, provider := range plugins.Builtin().Profiles() {
		files, err := filepath.Glob(filepath.Join(vectors, provider, "exchange", "*.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := &profiled{provider: provider, file: file, archive: a, name: provider + "-" + strings.TrimSuffix(filepath.Base(file), ".txtar")}
			if err := json.Unmarshal([]byte(p.section("setup.json")), &p.setup); err != nil {
				t.Fatalf("%s: setup.json: %v", file, err)
			}
			list = append(list, p)
		}
	}
	return list
}

// TestProfiles: every profile's exchanges, through the whole gateway: all profiles
// in one configuration.
func TestProfiles(t *testing.T) {
	list := exchanges(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		for _, p := range list {
			if p.name == name {
				p.serve(w, r, "/"+name)
			}
		}
	}))
	defer server.Close()
	g := newGateway(t, profilesConfig(t, list), &vendor{url: server.URL})
	g.plain = true
	g.start()
	k := g.newKey("profiles", "")
	replies := map[string]*http.Response{}
	bodies := map[string]string{}
	for _, p := range list {
		replies[p.name], bodies[p.name] = g.post(k.Secret, path(p), p.section("request.json"))
	}
	entries := map[string]*core.LedgerEntry{}
	for _, e := range g.entries() {
		entries[e.RequestedModel] = e
	}
	for _, p := range list {
		t.Run(p.name, func(t *testing.T) { p.compare(t, replies[p.name], bodies[p.name], entries[p.name]) })
	}
}

// TestProfiles_Complete: every profile shows a whole answer, a stream and an error of its chat.
func TestProfiles_Complete(t *testing.T) {
	kinds := []string{"200\n{", "200\ndata: ", "4"}
	seen := map[string]bool{}
	for _, p := range exchanges(t) {
		for _, kind := range kinds {
			seen[p.provider+kind] = seen[p.provider+kind] || path(p) == "/v1/chat/completions" && strings.HasPrefix(p.section("reply"), kind)
		}
	}
	for _, provider := range plugins.Builtin().Profiles() {
		for _, kind := range kinds {
			if !seen[provider+kind] {
				t.Errorf("%s has no exchange whose reply begins with %q", provider, kind)
			}
		}
	}
}

// made is an id or a time that the gateway has made, another each time.
var made = regexp.MustCompile(`\b((?:msg|chatcmpl|resp|exc)_|(?:chat)?cmpl-|created":)[0-9A-Za-z]{10,}`)

func path(p *profiled) string {
	if p.setup.Path == "" {
		return "/v1/chat/completions"
	}
	return p.setup.Path
}

// post sends a client's request for the model that is its name.
func (g *gateway) post(secret, path, body string) (*http.Response, string) {
	g.t.Helper()
	req, err := http.NewRequest("POST", g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("authorization", "Bearer "+secret)
	req.Header.Set("content-type", "application/json")
	resp, err := g.client.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		g.t.Fatal(err)
	}
	return resp, string(text)
}

// profilesConfig declares all profiles, and a deployment for each exchange.
func profilesConfig(t *testing.T, list []*profiled) string {
	t.Helper()
	type object = map[string]any
	config := object{"server": object{"listen": "127.0.0.1:0"}, "storage": object{"url": "sqlite://data/t.db?busy_timeout=1s"}}
	var declared, credentials, deployments, models []object
	for _, name := range plugins.Builtin().Profiles() {
		if !slices.ContainsFunc(list, func(p *profiled) bool { return p.provider == name }) {
			continue // one that no deployment uses is not loaded
		}
		declared = append(declared, object{"id": "provider." + name, "source": "builtin:" + name, "timeout": "5s"})
		credentials = append(credentials, object{"name": name, "provider": "provider." + name, "api_key": "sk-" + name})
	}
	for _, p := range list {
		d := object{"name": p.name, "provider": "provider." + p.provider, "model": p.setup.Model, "credential": p.provider,
			"base_url": "%s/" + p.name, "allow_private": true, "price": object{"input": "1.00", "output": "10.00"}}
		if len(p.setup.Options) > 0 {
			d["options"] = p.setup.Options
		}
		if len(p.setup.DropParams) > 0 {
			d["drop_params"] = p.setup.DropParams
		}
		deployments = append(deployments, d)
		models = append(models, object{"name": p.name, "deployments": []string{p.name}})
	}
	config["plugin"], config["credential"], config["deployment"], config["model"] = declared, credentials, deployments, models
	var b strings.Builder
	if err := toml.NewEncoder(&b).Encode(config); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (p *profiled) compare(t *testing.T, resp *http.Response, reply string, e *core.LedgerEntry) {
	usage := "null"
	if e != nil {
		b, err := json.Marshal(struct {
			core.Usage
			Outcome core.Outcome `json:"outcome"`
			Error   core.Code    `json:"error,omitempty"`
		}{e.Usage, e.Outcome, e.ErrorCode})
		if err != nil {
			t.Fatal(err)
		}
		usage = string(b)
	}
	got := []txtar.File{{Name: "sent.txt", Data: []byte(p.sent)}, {Name: "sent.json", Data: []byte(p.body)},
		{Name: "reply", Data: []byte(fmt.Sprintf("%d\n%s", resp.StatusCode, made.ReplaceAllString(reply, "${1}MADE")))},
		{Name: "notices.txt", Data: []byte(strings.Join(resp.Header.Values("x-tokligence-notice"), "\n"))}, {Name: "usage.json", Data: []byte(usage)}}
	if *updateProfiles {
		p.write(t, got)
		return
	}
	for _, f := range got {
		if want := strings.TrimRight(p.section(f.Name), "\n"); strings.TrimRight(string(f.Data), "\n") != want {
			t.Errorf("%s\n got: %s\nwant: %s", f.Name, f.Data, want)
		}
	}
}

func (p *profiled) write(t *testing.T, got []txtar.File) {
	out := &txtar.Archive{Comment: p.archive.Comment}
	for _, name := range []string{"setup.json", "request.json", "sent.txt", "sent.json", "answer", "reply", "notices.txt", "usage.json"} {
		data := p.section(name)
		for _, f := range got {
			if f.Name == name {
				data = string(f.Data)
			}
		}
		if data != "" {
			out.Files = append(out.Files, txtar.File{Name: name, Data: []byte(strings.TrimRight(data, "\n") + "\n")})
		}
	}
	if err := os.WriteFile(p.file, txtar.Format(out), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOwnProvider: the lines of README.md with which a user adds a provider that
// speaks OpenAI's API. It has its own name in the ledger.
func TestOwnProvider(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(readme), "```toml\n[[plugin]]\nid = \"provider.acme\"")
	lines, _, found := strings.Cut(lines, "```")
	const address = "https://api.acme.example/v1"
	if !found || !strings.Contains(lines, address) {
		t.Fatalf("README.md does not tell how to add a provider: %q", lines)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/chat/completions" {
			t.Errorf("asked at %s", r.URL.Path)
		}
		fmt.Fprint(w, `{"id":"1","object":"chat.completion","created":1,"model":"acme-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`)
	}))
	defer server.Close()
	g := newGateway(t, "[server]\nlisten = \"127.0.0.1:0\"\n[[plugin]]\nid = \"provider.acme\""+strings.ReplaceAll(lines, address, "%s/v1")+`
[[deployment]]
name = "acme"
provider = "provider.acme"
model = "acme-1"
allow_private = true
[[model]]
name = "acme"
deployments = ["acme"]
`, &vendor{url: server.URL})
	g.plain = true
	g.start()
	resp, body := g.post(g.newKey("acme", "").Secret, "/v1/chat/completions", `{"model":"acme","messages":[{"role":"user","content":"Hi"}]}`)
	if resp.StatusCode != 200 || !strings.Contains(body, "Hello.") {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	if e := g.entries(); len(e) != 1 || e[0].Provider != "provider.acme" || e[0].Usage.Output != 2 {
		t.Errorf("%+v", e)
	}
}
