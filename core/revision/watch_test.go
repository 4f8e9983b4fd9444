package revision

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWatch_Referenced: a secret that is replaced in its file is noticed, as an
// editor does it and as a volume of a container does; one that is written again as
// it was is not.
func TestWatch_Referenced(t *testing.T) {
	dir := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, path string) {
		t.Helper()
		if err := os.Symlink(to, path+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	plain, volume := filepath.Join(dir, "plain", "key"), filepath.Join(dir, "volume")
	write(plain, "one")
	write(filepath.Join(volume, "first", "token"), "one")
	link("first", filepath.Join(volume, "..data"))
	link(filepath.Join("..data", "token"), filepath.Join(volume, "token"))

	n := newNode(t, openStore(t))
	credential := func(name, path string) string {
		return "[[credential]]\nname = \"" + name + "\"\nprovider = \"provider.p\"\napi_key = \"file:" + path + "\"\n"
	}
	n.write(plugins + credential("plain", plain))
	n.must(n.Start(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	saved, done := make(chan struct{}), make(chan error)
	go func() {
		done <- n.Watch(ctx, func() {
			select {
			case saved <- struct{}{}:
			case <-ctx.Done():
			}
		})
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	noticed := func(what, name, want string) {
		t.Helper()
		select {
		case <-saved:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s was not noticed", what)
		}
		n.must(n.Reload(t.Context()))
		if c := n.Config().Credentials()[name]; c == nil || c.Fields["api_key"] != want {
			t.Errorf("after %s the key is %v", what, c)
		}
	}
	write(plain, "two")
	noticed("a new key", "plain", "two")
	n.write(plugins + credential("plain", plain) + credential("volume", filepath.Join(volume, "token")))
	noticed("a new reference", "volume", "one")
	write(filepath.Join(volume, "second", "token"), "two")
	link("second", filepath.Join(volume, "..data"))
	noticed("a new version of the volume", "volume", "two")
	write(plain, "two")
	if n.differs() {
		t.Error("the same key is taken for another")
	}
}
