package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/tokligence/gateway/core"
)

// The bounds of passwords: characters at least, bytes at most.
const (
	minPassword = 12
	maxPassword = 1024
)

// checkPassword refuses a new password that is short or says who it is for.
func checkPassword(param, password, name, email string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return core.Invalid(param, "must have at least %d characters", minPassword)
	case len(password) > maxPassword:
		return core.Invalid(param, "must not be longer than %d bytes", maxPassword)
	case !utf8.ValidString(password):
		return core.Invalid(param, "must be text")
	}
	local, _, _ := strings.Cut(email, "@")
	for _, known := range []string{email, local, name} {
		if known != "" && strings.EqualFold(strings.TrimSpace(password), known) {
			return core.Invalid(param, "must not be your name or address")
		}
	}
	return nil
}

// params are argon2id's costs.
type params struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// current are what OWASP recommends at least (Password Storage Cheat Sheet).
var current = params{memory: 19 << 10, time: 2, threads: 1}

const (
	saltSize = 16
	hashSize = 32
)

// The bounds of hashing: each takes 19 MiB and some 30 ms of a core, and anybody
// may ask for one.
const (
	hashers   = 2
	hashQueue = 16
	hashWait  = 5 * time.Second
)

// hasher hashes passwords, a few at a time. Its zero value is not usable.
type hasher struct {
	slots   chan struct{}
	waiting atomic.Int32
	dummy   string // the hash of a password that nobody has
}

func newHasher() *hasher {
	h := &hasher{slots: make(chan struct{}, hashers)}
	h.dummy = encode(current, random(saltSize), random(hashSize)) // nothing hashes to it
	return h
}

// turn waits for one of the slots; done gives it back.
func (h *hasher) turn(ctx context.Context) (done func(), err error) {
	busy := &core.Error{Code: core.CodeOverloaded, Source: core.SourceGateway, Message: "too many people sign in at once", RetryAfter: hashWait}
	if h.waiting.Add(1) > hashQueue {
		h.waiting.Add(-1)
		return nil, busy
	}
	defer h.waiting.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, busy.With(ctx.Err())
	}
}

// hash makes the PHC string of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := random(saltSize)
	return encode(current, salt, derive(current, password, salt, hashSize)), nil
}

// verify reports whether the password is the hash's, and whether the hash
// should be made anew with the costs of today. An empty hash takes the same time.
func (h *hasher) verify(ctx context.Context, password, hash string) (ok, old bool, err error) {
	done, err := h.turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	p, salt, want, err := decode(hash)
	if err != nil {
		return false, false, err
	}
	if len(password) > maxPassword {
		password = ""
	}
	got := derive(p, password, salt, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && known, p != current, nil
}

// derive hashes what was typed, in the one form that Unicode has for it: keyboards differ.
func derive(p params, password string, salt []byte, size uint32) []byte {
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, p.time, p.memory, p.threads, size)
}

var base64Raw = base64.RawStdEncoding

// encode writes the PHC string format, as argon2's reference implementation does.
func encode(p params, salt, hash []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads, base64Raw.EncodeToString(salt), base64Raw.EncodeToString(hash))
}

func decode(s string) (p params, salt, hash []byte, err error) {
	bad := fmt.Errorf("a stored password hash is not argon2id in PHC string format")
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, bad
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); n != 3 || err != nil {
		return p, nil, nil, bad
	}
	salt, serr := base64Raw.DecodeString(parts[4])
	hash, herr := base64Raw.DecodeString(parts[5])
	if serr != nil || herr != nil || len(hash) < 16 || p.time == 0 || p.threads == 0 || p.memory > 1<<20 || p.time > 100 {
		return p, nil, nil, bad
	}
	return p, salt, hash, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return b
}
