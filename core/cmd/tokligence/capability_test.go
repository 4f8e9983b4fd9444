package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core/plugin/carriertest"
	"github.com/tokligence/gateway/pdk/abi"
)

// blind is a guardrail that does not say that it inspects streams.
func blind(t *testing.T, capabilities string) string {
	return carriertest.WriteWasm(t, `{"id":"guardrail.x","version":"1.0.0","kind":"guardrail","abi":1,"config":{},"capabilities":{`+capabilities+`}}`,
		abi.Required(abi.KindGuardrail))
}

const (
	attached  = "[[guardrail]]\nname = \"g\"\nplugin = \"guardrail.x\"\neverywhere = true\n"
	noStreams = `guardrail.x does not inspect streams (its manifest lacks capabilities.stream): attach another plugin, ` +
		`or leave "stream" out of stages and streamed answers pass it unseen`
	noRequests = `guardrail.x makes no HTTP requests (its manifest asks for no hosts): take the credential away`
	askedHost  = `plugin[guardrail.x].source: it asks for the host "a.example", which allow_hosts does not grant`
)

// TestCheck_Capabilities: a configuration that relies on what a plugin's manifest
// does not say is refused at its place, and no other is.
func TestCheck_Capabilities(t *testing.T) {
	const credential = "credential = \"c\"\n[[credential]]\nname = \"c\"\nprovider = \"guardrail.x\"\nkey = \"k\"\n"
	for _, c := range []struct{ name, manifest, plugin, guardrail, want string }{
		{"stages of its own", ``, ``, `stages = ["input", "stream"]`, "guardrail[g].stages: " + noStreams},
		{"streams alone", ``, ``, `stages = ["stream"]`, "guardrail[g].stages: " + noStreams},
		{"the default's stages", `"hosts":[],"rewrite":true`, ``, ``, "guardrail[g].stages: " + noStreams},
		{"monitored", ``, ``, `mode = "monitor"`, "guardrail[g].stages: " + noStreams},
		{"no streams", ``, ``, `stages = ["input", "output"]`, ""},
		{"streams", `"stream":true`, ``, ``, ""},
		{"a credential and no hosts", `"stream":true`, credential, ``, "plugin[guardrail.x].credential: " + noRequests},
		{"a credential and a host", `"stream":true,"hosts":["a.example"]`, "allow_hosts = [\"a.example\"]\n" + credential, ``, ""},
		{"a host that is not granted", `"stream":true,"hosts":["a.example"]`, ``, ``, askedHost},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "gateway.toml")
			text := fmt.Sprintf("[[plugin]]\nid = \"guardrail.x\"\nsource = %q\n%s\n%s%s\n", blind(t, c.manifest), c.plugin, attached, c.guardrail)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := &cobra.Command{}
			cmd.SetContext(t.Context())
			_, problems, err := check(cmd, path)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range problems {
				if p.Line == 0 {
					t.Errorf("no line: %s", p)
				}
				got = append(got, p.Path+": "+p.Message)
			}
			if strings.Join(got, "\n") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestGateway_Capabilities: check, serve and a reload hold plugins to the same.
func TestGateway_Capabilities(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.start()
	k := g.newKey("k", "")
	g.configure(settings+fmt.Sprintf("[[plugin]]\nid = \"guardrail.x\"\nsource = %q\n%s", blind(t, ""), attached), v)
	const want = "guardrail[g].stages: guardrail.x does not inspect streams"
	if said := g.reload(); !strings.Contains(said, want) || !strings.Contains(said, `"level":"ERROR"`) {
		t.Errorf("the log says %s", said)
	}
	if status := g.says(k.Secret, "word"); status != 200 {
		t.Errorf("the old revision is not in force: %d", status)
	}
	if out, err := g.command("check").CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
		t.Errorf("check: %v, %s", err, out)
	}
	g.kill()
	g.launch()
	g.log.await(t, 0, want)
	if err := g.wait(); err == nil {
		t.Error("it serves")
	}
}
