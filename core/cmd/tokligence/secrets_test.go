package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// mark is in every secret and every prompt of the hunt, and nowhere else: what
// has it in an output has leaked.
const mark = "MARK"

// TestSecrets_C85 puts marked secrets wherever one can be, provokes every kind of
// failure, and looks for the mark in every answer while it goes on and in every
// output at the end. A new place is a line in secretPlaces, a new failure of a
// vendor one in badVendors, a new command one in secretCommands; routes of the
// admin API are found in its description by themselves.
func TestSecrets_C85(t *testing.T) {
	h := newHunt(t)
	h.clients()
	h.vendors()
	h.automation()
	h.byAPI()
	h.people()
	h.reload()
	h.commands()
	h.outputs()
	h.signal(syscall.SIGTERM)
	if err := h.wait(); err != nil {
		t.Error(err)
	}
	h.silent("the log", h.log.tail(1<<20))
	h.silent("standard output", h.stdout.String())
	h.files()
	if h.searched < 2000 || len(h.made) < 5 {
		t.Errorf("only %d texts were searched, and %d secrets made", h.searched, len(h.made))
	}
}

// hunt is a gateway with secrets in it.
type hunt struct {
	*gateway
	vendor   *badVendor
	good     key // may use every model; its secret was brought along
	stranger key // may do nothing
	searched int
	number   int
	made     map[string]bool // secrets that the gateway made and has shown once
	cookie   string          // the last that it has set
}

// secretForms are how secrets look; in places where the gateway repeats what it
// does not understand, only those can be known for what they are. None ends with
// the mark: the last four characters of a credential are shown.
var secretForms = []func(n int) string{
	func(n int) string { return fmt.Sprintf("sk-tok-Ab12MARK%04dCd34Ef56Gh78", n) },
	func(n int) string { return fmt.Sprintf("sk-ant-api03-MARK%04d-Ab12_Cd34Ef56Gh78-AA", n) },
	func(n int) string { return fmt.Sprintf("gk-x0MARK%04d0123456789", n) },
	func(n int) string { return fmt.Sprintf("AIzaSyMARK%04d0123456789abcdefghijklmno", n) },
	func(n int) string {
		return fmt.Sprintf("eyJhbGciOiJFUzI1NiJ9.eyJtMARK%04d0123456789.c2lnbmF0MARKdXJl", n)
	},
}

// secret makes another one. Each is of another form than the one before it.
func (h *hunt) secret() string {
	h.number++
	return secretForms[h.number%len(secretForms)](h.number)
}

// forms of the mark: as it is, in base64 at any offset, in hex, escaped.
var markForms = func() []string {
	forms := []string{mark, strings.ToLower(fmt.Sprintf("%x", mark)), strings.ToUpper(fmt.Sprintf("%x", mark)), "%4D%41%52%4B", `\u004d\u0041\u0052\u004b`}
	for _, before := range []string{"", "x", "xx"} {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(before + mark))
		from := []int{0, 2, 3}[len(before)]
		forms = append(forms, encoded[from:len(encoded)-1]) // whole characters of the mark alone
	}
	return forms
}()

// clean fails when a mark is in the text.
func (h *hunt) clean(what, text string) {
	h.t.Helper()
	h.searched++
	for _, form := range markForms {
		if len(form) < 5 && form != mark {
			continue // too short to tell anything
		}
		if i := strings.Index(text, form); i >= 0 {
			h.t.Errorf("%s has a secret: …%q…", what, text[max(0, i-100):min(len(text), i+60)])
			return
		}
	}
}

// silent is clean for what is shown, or kept, later on: it has no secret that the
// gateway has made either.
func (h *hunt) silent(what, text string) {
	h.t.Helper()
	h.clean(what, text)
	for secret := range h.made {
		if strings.Contains(text, secret) {
			h.t.Errorf("%s has the secret %s, which is to be shown once", what, secret)
		}
	}
}

// shownOnce are members of answers that hold a secret.
var shownOnce = []string{"secret", "token", "password"}

// note keeps the secrets of an answer.
func (h *hunt) note(answer []byte) {
	var members map[string]any
	if json.Unmarshal(answer, &members) != nil {
		return
	}
	for _, name := range shownOnce {
		if s, ok := members[name].(string); ok && len(s) >= 16 && !strings.Contains(s, mark) {
			h.made[s] = true
		}
	}
}

const huntAdmin = "sk-MARK-first-admin-0123456789"

// newHunt starts a gateway whose deployments are as bad as vendors get.
func newHunt(t *testing.T) *hunt {
	v := newBadVendor(t)
	config := huntSettings
	for name := range badVendors {
		config += fmt.Sprintf(huntModel, name, v.URL+"/"+name, "literal")
		config += fmt.Sprintf(huntModel, name+"-by-env", v.URL+"/"+name, "by-env")
	}
	for name, address := range map[string]string{"closed": "http://127.0.0.1:1", "unresolved": "http://nowhere.invalid"} {
		config += fmt.Sprintf(huntModel, name, address, "literal")
	}
	g := newGateway(t, config, &vendor{url: v.URL})
	g.flags = []string{"--log-level", "debug"}
	g.env = []string{"HUNT_VENDOR_KEY=" + v.keys[1], "HUNT_BAD_PATTERN=(another MARK of no form"}
	g.admin = huntAdmin
	g.start()
	h := &hunt{gateway: g, vendor: v, made: map[string]bool{}}
	h.good = key{Secret: "gk-MARKbrought-along-0123456789"}
	h.call("POST", "/keys", fmt.Sprintf(`{"name": "good", "all_models": true, "secret": %q}`, h.good.Secret), &h.good)
	h.stranger = h.newKey("stranger", "")
	if _, answer := h.try("POST", "/v1/chat/completions", h.good.Secret, `{"model":"ok","messages":[{"role":"user","content":"MARKprompt"}]}`); !bytes.Contains(answer, []byte("Hello")) {
		t.Fatalf("the good model: %s", answer)
	}
	return h
}

// ask sends a request and searches the answer's head and body.
func (h *hunt) ask(what, method, path string, headers map[string]string, body string) (int, string) {
	h.t.Helper()
	// Not http.NewRequest, which would mend what is wrong with the path.
	u, err := url.Parse(h.url)
	if err != nil {
		h.t.Fatal(err)
	}
	u.Opaque = "//" + u.Host + path
	r := &http.Request{Method: method, URL: u, Host: u.Host, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	resp, err := h.client.Transport.RoundTrip(r)
	if err != nil {
		h.t.Fatalf("%s: %v", what, err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body) // a broken stream is an answer as well
	h.clean(fmt.Sprintf("the answer to %s (%s, %d)", what, method, resp.StatusCode), fmt.Sprint(resp.Header, "\n", string(raw)))
	h.note(raw)
	for _, k := range resp.Cookies() {
		if len(k.Value) >= 16 {
			h.made[k.Value], h.cookie = true, k.Name+"="+k.Value
		}
	}
	return resp.StatusCode, string(raw)
}

// clients writes secrets in all places of a client's request.
func (h *hunt) clients() {
	for _, p := range secretPlaces {
		for range secretForms {
			secret := h.secret()
			fill := strings.NewReplacer("SECRET", secret, "ESCAPED", escaped(secret), "GOOD", h.good.Secret).Replace
			headers := map[string]string{"Authorization": "Bearer " + h.good.Secret, "Content-Type": "application/json"}
			for name, value := range p.headers {
				if headers[name] = fill(value); value == "" {
					delete(headers, name)
				}
			}
			if status, answer := h.ask(p.name, fill(p.method), fill(p.path), headers, fill(p.body)); strings.Contains(p.path, "=GOOD") && status != 401 {
				h.t.Errorf("%s is taken: %d %s", p.name, status, answer)
			}
		}
	}
}

// escaped is a text with every byte percent-encoded.
func escaped(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// vendors has every bad vendor tell of the credential that it got.
func (h *hunt) vendors() {
	names := []string{"closed", "unresolved"}
	for name := range badVendors {
		names = append(names, name, name+"-by-env")
	}
	for _, name := range names {
		for _, stream := range []bool{false, true} {
			body := fmt.Sprintf(`{"model":%q,"stream":%t,"max_tokens":10,"user":"MARKED-sk-0123456789012345678","messages":[{"role":"user","content":"MARKprompt"}]}`, name, stream)
			body = strings.Replace(body, "MARKED-sk-0123456789012345678", h.secret(), 1)
			for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
				h.ask(fmt.Sprintf("%s of %s, stream %t", path, name, stream), "POST", path, map[string]string{"Authorization": "Bearer " + h.good.Secret, "Content-Type": "application/json"}, body)
			}
		}
	}
	if h.vendor.inner.Load() > 0 {
		h.t.Error("a vendor's redirect was followed")
	}
	if h.vendor.seen.Load() == 0 {
		h.t.Error("no vendor saw a credential")
	}
}

// reload puts bad configurations on disk, one after the other, and starts others.
func (h *hunt) reload() {
	more := filepath.Join(h.dir, "conf.d")
	if err := os.Mkdir(more, 0o700); err != nil {
		h.t.Fatal(err)
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "SECRET", h.secret())), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	for name, bad := range badSettings {
		from := h.log.count()
		write(filepath.Join(more, "bad.toml"), bad)
		h.signal(syscall.SIGHUP)
		h.log.await(h.t, from, "not reloaded")
		for _, command := range []string{"check", "serve", "doctor"} {
			out, err := h.command(command).CombinedOutput()
			if err == nil || strings.Contains(string(out), "already set at") {
				h.t.Errorf("%s of %s: %v\n%s", command, name, err, out)
			}
			h.clean(command+" of "+name, string(out))
		}
	}
	if err := os.RemoveAll(more); err != nil {
		h.t.Fatal(err)
	}
	from := h.log.count()
	h.signal(syscall.SIGHUP)
	h.log.await(h.t, from, "configuration reloaded")
	for name, whole := range badStarts {
		write(filepath.Join(h.dir, "start.toml"), whole)
		for _, command := range []string{"check", "serve", "doctor"} {
			out, err := h.command(command, "-c", "start.toml").CombinedOutput()
			if command == "serve" && err == nil {
				h.t.Errorf("%s: it serves", name)
			}
			h.clean(command+" of "+name, string(out))
		}
	}
}

func (h *hunt) commands() {
	for _, line := range secretCommands {
		secret := h.secret()
		args := strings.Fields(strings.ReplaceAll(line, "SECRET", secret))
		out, _ := h.command(args...).CombinedOutput() // it may fail
		h.silent("tokligence "+line, string(out))
	}
}

// outputs reads everything that the admin API shows: each list, each object in
// it, each export in each format.
func (h *hunt) outputs() {
	admin := map[string]string{"Authorization": "Bearer " + huntAdmin}
	get := func(path string) []byte {
		status, text := h.ask("GET "+path, "GET", path, admin, "")
		if status >= 500 {
			h.t.Errorf("GET %s: %d %s", path, status, text)
		}
		h.silent("GET "+path, text)
		return []byte(text)
	}
	get("/metrics")
	get("/readyz")
	routes := h.described()
	objects := map[string][]string{} // by the path of their list
	for _, r := range routes {
		if r.method != "GET" || strings.Contains(r.path, "{") {
			continue
		}
		path, query := "/api/v1"+r.path, url.Values{}
		if slices.Contains(r.parameters, "limit") {
			query.Set("limit", "1000")
		}
		if slices.Contains(r.parameters, "format") {
			get(path + "?format=csv")
		}
		var page struct{ Data []struct{ ID, Name string } }
		_ = json.Unmarshal(get(path+"?"+query.Encode()), &page) // not each is a list
		for _, o := range page.Data {
			if id := o.ID; id != "" || o.Name != "" {
				if id == "" {
					id = o.Name
				}
				objects[r.path] = append(objects[r.path], url.PathEscape(id))
			}
		}
	}
	for _, r := range routes {
		list := strings.TrimSuffix(inBraces.ReplaceAllString(r.path, ""), "/")
		if r.method == "GET" && strings.Count(r.path, "{") == 1 && strings.HasSuffix(r.path, "}") {
			for _, id := range objects[list] {
				get("/api/v1" + inBraces.ReplaceAllLiteralString(r.path, id))
			}
		}
	}
	if len(objects["/keys"]) < 3 || len(objects["/ledger"]) < 50 || len(objects["/audit"]) < 10 {
		h.t.Errorf("too little to search: %d keys, %d entries, %d audit records", len(objects["/keys"]), len(objects["/ledger"]), len(objects["/audit"]))
	}
}

// files searches the database and all that is beside it.
func (h *hunt) files() {
	err := filepath.WalkDir(filepath.Join(h.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		h.silent("the file "+d.Name(), string(raw))
		return err
	})
	if err != nil {
		h.t.Error(err)
	}
}
