package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// refused sends a request to the admin API that must fail, and returns the answer.
func (g *gateway) refused(status int, method, path, body string) string {
	g.t.Helper()
	got, raw := g.try(method, "/api/v1"+path, adminSecret, body)
	if got != status {
		g.t.Fatalf("%s %s: %d, want %d: %s", method, path, got, status, raw)
	}
	return string(raw)
}

// cli runs a command against the gateway and returns what it printed.
func (g *gateway) cli(args ...string) string {
	g.t.Helper()
	out, err := g.command(args...).CombinedOutput()
	if err != nil {
		g.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestGateway_ObjectsByAPI: what is made by API serves the next request, is there
// after a restart, and does not keep the gateway from being repaired.
func TestGateway_ObjectsByAPI(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.start()
	k := g.newKey("k", "")
	g.cli("deployment", "create", "d", "provider=provider.openai", "model=other-model", "credential=vendor", "base_url="+v.url, "allow_private=true", `price={"input":"1.00","output":"2.00"}`)
	g.cli("models", "create", "team/fast", "deployments=d", "fallbacks=m")
	if a := g.ask(k.Secret, "team/fast", "first", false); !a.whole {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if said := g.refused(400, "POST", "/deployments", `{"name": "bad", "provider": "provider.openai", "model": "x", "options": {"nobody": 1}}`); !strings.Contains(said, `"param":"options`) {
		t.Errorf("what only the plugin knows: %s", said)
	}
	g.kill()
	g.start()
	if a := g.ask(k.Secret, "team/fast", "again", false); !a.whole {
		t.Fatalf("after a restart: %d %s", a.status, a.body)
	}
	if n := g.metric("tokligence_config_revision"); n != 3 {
		t.Errorf("revision %v is in force", n)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"models", "list"}, "team/fast  api"},
		{[]string{"deployment", "list", "--origin", "api"}, "d     api            provider.openai  other-model  vendor"},
		{[]string{"deployment", "show", "d"}, `{"input":"1.00","output":"2.00"}`},
		{[]string{"deployment", "update", "d", "weight=3", "tags=a,b"}, "a, b"},
		{[]string{"config", "diff"}, "+ deployment[d].weight  3"},
		{[]string{"config", "history"}, "4         "},
		{[]string{"config", "show"}, "revision  4"},
		{[]string{"config", "rollback", "3"}, "rollback"},
		{[]string{"deployment", "update", "d", "--unset", "price", "weight=1"}, "weight"},
		{[]string{"models", "show", "team/fast", "--json"}, `"deployments": [`},
		{[]string{"config", "export"}, "[[deployment]]"},
	} {
		if said := g.cli(c.args...); !strings.Contains(said, c.want) {
			t.Errorf("%v: %s", c.args, said)
		}
	}

	// A secret comes by standard input, and reaches the vendor.
	create := g.command("credential", "create", "own", "--provider", "provider.openai")
	create.Stdin = strings.NewReader("sk-MARK-piped-0123456789\n")
	if out, err := create.CombinedOutput(); err != nil || !strings.Contains(string(out), "***6789") || strings.Contains(string(out), "MARK") {
		t.Errorf("credential create: %v\n%s", err, out)
	}
	g.cli("deployment", "update", "d", "credential=own", `price={"input":"1.00","output":"2.00"}`)
	if a := g.ask(k.Secret, "team/fast", "piped", false); !a.whole || v.credential("piped") != "sk-MARK-piped-0123456789" {
		t.Errorf("%d %s, with %q", a.status, a.body, v.credential("piped"))
	}
	g.cli("deployment", "update", "d", "credential=vendor")
	if said := g.cli("credential", "list") + g.cli("credential", "show", "own"); strings.Contains(said, "MARK") || !strings.Contains(said, "provider.openai") {
		t.Errorf("credential: %s", said)
	}
	g.cli("credential", "delete", "own")

	// A file that takes what they need away is no reload, and no start.
	less := strings.NewReplacer(`name = "vendor"`, `name = "renamed"`, `credential = "vendor"`, `credential = "renamed"`).Replace(settings)
	g.configure(less, v)
	if said := g.reload(); !strings.Contains(said, "deployment[d].credential") {
		t.Errorf("the log says %s", said)
	}
	g.kill()
	g.launch()
	if err := g.wait(); err == nil {
		t.Error("it started")
	}
	if said := g.log.tail(20); !strings.Contains(said, "config remove KIND NAME") || !strings.Contains(said, "api: deployment[d].credential") {
		t.Errorf("it said %s", said)
	}
	g.cli("config", "remove", "model", "team/fast")
	g.cli("config", "remove", "deployment", "d")
	g.start()
	if a := g.ask(k.Secret, "m", "repaired", false); !a.whole {
		t.Errorf("%d %s", a.status, a.body)
	}
	g.complete(v)
}

// TestGateway_OwnedModel: what a team owns is called by its keys, and to others
// does not exist.
func TestGateway_OwnedModel(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, strings.Replace(settings, "[server]", "[security]\nallow_private_hosts = [\"127.0.0.1\"]\n[server]", 1), v)
	g.start()
	var org, team, other struct{ ID string }
	g.call("POST", "/orgs", `{"name": "o"}`, &org)
	g.call("POST", "/teams", `{"name": "t", "organization_id": "`+org.ID+`"}`, &team)
	g.call("POST", "/teams", `{"name": "u", "organization_id": "`+org.ID+`"}`, &other)
	of := func(id string) key { return g.newKey("k"+id, `, "team_id": "`+id+`"`) }
	own, foreign, nobody := of(team.ID), of(other.ID), g.newKey("k", "")
	owner := `"team_id": "` + team.ID + `", `
	g.call("POST", "/credentials", `{"name": "c", `+owner+`"provider": "provider.openai", "api_key": "sk-of-the-team-0123456789"}`, nil)
	g.call("POST", "/deployments", `{"name": "d", `+owner+`"provider": "provider.openai", "model": "vendor-model", "credential": "c", "base_url": "`+v.url+`", "price": {"input": "1.00", "output": "2.00"}}`, nil)
	g.call("POST", "/models", `{"name": "theirs", `+owner+`"deployments": ["d"]}`, nil)
	if a := g.ask(own.Secret, "theirs", "own", false); !a.whole || v.credential("own") != "sk-of-the-team-0123456789" {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, k := range []key{foreign, nobody} {
		if a := g.ask(k.Secret, "theirs", "foreign", false); a.status != http.StatusNotFound || !strings.Contains(a.body, "model_not_found") {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	for secret, want := range map[string]bool{own.Secret: true, foreign.Secret: false, nobody.Secret: false, adminSecret: false} {
		_, raw := g.try("GET", "/v1/models", secret, "")
		one, _ := g.try("GET", "/v1/models/theirs", secret, "")
		if strings.Contains(string(raw), "theirs") != want || (one == http.StatusOK) != want || !strings.Contains(string(raw), `"m"`) {
			t.Errorf("models: %s, and one: %d", raw, one)
		}
	}
	var test struct{ OK bool }
	if g.call("POST", "/models/theirs/test", "", &test); !test.OK {
		t.Error("the operator cannot test it")
	}
}

// TestGateway_OwnedModel_Guarded: an alias of a team's is no way around what the
// operator has attached to the one that it falls back to.
func TestGateway_OwnedModel_Guarded(t *testing.T) {
	v := newVendor(t)
	text := strings.Replace(settings, "[server]", "[security]\nallow_private_hosts = [\"127.0.0.1\"]\n[server]", 1)
	text = strings.Replace(text, "[\"main\"]", "[\"main\"]\nguardrails = [\"words\"]", 1)
	g := newGateway(t, text+`
[[plugin]]
id = "guardrail.rules"
source = "builtin:rules"
[[guardrail]]
name = "words"
plugin = "guardrail.rules"
[[guardrail.config.rules]]
name = "weather"
words = ["weather"]
`, v)
	g.start()
	var org, team struct{ ID string }
	g.call("POST", "/orgs", `{"name": "o"}`, &org)
	g.call("POST", "/teams", `{"name": "t", "organization_id": "`+org.ID+`"}`, &team)
	k, owner := g.newKey("k", `, "team_id": "`+team.ID+`"`), `"team_id": "`+team.ID+`", `
	g.call("POST", "/deployments", `{"name": "d", `+owner+`"provider": "provider.openai", "model": "x", "base_url": "http://127.0.0.1:1", "price": {"input": "1.00", "output": "2.00"}}`, nil)
	g.call("POST", "/models", `{"name": "theirs", `+owner+`"deployments": ["d"], "fallbacks": ["m"]}`, nil)
	for _, model := range []string{"m", "theirs"} {
		if a := g.ask(k.Secret, model, "guarded", false); a.status != http.StatusBadRequest || !strings.Contains(a.body, "guardrail_blocked") {
			t.Errorf("%s: %d %s", model, a.status, a.body)
		}
	}
}

// TestGateway_SavedConfiguration: saving the files is enough, however an editor
// does it.
func TestGateway_SavedConfiguration(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.watch = true
	g.start()
	k := g.newKey("k", "")
	serves := func(model string) func() bool {
		return func() bool {
			status, _ := g.try("POST", "/v1/chat/completions", k.Secret, fmt.Sprintf(`{"model":%q,"user":%q,"max_tokens":%d,"messages":[{"role":"user","content":%q}]}`, model, "saved-"+model, maxTokens, prompt))
			return status == http.StatusOK
		}
	}
	alias := func(name string) string { return "\n[[model]]\nname = \"" + name + "\"\ndeployments = [\"main\"]\n" }
	file := filepath.Join(g.dir, "gateway.toml")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "%s", v.url)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file, settings+alias("written"))
	eventually(t, "a file that was written", serves("written"))
	write(file+".new", settings+alias("renamed"))
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a file that was renamed", serves("renamed"))
	if err := os.Mkdir(filepath.Join(g.dir, "conf.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(g.dir, "conf.d", "more.toml"), alias("more"))
	eventually(t, "a file beside it", serves("more"))
	write(filepath.Join(g.dir, "conf.d", "more.toml"), alias("changed"))
	eventually(t, "a file beside it that was changed", serves("changed"))
	from := g.log.count()
	write(file, settings+alias("changed"))
	if said := g.log.await(t, from, "not reloaded"); !strings.Contains(said, "already defined at") {
		t.Errorf("the log says %s", said)
	}
	if !serves("renamed")() {
		t.Error("the old configuration is not in force")
	}
	write(file, settings)
	eventually(t, "the faults are mended", func() bool { return g.metric("tokligence_config_current") == 1 })
	if serves("renamed")() {
		t.Error("a model that was taken away")
	}
}

// TestGateway_ChangesUnderLoad: changes by API and reloads at the same time fail
// no request, and each is a revision of its own.
func TestGateway_ChangesUnderLoad(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.plain = true
	g.start()
	k := g.newKey("k", `, "budget": {"amount": "5.00"}`)
	g.call("POST", "/deployments", `{"name": "d", "provider": "provider.openai", "model": "vendor-model", "credential": "vendor", "base_url": "`+v.url+`", "allow_private": true, "price": {"input": "1.00", "output": "2.00"}}`, nil)
	g.call("POST", "/models", `{"name": "made", "deployments": ["d"]}`, nil)
	const changers, changes = 3, 8
	stop := make(chan struct{})
	var load, work sync.WaitGroup
	for c := range 2 {
		load.Go(func() {
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				if a := g.ask(k.Secret, []string{"m", "made"}[n%2], fmt.Sprintf("load%d.%d", c, n), n%3 == 0); !a.whole {
					t.Errorf("%s: %d %s", a.user, a.status, a.body)
					return
				}
			}
		})
	}
	for c := range changers {
		work.Go(func() {
			for n := range changes {
				method, path := "POST", "/models"
				if n > 0 {
					method, path = "PATCH", fmt.Sprint("/models/own", c)
				}
				body := fmt.Sprintf(`{"deployments": ["d"], "fallbacks": ["%s"]`, []string{"m", "made"}[n%2])
				if n == 0 {
					body += fmt.Sprintf(`, "name": "own%d"`, c)
				}
				if status, raw := g.try(method, "/api/v1"+path, adminSecret, body+"}"); status > 299 {
					t.Errorf("%s %s: %d %s", method, path, status, raw)
				}
			}
		})
	}
	work.Go(func() {
		for range 4 {
			if said := g.reload(); strings.Contains(said, "ERROR") {
				t.Error(said)
			}
		}
	})
	work.Wait()
	close(stop)
	load.Wait()
	var page struct{ Data []struct{ Number int64 } }
	g.call("GET", "/config/revisions?limit=1000", "", &page)
	if want := 3 + changers*changes; len(page.Data) != want || page.Data[0].Number != int64(want) {
		raw, _ := json.Marshal(page)
		t.Errorf("want %d revisions, there are %s", want, raw)
	}
	g.complete(v)
	g.verify(k)
}
