// Package seal keeps secrets unreadable at rest: AES-256-GCM under a key that
// is not in the database.
package seal

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/tokligence/gateway/core"
)

// A sealed text is "sealed.1.KEY.DATA": the version of this form, the id of the
// key, and nonce and ciphertext in base64url without padding. Version, key and
// place are bound to the ciphertext as additional data.
const (
	mark    = "sealed.1."
	domain  = "tokligence gateway sealed secret, version 1"
	nonces  = 12 // bytes of a nonce
	tags    = 16 // bytes of an authentication tag
	longest = 1 << 20
)

// What is wrong with a text that does not open; in the chain of Open's errors.
var (
	// ErrKey: it was sealed with a key that the ring does not have.
	ErrKey = errors.New("the key that it was sealed with is not at hand")
	// ErrText: it was changed, or moved from another object, or is no sealed text.
	ErrText = errors.New("it is damaged, or was sealed for another object")
)

// Ring is a current key, with which it seals, and earlier ones, with which it
// opens too. It implements [core.Sealer].
type Ring struct {
	current *Key // nil: nothing can be sealed
	keys    map[string]*Key
	why     string // there is no current key
}

var _ core.Sealer = (*Ring)(nil)

// New makes a ring. The same key may be given twice.
func New(current *Key, earlier ...*Key) *Ring {
	r := Without("", earlier...)
	r.current = current
	r.keys[current.id] = current
	return r
}

// Without makes a ring that opens what the earlier keys sealed, and refuses to
// seal: why is a clause for whoever asks it to, and names the setting to be made.
func Without(why string, earlier ...*Key) *Ring {
	r := &Ring{keys: map[string]*Key{}, why: why}
	for _, k := range earlier {
		r.keys[k.id] = k
	}
	return r
}

// Current is the id of the key that seals; "" without one.
func (r *Ring) Current() string {
	if r.current == nil {
		return ""
	}
	return r.current.id
}

// Why says why there is no current key; "" when there is one.
func (r *Ring) Why() string { return r.why }

// Has reports whether the ring has the key of that id.
func (r *Ring) Has(id string) bool { return r.keys[id] != nil }

// Seal implements [core.Sealer]. Nonces are random: a key is good for 2^32
// texts, far beyond the number of credentials.
func (r *Ring) Seal(at core.SealedAt, secret []byte) (string, error) {
	switch {
	case r.current == nil:
		return "", core.Errorf(core.CodeConflict, core.SourceGateway, "a secret cannot be stored: %s", r.why)
	case len(secret) > longest:
		return "", core.Errorf(core.CodeInvalidRequest, core.SourceClient, "a secret of more than %d bytes cannot be stored", longest)
	case at.Kind == "" || at.ID == "":
		return "", errors.New("seal: a secret without a place")
	}
	data := make([]byte, nonces, nonces+len(secret)+tags)
	if _, err := rand.Read(data); err != nil {
		return "", fmt.Errorf("seal %s: %w", at.Kind, err)
	}
	data = r.current.aead.Seal(data, data, secret, bound(r.current.id, at))
	return mark + r.current.id + "." + base64.RawURLEncoding.EncodeToString(data), nil
}

// Open implements [core.Sealer].
func (r *Ring) Open(at core.SealedAt, sealed string) ([]byte, error) {
	secret, err := r.open(at, sealed)
	if err != nil {
		return nil, fmt.Errorf("the secret of %s %s cannot be opened: %w", at.Kind, at.ID, err)
	}
	return secret, nil
}

func (r *Ring) open(at core.SealedAt, sealed string) ([]byte, error) {
	id, text, err := split(sealed)
	if err != nil {
		return nil, err
	}
	k := r.keys[id]
	if k == nil {
		return nil, fmt.Errorf("%w: give key %s as encryption_key or among previous_keys of [security]", ErrKey, id)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(data) < nonces+tags {
		return nil, ErrText
	}
	secret, err := k.aead.Open(nil, data[:nonces], data[nonces:], bound(id, at))
	if err != nil {
		return nil, ErrText // the library has no more to say
	}
	return secret, nil
}

// Reseal seals anew, with the current key, what another one sealed. A text of the
// current key is opened, to be sure of it, and returned as it is.
func (r *Ring) Reseal(at core.SealedAt, sealed string) (string, error) {
	secret, err := r.Open(at, sealed)
	if err != nil {
		return "", err
	}
	defer clear(secret)
	if id, _, _ := split(sealed); id == r.Current() {
		return sealed, nil
	}
	again, err := r.Seal(at, secret)
	if err != nil {
		return "", err
	}
	// What cannot be read again must not replace what can.
	if _, err := r.Open(at, again); err != nil {
		return "", err
	}
	return again, nil
}

// KeyOf is the id of the key that a text was sealed with; "" when it is no sealed text.
func KeyOf(sealed string) string {
	id, _, err := split(sealed)
	if err != nil {
		return ""
	}
	return id
}

func split(sealed string) (key, data string, err error) {
	rest, ok := strings.CutPrefix(sealed, mark)
	key, data, found := strings.Cut(rest, ".")
	if !ok || !found || len(key) != idLength || len(data) > base64.RawURLEncoding.EncodedLen(longest+nonces+tags) {
		return "", "", ErrText
	}
	return key, data, nil
}

// bound is what a ciphertext is bound to. Lengths keep ("a", "bc") from being ("ab", "c").
func bound(key string, at core.SealedAt) []byte {
	b := make([]byte, 0, len(domain)+len(key)+len(at.Kind)+len(at.ID)+16)
	for _, part := range []string{domain, key, at.Kind, at.ID} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}
