package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// sealing is a gateway with a webhook, whose address and keys are sealed.
type sealing struct {
	*gateway
	hook string
	hits atomic.Int64
}

const sealingSettings = settings + `
[security]
allow_private_hosts = ["127.0.0.1"]
`

func newSealing(t *testing.T, config string) *sealing {
	v := newVendor(t)
	s := &sealing{gateway: newGateway(t, config, v)}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "token=MARK" {
			s.hits.Add(1)
		}
	}))
	t.Cleanup(receiver.Close)
	s.start()
	var made struct{ ID string }
	s.call("POST", "/webhooks", `{"url": "`+receiver.URL+`/hook?token=MARK", "types": ["*"]}`, &made)
	s.hook = made.ID
	return s
}

// restart ends the gateway and starts it with more in [security].
func (s *sealing) restart(more string) {
	s.t.Helper()
	if s.cmd != nil {
		s.signal(syscall.SIGTERM)
		if err := s.wait(); err != nil {
			s.t.Fatal(err)
		}
	}
	path := filepath.Join(s.dir, "gateway.toml")
	raw, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(raw), "# keys\n")
	if err := os.WriteFile(path, []byte(before+"# keys\n"+more), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.start()
}

// opens has the webhook called, with what is sealed.
func (s *sealing) opens() bool {
	s.t.Helper()
	before := s.hits.Load()
	s.try("POST", "/api/v1/webhooks/"+s.hook+"/test", s.admin, "")
	return s.hits.Load() > before
}

func (s *sealing) reseal() (string, bool) {
	s.t.Helper()
	out, err := s.command("encryption", "reseal").CombinedOutput()
	return string(out), err == nil
}

// TestEncryption_Rotate: from the key file beside the database to a key of one's
// own, to another, and no secret is lost on the way, nor readable by a key that
// has gone.
func TestEncryption_Rotate(t *testing.T) {
	s := newSealing(t, sealingSettings)
	if !s.opens() {
		t.Fatal("the webhook was not called")
	}
	s.env = []string{"KEY1=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1dfeff", "KEY2=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1dfefe"}
	const fromFile = "encryption_key = \"env:KEY1\"\nprevious_keys = [\"file:data/t.db.key\"]\n"
	for _, step := range []struct {
		name, security string
		opens, reseals bool
		log            string
	}{
		{"another key alone", "encryption_key = \"env:KEY1\"\n", false, false, "secrets in the database cannot be opened"},
		{"with the file's", fromFile, true, true, ""},
		{"again", fromFile, true, true, ""},
		{"without the file's", "encryption_key = \"env:KEY1\"\n", true, true, ""},
		{"back without a setting", "", false, false, "secrets in the database cannot be opened"},
		{"the next", "encryption_key = \"env:KEY2\"\nprevious_keys = [\"env:KEY1\"]\n", true, true, ""},
		{"the first alone", "encryption_key = \"env:KEY1\"\n", false, false, "secrets in the database cannot be opened"},
		{"the last", "encryption_key = \"env:KEY2\"\n", true, true, ""},
	} {
		s.restart(step.security)
		if step.log != "" {
			s.log.await(t, 0, step.log)
		}
		if got := s.opens(); got != step.opens {
			t.Errorf("%s: opens %v", step.name, got)
		}
		if out, ok := s.reseal(); ok != step.reseals || !ok && !strings.Contains(out, "previous_keys of [security]") {
			t.Errorf("%s: reseal %v\n%s", step.name, ok, out)
		}
		if text := s.log.tail(1 << 20); strings.Contains(text, "MARK") {
			t.Errorf("%s: the log has what is sealed", step.name)
		}
	}
	// The key file was there all the time; a database whose key file is missing
	// gets no other in its place.
	t.Run("missing file", func(t *testing.T) {
		s := newSealing(t, sealingSettings)
		s.signal(syscall.SIGTERM)
		if err := s.wait(); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(s.dir, "data", "t.db.key")
		if err := os.Rename(file, file+".away"); err != nil {
			t.Fatal(err)
		}
		s.restart("")
		status, answer := s.try("POST", "/api/v1/webhooks", s.admin, `{"url": "https://example.com/", "types": ["*"]}`)
		if status != 409 || !strings.Contains(string(answer), "t.db.key is missing") {
			t.Errorf("%d %s", status, answer)
		}
		if _, err := os.Stat(file); err == nil {
			t.Error("another key file was made")
		}
	})
}

// TestEncryption_Postgres: without a setting nothing is sealed, and that is said.
func TestEncryption_Postgres(t *testing.T) {
	config, _ := onPostgres(t)
	g := newGateway(t, config, newVendor(t))
	g.start()
	status, answer := g.try("POST", "/api/v1/webhooks", g.admin, `{"url": "https://example.com/", "types": ["*"]}`)
	if status != 409 || !strings.Contains(string(answer), "set encryption_key of [security]") {
		t.Errorf("%d %s", status, answer)
	}
	out, err := g.command("encryption", "status").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "none: the gateway has no encryption key") {
		t.Errorf("%v\n%s", err, out)
	}
}
