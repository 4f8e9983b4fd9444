package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// revision is the n-th configuration of a reload test: another credential,
// another guardrail, and with old the model "old".
func (g *gateway) revision(v *vendor, n int, old bool) {
	g.t.Helper()
	secret := filepath.Join(g.dir, "secret")
	if err := os.WriteFile(secret, fmt.Appendf(nil, "sk-vendor-%d\n", n), 0o600); err != nil {
		g.t.Fatal(err)
	}
	text := strings.Replace(settings, `"sk-vendor"`, `"file:`+secret+`"`, 1) + `
[[plugin]]
id = "guardrail.rules"
source = "builtin:rules"
timeout = "20s" # a busy machine is no fault
[[guardrail]]
name = "words"
plugin = "guardrail.rules"
everywhere = true
[[guardrail.config.rules]]
name = "word"
words = ["zebra` + strconv.Itoa(n) + `"]
`
	if old {
		text += "[[model]]\nname = \"old\"\ndeployments = [\"main\"]\n"
	}
	g.configure(text, v)
}

// reload has the gateway read its configuration, and returns what it says of it.
func (g *gateway) reload() string {
	g.t.Helper()
	from := g.log.count()
	g.signal(syscall.SIGHUP)
	return g.log.await(g.t, from, "reloaded")
}

// metric reads one figure of /metrics.
func (g *gateway) metric(series string) float64 {
	g.t.Helper()
	status, raw := g.try("GET", "/metrics", adminSecret, "")
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindSubmatch(raw)
	if status != http.StatusOK || m == nil {
		g.t.Fatalf("metrics: %d, no %s", status, series)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

// says asks for a chat about a word, and returns the status.
func (g *gateway) says(secret, word string) int {
	status, _ := g.try("POST", "/v1/chat/completions", secret, fmt.Sprintf(`{"model":"m","user":%q,"max_tokens":%d,"messages":[{"role":"user","content":%q}]}`, word, maxTokens, prompt+" "+word))
	return status
}

// TestGateway_C91 reloads a hundred times under load, the configuration another
// each time: no request fails for it, the next request sees all of the new
// configuration, an open stream ends under its old one, and nothing piles up.
// The test's own binary, which may have the race detector, does so less often.
func TestGateway_C91(t *testing.T) {
	t.Run("built", func(t *testing.T) { reloadUnderLoad(t, true, 100) })
	t.Run("own", func(t *testing.T) { reloadUnderLoad(t, false, 12) })
}

// reloadsAWord is after how many reloads the guardrail is tried.
const reloadsAWord = 4

func reloadUnderLoad(t *testing.T, plain bool, reloads int) {
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.plain = plain
	g.revision(v, 0, true)
	g.compile()
	g.start()
	k, other := g.newKey("k", `, "budget": {"amount": "5.00"}`), g.newKey("other", `, "budget": {"amount": "5.00"}`)

	reached, release := v.hold(t, 1, "open", within)
	open, _ := g.later(other.Secret, "old", "open", true)
	reached() // the guardrail holds the first words, so the client has nothing yet
	held := g.key(other.ID).Budget.Reserved

	stop := make(chan struct{})
	var load sync.WaitGroup
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
				if a := g.ask(k.Secret, "m", fmt.Sprintf("load%d.%d", c, n), n%2 == 0); !a.whole {
					t.Errorf("%s: %d %s", a.user, a.status, a.body)
					return
				}
			}
		})
	}
	var goroutines, memory float64
	for n := 1; n <= reloads; n++ {
		g.revision(v, n, n < reloads/2)
		if said := g.reload(); strings.Contains(said, "ERROR") {
			t.Fatalf("revision %d: %s", n, said)
		}
		user := fmt.Sprint("next", n)
		if a := g.ask(k.Secret, "m", user, false); !a.whole || v.credential(user) != fmt.Sprint("sk-vendor-", n) {
			t.Fatalf("revision %d: status %d, credential %q", n, a.status, v.credential(user))
		}
		if n%reloadsAWord == 0 {
			if was, is := g.says(k.Secret, fmt.Sprint("zebra", n-1)), g.says(k.Secret, fmt.Sprint("zebra", n)); was != 200 || is != 400 {
				t.Errorf("revision %d: the old word %d, the new one %d", n, was, is)
			}
		}
		if n == reloads/4 { // with everything warm
			goroutines, memory = g.metric("go_goroutines"), g.metric("process_resident_memory_bytes")
		}
	}
	close(stop)
	load.Wait()

	if now := g.metric("go_goroutines"); now > goroutines+50 {
		t.Errorf("%v goroutines, %v after a quarter of the reloads", now, goroutines)
	}
	if now := g.metric("process_resident_memory_bytes"); now > memory+100<<20 {
		t.Errorf("%v bytes, %v after a quarter of the reloads", now, memory)
	}
	if b := g.key(other.ID).Budget; b.Reserved != held || held == 0 {
		t.Errorf("%s is reserved, %s was before the reloads", b.Reserved, held)
	}
	if a := g.ask(k.Secret, "old", "gone", false); a.status != http.StatusNotFound || !strings.Contains(a.body, `"code":"model_not_found"`) {
		t.Errorf("a removed model: %d %s", a.status, a.body)
	}
	release()
	if a := <-open; !a.whole {
		t.Errorf("the open stream: %d %s", a.status, a.body)
	}
	// Of the revisions' pools there are left those of the last.
	const instances = `tokligence_plugin_instances{plugin="guardrail.rules"}`
	eventually(t, "old pools are closed", func() bool { return g.metric(instances) <= 4 })
	if n := g.metric("tokligence_config_revisions_total"); n != float64(reloads+1) {
		t.Errorf("%v revisions", n)
	}
	blocked := 0
	for _, e := range g.entries() {
		if e.Outcome == core.OutcomeBlocked {
			blocked++
		}
	}
	if blocked != reloads/reloadsAWord {
		t.Errorf("%d requests were blocked", blocked)
	}
	g.complete(v)
	g.verify(k, other)
}

// TestGateway_BrokenReload: a file with faults leaves the old revision in force,
// and says where and why, whether it is broken by itself or only its plugins see it.
func TestGateway_BrokenReload(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.revision(v, 1, false)
	g.compile()
	g.start()
	k := g.newKey("k", "")
	for _, c := range []struct{ more, want string }{
		{"[server", `gateway.toml:`},
		{"[[model]]\nname = \"x\"\ndeployments = [\"nobody\"]", `model[x].deployments[0]: no [[deployment]] is named`},
		{"[[guardrail]]\nname = \"new\"\nplugin = \"guardrail.rules\"\n[[guardrail.config.rules]]\nname = \"x\"\npattern = \"(\"", `guardrail[new].config.rules[0].pattern: error parsing regexp`},
		{"[[plugin]]\nid = \"provider.gone\"\nsource = \"gone.wasm\"\n[[deployment]]\nname = \"gone\"\nprovider = \"provider.gone\"\nmodel = \"x\"", `plugin[provider.gone].source: open gone.wasm`},
	} {
		g.configure(settings+"[[plugin]]\nid = \"guardrail.rules\"\nsource = \"builtin:rules\"\n"+c.more+"\n", v)
		said := g.reload()
		if !strings.Contains(said, c.want) || !strings.Contains(said, "gateway.toml:") || !strings.Contains(said, `"level":"ERROR"`) {
			t.Errorf("%s: the log says %s", c.more, said)
		}
		if status, body := g.try("GET", "/readyz", "", ""); status != 200 || !strings.Contains(string(body), "an older one is in force") {
			t.Errorf("readyz: %d %s", status, body)
		}
		if n := g.metric("tokligence_config_current"); n != 0 {
			t.Errorf("current is %v", n)
		}
		if was, is := g.says(k.Secret, "zebra1"), g.says(k.Secret, "quagga"); was != 400 || is != 200 {
			t.Errorf("the old revision is not in force: %d %d", was, is)
		}
	}
	g.revision(v, 2, false)
	g.reload()
	if status, body := g.try("GET", "/readyz", "", ""); status != 200 || strings.Contains(string(body), "notes") || g.metric("tokligence_config_current") != 1 {
		t.Errorf("readyz: %d %s", status, body)
	}
	if was, is := g.says(k.Secret, "zebra1"), g.says(k.Secret, "zebra2"); was != 200 || is != 400 {
		t.Errorf("the new revision is not in force: %d %d", was, is)
	}
	var audit struct{ Data []core.AuditRecord }
	g.call("GET", "/audit?object_kind=config", "", &audit)
	if len(audit.Data) != 1 || audit.Data[0].Actor.Kind != core.ActorSystem || string(audit.Data[0].After) != `{"revision":2}` {
		t.Errorf("the audit log has %+v", audit.Data)
	}
}
