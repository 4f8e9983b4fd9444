package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// childVar makes the test's own binary run as tokligence, so that the race
// detector watches the whole program.
const childVar = "TOKLIGENCE_TEST_CHILD"

// asChild prepares the test's own binary for running as tokligence.
var asChild = func() {}

func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		asChild()
		os.Exit(run(os.Args[1:]))
	}
	code := m.Run()
	if err := os.RemoveAll(built.dir); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// built is the program as it is for use, with the cache of its compiled plugins
// (with the race detector compiling one takes a minute).
var built struct {
	once sync.Once
	dir  string
	err  error
}

// program builds tokligence, once, and returns its path.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "tokligence"); built.err != nil {
			return
		}
		if out, err := exec.Command("go", "build", "-o", built.dir, ".").CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
			return
		}
		built.err = os.Mkdir(compiled(), 0o700)
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "tokligence")
}

// compiled is where the built program finds what plugins were compiled to.
func compiled() string { return filepath.Join(built.dir, "plugin-cache") }

// settings is a configuration with one model, "m", at the vendor %s. What a test
// adds stands behind it or within [ledger].
const settings = `
[server]
listen = "127.0.0.1:0"
drain_timeout = "2s"
[[plugin]]
id = "provider.openai"
source = "builtin:openai"
[[credential]]
name = "vendor"
provider = "provider.openai"
api_key = "sk-vendor"
[[deployment]]
name = "main"
provider = "provider.openai"
model = "vendor-model"
credential = "vendor"
base_url = "%s"
allow_private = true
price = { input = "1.00", output = "2.00" }
[[model]]
name = "m"
deployments = ["main"]
[storage]
url = "sqlite://data/t.db?busy_timeout=1s"
`

const adminSecret = "sk-first-admin-0123456789"

// patience bounds every wait for something that must come.
const patience = 15 * time.Second

// gateway is a running process, in a folder of its own.
type gateway struct {
	t      *testing.T
	dir    string
	plain  bool // run the built program instead of the test's own binary
	watch  bool // reload at every save; otherwise when the test says so
	admin  string
	flags  []string // of serve
	env    []string // beside the tests' own
	stdout bytes.Buffer
	cmd    *exec.Cmd
	url    string
	log    *lines
	exited chan error
	client *http.Client
}

// newGateway makes the folder, with a configuration in which "%s" is the
// vendor's address. It starts nothing.
func newGateway(t *testing.T, config string, v *vendor) *gateway {
	t.Helper()
	program(t)
	g := &gateway{t: t, dir: t.TempDir(), admin: adminSecret, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 300}}}
	g.configure(config, v)
	if err := os.Mkdir(filepath.Join(g.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(compiled(), filepath.Join(g.dir, "data", "plugin-cache")); err != nil {
		t.Fatal(err)
	}
	g.compile()
	t.Cleanup(func() {
		g.client.CloseIdleConnections()
		if g.cmd != nil {
			g.kill()
		}
		if t.Failed() && g.log != nil {
			t.Logf("the end of the gateway's log:\n%s", g.log.tail(30))
		}
	})
	return g
}

// compile has the built program check the configuration: the plugins that it
// compiles for that are in the cache for all that follow.
func (g *gateway) compile() {
	g.t.Helper()
	check := exec.Command(program(g.t), "check")
	check.Dir = g.dir
	if out, err := check.CombinedOutput(); err != nil {
		g.t.Fatalf("check: %v\n%s", err, out)
	}
}

func (g *gateway) configure(config string, v *vendor) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, "gateway.toml"), []byte(strings.ReplaceAll(config, "%s", v.url)), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// command is the program with arguments, in the gateway's folder.
func (g *gateway) command(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		g.t.Fatal(err)
	}
	var cmd *exec.Cmd
	if g.plain {
		cmd = exec.Command(program(g.t), args...)
	} else {
		cmd = exec.Command(self, args...)
	}
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), childVar+"=1", "TOKLIGENCE_ADMIN_KEY="+g.admin, "TOKLIGENCE_URL="+g.url)
	cmd.Env = append(cmd.Env, g.env...)
	return cmd
}

// start runs the gateway and waits until it serves.
func (g *gateway) start() {
	g.t.Helper()
	g.launch()
	line := g.log.await(g.t, 0, `"msg":"serving"`)
	var serving struct{ Address string }
	if err := json.Unmarshal([]byte(line), &serving); err != nil {
		g.t.Fatal(err)
	}
	g.url = "http://" + serving.Address
}

func (g *gateway) launch() {
	g.t.Helper()
	g.cmd, g.log, g.exited = g.command(append([]string{"serve", fmt.Sprintf("--watch=%v", g.watch)}, g.flags...)...), newLines(), make(chan error, 1)
	g.cmd.Stdout = &g.stdout
	pipe, err := g.cmd.StderrPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	cmd, log, exited := g.cmd, g.log, g.exited
	go func() {
		log.read(pipe)
		exited <- cmd.Wait()
	}()
}

func (g *gateway) signal(s syscall.Signal) {
	g.t.Helper()
	if err := g.cmd.Process.Signal(s); err != nil {
		g.t.Fatal(err)
	}
}

// kill ends the process as a power switch would, and collects it.
func (g *gateway) kill() {
	_ = g.cmd.Process.Kill() // it may have ended already
	<-g.exited
	g.ended()
	g.client.CloseIdleConnections()
}

func (g *gateway) ended() {
	g.cmd = nil
	if log := g.log.tail(1 << 20); strings.Contains(log, "DATA RACE") || strings.Contains(log, `"msg":"panic"`) {
		g.t.Errorf("the gateway's log:\n%s", log)
	}
}

// wait returns how the process ended by itself.
func (g *gateway) wait() error {
	g.t.Helper()
	select {
	case err := <-g.exited:
		g.ended()
		return err
	case <-time.After(patience):
		g.t.Fatal("the gateway does not end")
		return nil
	}
}

func (g *gateway) ready() bool {
	status, _ := g.try("GET", "/readyz", "", "")
	return status == http.StatusOK
}

// call sends a request to the admin API and decodes the answer into out.
func (g *gateway) call(method, path, body string, out any) {
	g.t.Helper()
	status, raw := g.try(method, "/api/v1"+path, g.admin, body)
	if status > 299 {
		g.t.Fatalf("%s %s: %d %s", method, path, status, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			g.t.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
}

// try sends a request; status 0 is a connection that failed.
func (g *gateway) try(method, path, secret, body string) (status int, raw []byte) {
	g.t.Helper()
	req, err := http.NewRequest(method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := g.client.Do(req)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer resp.Body.Close()
	if raw, err = io.ReadAll(resp.Body); err != nil {
		return 0, []byte(err.Error())
	}
	return resp.StatusCode, raw
}

// key is what the tests read of a virtual key.
type key struct {
	ID     string
	Secret string
	Budget struct{ Amount, Spent, Reserved core.Nano }
}

// newKey makes a key that may use every model; more are further members of the request.
func (g *gateway) newKey(name, more string) key {
	g.t.Helper()
	var k key
	g.call("POST", "/keys", fmt.Sprintf(`{"name": %q, "all_models": true %s}`, name, more), &k)
	return k
}

func (g *gateway) key(id string) key {
	g.t.Helper()
	var k key
	g.call("GET", "/keys/"+id, "", &k)
	return k
}

// entries reads the whole ledger, oldest first.
func (g *gateway) entries() []*core.LedgerEntry {
	g.t.Helper()
	status, raw := g.try("GET", "/api/v1/ledger/export", g.admin, "")
	if status != 200 {
		g.t.Fatalf("export: %d %s", status, raw)
	}
	var list []*core.LedgerEntry
	for d := json.NewDecoder(bytes.NewReader(raw)); ; {
		var e core.LedgerEntry
		if err := d.Decode(&e); err == io.EOF {
			return list
		} else if err != nil {
			g.t.Fatal(err)
		}
		list = append(list, &e)
	}
}

// verify holds everything derived against the entries, by the command; budgets
// of the keys, with nothing under way, against the entries' sums.
func (g *gateway) verify(keys ...key) {
	g.t.Helper()
	if out, err := g.command("ledger", "verify").CombinedOutput(); err != nil || !strings.Contains(string(out), "everything agrees") {
		g.t.Errorf("ledger verify: %v %s", err, out)
	}
	g.checkBudgets(g.entries(), keys...)
}

func (g *gateway) checkBudgets(entries []*core.LedgerEntry, keys ...key) {
	g.t.Helper()
	sums := map[string]core.Nano{}
	for _, e := range entries {
		sums[e.Key.ID] += e.Amount
	}
	for _, k := range keys {
		if b := g.key(k.ID).Budget; b.Spent != sums[k.ID] || b.Reserved != 0 || b.Spent > b.Amount {
			g.t.Errorf("key %s: spent %s and reserved %s of %s, but its entries come to %s", k.ID, b.Spent, b.Reserved, b.Amount, sums[k.ID])
		}
	}
}

// lines keeps a process's output.
type lines struct {
	mu      sync.Mutex
	list    []string
	ended   bool
	changed chan struct{} // closed when a line came
}

func newLines() *lines { return &lines{changed: make(chan struct{})} }

func (l *lines) read(r io.Reader) {
	for s := bufio.NewScanner(r); s.Scan(); {
		l.mu.Lock()
		l.list = append(l.list, s.Text())
		close(l.changed)
		l.changed = make(chan struct{})
		l.mu.Unlock()
	}
	l.mu.Lock()
	l.ended = true
	close(l.changed)
	l.changed = make(chan struct{})
	l.mu.Unlock()
}

func (l *lines) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.list)
}

func (l *lines) tail(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.list[max(0, len(l.list)-n):], "\n")
}

// await returns the first line from the from-th on that contains text.
func (l *lines) await(t *testing.T, from int, text string) string {
	t.Helper()
	late := time.After(patience)
	for {
		l.mu.Lock()
		list, ended, changed := l.list[min(from, len(l.list)):], l.ended, l.changed
		l.mu.Unlock()
		if i := slices.IndexFunc(list, func(s string) bool { return strings.Contains(s, text) }); i >= 0 {
			return list[i]
		}
		if ended {
			t.Fatalf("the gateway ended without saying %q:\n%s", text, l.tail(30))
		}
		from += len(list)
		select {
		case <-changed:
		case <-late:
			t.Fatalf("the gateway never said %q:\n%s", text, l.tail(30))
		}
	}
}

// eventually waits for a state that another process brings about.
func eventually(t *testing.T, what string, reached func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !reached(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}
