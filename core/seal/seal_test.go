package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/quick"

	"github.com/tokligence/gateway/core"
)

// key makes a key that the number tells.
func key(t testing.TB, n byte) *Key {
	t.Helper()
	raw := make([]byte, keySize)
	for i := range raw {
		raw[i] = byte(i) ^ n
	}
	k, err := newKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var at = core.SealedAt{Kind: "credential", ID: "cre_1"}

// TestRing: what is sealed opens at its place, with any ring that has the key,
// and nowhere else.
func TestRing(t *testing.T) {
	r, other := New(key(t, 1)), New(key(t, 2), key(t, 1))
	property := func(secret []byte, kind, id, elsewhere string) bool {
		here := core.SealedAt{Kind: "k" + kind, ID: "i" + id}
		sealed, err := r.Seal(here, secret)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := r.Seal(here, secret)
		if sealed == again || len(secret) > 3 && strings.Contains(sealed, string(secret)) || KeyOf(sealed) != r.Current() {
			return false
		}
		for _, ring := range []*Ring{r, other} {
			if got, err := ring.Open(here, sealed); err != nil || !bytes.Equal(got, secret) {
				return false
			}
		}
		for _, there := range []core.SealedAt{{Kind: here.Kind, ID: here.ID + "x" + elsewhere}, {Kind: here.Kind + "x", ID: here.ID},
			{Kind: here.Kind[:len(here.Kind)-1], ID: here.Kind[len(here.Kind)-1:] + here.ID}} {
			if _, err := r.Open(there, sealed); !errors.Is(err, ErrText) {
				return false
			}
		}
		return true
	}
	if err := quick.Check(property, nil); err != nil {
		t.Error(err)
	}
}

// TestRing_Changed: no byte of a sealed text can be another.
func TestRing_Changed(t *testing.T) {
	r := New(key(t, 1), key(t, 2))
	sealed, err := r.Seal(at, []byte("MARK-secret"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(sealed) {
		for _, c := range []byte{'A', 'b', '.', 0, sealed[i] ^ 1} {
			changed := sealed[:i] + string(rune(c)) + sealed[i+1:]
			if changed == sealed {
				continue
			}
			if got, err := r.Open(at, changed); err == nil || !errors.Is(err, ErrText) && !errors.Is(err, ErrKey) {
				t.Errorf("byte %d as %q: %q, %v", i, c, got, err)
			}
		}
		if _, err := r.Open(at, sealed[:i]); err == nil {
			t.Errorf("cut at %d", i)
		}
	}
	// The header is bound too: another key of the ring does not make it another text.
	moved := strings.Replace(sealed, key(t, 1).id, key(t, 2).id, 1)
	if _, err := r.Open(at, moved); !errors.Is(err, ErrText) {
		t.Error(err)
	}
}

func TestRing_WrongKey(t *testing.T) {
	sealed, err := New(key(t, 1)).Seal(at, []byte("MARK-secret"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(key(t, 2)).Open(at, sealed)
	if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), key(t, 1).ID()) || !strings.Contains(err.Error(), "previous_keys of [security]") {
		t.Errorf("%v", err)
	}
	if _, _, data := cut(sealed); strings.Contains(err.Error(), data) || strings.Contains(err.Error(), "MARK") {
		t.Errorf("%v holds data", err)
	}
}

func cut(sealed string) (string, string, string) {
	key, data, _ := split(sealed)
	return mark, key, data
}

func TestRing_Without(t *testing.T) {
	sealed, err := New(key(t, 1)).Seal(at, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	r := Without("[security] has no encryption_key", key(t, 1))
	if _, err := r.Seal(at, []byte("x")); core.AsError(err).Code != core.CodeConflict || !strings.Contains(err.Error(), "no encryption_key") {
		t.Error(err)
	}
	if got, err := r.Open(at, sealed); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
	if r.Current() != "" || !r.Has(key(t, 1).ID()) || r.Has("") {
		t.Error("keys")
	}
	if _, err := New(key(t, 1)).Seal(core.SealedAt{Kind: "credential"}, nil); err == nil {
		t.Error("sealed without a place")
	}
	if _, err := New(key(t, 1)).Seal(at, make([]byte, longest+1)); core.AsError(err).Code != core.CodeInvalidRequest {
		t.Error(err)
	}
}

func TestRing_Reseal(t *testing.T) {
	older, newer := New(key(t, 1)), New(key(t, 2), key(t, 1))
	sealed, err := older.Seal(at, []byte("MARK"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := newer.Reseal(at, sealed)
	if err != nil || KeyOf(again) != newer.Current() {
		t.Fatal(again, err)
	}
	if got, err := New(key(t, 2)).Open(at, again); err != nil || string(got) != "MARK" {
		t.Errorf("%q, %v", got, err)
	}
	if same, err := newer.Reseal(at, again); err != nil || same != again {
		t.Errorf("sealed again: %v", err)
	}
	for name, c := range map[string]struct {
		ring   *Ring
		sealed string
		want   error
	}{"unknown key": {older, again, ErrKey}, "broken": {newer, again[:len(again)-4], ErrText}, "clear": {newer, "sk-clear", ErrText}} {
		if got, err := c.ring.Reseal(at, c.sealed); got != "" || !errors.Is(err, c.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestParseKey(t *testing.T) {
	hexKey := "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1dfeff"
	base := "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd/v8="
	for _, text := range []string{hexKey, strings.ToUpper(hexKey), base, strings.TrimSuffix(base, "="), strings.Replace(base, "/", "_", 1), " " + base + "\r\n"} {
		if k, err := ParseKey(text); err != nil || k.ID() != func() string { k, _ := ParseKey(hexKey); return k.ID() }() {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "MARK-password", hexKey[2:], hexKey + "00", base[4:], base + base, strings.Repeat("00", 32), strings.Repeat("ab", 32),
		strings.Repeat("MARK", 11), "env:MARK"} {
		k, err := ParseKey(text)
		if err == nil || k != nil || strings.Contains(err.Error(), "MARK") || !strings.Contains(err.Error(), "openssl rand") {
			t.Errorf("%q: %v", text, err)
		}
	}
	k, _ := ParseKey(hexKey)
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%#v", k), fmt.Sprintf("%+v", k)} {
		if text != "encryption key "+k.ID() || len(k.ID()) != idLength {
			t.Error(text)
		}
	}
}

// TestCreateFile: many that create the file at once end with one key in it.
func TestCreateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.key")
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for range 8 {
		wg.Go(func() {
			err := CreateFile(path)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	k, open, err := ReadFile(path)
	if err != nil || open || made != 1 {
		t.Fatal(k, open, err, made)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if again, open, err := ReadFile(path); err != nil || !open || again.ID() != k.ID() {
		t.Error(again, open, err)
	}
	if err := os.WriteFile(path, []byte("MARK"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadFile(path); err == nil || strings.Contains(err.Error(), "MARK") || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	if err := CreateFile(filepath.Join(path, "x")); err == nil {
		t.Error("created in a file")
	}
}

// FuzzRing_Open: no text makes opening panic, and none opens that was not sealed.
func FuzzRing_Open(f *testing.F) {
	r := New(key(f, 1))
	// Of an earlier run: what stands in databases stays readable.
	const sealed = "sealed.1.467ba12aebf5.zO2u2jTvOHiegnfPlPdy-Ta642AYSlzuipPHYiQW5QVlaA"
	if got, err := r.Open(at, sealed); err != nil || string(got) != "secret" {
		f.Fatalf("%q, %v", got, err)
	}
	for _, seed := range []string{sealed, "", mark, mark + r.Current() + ".", mark + r.Current() + ".AAAA", sealed[:len(sealed)-1], sealed + "A", "sealed.2" + sealed[8:], strings.ToUpper(sealed)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := r.Open(at, text)
		if err == nil && (text != sealed || string(got) != "secret") {
			t.Fatalf("%q opened as %q", text, got)
		}
		if err != nil && got != nil {
			t.Fatalf("%q: %q beside %v", text, got, err)
		}
		if id := KeyOf(text); id != "" && len(id) != idLength {
			t.Fatalf("%q: key %q", text, id)
		}
	})
}

func BenchmarkRing_Open(b *testing.B) {
	r := New(key(b, 1))
	sealed, err := r.Seal(at, []byte(`{"api_key":"sk-0123456789012345678901234567890123456789"}`))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Open(at, sealed); err != nil {
			b.Fatal(err)
		}
	}
}
